package web_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"harken/ssf"
	"harken/web"
)

// TestSlowConnectionsGiveWay fills the listener with connections that never finish their header.
func TestSlowConnectionsGiveWay(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln, wire := web.BoundedListener(inner, 20)
	hold := make(chan struct{})
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-hold
		}
		_, _ = io.WriteString(w, "served")
	})}
	wire(srv)
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }()
	t.Cleanup(func() { srv.Close(); <-done })

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	get := func(path string) (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+inner.Addr().String()+path, nil)
		if err != nil {
			return "", err
		}
		res, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return string(body), err
	}
	served := make(chan error, 1)
	go func() {
		_, err := get("/slow")
		served <- err
	}()
	for range 100 {
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: local"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		if body, err := get("/"); err != nil || body != "served" {
			t.Fatalf("request %d beside 100 slow connections: got %q, %v, want it served", i, body, err)
		}
	}
	// Who came later is closer to its turn: the longest waiting gives way first.
	honest, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer honest.Close()
	for range 10 {
		if _, err := get("/"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(honest, "GET / HTTP/1.0\r\nHost: local\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(honest); err != nil || !contains(string(body), "served") {
		t.Errorf("a connection that takes its time: got %q, %v, want it served", body, err)
	}
	close(hold)
	if err := <-served; err != nil {
		t.Errorf("the request under way: got %v, want it left alone", err)
	}
}

// TestPanic answers with a reference number and goes on.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	web.AddPanic(w.server, "/panic")
	b := w.browser().demo(ssf.RoleAdmin)
	a := b.get("/panic")
	if a.code != http.StatusInternalServerError || !contains(a.body, a.header.Get("X-Request-Id")) || contains(a.body, "boom") {
		t.Errorf("panic: got %d, want 500 with the reference and without the cause: %.300s", a.code, a.body)
	}
	if a := b.get("/"); a.code != http.StatusOK {
		t.Errorf("afterwards: got %d, want 200", a.code)
	}
}
