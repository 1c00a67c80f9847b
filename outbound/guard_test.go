package outbound_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"harken/outbound"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func nets(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestGuardAddresses(t *testing.T) {
	// Every special range, with nothing opened.
	for _, addr := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "169.254.169.254", "169.254.1.1",
		"172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
		"198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b::7f00:1",
		"64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254", "fe80::1",
		"fe80::1%eth0", "ff02::1", "3fff::1", "5f00::1",
	} {
		if err := outbound.CheckDial(nil, false, network(addr), net.JoinHostPort(addr, "443")); err == nil {
			t.Errorf("%s: got allowed, want blocked", addr)
		}
	}
	for _, addr := range []string{"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"} {
		if err := outbound.CheckDial(nil, false, network(addr), net.JoinHostPort(addr, "8443")); err != nil {
			t.Errorf("%s: got %v, want allowed", addr, err)
		}
	}
}

func network(addr string) string {
	if strings.Contains(addr, ":") {
		return "tcp6"
	}
	return "tcp4"
}

func TestGuardInternal(t *testing.T) {
	for _, c := range []struct {
		name     string
		internal []netip.Prefix
		plain    bool
		addr     string
		want     bool
	}{
		{"listed private", nets("10.0.0.0/8"), false, "10.1.2.3", true},
		{"another private", nets("10.0.0.0/8"), false, "192.168.0.1", false},
		{"public beside it", nets("10.0.0.0/8"), false, "8.8.8.8", true},
		{"mapped private", nets("10.0.0.0/8"), false, "::ffff:10.0.0.1", false},
		{"mapped, everything listed", nets("::/0"), false, "::ffff:10.0.0.1", false},
		{"listed local v6", nets("fd12::/16"), false, "fd12::1", true},
		{"loopback named", loopback, false, "127.0.0.1", true},
		{"loopback v6 named", loopback, false, "::1", true},
		{"loopback covered only", nets("0.0.0.0/0"), false, "127.0.0.1", false},
		{"loopback v6 covered only", nets("::/0"), false, "::1", false},
		{"everything listed", nets("0.0.0.0/0"), false, "10.0.0.1", true},
		{"link-local named", nets("169.254.0.0/16"), false, "169.254.7.7", true},
		{"metadata under link-local", nets("169.254.0.0/16"), false, "169.254.169.254", false},
		{"metadata named", nets("169.254.169.254/32"), false, "169.254.169.254", true},
		{"metadata under shared space", nets("100.64.0.0/10"), false, "100.100.100.200", false},
		{"shared space", nets("100.64.0.0/10"), false, "100.64.0.1", true},
		{"this host, listed", nets("0.0.0.0/8"), false, "0.0.0.0", false},
		{"multicast, listed", nets("224.0.0.0/4"), false, "224.0.0.1", false},
		{"nat64 to public", nets("64:ff9b::/96"), false, "64:ff9b::8.8.8.8", true},
		{"nat64 to loopback", nets("64:ff9b::/96"), false, "64:ff9b::7f00:1", false},
		{"plain to loopback", loopback, true, "127.0.0.1", true},
		{"plain to unlisted loopback", nil, true, "127.0.0.1", false},
		{"plain to private", nets("10.0.0.0/8"), true, "10.0.0.1", false},
		{"plain to public", loopback, true, "8.8.8.8", false},
	} {
		err := outbound.CheckDial(c.internal, c.plain, network(c.addr), net.JoinHostPort(c.addr, "443"))
		if got := err == nil; got != c.want {
			t.Errorf("%s: %s: got allowed %v (%v), want %v", c.name, c.addr, got, err, c.want)
		}
	}
	if err := outbound.CheckDial(nil, false, "udp4", "8.8.8.8:443"); err == nil {
		t.Error("udp: got allowed, want blocked")
	}
	if _, err := outbound.NewClient(outbound.Config{Network: outbound.Network{Internal: []netip.Prefix{{}}}}); err == nil {
		t.Error("invalid prefix: got a client, want an error")
	}
}

// named returns a TLS server that is reached as example.com, a name in its certificate, through a resolver of our own.
func named(t *testing.T, h http.HandlerFunc, sets ...[]string) (*outbound.Client, string, func() int32) {
	t.Helper()
	s, pool := serveTLS(t, h)
	res, asked := resolver(t, sets...)
	c := newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback, CA: pool}, Resolver: res})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return c, "https://example.com:" + port, asked.Load
}

func TestDNSAnswerChanges(t *testing.T) {
	closing := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }
	c, target, asked := named(t, closing, []string{"127.0.0.1"}, []string{"10.0.0.9"})
	if _, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: target}); err != nil {
		t.Fatalf("first call: %v", err)
	}
	_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: target})
	wantKind(t, err, outbound.KindAddress)
	if asked() != 2 {
		t.Errorf("got %d lookups, want 2: the address is checked when it is dialled", asked())
	}
}

func TestDNSAnswersMixed(t *testing.T) {
	// 127.0.0.2 is inside the internal range, 192.168.77.77 is not: it must be skipped, not dialled.
	c, target, _ := named(t, func(http.ResponseWriter, *http.Request) {}, []string{"192.168.77.77", "127.0.0.1"})
	if _, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: target}); err != nil {
		t.Errorf("one allowed of two: %v", err)
	}
	c, target, _ = named(t, func(http.ResponseWriter, *http.Request) {}, []string{"192.168.77.77", "169.254.169.254"})
	_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: target})
	wantKind(t, err, outbound.KindAddress)
}

func TestNoSuchName(t *testing.T) {
	c, target, _ := named(t, func(http.ResponseWriter, *http.Request) {}, nil)
	_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: target})
	wantKind(t, err, outbound.KindDNS)
}

func TestAmbientProxyIgnored(t *testing.T) {
	// By name: the standard library never uses a proxy for loopback addresses, which would prove nothing.
	c, target, _ := named(t, func(http.ResponseWriter, *http.Request) {}, []string{"127.0.0.1"})
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if proxy, err := http.ProxyFromEnvironment(req); err != nil || proxy == nil || proxy.String() != deadProxy {
		t.Fatalf("got proxy %v (%v) from the environment, want %s: the test is without force", proxy, err, deadProxy)
	}
	if _, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: target}); err != nil {
		t.Errorf("got %v, want a direct connection", err)
	}
}

func TestConfiguredProxy(t *testing.T) {
	s, pool := serveTLS(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "through") })
	var connects []string
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		connects = append(connects, r.Method+" "+r.Host)
		tunnel(w, s.Listener.Addr().String())
	})
	proxyURL, _ := url.Parse(proxy.URL)
	client := func(internal []netip.Prefix) *outbound.Client {
		return newClient(t, outbound.Config{Network: outbound.Network{Internal: internal, CA: pool, Proxy: proxyURL}})
	}
	c := client(loopback)
	resp, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: "https://example.com/x"})
	if err != nil {
		t.Fatal(err)
	}
	if string(resp.Body) != "through" || len(connects) != 1 || connects[0] != "CONNECT example.com:443" {
		t.Errorf("got body %q by %v, want it through one CONNECT", resp.Body, connects)
	}
	for _, target := range []string{"https://10.0.0.1/", "https://169.254.169.254/", "https://localhost/", "https://a.localhost./"} {
		_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: target})
		wantKind(t, err, outbound.KindAddress)
	}
	_, err = client(nil).Do(t.Context(), outbound.Request{Method: "GET", URL: "https://example.com/x"})
	wantKind(t, err, outbound.KindAddress) // the proxy itself is guarded
	if len(connects) != 1 {
		t.Errorf("got %v, want no further request to the proxy", connects)
	}
}

func tunnel(w http.ResponseWriter, to string) {
	up, err := net.Dial("tcp", to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	down, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(up, down); _ = up.Close() }()
	go func() { _, _ = io.Copy(down, up); _ = down.Close() }()
}

func TestTLSIsChecked(t *testing.T) {
	s, pool := serveTLS(t, func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		name string
		ca   *x509.CertPool
		url  string
		want outbound.Kind
	}{
		{"unknown authority", x509.NewCertPool(), s.URL, outbound.KindTLS},
		{"known authority", pool, s.URL, outbound.KindUnknown},
		{"wrong name", pool, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), outbound.KindTLS},
	} {
		client := newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback, CA: c.ca}})
		_, err := client.Do(context.Background(), outbound.Request{Method: "GET", URL: c.url})
		if got := outbound.KindOf(err); got != c.want || (err == nil) != (c.want == outbound.KindUnknown) {
			t.Errorf("%s: got %q (%v), want %q", c.name, got, err, c.want)
		}
	}
}

func TestTLSVersions(t *testing.T) {
	for version, want := range map[uint16]outbound.Kind{
		tls.VersionTLS11: outbound.KindTLS, tls.VersionTLS12: outbound.KindUnknown, tls.VersionTLS13: outbound.KindUnknown,
	} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		s.Config.ErrorLog = quiet()
		s.TLS = &tls.Config{MinVersion: version, MaxVersion: version}
		s.StartTLS()
		pool := x509.NewCertPool()
		pool.AddCert(s.Certificate())
		c := newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback, CA: pool}})
		_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL})
		if got := outbound.KindOf(err); got != want || (err == nil) != (want == outbound.KindUnknown) {
			t.Errorf("%s: got %q (%v), want %q", tls.VersionName(version), got, err, want)
		}
		c.Close()
		s.Close()
	}
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback}})
	_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: strings.Replace(plain.URL, "http:", "https:", 1)})
	wantKind(t, err, outbound.KindTLS)
}

func TestPlainHTTP(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	get := outbound.Request{Method: "GET", URL: s.URL}
	_, err := newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback}}).Do(t.Context(), get)
	wantKind(t, err, outbound.KindRequest)
	_, err = newClient(t, outbound.Config{Network: outbound.Network{PlainHTTP: true}}).Do(t.Context(), get)
	wantKind(t, err, outbound.KindAddress)
	if _, err = plainClient(t).Do(t.Context(), get); err != nil {
		t.Errorf("got %v, want plain http to loopback", err)
	}
	res, _ := resolver(t, []string{"8.8.8.8"})
	c := newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback, PlainHTTP: true}, Resolver: res})
	_, err = c.Do(t.Context(), outbound.Request{Method: "GET", URL: "http://example.com/"})
	wantKind(t, err, outbound.KindAddress)
	_, err = c.Do(t.Context(), outbound.Request{Method: "GET", URL: "https://127.0.0.1:1/"})
	wantKind(t, err, outbound.KindConnect)
}
