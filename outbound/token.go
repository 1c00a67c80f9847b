package outbound

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"harken/ssf"
)

// Client authentication methods at the token endpoint (RFC 6749 §2.3.1, OpenID Connect Core §9).
const (
	PrivateKeyJWT     = "private_key_jwt"
	ClientSecretBasic = "client_secret_basic"
	ClientSecretPost  = "client_secret_post"
)

const (
	assumedLife   = 5 * time.Minute // of a token without expires_in
	maxLife       = 24 * time.Hour
	assertionLife = time.Minute
	maxTokenBody  = 64 << 10
	maxToken      = 16 << 10
	// A failed token request is not repeated sooner, whoever asks: many calls share one source.
	holdTemporary = time.Second
	holdPermanent = 30 * time.Second
)

// ClientCredentials says how to get access tokens by the client credentials grant (RFC 6749 §4.4).
type ClientCredentials struct {
	// Method is PrivateKeyJWT, ClientSecretBasic or ClientSecretPost; empty means PrivateKeyJWT with a Key, else
	// ClientSecretBasic.
	Method   string
	ClientID string
	Secret   ssf.Secret  // for the client_secret methods
	Key      *SigningKey // for private_key_jwt
	// TokenEndpoint is the one address that ever sees the assertion or secret.
	TokenEndpoint string
	// Issuer is the authorization server's issuer, the audience of assertions.
	Issuer string
	// Audience of assertions: "issuer" (also when empty) or, for servers that want it, "token_endpoint".
	Audience string
	// AssertionType is the header "typ" of assertions; empty means "JWT".
	AssertionType string
	Scopes        []string // empty sends none
	Resource      string   // RFC 8707; empty sends none
	// Origins may see the token; empty means those of the client. One of the two must name some.
	Origins []string
}

// TokenError is the token endpoint's refusal (RFC 6749 §5.2), or an answer from it that holds no usable token.
type TokenError struct {
	Code        string        // "error"; empty if the answer had none
	Description string        // "error_description", shortened and escaped
	Status      int           // HTTP status
	RetryAfter  time.Duration // as asked for, 0 if not
	Err         error         // why a successful answer was not usable
}

// Error returns the refusal in one line.
func (e *TokenError) Error() string {
	text := fmt.Sprintf("token endpoint: status %d", e.Status)
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.Description != "" {
		text += " (" + e.Description + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *TokenError) Unwrap() error { return e.Err }

// Permanent reports whether an operator must change something: repeating the request will not help.
func (e *TokenError) Permanent() bool {
	switch e.Code {
	case "invalid_client", "invalid_scope", "unauthorized_client", "invalid_grant", "invalid_request", "invalid_target",
		"unsupported_grant_type", "access_denied":
		return true
	case "":
		c := ClassifyStatus(e.Status)
		return e.Status/100 == 4 && !c.Temporary()
	}
	return false
}

// TokenInfo describes the token in use, without its value.
type TokenInfo struct {
	Obtained time.Time
	Expires  time.Time // as stated, or Obtained plus 5 minutes
	Scope    string    // "scope" of the answer; empty where it is as requested
	Worked   bool      // some request with it was answered 2xx
}

// TokenSource is an Authorizer that gets access tokens and keeps the current one in memory only. There is one token
// request in flight at a time, and no goroutine. A token is renewed at 80 % of its life; if that fails, it serves to its
// end. After a 401 it is renewed at once if it had worked before; a token that never worked is not worth a second try,
// but is not kept longer than 5 minutes. A failure is remembered for a second (30 s if an operator must act, or the
// peer's Retry-After), so that many callers do not hammer the endpoint.
type TokenSource struct {
	client  *Client
	cfg     ClientCredentials
	origins map[string]bool

	turn chan struct{} // holds one value: whoever takes it may ask for a token

	mu  sync.Mutex // guards what follows, never held over a request
	tok token
	// The last failure and until when it answers for itself.
	failed    error
	holdUntil time.Time
}

type token struct {
	value   ssf.Secret
	info    TokenInfo
	renewAt time.Time
}

// NewTokenSource checks cfg and returns a source. It asks for no token yet.
func (c *Client) NewTokenSource(cfg ClientCredentials) (*TokenSource, error) {
	if err := cfg.normalize(); err != nil {
		return nil, fmt.Errorf("token source: %w", err)
	}
	if err := c.Allowed(cfg.TokenEndpoint); err != nil {
		return nil, fmt.Errorf("token source: token endpoint: %w", err)
	}
	allowed, err := origins(cfg.Origins)
	if err != nil {
		return nil, fmt.Errorf("token source: %w", err)
	}
	if len(allowed) == 0 {
		allowed = c.origins
	}
	if len(allowed) == 0 {
		return nil, errors.New("token source: no origin is named that may see the token")
	}
	t := &TokenSource{client: c, cfg: cfg, origins: allowed, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t, nil
}

func (cfg *ClientCredentials) normalize() error {
	if cfg.Method == "" {
		cfg.Method = ClientSecretBasic
		if cfg.Key != nil {
			cfg.Method = PrivateKeyJWT
		}
	}
	if cfg.ClientID == "" {
		return errors.New("no client id")
	}
	switch cfg.Method {
	case PrivateKeyJWT:
		if cfg.Key == nil {
			return errors.New("private_key_jwt without a key")
		}
		switch cfg.Audience {
		case "", "issuer":
			if cfg.Issuer == "" {
				return errors.New("private_key_jwt needs the issuer of the authorization server")
			}
		case "token_endpoint":
		default:
			return errors.New(`audience is neither "issuer" nor "token_endpoint"`)
		}
	case ClientSecretBasic, ClientSecretPost:
		if cfg.Secret.IsZero() {
			return fmt.Errorf("%s without a secret", cfg.Method)
		}
	default:
		return fmt.Errorf("unknown client authentication method %q", cfg.Method)
	}
	return nil
}

// Authorize implements Authorizer. It refuses an origin that may not see the token, and waits for a token if needed.
func (t *TokenSource) Authorize(ctx context.Context, req *http.Request) error {
	if o := originOf(req.URL); !t.origins[o] {
		return fmt.Errorf("the token is not for %s", o)
	}
	tok, err := t.current(ctx)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+tok.value.Reveal())
	return nil
}

// Format keeps secret and token from every verb.
func (t *TokenSource) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "token source %q %s", t.cfg.ClientID, ssf.Redacted)
}

// Token gets a token if there is none, and describes it.
func (t *TokenSource) Token(ctx context.Context) (TokenInfo, error) {
	tok, err := t.current(ctx)
	return tok.info, err
}

// Refused implements Authorizer.
func (t *TokenSource) Refused(_ context.Context, req *http.Request) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.holds(req) {
		return true // another call has renewed or dropped it in the meantime
	}
	if t.tok.info.Worked {
		t.tok = token{}
		return true
	}
	if soon := t.tok.info.Obtained.Add(assumedLife); soon.Before(t.tok.renewAt) {
		t.tok.renewAt = soon
	}
	return false
}

// Accepted implements Accepter.
func (t *TokenSource) Accepted(req *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.holds(req) {
		t.tok.info.Worked = true
	}
}

// holds reports whether req carries the token in use.
func (t *TokenSource) holds(req *http.Request) bool {
	value, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	return ok && value != "" && value == t.tok.value.Reveal()
}

// known returns what can be said without asking: a token or the remembered failure. A token past renewAt comes with
// due set; nothing at all is the zero token and nil.
func (t *TokenSource) known() (tok token, due bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.client.now()
	held := t.failed != nil && now.Before(t.holdUntil)
	switch {
	case !t.tok.value.IsZero() && now.Before(t.tok.info.Expires):
		return t.tok, !now.Before(t.tok.renewAt) && !held, nil
	case held:
		return token{}, false, t.failed
	}
	return token{}, true, nil
}

// current returns a token that is good now. While another call renews, one that is merely due still serves.
func (t *TokenSource) current(ctx context.Context) (token, error) {
	tok, due, err := t.known()
	if !due || err != nil {
		return tok, err
	}
	select {
	case <-t.turn:
	default:
		if !tok.value.IsZero() {
			return tok, nil
		}
		select {
		case <-t.turn:
		case <-ctx.Done():
			return token{}, context.Cause(ctx)
		}
	}
	defer func() { t.turn <- struct{}{} }()
	if tok, due, err = t.known(); !due || err != nil {
		return tok, err
	}
	fresh, err := t.renew(ctx)
	if err != nil && !tok.value.IsZero() {
		return tok, nil
	}
	return fresh, err
}

// renew asks for a token and keeps it, or keeps the failure.
func (t *TokenSource) renew(ctx context.Context) (token, error) {
	fresh, err := t.request(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.tok, t.failed = fresh, nil
		return fresh, nil
	}
	if ctx.Err() != nil {
		return token{}, err // the caller's own hurry says nothing about the endpoint
	}
	hold := holdTemporary
	if te, ok := errors.AsType[*TokenError](err); ok {
		if te.Permanent() {
			hold = holdPermanent
		}
		hold = max(hold, te.RetryAfter)
	}
	t.failed, t.holdUntil = err, t.client.now().Add(hold)
	return token{}, err
}
