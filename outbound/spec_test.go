package outbound_test

import (
	"crypto/elliptic"
	"net/http"
	"testing"

	"harken/outbound"
	"harken/ssf"
)

func TestNewAuthorizer(t *testing.T) {
	a := &authServer{}
	c := newClient(t, outbound.Config{Transport: a, Origins: []string{endpoint, resource}})
	pem := ssf.NewSecret(string(pkcs8(t, ecKey(t, elliptic.P256()))))
	token := ssf.NewSecret("s3cret")
	private := ssf.AuthSpec{
		Method: ssf.AuthPrivateKeyJWT, ClientID: "harken", TokenEndpoint: endpoint, Issuer: "https://as.test",
		Scope: "ssf.read  ssf.manage", KeyID: "k1",
	}
	with := func(change func(*ssf.AuthSpec)) ssf.AuthSpec { s := private; change(&s); return s }
	for _, tc := range []struct {
		name         string
		spec         ssf.AuthSpec
		secret       ssf.Secret
		header, want string // want empty: refused
	}{
		{"bearer", ssf.AuthSpec{Method: ssf.AuthBearer}, token, "Authorization", "Bearer s3cret"},
		{"header", ssf.AuthSpec{Method: ssf.AuthHeader, Header: "X-Key"}, token, "X-Key", "s3cret"},
		{"basic", ssf.AuthSpec{Method: ssf.AuthBasic, User: "ann"}, token, "Authorization", "Basic YW5uOnMzY3JldA=="},
		{"private key", private, pem, "Authorization", "Bearer tok1"},
		{"no secret", ssf.AuthSpec{Method: ssf.AuthBearer}, ssf.Secret{}, "", ""},
		{"no key", private, token, "", ""},
		{"wrong algorithm", with(func(s *ssf.AuthSpec) { s.Algorithm = "RS256" }), pem, "", ""},
		{"no endpoint", with(func(s *ssf.AuthSpec) { s.TokenEndpoint = "" }), pem, "", ""},
		{"unknown", ssf.AuthSpec{Method: "digest"}, token, "", ""},
	} {
		auth, err := c.NewAuthorizer(tc.spec, tc.secret)
		if (err == nil) != (tc.want != "") || (err != nil && auth != nil) {
			t.Errorf("%s: got %v, %v, want refused %v", tc.name, auth, err, tc.want == "")
		}
		if err != nil || auth == nil {
			continue
		}
		req, _ := http.NewRequest(http.MethodGet, resource, nil)
		if err := auth.Authorize(t.Context(), req); err != nil || req.Header.Get(tc.header) != tc.want {
			t.Errorf("%s: got %q, %v, want %q", tc.name, req.Header.Get(tc.header), err, tc.want)
		}
	}
	if auth, err := c.NewAuthorizer(ssf.AuthSpec{}, ssf.Secret{}); auth != nil || err != nil {
		t.Errorf("none: got %v, %v, want nothing", auth, err)
	}
	if got := a.forms[0].Get("scope"); got != "ssf.read ssf.manage" {
		t.Errorf("got scope %q, want both, joined by one space", got)
	}
}
