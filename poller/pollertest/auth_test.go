package pollertest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"harken/poller/pollertest"
	"harken/secevent/seceventtest"
)

func TestTokenEndpointDemandsAGoodAssertion(t *testing.T) {
	r := newRig(t, nil)
	now := time.Now().Unix()
	stranger := seceventtest.MustKey(seceventtest.ES256, "client-1")
	for _, tt := range []struct {
		name   string
		key    *seceventtest.Key
		claims map[string]any
		form   map[string]string
		want   string
	}{
		{name: "good"},
		{name: "other signer, same kid", key: stranger, want: "invalid_client"},
		{name: "token endpoint as aud", claims: map[string]any{"aud": issuer + "/token"}, want: "invalid_client"},
		{name: "list as aud", claims: map[string]any{"aud": []string{issuer}}, want: "invalid_client"},
		{name: "no aud", claims: map[string]any{"aud": nil}, want: "invalid_client"},
		{name: "expired", claims: map[string]any{"exp": now - 1, "iat": now - 61}, want: "invalid_client"},
		{name: "no exp", claims: map[string]any{"exp": nil}, want: "invalid_client"},
		{name: "exp an hour ahead", claims: map[string]any{"exp": now + 3600, "iat": nil}, want: "invalid_client"},
		{name: "lives six minutes", claims: map[string]any{"exp": now + 360}, want: "invalid_client"},
		{name: "iat ahead", claims: map[string]any{"iat": now + 120, "exp": now + 180}, want: "invalid_client"},
		{name: "no jti", claims: map[string]any{"jti": nil}, want: "invalid_client"},
		{name: "jti used", claims: map[string]any{"jti": "a1"}, want: "invalid_client"},
		{name: "iss differs from sub", claims: map[string]any{"iss": "other"}, want: "invalid_client"},
		{name: "unknown client", claims: map[string]any{"iss": "x", "sub": "x"}, want: "invalid_client"},
		{name: "client without keys", claims: map[string]any{"iss": "other", "sub": "other"}, want: "invalid_client"},
		{name: "client_id differs", form: map[string]string{"client_id": "other"}, want: "invalid_client"},
		{name: "client_id agrees", form: map[string]string{"client_id": "harken"}},
		{name: "no assertion type", form: map[string]string{"client_assertion_type": ""}, want: "invalid_client"},
		{name: "secret instead", form: map[string]string{"client_secret": "x"}, want: "invalid_client"},
		{name: "other grant", form: map[string]string{"grant_type": "password"}, want: "unsupported_grant_type"},
		{name: "unknown scope", form: map[string]string{"scope": "ssf.read admin"}, want: "invalid_scope"},
	} {
		key := tt.key
		if key == nil {
			key = clientKey
		}
		status, body := r.askToken(key, r.assertion(tt.claims), tt.form)
		got, _ := body["error"].(string)
		if got != tt.want || (status == 200) != (tt.want == "") {
			t.Errorf("%s: got status %d, body %v, want error %q", tt.name, status, body, tt.want)
		}
	}
}

func TestAccessTokenScopeAndLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		_, body := r.askToken(clientKey, r.assertion(nil), map[string]string{"scope": "ssf.read"})
		r.token, _ = body["access_token"].(string)
		if status, _ := r.call("GET", issuer+"/streams", nil); status != 200 {
			t.Errorf("read with ssf.read: got %d, want 200", status)
		}
		if status, _ := r.call("POST", issuer+"/verify", `{"stream_id":"s1"}`); status != 403 {
			t.Errorf("verify with ssf.read: got %d, want 403", status)
		}
		time.Sleep(5 * time.Minute)
		if status, _ := r.call("GET", issuer+"/streams", nil); status != 401 {
			t.Errorf("after expiry: got %d, want 401", status)
		}
	})
}

func TestDiscoveryForms(t *testing.T) {
	const inserted = "https://tx.example.com/.well-known/ssf-configuration/t/42"
	const appended = issuer + "/.well-known/ssf-configuration"
	for _, tt := range []struct {
		form                pollertest.Discovery
		inserted, appended_ int
	}{{"", 200, 404}, {pollertest.Inserted, 200, 404}, {pollertest.Appended, 404, 200}, {pollertest.Both, 200, 200}} {
		r := newRig(t, func(c *pollertest.Config) { c.Discovery = tt.form })
		if status, text := r.call("GET", inserted, nil); status != tt.inserted || status == 200 && !strings.Contains(string(text), `"issuer":"`+issuer+`"`) {
			t.Errorf("%q, inserted: got %d %s, want %d", tt.form, status, text, tt.inserted)
		}
		if status, _ := r.call("GET", appended, nil); status != tt.appended_ {
			t.Errorf("%q, appended: got %d, want %d", tt.form, status, tt.appended_)
		}
	}
	for _, bare := range []string{"https://tx.example.com", "https://tx.example.com/"} {
		r := newRig(t, func(c *pollertest.Config) { c.Issuer = bare })
		for _, path := range []string{"/.well-known/ssf-configuration", "/.well-known/oauth-authorization-server"} {
			if status, text := r.call("GET", "https://tx.example.com"+path, nil); status != 200 || !strings.Contains(string(text), `"issuer":"`+bare+`"`) {
				t.Errorf("issuer %q, %s: got %d %s", bare, path, status, text)
			}
		}
		if status, _ := r.call("GET", "https://tx.example.com/jwks.json", nil); status != 200 {
			t.Errorf("issuer %q, keys: got %d", bare, status)
		}
	}
	r := newRig(t, func(c *pollertest.Config) { c.AuthIssuer = "https://tx.example.com/login" })
	if status, text := r.call("GET", "https://tx.example.com/.well-known/oauth-protected-resource/t/42/streams", nil); status != 200 ||
		!strings.Contains(string(text), `"resource":"`+issuer+`/streams"`) || !strings.Contains(string(text), "https://tx.example.com/login") {
		t.Errorf("resource metadata: got %d %s", status, text)
	}
	if status, _ := r.call("GET", "https://tx.example.com/.well-known/oauth-authorization-server/login", nil); status != 200 {
		t.Errorf("metadata of the other issuer: got %d", status)
	}
}
