package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Defaults of a Request.
const (
	DefaultHeaderTimeout       = 10 * time.Second
	DefaultTimeout             = 60 * time.Second
	DefaultMaxBody       int64 = 1 << 20
)

// maxMaxBody is the largest body that a Request can ask for.
const maxMaxBody int64 = 1 << 30

// Config makes a Client.
type Config struct {
	Network Network
	// UserAgent names us to the peer; empty means "harken".
	UserAgent string
	// Origins are the origins (or URLs of them) that this client may call at all. Empty means any: for discovery only,
	// and no TokenSource can then be made without origins of its own.
	Origins []string
	// Transport replaces the guarded transport: the seam for tests in memory. It sees gzip bodies as they are.
	// Address guard and connect limits do not apply to it, everything else does. Nil means the guarded transport.
	Transport http.RoundTripper
	// Resolver looks up names; nil means the system's.
	Resolver *net.Resolver
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Rand returns jitter in [0, 1), safely for concurrent use; nil means math/rand/v2.
	Rand func() float64
}

// Client is a guarded way out, for one domain of trust: make one for each peer. It is safe for concurrent use. It holds
// no goroutine besides those of open connections, which Close ends.
type Client struct {
	userAgent string
	origins   map[string]bool
	guards    map[string]*guard // by scheme
	proxied   bool
	secure    http.RoundTripper
	plain     http.RoundTripper
	seam      bool
	now       func() time.Time
	rand      func() float64
}

// NewClient checks cfg and returns a client. It connects to nothing.
func NewClient(cfg Config) (*Client, error) {
	allowed, err := origins(cfg.Origins)
	if err != nil {
		return nil, fmt.Errorf("outbound: %w", err)
	}
	if err := checkProxy(cfg.Network.Proxy); err != nil {
		return nil, fmt.Errorf("outbound: %w", err)
	}
	if !httpguts.ValidHeaderFieldValue(cfg.UserAgent) {
		return nil, errors.New("outbound: user agent is not a header value")
	}
	c := &Client{
		userAgent: cfg.UserAgent, origins: allowed, proxied: cfg.Network.Proxy != nil, now: cfg.Now, rand: cfg.Rand,
		guards: make(map[string]*guard, 2),
	}
	if c.userAgent == "" {
		c.userAgent = "harken"
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.rand == nil {
		c.rand = rand.Float64
	}
	if c.guards["https"], err = newGuard(cfg.Network.Internal, false); err != nil {
		return nil, fmt.Errorf("outbound: %w", err)
	}
	if cfg.Network.PlainHTTP {
		if c.guards["http"], err = newGuard(cfg.Network.Internal, true); err != nil {
			return nil, fmt.Errorf("outbound: %w", err)
		}
	}
	if cfg.Transport != nil {
		c.secure, c.plain, c.seam = cfg.Transport, cfg.Transport, true
		return c, nil
	}
	c.secure = newTransport(cfg.Network, c.guards["https"], cfg.Resolver)
	if g := c.guards["http"]; g != nil {
		// Plain http is for loopback, where a proxy has no place.
		c.plain = newTransport(Network{}, g, cfg.Resolver)
	}
	return c, nil
}

// Close ends idle connections. Requests under way go on; the client stays usable.
func (c *Client) Close() {
	for _, rt := range []http.RoundTripper{c.secure, c.plain} {
		if ic, ok := rt.(interface{ CloseIdleConnections() }); ok {
			ic.CloseIdleConnections()
		}
	}
}

// Backoff is the package's Backoff with the client's jitter.
func (c *Client) Backoff(failures int, retryAfter time.Duration) time.Duration {
	return Backoff(failures, retryAfter, c.rand)
}

// RetryAfter reads Retry-After of a response by the client's clock; 0 if there is no response.
func (c *Client) RetryAfter(resp *Response) time.Duration {
	if resp == nil {
		return 0
	}
	return RetryAfter(resp.Header, c.now())
}

// Allowed returns nil if the client may call rawURL, else an *Error of KindRequest or KindOrigin. It resolves no name.
func (c *Client) Allowed(rawURL string) error {
	_, _, err := c.target("check", rawURL)
	return err
}

// target checks an URL against everything that needs no connection.
func (c *Client) target(op, rawURL string) (*url.URL, string, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, "", &Error{Kind: KindRequest, Op: op, Err: err}
	}
	origin := originOf(u)
	g := c.guards[u.Scheme]
	if g == nil {
		return nil, "", &Error{Kind: KindRequest, Op: op, Origin: origin, Err: errors.New("http without tls is not allowed")}
	}
	if len(c.origins) > 0 && !c.origins[origin] {
		return nil, "", &Error{Kind: KindOrigin, Op: op, Origin: origin, Err: errors.New("not among the origins of this connection")}
	}
	if c.seam {
		return u, origin, nil
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		if err := g.check(ip); err != nil {
			return nil, "", &Error{Kind: KindAddress, Op: op, Origin: origin, Err: err}
		}
	}
	if c.proxied && u.Scheme == "https" && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
		err := fmt.Errorf("localhost of the proxy: %w", errBlocked)
		return nil, "", &Error{Kind: KindAddress, Op: op, Origin: origin, Err: err}
	}
	return u, origin, nil
}

// Request is one call. Method and URL are required.
type Request struct {
	Method, URL string
	Header      http.Header // copied; nil is fine
	Body        []byte      // nil sends none
	ContentType string      // of Body
	Auth        Authorizer  // nil sends no credential
	// HeaderTimeout is how long the response header may take once there is a connection. Zero means
	// DefaultHeaderTimeout. More than that marks a long poll: the body may then begin as late as the header.
	HeaderTimeout time.Duration
	// Timeout bounds the whole call, connecting and reading included. Zero means DefaultTimeout. It is no shorter
	// than a HeaderTimeout that is larger than its default.
	Timeout time.Duration
	// MaxBody bounds the body in bytes after decompression. Zero means DefaultMaxBody; 1 GiB is the most.
	MaxBody int64
}

// Response is an answer with its whole body, decompressed.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	Took   time.Duration // from the beginning of the call, repetition after a 401 included
}

// Do makes one call. Every HTTP status is a Response, except redirects, which are never followed and are an *Error of
// KindRedirect; everything else that goes wrong is an *Error too. Nothing is repeated, with one exception: where r.Auth
// reports after a 401 that it has a fresh credential, the request is sent once more.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	start := c.now()
	op := strings.ToLower(r.Method)
	u, origin, err := c.target(op, r.URL)
	if err != nil {
		return nil, err
	}
	call := &call{client: c, request: &r, op: op, url: u, origin: origin}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(call.timeout(), func() { cancel(errTotalTimeout) }).Stop()
	resp, req, err := call.send(ctx)
	if err != nil {
		return nil, err
	}
	if r.Auth != nil && resp.Status == http.StatusUnauthorized && r.Auth.Refused(ctx, req) {
		if resp, req, err = call.send(ctx); err != nil {
			return nil, err
		}
		if resp.Status == http.StatusUnauthorized {
			// Tell, so that the credential is not taken for one that works, but do not go on.
			r.Auth.Refused(ctx, req)
		}
	}
	if a, ok := r.Auth.(Accepter); ok && resp.Status/100 == 2 {
		a.Accepted(req)
	}
	resp.Took = c.now().Sub(start)
	return resp, nil
}

// build makes the HTTP request, without credential.
func (c *Client) build(ctx context.Context, r *Request, u *url.URL) (*http.Request, error) {
	var req *http.Request
	var err error
	if r.Body == nil {
		req, err = http.NewRequestWithContext(ctx, r.Method, "https://unset/", nil)
	} else {
		req, err = http.NewRequestWithContext(ctx, r.Method, "https://unset/", bytes.NewReader(r.Body))
	}
	if err != nil {
		return nil, err
	}
	target := *u
	target.Fragment, target.RawFragment = "", ""
	req.URL, req.Host = &target, target.Host
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept-Encoding", "gzip")
	if r.ContentType != "" {
		req.Header.Set("Content-Type", r.ContentType)
	}
	for name, values := range req.Header {
		for _, v := range values {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(v) {
				return nil, errors.New("a header of the request is malformed")
			}
		}
	}
	return req, nil
}
