package outbound_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"harken/outbound"
)

func TestBodyLimit(t *testing.T) {
	for _, c := range []struct {
		name    string
		size    int
		limit   int64
		chunked bool
		gzip    bool
		want    outbound.Kind
	}{
		{"at the limit", 1000, 1000, false, false, outbound.KindUnknown},
		{"over, announced", 1001, 1000, false, false, outbound.KindTooLarge},
		{"over, chunked", 1001, 1000, true, false, outbound.KindTooLarge},
		{"gzip at the limit", 100_000, 100_000, true, true, outbound.KindUnknown},
		{"gzip over", 100_001, 100_000, true, true, outbound.KindTooLarge},
		{"default", 1 << 20, 0, true, false, outbound.KindUnknown},
		{"over default", 1<<20 + 1, 0, true, false, outbound.KindTooLarge},
	} {
		body := bytes.Repeat([]byte("x"), c.size)
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if c.chunked {
				w.(http.Flusher).Flush()
			}
			_, _ = w.Write(body)
		})
		if c.gzip {
			s.Config.Handler = gzipped(body)
		}
		resp, err := plainClient(t).Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL, MaxBody: c.limit})
		if got := outbound.KindOf(err); got != c.want || (err == nil && !bytes.Equal(resp.Body, body)) {
			t.Errorf("%s: got %q (%v), want %q and the body as sent", c.name, got, err, c.want)
		}
	}
}

func gzipped(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		zw := gzip.NewWriter(w)
		_, _ = zw.Write(body)
		_ = zw.Close()
	}
}

func TestGzipBomb(t *testing.T) {
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	_, _ = zw.Write(make([]byte, 16<<20))
	_ = zw.Close()
	packed.Write(bytes.Repeat(packed.Bytes(), 31)) // members of one stream: 512 MiB in all
	if packed.Len() > 1<<20 {
		t.Fatalf("the bomb has %d bytes, want less than 1 MiB", packed.Len())
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	c := plainClient(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL, MaxBody: 8 << 20})
	runtime.ReadMemStats(&after)
	wantKind(t, err, outbound.KindTooLarge)
	if got := after.TotalAlloc - before.TotalAlloc; got >= 32<<20 {
		t.Errorf("allocated %d bytes, want less than 32 MiB", got)
	}
}

// A gzip stream of empty members never ends and never holds anything.
func TestGzipWithoutContent(t *testing.T) {
	var member bytes.Buffer
	_ = gzip.NewWriter(&member).Close()
	block := bytes.Repeat(member.Bytes(), 1000)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		for r.Context().Err() == nil {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	_, err := plainClient(t).Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL})
	wantKind(t, err, outbound.KindTooLarge)
}

func TestBrokenEncodings(t *testing.T) {
	for _, c := range []struct{ encoding, body string }{
		{"gzip", "not gzip at all"}, {"br", "x"}, {"gzip, gzip", "x"}, {"gzip", "\x1f\x8b\x08\x00\x00"},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", c.encoding)
			_, _ = io.WriteString(w, c.body)
		})
		resp, err := plainClient(t).Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL})
		if k := outbound.KindOf(err); k != outbound.KindProtocol && k != outbound.KindReset {
			t.Errorf("%s %q: got %v, %v, want a malformed answer", c.encoding, c.body, resp, err)
		}
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusNoContent)
	})
	resp, err := plainClient(t).Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL})
	if err != nil || resp.Status != http.StatusNoContent {
		t.Errorf("got %v, want an empty 204 whatever its encoding says", err)
	}
}

func TestConnectionCap(t *testing.T) {
	const limit = 8
	arrived, release := make(chan struct{}, 2*limit), make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release })
	c := plainClient(t)
	var wg sync.WaitGroup
	for range limit {
		wg.Go(func() {
			if _, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL}); err != nil {
				t.Errorf("got %v, want an answer", err)
			}
		})
	}
	for range limit {
		<-arrived
	}
	_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL, Timeout: 100 * time.Millisecond})
	wantKind(t, err, outbound.KindTimeout)
	if n := len(arrived); n != 0 {
		t.Errorf("got %d requests beyond %d at once, want none", n, limit)
	}
	close(release)
	wg.Wait()
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	_, err := plainClient(t).Do(ctx, outbound.Request{Method: "GET", URL: s.URL})
	wantKind(t, err, outbound.KindCanceled)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled in its chain", err)
	}
}

// raw answers one connection with whatever f writes.
func raw(t *testing.T, f func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		buf := make([]byte, 4096)
		_, _ = conn.Read(buf)
		f(conn.(*net.TCPConn))
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return "http://" + l.Addr().String()
}

func TestBrokenConnections(t *testing.T) {
	write := func(s string) func(*net.TCPConn) {
		return func(c *net.TCPConn) { _, _ = io.WriteString(c, s) }
	}
	for _, c := range []struct {
		name string
		f    func(*net.TCPConn)
		want outbound.Kind
	}{
		{"closed before the header", write(""), outbound.KindReset},
		{"closed in the header", write("HTTP/1.1 200 OK\r\nX"), outbound.KindProtocol},
		{"closed in the body", write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), outbound.KindReset},
		{"closed in a chunk", write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), outbound.KindReset},
		{"reset in the body", func(c *net.TCPConn) {
			write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")(c)
			_ = c.SetLinger(0)
		}, outbound.KindReset},
		{"half-closed", func(c *net.TCPConn) {
			write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")(c)
			_ = c.CloseWrite()
			_, _ = io.Copy(io.Discard, c)
		}, outbound.KindReset},
		{"not http", write("SSH-2.0-OpenSSH_9.2\r\n\r\n"), outbound.KindProtocol},
		{"bad chunk", write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), outbound.KindProtocol},
		{"two lengths", write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), outbound.KindProtocol},
		{"header without end", func(c *net.TCPConn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := io.WriteString(c, "X-Pad: "+strings.Repeat("a", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}, outbound.KindProtocol},
	} {
		_, err := plainClient(t).Do(t.Context(), outbound.Request{Method: "GET", URL: raw(t, c.f)})
		if got := outbound.KindOf(err); err == nil || got != c.want {
			t.Errorf("%s: got %q (%v), want %q", c.name, got, err, c.want)
		}
		if got := outbound.Classify(nil, err); got != outbound.ClassNetwork {
			t.Errorf("%s: got class %v, want network", c.name, got)
		}
	}
}
