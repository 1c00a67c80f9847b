package web_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"harken/ssf"
	"harken/web"
)

// TestTLS speaks HTTP/2, where one connection carries any number of live streams.
func TestTLS(t *testing.T) {
	lender := httptest.NewTLSServer(nil) // for its certificate
	defer lender.Close()
	cert := lender.TLS.Certificates[0]
	w := newWorld(t, func(c *web.Config) { c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}} })
	w.base = "https" + w.base[len("http"):]
	b := w.browser()
	transport := lender.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = true
	b.http.Transport = transport
	defer transport.CloseIdleConnections()
	b.demo(ssf.RoleResponder)
	a := b.get("/")
	if a.code != http.StatusOK || a.header.Get("Strict-Transport-Security") == "" {
		t.Errorf("inbox: got %d with HSTS %q", a.code, a.header.Get("Strict-Transport-Security"))
	}
	for i := range 6 {
		s := b.live("inbox")
		if s.code != http.StatusOK {
			t.Fatalf("stream %d: got %d, want 200", i+1, s.code)
		}
		s.next(t)
	}
	res, err := b.http.Get(w.base + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.ProtoMajor != 2 {
		t.Errorf("protocol: got HTTP/%d, want 2", res.ProtoMajor)
	}
	transport.TLSClientConfig.MaxVersion = tls.VersionTLS11
	transport.CloseIdleConnections()
	old := &http.Client{Transport: transport}
	if res, err := old.Get(w.base + "/healthz"); err == nil {
		res.Body.Close()
		if res.TLS.Version < tls.VersionTLS12 {
			t.Errorf("TLS: got version %x, want at least 1.2", res.TLS.Version)
		}
	}
}
