package outbound_test

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"harken/outbound"
)

// deadProxy accepts nothing: whatever the environment's proxy variables have an effect on cannot succeed.
const deadProxy = "http://127.0.0.1:9"

func TestMain(m *testing.M) {
	// Before anything else, as the standard library reads these once in the life of a process.
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		if err := os.Setenv(name, deadProxy); err != nil {
			panic(err)
		}
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		if err := os.Unsetenv(name); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func newClient(t *testing.T, cfg outbound.Config) *outbound.Client {
	t.Helper()
	c, err := outbound.NewClient(cfg)
	if err != nil {
		t.Fatalf("NewClient: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// plainClient may call loopback servers without TLS.
func plainClient(t *testing.T) *outbound.Client {
	t.Helper()
	return newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback, PlainHTTP: true}})
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func serveTLS(t *testing.T, h http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, pool
}

func wantKind(t *testing.T, err error, want outbound.Kind) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want kind %q", want)
	}
	if got := outbound.KindOf(err); got != want {
		t.Fatalf("got kind %q (%v), want %q", got, err, want)
	}
}

// memory is a network in memory: a real HTTP/1.1 client and server over pipes, which works inside a synctest bubble.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemory() *memory {
	return &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error   { m.once.Do(func() { close(m.closed) }); return nil }
func (m *memory) Addr() net.Addr { return &net.TCPAddr{} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case m.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// transport dials m for https URLs too, without TLS: that is not what these tests are about.
func (m *memory) transport() *http.Transport {
	return &http.Transport{DialContext: m.dial, DialTLSContext: m.dial, DisableCompression: true}
}

// handler answers requests straight from an http.Handler.
type handler http.HandlerFunc

func (h handler) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	if req.Body == nil {
		req.Body = http.NoBody
	}
	h(rec, req)
	return rec.Result(), nil
}

// resolver answers each A question with the next of the given sets, the last one for ever, and counts the questions.
func resolver(t *testing.T, sets ...[]string) (*net.Resolver, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	r := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		wg.Go(func() {
			defer func() { _ = theirs.Close() }()
			head := make([]byte, 2)
			if _, err := io.ReadFull(theirs, head); err != nil {
				return
			}
			question := make([]byte, int(head[0])<<8|int(head[1]))
			if _, err := io.ReadFull(theirs, question); err != nil {
				return
			}
			_, _ = theirs.Write(answer(question, sets, &asked))
		})
		return ours, nil
	}}
	return r, &asked
}

func answer(question []byte, sets [][]string, asked *atomic.Int32) []byte {
	var msg dnsmessage.Message
	if err := msg.Unpack(question); err != nil || len(msg.Questions) != 1 {
		return nil
	}
	msg.Response, msg.Additionals = true, nil
	if q := msg.Questions[0]; q.Type == dnsmessage.TypeA {
		n := int(asked.Add(1)) - 1
		for _, a := range sets[min(n, len(sets)-1)] {
			msg.Answers = append(msg.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
			})
		}
	}
	packed, err := msg.Pack()
	if err != nil {
		return nil
	}
	return append([]byte{byte(len(packed) >> 8), byte(len(packed))}, packed...)
}
