package ssf

import (
	"fmt"
	"regexp"
)

// Origin says where a configured object comes from.
type Origin string

// The origins.
const (
	OriginFile      Origin = "file"
	OriginDashboard Origin = "dashboard"
)

// SecretRef points to a secret without holding it: "${env:NAME}", "${file:/path}" or, for what the dashboard sealed,
// "${sealed:ID}". The zero value points to nothing.
type SecretRef string

var secretRef = regexp.MustCompile(`^\$\{(env:[A-Za-z_][A-Za-z0-9_]*|file:[^{}]+|sealed:[a-z0-9-]+)\}$`)

// Check returns an error unless r is empty or has one of the three forms. The error does not repeat r: it may be a
// secret that was written in the wrong place.
func (r SecretRef) Check() error {
	if r != "" && !secretRef.MatchString(string(r)) {
		return fmt.Errorf("a secret is not written here: use ${env:NAME} or ${file:/path}")
	}
	return nil
}

// AuthMethod is a way to authenticate to a peer.
type AuthMethod string

// The methods.
const (
	AuthNone          AuthMethod = ""
	AuthBearer        AuthMethod = "bearer"
	AuthHeader        AuthMethod = "header"
	AuthBasic         AuthMethod = "basic"
	AuthPrivateKeyJWT AuthMethod = "private_key_jwt"
)

// AuthSpec is how Harken authenticates to a transmitter, a source or a connector.
type AuthSpec struct {
	Method AuthMethod `json:"method,omitempty"`
	// Token is the secret of bearer, header and basic (the password).
	Token SecretRef `json:"token,omitempty"`
	// Header is the header's name for AuthHeader; User is the name for AuthBasic.
	Header string `json:"header,omitempty"`
	User   string `json:"user,omitempty"`
	// ClientID, Key, KeyID and Algorithm belong to the client assertion (RFC 7523 §3). An empty KeyID is the key's
	// RFC 7638 thumbprint; an empty Algorithm is the usual one for the key.
	ClientID  string    `json:"client_id,omitempty"`
	Key       SecretRef `json:"key,omitempty"`
	KeyID     string    `json:"key_id,omitempty"`
	Algorithm string    `json:"algorithm,omitempty"`
	// Scope is the space-separated list of scopes to ask for.
	Scope string `json:"scope,omitempty"`
	// TokenEndpoint and Issuer name the authorization server; both empty means that it is discovered (RFC 8414).
	TokenEndpoint string `json:"token_endpoint,omitempty"`
	Issuer        string `json:"issuer,omitempty"`
	// Audience of the client assertion: "issuer" (the default) or "token_endpoint".
	Audience string `json:"audience,omitempty"`
}

// Validate returns what is wrong, with paths below path.
func (a AuthSpec) Validate(path string) (ps []Problem) {
	add := func(at, format string, args ...any) {
		ps = append(ps, Problem{Path: join(path, at), Message: fmt.Sprintf(format, args...)})
	}
	for at, r := range map[string]SecretRef{"token": a.Token, "key": a.Key} {
		if err := r.Check(); err != nil {
			add(at, "%v", err)
		}
	}
	need := func(at string, missing bool) {
		if missing {
			add(at, "is needed by method %s", a.Method)
		}
	}
	switch a.Method {
	case AuthNone:
	case AuthBearer:
		need("token", a.Token == "")
	case AuthHeader:
		need("token", a.Token == "")
		need("header", a.Header == "")
	case AuthBasic:
		need("token", a.Token == "")
		need("user", a.User == "")
	case AuthPrivateKeyJWT:
		need("client_id", a.ClientID == "")
		need("key", a.Key == "")
	default:
		add("method", "%q is not known: use bearer, header, basic or private_key_jwt", a.Method)
	}
	if a.Audience != "" && a.Audience != "issuer" && a.Audience != "token_endpoint" {
		add("audience", "must be issuer or token_endpoint")
	}
	sortProblems(ps)
	return ps
}
