package pollertest

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"harken/secevent/seceventtest"
)

// Config describes a transmitter. Issuer, Keys and Clients are needed, the rest has defaults.
type Config struct {
	// Issuer is the issuer URL, with or without a path. All endpoints lie below it.
	Issuer string
	// AuthIssuer is the authorization server's issuer. Empty is Issuer: its metadata is then found there (RFC 8414).
	// Otherwise it must be a URL on the same host; protected resource metadata (RFC 9728) names it.
	AuthIssuer string
	// Discovery says under which forms of the well-known path the metadata is served. Empty is Inserted.
	Discovery Discovery
	// Keys are published; the first one signs.
	Keys []*seceventtest.Key
	// Clients are the registered receivers.
	Clients []Client
	// Streams exist from the start, for receivers that do not create their own.
	Streams []Stream
	// DefaultSubjects is "ALL" (also when empty) or "NONE": whether a new stream covers everybody (SSF §7.1).
	DefaultSubjects string
	// ResignEachPoll signs an unacknowledged SET anew at each poll, with a fresh "iat" and other bytes.
	ResignEachPoll bool
	// Redeliver is how long a delivered SET is left alone before it is offered again. Zero offers it at every poll.
	Redeliver time.Duration
	// LongPoll is how long a poll is held. Zero is 30 s; negative answers at once, whatever was asked.
	LongPoll time.Duration
	// MaxPerPoll bounds the SETs of an answer. Zero is 100.
	MaxPerPoll int
	// AnswerAckOnly makes requests with "maxEvents": 0 return one SET all the same, as some transmitters do.
	AnswerAckOnly bool
	// TokenLifetime of access tokens. Zero is 5 minutes.
	TokenLifetime time.Duration
	// KeysMaxAge is the Cache-Control age of the key set. Zero sends no such header.
	KeysMaxAge time.Duration
	// MinVerification is the least time between two verification requests (SSF §8.1.1). Zero is none.
	MinVerification time.Duration
	// InactivityTimeout is what streams name as theirs (SSF §8.1.1). Zero is none. Nothing happens when it has passed.
	InactivityTimeout time.Duration
	// Journal is the path of a file that keeps streams, SETs and ledger over a restart. Empty keeps them in memory.
	Journal string
	// Now is the clock, time.Now when nil. Timers are those of package time either way.
	Now func() time.Time
	// Rand is the source of names, tokens and states: crypto/rand when nil, or when it fails.
	Rand io.Reader
}

// Discovery is a form of the well-known path.
type Discovery string

// The forms of the path of the transmitter's metadata.
const (
	// Inserted between authority and path, as SSF §7.2 has it.
	Inserted Discovery = "inserted"
	// Appended to the issuer, as some transmitters below a path do.
	Appended Discovery = "appended"
	// Both serves either.
	Both Discovery = "both"
)

// Client is a registered receiver. It authenticates at the token endpoint by private_key_jwt with one of the keys of
// JWKS, or brings Bearer itself.
type Client struct {
	ID string
	// JWKS is the client's key set document. Empty refuses assertions.
	JWKS []byte
	// Bearer is a static access token with all scopes. Empty is none.
	Bearer string
	// Audience is the "aud" of the client's stream. Empty is Issuer, "/receivers/" and the client's ID.
	Audience string
}

// Transmitter is one issuer with its authorization server. It is an http.Handler for the host of its issuer; all methods
// are safe for concurrent use.
type Transmitter struct {
	cfg        Config
	base       string // issuer without a terminating slash
	path       string // its path
	authIssuer string
	mux        *http.ServeMux
	clients    map[string]*client

	mu          sync.Mutex
	modes       map[Endpoint]Mode
	signing     *seceventtest.Key
	keys        []*seceventtest.Key
	withdrawn   map[string]bool
	tokens      map[string]token
	assertions  map[string]time.Time // used "jti" values until their expiry
	streams     map[string]*stream
	sent        []*entry
	polls       int
	records     []*PollRecord
	requests    map[Endpoint]int
	unknownAcks []string
	violations  []string
	journal     *journal
	changed     chan struct{}
}

type client struct {
	Client
	keys jose.JSONWebKeySet
}

// New returns a transmitter, with what the journal remembers. It starts nothing; Close releases the journal.
func New(cfg Config) (*Transmitter, error) {
	setDefaults(&cfg)
	issuer, err := url.Parse(cfg.Issuer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("transmitter: issuer: %w", err)
	case issuer.Host == "" || issuer.RawQuery != "" || issuer.Fragment != "":
		return nil, fmt.Errorf("transmitter: issuer %q is no URL with a host and without query and fragment", cfg.Issuer)
	case len(cfg.Keys) == 0:
		return nil, errors.New("transmitter: no signing key")
	}
	t := &Transmitter{
		cfg: cfg, base: strings.TrimSuffix(cfg.Issuer, "/"), path: strings.TrimSuffix(issuer.EscapedPath(), "/"),
		authIssuer: cfg.AuthIssuer, clients: map[string]*client{}, modes: map[Endpoint]Mode{},
		signing: cfg.Keys[0], keys: append([]*seceventtest.Key(nil), cfg.Keys...), withdrawn: map[string]bool{},
		tokens: map[string]token{}, assertions: map[string]time.Time{}, streams: map[string]*stream{}, requests: map[Endpoint]int{},
	}
	for _, c := range cfg.Clients {
		if err := t.register(c); err != nil {
			return nil, err
		}
	}
	if t.mux, err = t.routes(issuer); err != nil {
		return nil, err
	}
	for _, s := range cfg.Streams {
		if err := t.preset(s); err != nil {
			return nil, err
		}
	}
	if cfg.Journal != "" {
		if t.journal, err = t.openJournal(cfg.Journal); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func setDefaults(cfg *Config) {
	if cfg.AuthIssuer == "" {
		cfg.AuthIssuer = cfg.Issuer
	}
	if cfg.Discovery == "" {
		cfg.Discovery = Inserted
	}
	if cfg.DefaultSubjects == "" {
		cfg.DefaultSubjects = "ALL"
	}
	if cfg.LongPoll == 0 {
		cfg.LongPoll = 30 * time.Second
	}
	if cfg.MaxPerPoll == 0 {
		cfg.MaxPerPoll = 100
	}
	if cfg.TokenLifetime == 0 {
		cfg.TokenLifetime = 5 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
}

func (t *Transmitter) routes(issuer *url.URL) (*http.ServeMux, error) {
	auth, err := url.Parse(t.authIssuer)
	if err != nil || auth.Host != issuer.Host {
		return nil, fmt.Errorf("transmitter: authorization server %q is not on the host of issuer %q", t.authIssuer, t.cfg.Issuer)
	}
	authPath := strings.TrimSuffix(auth.EscapedPath(), "/")
	mux := http.NewServeMux()
	handle := func(e Endpoint, pattern string, h http.HandlerFunc) { mux.Handle(pattern, t.endpoint(e, h)) }
	if t.cfg.Discovery != Appended || t.path == "" {
		handle(EndpointDiscovery, "GET /.well-known/ssf-configuration"+t.path, t.serveMetadata)
	}
	if t.cfg.Discovery != Inserted && t.path != "" {
		handle(EndpointDiscovery, "GET "+t.path+"/.well-known/ssf-configuration", t.serveMetadata)
	}
	handle(EndpointMetadata, "GET /.well-known/oauth-authorization-server"+authPath, t.serveAuthMetadata)
	handle(EndpointMetadata, "GET /.well-known/oauth-protected-resource"+t.path+"/{resource...}", t.serveResourceMetadata)
	handle(EndpointToken, "POST "+authPath+"/token", t.serveToken)
	handle(EndpointKeys, "GET "+t.path+"/jwks.json", t.serveKeys)
	handle(EndpointStreams, t.path+"/streams", t.serveStreams)
	handle(EndpointStatus, t.path+"/status", t.serveStatus)
	handle(EndpointSubjects, "POST "+t.path+"/subjects/add", t.serveAddSubject)
	handle(EndpointSubjects, "POST "+t.path+"/subjects/remove", t.serveRemoveSubject)
	handle(EndpointVerify, "POST "+t.path+"/verify", t.serveVerify)
	mux.HandleFunc("POST "+t.path+"/poll/{stream}", t.servePoll) // applies its mode itself
	return mux, nil
}

// ServeHTTP implements http.Handler.
func (t *Transmitter) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.mux.ServeHTTP(w, r) }

// Close releases the journal. Without one it does nothing.
func (t *Transmitter) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.journal.close()
}

// Issuer returns the issuer URL.
func (t *Transmitter) Issuer() string { return t.cfg.Issuer }

// TokenEndpoint returns the URL of the token endpoint.
func (t *Transmitter) TokenEndpoint() string { return strings.TrimSuffix(t.authIssuer, "/") + "/token" }

// PollURL returns the poll endpoint of a stream.
func (t *Transmitter) PollURL(stream string) string {
	return t.base + "/poll/" + url.PathEscape(stream)
}

// AddKey publishes a key without signing with it.
func (t *Transmitter) AddKey(k *seceventtest.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys = append(t.keys, k)
	t.wake()
}

// Rotate signs with k from now on. It is published too, unless Withdraw is called for it; older keys stay published.
func (t *Transmitter) Rotate(k *seceventtest.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys = append(t.keys, k)
	t.signing = k
	t.wake()
}

// Withdraw takes a key out of the published set, though it may go on signing. Restore brings it back.
func (t *Transmitter) Withdraw(kid string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.withdrawn[kid] = true
}

// Restore publishes a withdrawn key again.
func (t *Transmitter) Restore(kid string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.withdrawn, kid)
}

// SigningKey returns the key that signs now.
func (t *Transmitter) SigningKey() *seceventtest.Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.signing
}

// random returns 128 random bits as text. Where the configured source fails, crypto/rand steps in, which cannot.
func (t *Transmitter) random() string {
	b := make([]byte, 16)
	if _, err := io.ReadFull(t.cfg.Rand, b); err != nil {
		_, _ = rand.Read(b)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
