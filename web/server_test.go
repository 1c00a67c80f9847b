package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"harken/respond"
	"harken/respond/respondtest"
	"harken/ssf"
	"harken/store/storetest"
	"harken/web"
)

// machinery is a scheduler that stands still.
type machinery struct {
	jobs      []ssf.JobStatus
	triggered []ssf.JobID
}

func (m *machinery) Statuses() []ssf.JobStatus { return m.jobs }

func (m *machinery) Trigger(id ssf.JobID) error {
	for _, j := range m.jobs {
		if j.ID == id {
			m.triggered = append(m.triggered, id)
			return nil
		}
	}
	return ssf.ErrNotFound
}

// hanging is the real responder, whose systems can stop answering.
type hanging struct {
	web.Responder
	on atomic.Bool
}

func (h *hanging) Preview(ctx context.Context, who ssf.Actor, r respond.PreviewRequest) (respond.Preview, error) {
	if h.on.Load() {
		<-ctx.Done()
		return respond.Preview{}, fmt.Errorf("preview: %w", ctx.Err())
	}
	return h.Responder.Preview(ctx, who, r)
}

// world is a server on a real listener over a real store.
type world struct {
	t         *testing.T
	db        storetest.Engine
	clock     *storetest.Clock
	now       func() time.Time
	server    *web.Server
	responder *respond.Service
	hang      *hanging
	crm       *respondtest.CRM
	// people are the accounts of the directory, once configured.
	people    []ssf.AccountChange
	machinery *machinery
	base      string
	stop      context.CancelFunc
}

// start is when every test begins.
var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// realTime is for tests in which a worker waits: the store and the server see the machine's clock.
func realTime(c *web.Config) { c.Now = time.Now }

func newWorld(t *testing.T, change ...func(*web.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: storetest.NewClock(start), machinery: &machinery{jobs: []ssf.JobStatus{
		{ID: "poll:idp", Schedule: "@every 10s", State: ssf.JobOK, Last: ssf.JobRun{Job: "poll:idp", Started: start, OK: true}},
	}}}
	w.now = w.clock.Now
	cfg := web.Config{Now: w.now, Version: "test", Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Demo: &web.DemoConfig{}}
	for _, f := range change {
		f(&cfg)
	}
	w.now = cfg.Now
	w.db = storetest.Open(t, storetest.WithNow(w.now), storetest.WithSecrets(map[ssf.SecretRef]string{"${env:CRM_TOKEN}": crmToken}))
	var err error
	if w.crm, err = respondtest.New(respondtest.Config{Token: crmToken}); err != nil {
		t.Fatal(err)
	}
	if w.responder, err = respond.New(respond.Config{Now: w.now, Outbound: outboundTo(w.crm)}, w.db); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.responder.Close)
	w.hang = &hanging{Responder: w.responder}
	if w.server, err = web.New(cfg, web.Parts{Store: w.db, Responder: w.hang, Machinery: w.machinery}); err != nil {
		t.Fatal(err)
	}
	w.serve()
	return w
}

// serve runs the server until the test ends.
func (w *world) serve() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.server.Run(ctx, ln) }()
	w.stop = func() {
		cancel()
		select {
		case err, open := <-done:
			if open && err != nil {
				w.t.Errorf("run: got %v, want a clean stop", err)
			}
			if open {
				close(done)
			}
		case <-time.After(10 * time.Second):
			w.t.Error("the server did not stop")
		}
	}
	w.t.Cleanup(func() { w.stop() })
	w.base = "http://" + ln.Addr().String()
}

// browser is a client with cookies. Its jar is told that the server is encrypted: Secure cookies are kept on loopback, as
// browsers do.
type browser struct {
	w    *world
	http *http.Client
	// header is added to each request.
	header http.Header
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w: w, header: http.Header{}, http: &http.Client{
		Jar: secureJar{jar}, Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// secureJar treats plain loopback as a secure context.
type secureJar struct{ http.CookieJar }

func (j secureJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(secure(u), cookies)
}
func (j secureJar) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(secure(u)) }

func secure(u *url.URL) *url.URL {
	c := *u
	c.Scheme = "https"
	return &c
}

// answer is what came back.
type answer struct {
	code   int
	header http.Header
	body   string
}

func (b *browser) do(method, path, kind, body string) answer {
	b.w.t.Helper()
	req, err := http.NewRequestWithContext(b.w.t.Context(), method, b.w.base+path, strings.NewReader(body))
	if err != nil {
		b.w.t.Fatal(err)
	}
	for k, v := range b.header {
		req.Header[k] = v
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := b.http.Do(req)
	if err != nil {
		b.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		b.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{code: res.StatusCode, header: res.Header, body: string(data)}
}

func (b *browser) get(path string) answer { b.w.t.Helper(); return b.do(http.MethodGet, path, "", "") }

func (b *browser) post(path string, form url.Values) answer {
	b.w.t.Helper()
	return b.do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

var tokenField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// token reads the form token of a page.
func (b *browser) token(page string) string {
	b.w.t.Helper()
	a := b.get(page)
	m := tokenField.FindStringSubmatch(a.body)
	if m == nil {
		b.w.t.Fatalf("GET %s: %d without a form token: %.300s", page, a.code, a.body)
	}
	return m[1]
}

// demo signs in with one click.
func (b *browser) demo(role ssf.Role) *browser {
	b.w.t.Helper()
	a := b.post("/login/demo", url.Values{"csrf": {b.token("/login")}, "role": {string(role)}})
	if a.code != http.StatusSeeOther || a.header.Get("Location") != "/" {
		b.w.t.Fatalf("demo sign-in: got %d to %q, want 303 to /: %.300s", a.code, a.header.Get("Location"), a.body)
	}
	return b
}

func TestPagesRender(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for _, role := range []ssf.Role{ssf.RoleResponder, ssf.RoleAdmin} {
		b = w.browser().demo(role)
		for _, path := range []string{"/", "/?tab=all", "/?tab=closed&sev=high&type=session-revoked", "/identities", "/identities?q=x", "/status", "/settings", "/inbox/pill?after=0", "/status/body"} {
			if a := b.get(path); a.code != http.StatusOK || !strings.Contains(a.body, "<") {
				t.Errorf("GET %s as %s: got %d, want 200: %.200s", path, role, a.code, a.body)
			}
		}
	}
	if a := b.get("/events/999"); a.code != http.StatusNotFound || !strings.Contains(a.body, "<main") {
		t.Errorf("unknown event: got %d, want the 404 page: %.200s", a.code, a.body)
	}
	if a := b.get("/nowhere"); a.code != http.StatusNotFound {
		t.Errorf("unknown address: got %d, want 404", a.code)
	}
}

// cookie returns a cookie's value, "" when there is none.
func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.w.base)
	if err != nil {
		b.w.t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// session is the browser's session as the store has it.
func (b *browser) session() ssf.Session {
	b.w.t.Helper()
	sum := sha256.Sum256([]byte(b.cookie("__Host-harken")))
	s, err := b.w.db.SessionByHash(b.w.t.Context(), hex.EncodeToString(sum[:]))
	if err != nil {
		b.w.t.Fatalf("the browser's session: %v", err)
	}
	return s
}
