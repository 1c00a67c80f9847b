package outbound_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"harken/outbound"
	"harken/ssf"
)

func TestDo(t *testing.T) {
	s, pool := serveTLS(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("User-Agent"), " ",
			r.Header.Get("Content-Type"), " ", r.Header.Get("X-Own"), " ", r.Header.Get("Authorization"), " ", string(body)))
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout\x00\n")
	})
	c := newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback, CA: pool}, UserAgent: "harken/test"})
	header := http.Header{"X-Own": {"mine"}}
	resp, err := c.Do(t.Context(), outbound.Request{
		Method: "POST", URL: s.URL + "/a?b=c#d", Header: header, Body: []byte("hello"), ContentType: "text/plain",
		Auth: outbound.Bearer(ssf.NewSecret("tok")),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "POST /a?b=c harken/test text/plain mine Bearer tok hello"
	if got := resp.Header.Get("X-Seen"); got != want {
		t.Errorf("server saw %q, want %q", got, want)
	}
	if resp.Status != http.StatusTeapot || string(resp.Body) != "short and stout\x00\n" || resp.Took <= 0 {
		t.Errorf("got %d %q after %v, want 418 with its body and a duration", resp.Status, resp.Body, resp.Took)
	}
	if got, want := resp.Excerpt(), `short and stout\x00\n`; got != want {
		t.Errorf("got excerpt %q, want %q", got, want)
	}
	if len(header) != 1 {
		t.Errorf("the caller's header became %v", header)
	}
}

func TestAuthorizers(t *testing.T) {
	key := ssf.NewSecret("s3cret")
	for _, c := range []struct {
		auth outbound.Authorizer
		name string
		want string
	}{
		{outbound.Bearer(key), "Authorization", "Bearer s3cret"},
		{outbound.HeaderKey("X-Api-Key", key), "X-Api-Key", "s3cret"},
		{outbound.Basic("ann", key), "Authorization", "Basic YW5uOnMzY3JldA=="},
	} {
		calls, got := 0, ""
		client := newClient(t, outbound.Config{Transport: handler(func(w http.ResponseWriter, r *http.Request) {
			calls, got = calls+1, r.Header.Get(c.name)
			w.WriteHeader(http.StatusUnauthorized)
		})})
		resp, err := client.Do(t.Context(), outbound.Request{Method: "GET", URL: "https://a.test/", Auth: c.auth})
		if err != nil || resp.Status != http.StatusUnauthorized || calls != 1 || got != c.want {
			t.Errorf("got %q in %d calls (%v), want %q in one", got, calls, err, c.want)
		}
		if text := fmt.Sprintf("%v %+v %#v", c.auth, c.auth, c.auth); strings.Contains(text, "s3cret") {
			t.Errorf("the secret shows in %q", text)
		}
	}
	client := newClient(t, outbound.Config{Transport: handler(func(http.ResponseWriter, *http.Request) {
		t.Error("a request went out without its credential")
	})})
	for _, auth := range []outbound.Authorizer{
		outbound.Bearer(ssf.Secret{}), outbound.HeaderKey("X-Key", ssf.Secret{}), outbound.Basic("ann", ssf.Secret{}),
	} {
		_, err := client.Do(t.Context(), outbound.Request{Method: "GET", URL: "https://a.test/", Auth: auth})
		wantKind(t, err, outbound.KindToken)
	}
}

func TestUnusableRequests(t *testing.T) {
	c := newClient(t, outbound.Config{
		Origins:   []string{"https://A.test/path", "https://b.test:8443"},
		Transport: handler(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("a request went out to %s", r.URL) }),
	})
	for _, tc := range []struct {
		request outbound.Request
		want    outbound.Kind
	}{
		{outbound.Request{Method: "GET", URL: "https://c.test/"}, outbound.KindOrigin},
		{outbound.Request{Method: "GET", URL: "https://a.test:8443/"}, outbound.KindOrigin},
		{outbound.Request{Method: "GET", URL: "https://b.test/"}, outbound.KindOrigin},
		{outbound.Request{Method: "GET", URL: "https://a.test.c.test/"}, outbound.KindOrigin},
		{outbound.Request{Method: "GET", URL: "http://a.test/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https://user:pw@a.test/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https:///x"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "ftp://a.test/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "a.test"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https://а.test/"}, outbound.KindRequest}, // Cyrillic
		{outbound.Request{Method: "GET", URL: "https://a.test:0/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https://a.test:99999/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https://a.test/\n"}, outbound.KindRequest},
		{outbound.Request{Method: "G T", URL: "https://a.test/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https://a.test/", Header: http.Header{"X": {"a\r\nb: c"}}}, outbound.KindRequest},
	} {
		_, err := c.Do(t.Context(), tc.request)
		if got := outbound.KindOf(err); err == nil || got != tc.want {
			t.Errorf("%s %q: got %q (%v), want %q", tc.request.Method, tc.request.URL, got, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("error shows user info: %v", err)
		}
	}
	if err := c.Allowed("https://a.TEST:443/other?x=y"); err != nil {
		t.Errorf("got %v, want the origin in another spelling allowed", err)
	}
}

func TestErrorTextHidesQuery(t *testing.T) {
	c := newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback}})
	_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: "https://127.0.0.1:1/path?key=s3cret"})
	wantKind(t, err, outbound.KindConnect)
	if got := err.Error(); strings.Contains(got, "s3cret") || !strings.HasPrefix(got, "get https://127.0.0.1:1: connect: ") {
		t.Errorf("got %q, want operation, origin and kind without the query", got)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var second atomic.Int32
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		second.Add(1)
		t.Errorf("second server was called with credential %q", r.Header.Get("Authorization"))
	})
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		for _, method := range []string{"GET", "POST"} {
			var first atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				first.Add(1)
				w.Header().Set("Location", other.URL+"/steal?q=1")
				w.WriteHeader(status)
			})
			_, err := plainClient(t).Do(t.Context(), outbound.Request{
				Method: method, URL: s.URL, Body: []byte("secret"), Auth: outbound.Bearer(ssf.NewSecret("tok")),
			})
			var oe *outbound.Error
			if !errors.As(err, &oe) || oe.Kind != outbound.KindRedirect || oe.Target != other.URL || oe.Status != status {
				t.Errorf("%s %d: got %v, want a redirect error that names %s", method, status, err, other.URL)
			}
			if err != nil && strings.Contains(err.Error(), "q=1") {
				t.Errorf("%d: error shows the query: %v", status, err)
			}
			if got := outbound.Classify(nil, err); got != outbound.ClassRedirect {
				t.Errorf("%d: got class %v, want redirect", status, got)
			}
			if first.Load() != 1 {
				t.Errorf("%d: got %d requests, want 1", status, first.Load())
			}
		}
	}
	for _, location := range []string{"", "http://[", "javascript:x", "https://u:p@é.test/"} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
		_, err := plainClient(t).Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL})
		wantKind(t, err, outbound.KindRedirect)
	}
}

func TestRedirectLoop(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	})
	_, err := plainClient(t).Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL + "/loop"})
	wantKind(t, err, outbound.KindRedirect)
	if calls.Load() != 1 {
		t.Errorf("got %d requests, want 1", calls.Load())
	}
}

func TestExcerpt(t *testing.T) {
	for body, want := range map[string]string{
		"":                                      "",
		"ok":                                    "ok",
		"a\nb\x1b[31m\xff":                      `a\nb\x1b[31m\xff`,
		strings.Repeat("a", 512):                strings.Repeat("a", 512),
		strings.Repeat("a", 513):                strings.Repeat("a", 512) + "…",
		strings.Repeat("a", 511) + "ü" + "tail": strings.Repeat("a", 511) + "…",
	} {
		if got := (&outbound.Response{Body: []byte(body)}).Excerpt(); got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

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
	zeros := make([]byte, 1<<20)
	for range 512 {
		_, _ = zw.Write(zeros)
	}
	_ = zw.Close()
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
	var now, peak atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
		}
		time.Sleep(5 * time.Millisecond) // so that requests overlap
		now.Add(-1)
	})
	c := plainClient(t)
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if _, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL}); err != nil {
				t.Errorf("got %v, want all calls answered", err)
			}
		})
	}
	wg.Wait()
	if got := peak.Load(); got > 8 || got < 2 {
		t.Errorf("got %d connections at once, want 2 to 8", got)
	}
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

func TestJSONHelpers(t *testing.T) {
	var status int
	var body, seen string
	c := newClient(t, outbound.Config{Transport: handler(func(w http.ResponseWriter, r *http.Request) {
		in, _ := io.ReadAll(r.Body)
		seen = r.Method + " " + r.Header.Get("Accept") + " " + r.Header.Get("Content-Type") + " " + string(in)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})})
	r := outbound.Request{URL: "https://a.test/x?y=z"}
	var out struct {
		A int `json:"a"`
	}
	status, body = 200, `{"a":1,"unknown":[]}`
	if _, err := c.GetJSON(t.Context(), r, &out); err != nil || out.A != 1 || seen != "GET application/json  " {
		t.Errorf("got %v, %v after %q, want a = 1", out, err, seen)
	}
	status, body = 404, `not json`
	if resp, err := c.GetJSON(t.Context(), r, &out); err != nil || resp.Status != 404 || out.A != 1 {
		t.Errorf("got %v, %v, want a plain 404 and out untouched", out, err)
	}
	status, body = 200, `{"a":1,"a":2}`
	resp, err := c.GetJSON(t.Context(), r, &out)
	wantKind(t, err, outbound.KindAnswer)
	if resp == nil || !errors.Is(err, outbound.ErrJSON) {
		t.Errorf("got %v, %v, want the response and ErrJSON", resp, err)
	}
	status, body = 202, ""
	if _, err := c.PostJSON(t.Context(), r, map[string]int{"n": 1}, &out); err != nil || seen != `POST application/json application/json {"n":1}` {
		t.Errorf("got %v after %q, want a JSON post", err, seen)
	}
}
