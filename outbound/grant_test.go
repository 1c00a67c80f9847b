package outbound_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"harken/outbound"
	"harken/ssf"
)

func TestTokenRequest(t *testing.T) {
	key := newKey(t, "EC")
	for _, c := range []struct {
		name   string
		change func(*outbound.ClientCredentials)
		head   string
		form   map[string]string
	}{
		{"basic", func(cfg *outbound.ClientCredentials) {}, "Basic " + base64.StdEncoding.EncodeToString([]byte("har+ken:s3%3Acr%25t")), map[string]string{"scope": "ssf.read ssf.manage"}},
		{"post", func(cfg *outbound.ClientCredentials) { cfg.Method, cfg.Scopes = outbound.ClientSecretPost, nil }, "", map[string]string{"client_id": "har ken", "client_secret": "s3:cr%t"}},
		{"assertion", func(cfg *outbound.ClientCredentials) {
			cfg.Key, cfg.Issuer, cfg.Resource = key, "https://as.test", "https://api.test"
		}, "", map[string]string{
			"scope": "ssf.read ssf.manage", "client_id": "har ken", "resource": "https://api.test",
			"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
		}},
	} {
		a := &authServer{}
		cfg := secretCredentials()
		c.change(&cfg)
		client, ts := source(t, a, cfg)
		if _, err := call(t, client, ts); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		form := a.forms[0]
		form.Del("client_assertion")
		c.form["grant_type"] = "client_credentials"
		if got := a.heads[0].Get("Authorization"); got != c.head || len(form) != len(c.form) {
			t.Errorf("%s: got credential %q and form %v, want %q and %v", c.name, got, form, c.head, c.form)
		}
		for name, want := range c.form {
			if got := form.Get(name); got != want {
				t.Errorf("%s: got %s = %q, want %q", c.name, name, got, want)
			}
		}
		if got := a.heads[0].Get("Content-Type"); got != "application/x-www-form-urlencoded" {
			t.Errorf("%s: got content type %q", c.name, got)
		}
		if text := fmt.Sprintf("%v %+v %#v", ts, ts, cfg); strings.Contains(text, "s3:cr") || strings.Contains(text, "tok1") {
			t.Errorf("%s: a secret shows in %q", c.name, text)
		}
	}
}

func TestClientAssertion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t, "EC")
		for _, c := range []struct{ audience, typ, wantAud, wantTyp string }{
			{"", "", "https://as.test", "JWT"},
			{"issuer", "client-authentication+jwt", "https://as.test", "client-authentication+jwt"},
			{"token_endpoint", "", endpoint, "JWT"},
		} {
			// Two token requests: the first answer is unusable.
			a := &authServer{answer: func(n int) (int, string) {
				if n == 1 {
					return 503, "busy"
				}
				return 0, ""
			}}
			client, ts := source(t, a, outbound.ClientCredentials{
				ClientID: "harken", Key: key, TokenEndpoint: endpoint, Issuer: "https://as.test", Audience: c.audience, AssertionType: c.typ,
			})
			_, err := call(t, client, ts)
			wantKind(t, err, outbound.KindToken)
			time.Sleep(2 * time.Second)
			if _, err := call(t, client, ts); err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, form := range a.forms {
				head, claims := verify(t, key, form.Get("client_assertion"))
				if head["typ"] != c.wantTyp || head["kid"] != key.KeyID() || head["alg"] != "ES256" || len(head) != 3 {
					t.Errorf("got header %v, want typ %s, kid %s, alg ES256", head, c.wantTyp, key.KeyID())
				}
				if claims["iss"] != "harken" || claims["sub"] != "harken" || claims["aud"] != c.wantAud || len(claims) != 6 {
					t.Errorf("got claims %v, want iss = sub = harken, aud = the string %s, jti, iat and exp", claims, c.wantAud)
				}
				if life := claims["exp"].(float64) - claims["iat"].(float64); life != 60 {
					t.Errorf("got a life of %v s, want 60", life)
				}
				raw, err := base64.RawURLEncoding.DecodeString(claims["jti"].(string))
				if err != nil || len(raw) != 16 {
					t.Errorf("got jti %v, want 128 bits", claims["jti"])
				}
				ids = append(ids, claims["jti"].(string))
			}
			if len(ids) != 2 || ids[0] == ids[1] {
				t.Errorf("got jti %v, want two that differ", ids)
			}
			if got := a.forms[1].Get("client_assertion"); strings.Contains(fmt.Sprint(err), got) {
				t.Errorf("the assertion shows in %v", err)
			}
		}
	})
}

// verify checks an assertion with the published key and returns its header and claims.
func verify(t *testing.T, key *outbound.SigningKey, assertion string) (head, claims map[string]any) {
	t.Helper()
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(key.PublicJWK()); err != nil || !jwk.IsPublic() {
		t.Fatalf("public key: %v", err)
	}
	jws, err := jose.ParseSignedCompact(assertion, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(key.Algorithm())})
	if err != nil {
		t.Fatalf("assertion: %v", err)
	}
	payload, err := jws.Verify(jwk)
	if err != nil {
		t.Fatalf("assertion: %v", err)
	}
	rawHead, _ := base64.RawURLEncoding.DecodeString(strings.Split(assertion, ".")[0])
	if err := errors.Join(json.Unmarshal(payload, &claims), json.Unmarshal(rawHead, &head)); err != nil {
		t.Fatal(err)
	}
	return head, claims
}

func TestTokenErrors(t *testing.T) {
	for _, c := range []struct {
		status    int
		body      string
		code      string
		permanent bool
		class     outbound.Class
	}{
		{400, `{"error":"invalid_client","error_description":"no s3:cr%t\u0007"}`, "invalid_client", true, outbound.ClassUnauthorized},
		{401, `{"error":"invalid_client"}`, "invalid_client", true, outbound.ClassUnauthorized},
		{400, `{"error":"invalid_scope"}`, "invalid_scope", true, outbound.ClassUnauthorized},
		{400, `{"error":"unauthorized_client"}`, "unauthorized_client", true, outbound.ClassUnauthorized},
		{400, `{"error":"slow_down"}`, "slow_down", false, outbound.ClassNetwork},
		{404, `<html>`, "", true, outbound.ClassUnauthorized},
		{429, `{}`, "", false, outbound.ClassThrottled},
		{503, `{"error":"temporarily_unavailable"}`, "temporarily_unavailable", false, outbound.ClassServer},
		{200, `{}`, "", false, outbound.ClassNetwork},
		{200, `{"access_token":"s3cr3t","access_token":"b"}`, "", false, outbound.ClassNetwork},
		{200, `{"access_token":"s3cr3t","token_type":"DPoP"}`, "", false, outbound.ClassNetwork},
		{200, `{"access_token":"s3cr3t\r\nX: y","token_type":"Bearer"}`, "", false, outbound.ClassNetwork},
		{200, `{"access_token":["s3cr3t"]}`, "", false, outbound.ClassNetwork},
		{200, `{"Access_Token":"s3cr3t"}`, "", false, outbound.ClassNetwork},
	} {
		a := &authServer{answer: func(int) (int, string) { return c.status, c.body }}
		client, ts := source(t, a, secretCredentials())
		_, err := call(t, client, ts)
		wantKind(t, err, outbound.KindToken)
		var te *outbound.TokenError
		if !errors.As(err, &te) || te.Code != c.code || te.Status != c.status || te.Permanent() != c.permanent {
			t.Errorf("%d %s: got %#v, want code %q, permanent %v", c.status, c.body, te, c.code, c.permanent)
		}
		if got := outbound.Classify(nil, err); got != c.class {
			t.Errorf("%d %s: got class %v, want %v", c.status, c.body, got, c.class)
		}
		if text := err.Error(); strings.Contains(text, "s3:cr") || strings.Contains(text, "s3cr3t") || strings.Contains(text, "\a") {
			t.Errorf("%d: error shows a secret or control characters: %q", c.status, text)
		}
		if len(a.calls) != 0 {
			t.Errorf("%d: got calls %v without a token", c.status, a.calls)
		}
	}
}

func TestTokenSourceConfig(t *testing.T) {
	c := newClient(t, outbound.Config{Transport: &authServer{}, Origins: []string{endpoint, resource}})
	for name, change := range map[string]func(*outbound.ClientCredentials){
		"no client":    func(cfg *outbound.ClientCredentials) { cfg.ClientID = "" },
		"no secret":    func(cfg *outbound.ClientCredentials) { cfg.Secret = ssf.Secret{} },
		"no key":       func(cfg *outbound.ClientCredentials) { cfg.Method = outbound.PrivateKeyJWT },
		"no issuer":    func(cfg *outbound.ClientCredentials) { cfg.Key = newKey(t, "EC") },
		"no endpoint":  func(cfg *outbound.ClientCredentials) { cfg.TokenEndpoint = "" },
		"plain http":   func(cfg *outbound.ClientCredentials) { cfg.TokenEndpoint = "http://as.test/token" },
		"odd method":   func(cfg *outbound.ClientCredentials) { cfg.Method = "none" },
		"odd origins":  func(cfg *outbound.ClientCredentials) { cfg.Origins = []string{"x"} },
		"odd audience": func(cfg *outbound.ClientCredentials) { cfg.Key, cfg.Audience = newKey(t, "EC"), "both" },
	} {
		cfg := secretCredentials()
		change(&cfg)
		if _, err := c.NewTokenSource(cfg); err == nil {
			t.Errorf("%s: got a source, want an error", name)
		}
	}
}

func FuzzTokenAnswer(f *testing.F) {
	for _, s := range []string{
		`{"access_token":"a","token_type":"Bearer","expires_in":3600,"scope":"x"}`, `{"error":"invalid_client","error_description":"\u0000"}`,
		`{"access_token":"a","access_token":"b"}`, `{"expires_in":{}}`, `[[[[`, `{"access_token":"a b"}`, "\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		token, refusal := outbound.ParseTokenAnswer(body)
		if token != "" && outbound.CheckJSON(body) != nil {
			t.Errorf("got token %q from unacceptable JSON", token)
		}
		if strings.ContainsAny(token, " \r\n\t\x00") {
			t.Errorf("got token %q with characters that a header cannot carry", token)
		}
		if text := refusal.Error(); strings.ContainsAny(text, "\r\n\x00\x1b") || len(text) > 8<<10 {
			t.Errorf("got error text %q", text)
		}
	})
}
