package pollertest_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"harken/poller/pollertest"
)

// TestRoundTripperIsLikeANetwork asks the same of the in-memory transport and of a real server.
func TestRoundTripperIsLikeANetwork(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Host", r.Host)
		w.Header().Set("X-Query", r.URL.RawQuery)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.Copy(w, r.Body)
	})
	mux.HandleFunc("GET /text", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello") })
	mux.HandleFunc("GET /nothing", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /204", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		_, _ = io.WriteString(w, "not sent")
	})
	mux.HandleFunc("GET /escaped/{name}", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.PathValue("name")) })
	server := httptest.NewServer(mux)
	defer server.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	memory := &http.Client{Transport: pollertest.RoundTripper(map[string]http.Handler{strings.TrimPrefix(server.URL, "http://"): mux})}
	for _, tt := range []struct{ method, path, body string }{
		{"POST", "/echo?a=b&c", "hello"},
		{"POST", "/echo", strings.Repeat("x", 1<<20)},
		{"GET", "/text", ""},
		{"HEAD", "/text", ""},
		{"GET", "/nothing", ""},
		{"GET", "/204", ""},
		{"GET", "/escaped/a%2Fb", ""},
		{"GET", "/missing", ""},
		{"DELETE", "/text", ""},
	} {
		type seen struct{ status, body, kind, host, query string }
		var got [2]seen
		for i, client := range []*http.Client{server.Client(), memory} {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			got[i] = seen{resp.Status, string(text), resp.Header.Get("Content-Type"), resp.Header.Get("X-Host"), resp.Header.Get("X-Query")}
		}
		if got[0] != got[1] {
			t.Errorf("%s %s: got %.200v in memory, %.200v from a server", tt.method, tt.path, got[1], got[0])
		}
	}
}

func TestRoundTripperErrors(t *testing.T) {
	client := &http.Client{Transport: pollertest.RoundTripper(map[string]http.Handler{
		"cut.example":   http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"panic.example": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a mistake") }),
	})}
	get := func(url string) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	var dns *net.DNSError
	if err := get("https://nobody.example/"); !errors.As(err, &dns) {
		t.Errorf("unknown host: got %v, want a DNS error", err)
	}
	var op *net.OpError
	if err := get("https://cut.example/"); !errors.As(err, &op) {
		t.Errorf("cut: got %v, want a network error", err)
	}
	if err := get("https://panic.example/"); err == nil || !strings.Contains(err.Error(), "a mistake") {
		t.Errorf("panic: got %v, want it named", err)
	}
}
