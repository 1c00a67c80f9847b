package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"harken/ssf"
	"harken/web"
)

// fill makes an address of a route's pattern.
func fill(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, ":") || strings.HasPrefix(p, "*") {
			parts[i] = "1"
		}
	}
	return strings.Join(parts, "/")
}

func changes(r web.Route) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead
}

// TestForgedRequests tries every route that changes something from another site, without a token and with a wrong one.
func TestForgedRequests(t *testing.T) {
	w := newWorld(t)
	admin := w.browser().demo(ssf.RoleAdmin)
	fresh := w.browser()
	fresh.get("/login")
	good := admin.session().CSRF
	tried := 0
	for _, r := range w.server.Routes() {
		if !changes(r) {
			continue
		}
		tried++
		b, kind := admin, "application/x-www-form-urlencoded"
		if r.Access == web.AccessPublic && strings.HasPrefix(r.Pattern, "/login") || r.Pattern == "/setup" {
			b = fresh
		}
		body := func(token string) string { return url.Values{"csrf": {token}}.Encode() }
		header := ""
		if strings.HasPrefix(r.Pattern, "/api/") {
			kind, body = "application/json", func(token string) string { header = token; return "{}" }
		}
		for _, c := range []struct{ name, site, token string }{
			{"cross-site", "cross-site", good}, {"same-site", "same-site", good}, {"missing", "same-origin", ""}, {"wrong", "same-origin", good + "x"},
		} {
			b.header = http.Header{"Sec-Fetch-Site": {c.site}}
			text := body(c.token)
			if header != "" {
				b.header.Set("X-CSRF-Token", header)
			}
			if a := b.do(r.Method, fill(r.Pattern), kind, text); a.code != http.StatusForbidden {
				t.Errorf("%s %s, %s: got %d, want 403", r.Method, r.Pattern, c.name, a.code)
			}
		}
	}
	if tried < 20 {
		t.Errorf("routes that change something: got %d, want all of them", tried)
	}
	admin.header = http.Header{"Origin": {"https://evil.example"}}
	if a := admin.post("/logout", url.Values{"csrf": {good}}); a.code != http.StatusForbidden {
		t.Errorf("foreign Origin without Sec-Fetch-Site: got %d, want 403", a.code)
	}
	admin.header = http.Header{}
	if a := admin.post("/settings/shortcuts", url.Values{"csrf": {good}, "shortcuts": {"off"}}); a.code != http.StatusSeeOther {
		t.Errorf("the real form: got %d, want 303", a.code)
	}
}

// TestRolesAndRoutes calls every route with every role.
func TestRolesAndRoutes(t *testing.T) {
	w := newWorld(t)
	callers := map[ssf.Role]*browser{
		ssf.RoleNone: w.browser(), ssf.RoleViewer: w.signIn(ssf.RoleViewer), ssf.RoleResponder: w.signIn(ssf.RoleResponder),
		ssf.RoleAdmin: w.signIn(ssf.RoleAdmin),
	}
	needs := map[web.Access]ssf.Role{
		web.AccessBare: ssf.RoleNone, web.AccessPublic: ssf.RoleNone, web.AccessViewer: ssf.RoleViewer,
		web.AccessResponder: ssf.RoleResponder, web.AccessAdmin: ssf.RoleAdmin,
	}
	for _, r := range w.server.Routes() {
		need, known := needs[r.Access]
		if !known {
			t.Fatalf("%s %s declares %q", r.Method, r.Pattern, r.Access)
		}
		if r.Pattern == "/logout" || r.Pattern == "/live" {
			continue // ends the caller's session; never ends
		}
		for _, role := range []ssf.Role{ssf.RoleNone, ssf.RoleViewer, ssf.RoleResponder, ssf.RoleAdmin} {
			b := callers[role]
			b.header = http.Header{}
			kind, body := "", ""
			if changes(r) {
				kind, body = "application/x-www-form-urlencoded", ""
				if role != ssf.RoleNone {
					token := b.session().CSRF
					b.header.Set("X-CSRF-Token", token)
				}
				if strings.HasPrefix(r.Pattern, "/api/") {
					kind, body = "application/json", "{}"
				}
			}
			a := b.do(r.Method, fill(r.Pattern), kind, body)
			refused := a.code == http.StatusUnauthorized || strings.HasPrefix(a.header.Get("Location"), "/login?next=") ||
				a.code == http.StatusForbidden && strings.Contains(a.body, "role does not include")
			allowed := need == ssf.RoleNone || role.AtLeast(need)
			if refused == allowed {
				t.Errorf("%s %s (%s) as %q: got %d refused=%v: %.120s", r.Method, r.Pattern, r.Access, role, a.code, refused, a.body)
			}
		}
	}
}

// TestUndeclaredRoute reaches a handler that forgot to declare its permission.
func TestUndeclaredRoute(t *testing.T) {
	w := newWorld(t)
	called := false
	web.AddUndeclared(w.server, "/forgotten", func() { called = true })
	if a := w.browser().demo(ssf.RoleAdmin).get("/forgotten"); a.code != http.StatusForbidden || called {
		t.Errorf("undeclared route: got %d, called %v, want 403 without a call", a.code, called)
	}
}

// TestHead asks like a health checker.
func TestHead(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/healthz", "/readyz", "/status.json"} {
		if a := w.browser().do(http.MethodHead, path, "", ""); a.code != http.StatusOK || a.body != "" {
			t.Errorf("HEAD %s: got %d with %d bytes, want 200 without", path, a.code, len(a.body))
		}
	}
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "Strict-Transport-Security": "",
	}
	b := w.browser().demo(ssf.RoleAdmin)
	for _, path := range []string{"/", "/nowhere", "/login", "/status.json", "/api/v1/me", "/healthz", "/events/7"} {
		a := b.get(path)
		for name, value := range want {
			if got := a.header.Get(name); got != value {
				t.Errorf("GET %s: %s got %q, want %q", path, name, got, value)
			}
		}
		if !strings.Contains(a.header.Get("Vary"), "HX-Request-Type") || a.header.Get("X-Request-Id") == "" {
			t.Errorf("GET %s: got Vary %q and id %q", path, a.header.Get("Vary"), a.header.Get("X-Request-Id"))
		}
	}
	proxied := newWorld(t, func(c *web.Config) { c.PublicURL = "https://harken.example.com" })
	if got := proxied.browser().get("/healthz").header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("behind TLS: HSTS got %q, want one year", got)
	}
}

// TestHost keeps foreign names away: a page of theirs must not become ours by a change in DNS.
func TestHost(t *testing.T) {
	w := newWorld(t, func(c *web.Config) {
		c.PublicURL = "https://harken.example.com"
		c.Hosts = []string{"other.example.com"}
	})
	for host, want := range map[string]int{
		"": http.StatusOK, "localhost:8080": http.StatusOK, "harken.localhost": http.StatusOK, "[::1]:9": http.StatusOK,
		"harken.example.com": http.StatusOK, "HARKEN.example.com:443": http.StatusOK, "harken.example.com.": http.StatusOK,
		"other.example.com": http.StatusOK, "evil.example": http.StatusMisdirectedRequest, "10.0.0.1": http.StatusMisdirectedRequest,
		"localhost.evil.example": http.StatusMisdirectedRequest,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base+"/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		res, err := w.browser().http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("Host %q: got %d, want %d", host, res.StatusCode, want)
		}
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	b := w.browser().demo(ssf.RoleAdmin)
	token := b.session().CSRF
	fresh := w.browser()
	form := fresh.token("/login")
	many := url.Values{"csrf": {token}, "to": {"new"}}
	for range 120 {
		many.Add("id", "1")
	}
	big := func(n int) url.Values { return url.Values{"csrf": {form}, "name": {strings.Repeat("a", n)}} }
	for _, c := range []struct {
		name string
		do   func() answer
		want int
	}{
		{"too many fields", func() answer { return b.post("/events/triage", many) }, http.StatusRequestEntityTooLarge},
		{"a body over 1 MiB", func() answer { return b.post("/theme", url.Values{"csrf": {token}, "x": {strings.Repeat("a", 1<<20)}}) }, http.StatusRequestEntityTooLarge},
		{"a sign-in over 64 KiB", func() answer { return fresh.post("/login", big(64<<10)) }, http.StatusRequestEntityTooLarge},
		{"a sign-in below 64 KiB", func() answer { return fresh.post("/login", big(60<<10)) }, http.StatusUnauthorized},
		{"a form with files", func() answer { return b.do("POST", "/theme", "multipart/form-data; boundary=x", "--x--") }, http.StatusUnsupportedMediaType},
		{"an API body over 1 MiB", func() answer {
			b.header.Set("X-CSRF-Token", token)
			return b.do("POST", "/api/v1/runs", "application/json", `{"kind":"`+strings.Repeat("a", 1<<20)+`"}`)
		}, http.StatusRequestEntityTooLarge},
	} {
		if a := c.do(); a.code != c.want {
			t.Errorf("%s: got %d, want %d: %.100s", c.name, a.code, c.want, a.body)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("a", 40<<10))
	res, err := w.browser().http.Do(req)
	if err == nil { // the connection may be cut before the answer is read
		res.Body.Close()
	}
	if err == nil && res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header over 16 KiB: got %d, want 431 or a cut connection", res.StatusCode)
	}
}

// TestCallersAddress believes listed proxies only, and only their last word.
func TestCallersAddress(t *testing.T) {
	for _, c := range []struct{ name, trusted, forwarded, want string }{
		{"no proxy listed", "", "203.0.113.9", "127.0.0.1"},
		{"a listed proxy", "127.0.0.0/8", "203.0.113.9", "203.0.113.9"},
		{"what the caller adds", "127.0.0.0/8", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"two listed proxies", "127.0.0.0/8", "203.0.113.9, 127.0.0.7", "203.0.113.9"},
		{"no address", "127.0.0.0/8", "203.0.113.9, nonsense", "127.0.0.1"},
		{"another proxy", "10.0.0.0/8", "203.0.113.9", "127.0.0.1"},
	} {
		w := newWorld(t, func(cfg *web.Config) {
			if c.trusted != "" {
				cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(c.trusted)}
			}
		})
		b := w.browser()
		b.header.Set("X-Forwarded-For", c.forwarded)
		b.demo(ssf.RoleAdmin)
		if got := b.session().Address; got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
