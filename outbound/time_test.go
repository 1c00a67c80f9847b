package outbound_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"harken/outbound"
)

// overMemory runs one call in virtual time against an HTTP server over pipes and returns how long it took.
func overMemory(t *testing.T, r outbound.Request, h http.HandlerFunc) (resp *outbound.Response, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		transport := m.transport()
		server := &http.Server{Handler: h, ErrorLog: quiet()}
		done := make(chan struct{})
		go func() { defer close(done); _ = server.Serve(m) }()
		c, cerr := outbound.NewClient(outbound.Config{Transport: transport})
		if cerr != nil {
			t.Fatal(cerr)
		}
		r.Method, r.URL = "GET", "https://peer.test/"
		start := time.Now()
		resp, err = c.Do(t.Context(), r)
		took = time.Since(start)
		c.Close()
		_ = server.Close()
		<-done
		synctest.Wait()
	})
	return resp, took, err
}

// drip writes n bytes every pause until the client is gone.
func drip(w http.ResponseWriter, r *http.Request, n int, every time.Duration) {
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, strings.Repeat(" ", n)); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-time.After(every):
		case <-r.Context().Done():
		}
	}
}

func wait(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

func TestTimeLimits(t *testing.T) {
	poll := outbound.Request{HeaderTimeout: 45 * time.Second, Timeout: 90 * time.Second}
	for _, c := range []struct {
		name    string
		request outbound.Request
		h       http.HandlerFunc
		kind    outbound.Kind
		took    time.Duration
	}{
		{"prompt", outbound.Request{}, func(http.ResponseWriter, *http.Request) {}, outbound.KindUnknown, 0},
		{"silent", outbound.Request{}, func(_ http.ResponseWriter, r *http.Request) { wait(r, time.Hour) }, outbound.KindTimeout, 10 * time.Second},
		{"just in time", outbound.Request{}, func(_ http.ResponseWriter, r *http.Request) { wait(r, 9*time.Second) }, outbound.KindUnknown, 9 * time.Second},
		{"long poll", poll, func(_ http.ResponseWriter, r *http.Request) { wait(r, 40*time.Second) }, outbound.KindUnknown, 40 * time.Second},
		{"long poll, silent", poll, func(_ http.ResponseWriter, r *http.Request) { wait(r, time.Hour) }, outbound.KindTimeout, 45 * time.Second},
		{"long poll, header at once", poll, func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			wait(r, 40*time.Second)
			_, _ = io.WriteString(w, "{}")
		}, outbound.KindUnknown, 40 * time.Second},
		{"long poll, header and no body", poll, func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			wait(r, time.Hour)
		}, outbound.KindTimeout, 45 * time.Second},
		{"long poll, then a drip", poll, func(w http.ResponseWriter, r *http.Request) {
			wait(r, 20*time.Second)
			drip(w, r, 1, time.Second)
		}, outbound.KindSlow, 30 * time.Second},
		{"header and no body", outbound.Request{}, func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			wait(r, time.Hour)
		}, outbound.KindSlow, 10 * time.Second},
		{"drip", outbound.Request{}, func(w http.ResponseWriter, r *http.Request) { drip(w, r, 100, time.Second) }, outbound.KindSlow, 10 * time.Second},
		{"drip after a good start", outbound.Request{}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(" ", 100_000))
			drip(w, r, 800, time.Second)
		}, outbound.KindSlow, 15 * time.Second},
		{"endless but fast enough", outbound.Request{}, func(w http.ResponseWriter, r *http.Request) {
			drip(w, r, 2000, time.Second)
		}, outbound.KindTimeout, 60 * time.Second},
		{"own total", outbound.Request{Timeout: 3 * time.Second}, func(_ http.ResponseWriter, r *http.Request) { wait(r, time.Hour) }, outbound.KindTimeout, 3 * time.Second},
	} {
		_, took, err := overMemory(t, c.request, c.h)
		if got := outbound.KindOf(err); got != c.kind || (err == nil) != (c.kind == outbound.KindUnknown) || took != c.took {
			t.Errorf("%s: got %q (%v) after %v, want %q after %v", c.name, got, err, took, c.kind, c.took)
		}
	}
}

// stuck is a transport that never answers.
type stuck struct{}

func (stuck) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestSeamHasTimeLimitsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := outbound.NewClient(outbound.Config{Transport: stuck{}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = c.Do(t.Context(), outbound.Request{Method: "GET", URL: "https://a.test/"})
		wantKind(t, err, outbound.KindTimeout)
		if got := time.Since(start); got != outbound.DefaultHeaderTimeout {
			t.Errorf("got %v, want %v", got, outbound.DefaultHeaderTimeout)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Do(ctx, outbound.Request{Method: "GET", URL: "https://a.test/"})
		wantKind(t, err, outbound.KindTimeout)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the caller's deadline in its chain", err)
		}
	})
}

func TestGuardedTransportHasTimeLimits(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-release })
	defer close(release)
	_, err := plainClient(t).Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL, HeaderTimeout: 50 * time.Millisecond})
	wantKind(t, err, outbound.KindTimeout)
}
