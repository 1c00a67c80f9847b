package pollertest

import (
	"crypto/subtle"
	stdjson "encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The scopes of the CAEP interoperability profile.
const (
	ScopeRead   = "ssf.read"
	ScopeManage = "ssf.manage"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// maxAssertionLife is how far ahead an assertion's expiry may lie.
const maxAssertionLife = 5 * time.Minute

// clockSkew is how far ahead of this clock an assertion may be issued.
const clockSkew = time.Minute

var assertionAlgs = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA}

// token is one access token.
type token struct {
	client  string
	scopes  []string
	expires time.Time
}

func (t *Transmitter) register(c Client) error {
	if c.ID == "" || t.clients[c.ID] != nil {
		return fmt.Errorf("transmitter: client id %q is empty or not unique", c.ID)
	}
	registered := &client{Client: c}
	if len(c.JWKS) > 0 {
		// The operator's own file, in the library's own format.
		if err := stdjson.Unmarshal(c.JWKS, &registered.keys); err != nil {
			return fmt.Errorf("transmitter: keys of client %s: %w", c.ID, err)
		}
	}
	if registered.Audience == "" {
		registered.Audience = t.base + "/receivers/" + c.ID
	}
	t.clients[c.ID] = registered
	return nil
}

// serveAuthMetadata answers as RFC 8414 §3.2 says.
func (t *Transmitter) serveAuthMetadata(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"issuer":                                t.authIssuer,
		"token_endpoint":                        t.TokenEndpoint(),
		"grant_types_supported":                 []string{"client_credentials"},
		"token_endpoint_auth_methods_supported": []string{"private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": assertionAlgs,
		"scopes_supported":         []string{ScopeRead, ScopeManage},
		"response_types_supported": []string{},
	})
}

// serveResourceMetadata answers as RFC 9728 §3.2 says, for each of our endpoints.
func (t *Transmitter) serveResourceMetadata(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"resource":                 t.base + "/" + r.PathValue("resource"),
		"authorization_servers":    []string{t.authIssuer},
		"scopes_supported":         []string{ScopeRead, ScopeManage},
		"bearer_methods_supported": []string{"header"},
	})
}

// serveToken is the token endpoint: client credentials (RFC 6749 §4.4), proven by an assertion (RFC 7523 §2.2).
func (t *Transmitter) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		oauthError(w, http.StatusBadRequest, "invalid_request", "the body must be a form")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil || r.URL.RawQuery != "" {
		oauthError(w, http.StatusBadRequest, "invalid_request", "the form cannot be read, or parameters are in the query")
		return
	}
	for name, values := range r.PostForm {
		if len(values) != 1 && name != "resource" {
			oauthError(w, http.StatusBadRequest, "invalid_request", "a parameter is repeated")
			return
		}
	}
	c, err := t.authenticate(r)
	if err != nil {
		oauthError(w, http.StatusUnauthorized, "invalid_client", err.Error())
		return
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		oauthError(w, http.StatusBadRequest, "unsupported_grant_type", "only client_credentials")
		return
	}
	scopes := strings.Fields(r.PostForm.Get("scope"))
	if len(scopes) == 0 {
		scopes = []string{ScopeRead}
	}
	for _, s := range scopes {
		if s != ScopeRead && s != ScopeManage {
			oauthError(w, http.StatusBadRequest, "invalid_scope", "known are ssf.read and ssf.manage")
			return
		}
	}
	now := t.cfg.Now()
	t.mu.Lock()
	for value, issued := range t.tokens {
		if !now.Before(issued.expires) {
			delete(t.tokens, value)
		}
	}
	value := t.random() + t.random()
	t.tokens[value] = token{client: c.ID, scopes: scopes, expires: now.Add(t.cfg.TokenLifetime)}
	t.mu.Unlock()
	reply(w, http.StatusOK, map[string]any{
		"access_token": value, "token_type": "Bearer", "expires_in": int(t.cfg.TokenLifetime / time.Second), "scope": strings.Join(scopes, " "),
	})
}

// assertion is the payload of a client assertion (RFC 7523 §3). Aud stays raw: it must be one string, no list.
type assertion struct {
	Iss string         `json:"iss"`
	Sub string         `json:"sub"`
	Aud jsontext.Value `json:"aud"`
	Exp *float64       `json:"exp"`
	Iat *float64       `json:"iat"`
	Nbf *float64       `json:"nbf"`
	JTI string         `json:"jti"`
}

// authenticate checks the request's client assertion. Its errors are for the client's eyes.
func (t *Transmitter) authenticate(r *http.Request) (*client, error) {
	if r.Header.Get("Authorization") != "" || r.PostForm.Has("client_secret") {
		return nil, fmt.Errorf("only private_key_jwt is accepted")
	}
	if got := r.PostForm.Get("client_assertion_type"); got != assertionType {
		return nil, fmt.Errorf("client_assertion_type is %q", got)
	}
	text := r.PostForm.Get("client_assertion")
	jws, err := jose.ParseSignedCompact(text, assertionAlgs)
	if err != nil {
		return nil, fmt.Errorf("assertion cannot be read: %w", err)
	}
	var a assertion
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &a); err != nil {
		return nil, fmt.Errorf("assertion claims: %w", err)
	}
	c := t.clients[a.Sub]
	if c == nil || a.Iss != a.Sub {
		return nil, fmt.Errorf("iss and sub must both be the client id")
	}
	if id := r.PostForm.Get("client_id"); id != "" && id != a.Sub {
		return nil, fmt.Errorf("client_id differs from sub")
	}
	if err := c.verify(jws); err != nil {
		return nil, err
	}
	return c, t.checkAssertion(a)
}

// verify finds the key by its id and checks the signature.
func (c *client) verify(jws *jose.JSONWebSignature) error {
	header := jws.Signatures[0].Protected
	switch typ, _ := header.ExtraHeaders[jose.HeaderType].(string); strings.ToLower(typ) {
	case "", "jwt", "client-authentication+jwt":
	default:
		return fmt.Errorf("assertion typ is %q", typ)
	}
	found := c.keys.Key(header.KeyID)
	if len(found) != 1 {
		return fmt.Errorf("no key %q is registered for this client", header.KeyID)
	}
	if found[0].Algorithm != "" && found[0].Algorithm != header.Algorithm {
		return fmt.Errorf("key %q is registered for %s", header.KeyID, found[0].Algorithm)
	}
	if _, err := jws.Verify(found[0].Key); err != nil {
		return fmt.Errorf("signature does not verify")
	}
	return nil
}

func (t *Transmitter) checkAssertion(a assertion) error {
	var audience string
	if a.Aud.Kind() != '"' || json.Unmarshal(a.Aud, &audience) != nil || audience != t.authIssuer {
		return fmt.Errorf("aud must be the issuer of this authorization server, as a single string")
	}
	now := t.cfg.Now()
	switch {
	case a.Exp == nil:
		return fmt.Errorf("exp is missing")
	case !now.Before(instant(*a.Exp)):
		return fmt.Errorf("assertion is expired")
	case instant(*a.Exp).Sub(now) > maxAssertionLife+clockSkew:
		return fmt.Errorf("exp lies too far ahead")
	case a.Iat != nil && instant(*a.Iat).Sub(now) > clockSkew:
		return fmt.Errorf("iat lies ahead")
	case a.Iat != nil && instant(*a.Exp).Sub(instant(*a.Iat)) > maxAssertionLife:
		return fmt.Errorf("assertion lives longer than 5 minutes")
	case a.Nbf != nil && instant(*a.Nbf).Sub(now) > clockSkew:
		return fmt.Errorf("nbf lies ahead")
	case a.JTI == "":
		return fmt.Errorf("jti is missing")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, expires := range t.assertions {
		if now.After(expires) {
			delete(t.assertions, id)
		}
	}
	key := a.Sub + "\x00" + a.JTI
	if _, used := t.assertions[key]; used {
		return fmt.Errorf("jti was used before")
	}
	t.assertions[key] = instant(*a.Exp)
	return nil
}

func instant(seconds float64) time.Time {
	return time.Unix(0, int64(seconds*float64(time.Second)))
}

// authorize finds the client of a bearer token that has one of the scopes, or answers 401 or 403 (RFC 6750 §3).
func (t *Transmitter) authorize(w http.ResponseWriter, r *http.Request, scopes ...string) (*client, bool) {
	challenge := `Bearer resource_metadata="` + t.resourceMetadataURL(r) + `"`
	kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") || value == "" {
		w.Header().Set("WWW-Authenticate", challenge)
		fail(w, http.StatusUnauthorized, "invalid_request", "no bearer token")
		return nil, false
	}
	for _, c := range t.clients {
		if c.Bearer != "" && subtle.ConstantTimeCompare([]byte(c.Bearer), []byte(value)) == 1 {
			return c, true
		}
	}
	t.mu.Lock()
	granted, known := t.tokens[value]
	t.mu.Unlock()
	if !known || !t.cfg.Now().Before(granted.expires) {
		w.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
		fail(w, http.StatusUnauthorized, "invalid_token", "unknown or expired")
		return nil, false
	}
	for _, s := range scopes {
		if slices.Contains(granted.scopes, s) {
			return t.clients[granted.client], true
		}
	}
	w.Header().Set("WWW-Authenticate", challenge+`, error="insufficient_scope", scope="`+scopes[0]+`"`)
	fail(w, http.StatusForbidden, "insufficient_scope", "needs "+strings.Join(scopes, " or "))
	return nil, false
}

func (t *Transmitter) resourceMetadataURL(r *http.Request) string {
	origin := strings.TrimSuffix(t.base, t.path)
	return origin + "/.well-known/oauth-protected-resource" + r.URL.EscapedPath()
}

// RevokeTokens makes all access tokens invalid, as a restart of the authorization server would.
func (t *Transmitter) RevokeTokens() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.tokens)
}

func oauthError(w http.ResponseWriter, status int, code, description string) {
	reply(w, status, map[string]any{"error": code, "error_description": description})
}
