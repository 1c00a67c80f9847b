package outbound

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"harken/ssf"
)

// assertionType is RFC 7523 §2.2's client_assertion_type.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// request asks the token endpoint once (RFC 6749 §4.4.2).
func (t *TokenSource) request(ctx context.Context) (token, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(t.cfg.Scopes) > 0 {
		form.Set("scope", strings.Join(t.cfg.Scopes, " "))
	}
	if t.cfg.Resource != "" {
		form.Set("resource", t.cfg.Resource)
	}
	r := Request{
		Method: http.MethodPost, URL: t.cfg.TokenEndpoint, Header: http.Header{"Accept": {"application/json"}},
		ContentType: "application/x-www-form-urlencoded", MaxBody: maxTokenBody,
	}
	switch t.cfg.Method {
	case ClientSecretBasic:
		// Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
		r.Auth = Basic(url.QueryEscape(t.cfg.ClientID), ssf.NewSecret(url.QueryEscape(t.cfg.Secret.Reveal())))
	case ClientSecretPost:
		form.Set("client_id", t.cfg.ClientID)
		form.Set("client_secret", t.cfg.Secret.Reveal())
	case PrivateKeyJWT:
		assertion, err := t.assertion()
		if err != nil {
			return token{}, err
		}
		form.Set("client_id", t.cfg.ClientID)
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
	}
	r.Body = []byte(form.Encode())
	resp, err := t.client.Do(ctx, r)
	if err != nil {
		return token{}, err
	}
	return t.answer(resp)
}

// assertionClaims are those of RFC 7523 §3. There is no nbf: clock skew would make it fail.
type assertionClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"` // one string, never an array
	ID       string `json:"jti"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// assertion signs a fresh client assertion: it is never used twice, also not for a repetition.
func (t *TokenSource) assertion() (string, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", err
	}
	now := t.client.now()
	claims := assertionClaims{
		Issuer: t.cfg.ClientID, Subject: t.cfg.ClientID, Audience: t.cfg.Issuer, ID: base64.RawURLEncoding.EncodeToString(id[:]),
		IssuedAt: now.Unix(), Expires: now.Add(assertionLife).Unix(),
	}
	if t.cfg.Audience == "token_endpoint" {
		claims.Audience = t.cfg.TokenEndpoint
	}
	typ := t.cfg.AssertionType
	if typ == "" {
		typ = "JWT"
	}
	return t.cfg.Key.Sign(typ, claims)
}

// answer reads the token endpoint's response.
func (t *TokenSource) answer(resp *Response) (token, error) {
	if resp.Status/100 != 2 {
		refusal := parseTokenError(resp.Body)
		refusal.Status, refusal.RetryAfter = resp.Status, t.client.RetryAfter(resp)
		if s := t.cfg.Secret.Reveal(); s != "" {
			refusal.Description = strings.ReplaceAll(refusal.Description, s, ssf.Redacted)
		}
		return token{}, refusal
	}
	grant, err := parseGrant(resp.Body)
	if err != nil {
		return token{}, &TokenError{Status: resp.Status, Err: err}
	}
	now := t.client.now()
	return token{
		value:   grant.token,
		info:    TokenInfo{Obtained: now, Expires: now.Add(grant.life), Scope: grant.scope},
		renewAt: now.Add(grant.life / 5 * 4),
	}, nil
}

type grant struct {
	token ssf.Secret
	life  time.Duration
	scope string
}

// parseGrant reads a successful answer (RFC 6749 §5.1).
func parseGrant(body []byte) (grant, error) {
	var wire struct {
		AccessToken string         `json:"access_token"`
		TokenType   string         `json:"token_type"`
		ExpiresIn   jsontext.Value `json:"expires_in"`
		Scope       string         `json:"scope"`
	}
	if err := DecodeJSON(body, &wire); err != nil {
		// Without the cause: what a decoder quotes of this body may be the token.
		return grant{}, errors.New("the answer is not acceptable JSON")
	}
	switch {
	case wire.AccessToken == "" || len(wire.AccessToken) > maxToken:
		return grant{}, errors.New("the answer has no access token of acceptable length")
	case !visible(wire.AccessToken):
		return grant{}, errors.New("the access token has characters that no header can carry")
	case wire.TokenType != "" && !strings.EqualFold(wire.TokenType, "Bearer"):
		return grant{}, errors.New("the token is not of type bearer: " + excerpt(wire.TokenType, 40))
	}
	return grant{token: ssf.NewSecret(wire.AccessToken), life: tokenLife(wire.ExpiresIn), scope: excerpt(wire.Scope, MaxExcerpt)}, nil
}

// visible reports whether s holds visible ASCII only, which is all that a bearer token may have (RFC 6750 §2.1).
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// tokenLife reads expires_in: seconds, which some servers write as a string. What cannot be read counts as missing.
func tokenLife(value jsontext.Value) time.Duration {
	seconds, err := strconv.ParseFloat(strings.Trim(string(value), `"`), 64)
	if err != nil || !(seconds > 0) {
		return assumedLife
	}
	if seconds > maxLife.Seconds() {
		return maxLife
	}
	return time.Duration(seconds * float64(time.Second))
}

// parseTokenError reads a refusal (RFC 6749 §5.2). What cannot be read stays empty.
func parseTokenError(body []byte) *TokenError {
	var wire struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if DecodeJSON(body, &wire) != nil {
		return &TokenError{}
	}
	return &TokenError{Code: excerpt(wire.Error, 64), Description: excerpt(wire.Description, maxErrorText)}
}
