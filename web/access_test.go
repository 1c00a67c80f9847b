package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"harken/ssf"
	"harken/web"
)

const goodPassword = "seven green bicycles ride"

// user stores a user with goodPassword, made by the setup form's own way where the role is admin.
func (w *world) user(name string, role ssf.Role) ssf.User {
	w.t.Helper()
	u := ssf.User{ID: ssf.UserID("u-" + name), Name: name, Role: role, CreatedAt: w.now(), PasswordHash: cheapHash}
	if err := w.db.PutUser(w.t.Context(), ssf.System("test"), u); err != nil {
		w.t.Fatal(err)
	}
	return u
}

// cheapHash is goodPassword with small parameters, as an older version may have stored it: it must be renewed at sign-in.
var cheapHash = web.HashWith(goodPassword, 64, 1, 1)

// signIn signs in by password, as a user named after the role.
func (w *world) signIn(role ssf.Role) *browser {
	w.t.Helper()
	w.user(string(role), role)
	b := w.browser()
	if a := b.login(string(role), goodPassword); a.code != http.StatusSeeOther {
		w.t.Fatalf("sign-in as %s: got %d, want 303: %.300s", role, a.code, a.body)
	}
	return b
}

func (b *browser) login(name, password string) answer {
	b.w.t.Helper()
	return b.post("/login", url.Values{"csrf": {b.token("/login")}, "name": {name}, "password": {password}, "next": {"/status"}})
}

func noDemo(c *web.Config) { c.Demo = nil }

func TestFirstAdmin(t *testing.T) {
	w := newWorld(t, noDemo)
	code, err := w.server.NewSetupCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(code) < 43 {
		t.Errorf("code: got %d characters, want 256 bits", len(code))
	}
	b := w.browser()
	if a := b.get("/login"); !strings.Contains(a.body, `href="/setup"`) {
		t.Errorf("sign-in page without an administrator: got no way to the setup: %.300s", a.body)
	}
	form := func(code, password, again string) url.Values {
		return url.Values{"csrf": {b.token("/setup")}, "code": {code}, "name": {"Root"}, "password": {password}, "again": {again}}
	}
	for name, f := range map[string]url.Values{
		"wrong code":     form("x"+code[1:], goodPassword, goodPassword),
		"short password": form(code, "fourteen chars", "fourteen chars"),
		"not repeated":   form(code, goodPassword, goodPassword+"x"),
		"poor password":  form(code, "aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa"),
	} {
		if a := b.post("/setup", f); a.code != http.StatusUnprocessableEntity || strings.Contains(a.body, f.Get("password")) {
			t.Errorf("%s: got %d, want 422 with the form, without the password", name, a.code)
		}
	}
	if a := b.post("/setup", form(code, goodPassword, goodPassword)); a.code != http.StatusSeeOther || a.header.Get("Location") != "/" {
		t.Fatalf("setup: got %d to %q, want 303 to /: %.300s", a.code, a.header.Get("Location"), a.body)
	}
	if s := b.session(); s.Role != ssf.RoleAdmin || s.Name != "Root" {
		t.Errorf("session: got %s %s, want Root as admin", s.Name, s.Role)
	}
	if a := w.browser().get("/setup"); a.code != http.StatusSeeOther || a.header.Get("Location") != "/login" {
		t.Errorf("setup afterwards: got %d to %q, want the sign-in page", a.code, a.header.Get("Location"))
	}
	if _, err := w.server.NewSetupCode(t.Context()); err == nil {
		t.Error("a new code with an administrator: got none refused")
	}
	u, err := w.db.UserByName(t.Context(), "Root")
	if err != nil || !strings.HasPrefix(u.PasswordHash, "$argon2id$v=19$m=65536,t=3,p=2$") {
		t.Errorf("hash: got %.40q, %v, want argon2id with 64 MiB, t=3, p=2", u.PasswordHash, err)
	}
}

func TestSetupCodeRunsOut(t *testing.T) {
	w := newWorld(t, noDemo)
	old, err := w.server.NewSetupCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	code, err := w.server.NewSetupCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	try := func(code string) int {
		return b.post("/setup", url.Values{"csrf": {b.token("/setup")}, "code": {code}, "name": {"Root"}, "password": {goodPassword}, "again": {goodPassword}}).code
	}
	if got := try(old); got != http.StatusUnprocessableEntity {
		t.Errorf("replaced code: got %d, want 422", got)
	}
	w.clock.Advance(30*time.Minute + time.Second)
	if got := try(code); got != http.StatusUnprocessableEntity {
		t.Errorf("code after 30 minutes: got %d, want 422", got)
	}
}

func TestSignIn(t *testing.T) {
	w := newWorld(t, noDemo)
	w.user("root", ssf.RoleAdmin)
	w.user("cleo", ssf.RoleResponder)
	b := w.browser()
	first := b.token("/login")
	a := b.login("cleo", goodPassword)
	if a.code != http.StatusSeeOther || a.header.Get("Location") != "/status" {
		t.Fatalf("sign-in: got %d to %q, want 303 to the page asked for", a.code, a.header.Get("Location"))
	}
	set := strings.Join(a.header.Values("Set-Cookie"), "\n")
	for _, want := range []string{"__Host-harken=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(set, want) {
			t.Errorf("cookie: got %q without %s", set, want)
		}
	}
	if strings.Contains(set, "Domain") {
		t.Errorf("cookie: got a domain in %q", set)
	}
	if a := w.browser().post("/login/demo", url.Values{"role": {"admin"}}); a.code != http.StatusNotFound && a.code != http.StatusForbidden {
		t.Errorf("demo sign-in outside the demo: got %d, want nothing there", a.code)
	}
	if u, err := w.db.UserByName(t.Context(), "cleo"); err != nil || !strings.Contains(u.PasswordHash, "m=65536,t=3,p=2") {
		t.Errorf("hash after sign-in: got %.40q, %v, want today's parameters", u.PasswordHash, err)
	}
	token := b.cookie("__Host-harken")
	if dump, err := w.db.Sessions(t.Context(), "u-cleo"); err != nil || len(dump) != 1 || strings.Contains(fmt.Sprintf("%+v", dump), token) {
		t.Errorf("sessions: got %+v, %v, want one without its secret", dump, err)
	}
	if a := b.post("/theme", url.Values{"csrf": {first}}); a.code != http.StatusForbidden {
		t.Errorf("token from before the sign-in: got %d, want 403", a.code)
	}
	if a := b.login2("cleo", goodPassword, first); a.code != http.StatusForbidden {
		t.Errorf("sign-in form of another time: got %d, want 403", a.code)
	}
	b.get("/login") // leads on; a second sign-in from another tab of the old form is not possible any more
	b.post("/logout", url.Values{"csrf": {b.session().CSRF}})
	if a := b.get("/"); a.code != http.StatusSeeOther || a.header.Get("Location") != "/login?next=%2F" {
		t.Errorf("after signing out: got %d to %q, want the sign-in page", a.code, a.header.Get("Location"))
	}
	if left, err := w.db.Sessions(t.Context(), "u-cleo"); err != nil || len(left) != 0 {
		t.Errorf("sessions after signing out: got %d, %v, want 0", len(left), err)
	}
}

// login2 posts the form with a token of one's own.
func (b *browser) login2(name, password, token string) answer {
	b.w.t.Helper()
	return b.post("/login", url.Values{"csrf": {token}, "name": {name}, "password": {password}})
}

// TestSignInFailsAlike gives one answer for everything that can be wrong.
func TestSignInFailsAlike(t *testing.T) {
	w := newWorld(t, noDemo)
	w.user("root", ssf.RoleAdmin)
	w.user("cleo", ssf.RoleResponder)
	gone := w.user("gone", ssf.RoleViewer)
	gone.Disabled = true
	if err := w.db.PutUser(t.Context(), ssf.System("test"), gone); err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	for _, name := range []string{"cleo", "nobody", "gone"} {
		a := w.browser().login(name, "not the right password")
		body := tokenField.ReplaceAllString(strings.ReplaceAll(a.body, name, "NAME"), "")
		if a.code != http.StatusUnauthorized || a.header.Get("Set-Cookie") != "" && strings.Contains(a.header.Get("Set-Cookie"), "__Host-harken=") {
			t.Errorf("%s: got %d, want 401", name, a.code)
		}
		texts[body] = true
	}
	if len(texts) != 1 {
		t.Errorf("answers: got %d different ones, want 1", len(texts))
	}
	entries, err := w.db.Audit(t.Context(), ssf.PageRequest{})
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, e := range entries.Items {
		if e.Action == "session.refused" && e.Result == "refused" {
			refused++
		}
	}
	if refused != 3 {
		t.Errorf("audit: got %d refused sign-ins, want 3", refused)
	}
}

// TestThrottle counts failures by account and by address, doubles the wait, and forgets.
func TestThrottle(t *testing.T) {
	w := newWorld(t, noDemo)
	w.user("root", ssf.RoleAdmin)
	w.user("cleo", ssf.RoleResponder)
	b := w.browser()
	for i := range 5 {
		if a := b.login("cleo", "wrong"); a.code != http.StatusUnauthorized {
			t.Fatalf("try %d: got %d, want 401", i+1, a.code)
		}
	}
	wait := func() time.Duration {
		t.Helper()
		a := b.login("cleo", goodPassword)
		if a.code != http.StatusTooManyRequests {
			t.Fatalf("within the wait: got %d, want 429 even for the right password", a.code)
		}
		d, err := time.ParseDuration(a.header.Get("Retry-After") + "s")
		if err != nil {
			t.Fatalf("Retry-After: %v", err)
		}
		return d
	}
	first := wait()
	if first < time.Second || first > 5*time.Second {
		t.Errorf("first wait: got %s, want some seconds", first)
	}
	if a := b.login("somebody else", "wrong"); a.code != http.StatusTooManyRequests {
		t.Errorf("another name from the same address: got %d, want 429", a.code)
	}
	last := first
	for range 12 {
		w.clock.Advance(last)
		if a := b.login("cleo", "wrong"); a.code != http.StatusUnauthorized {
			t.Fatalf("after the wait: got %d, want 401", a.code)
		}
		next := wait()
		if next < last || next > 15*time.Minute+2*time.Second {
			t.Fatalf("next wait: got %s after %s, want more, at most 15 min", next, last)
		}
		last = next
	}
	if last < 14*time.Minute {
		t.Errorf("longest wait: got %s, want 15 min", last)
	}
	w.clock.Advance(last)
	if a := b.login("cleo", goodPassword); a.code != http.StatusSeeOther {
		t.Errorf("after the wait: got %d, want to be let in: nobody is locked out for good", a.code)
	}
	w.clock.Advance(2 * time.Hour)
	for i := range 5 {
		if a := w.browser().login("cleo", "wrong"); a.code != http.StatusUnauthorized {
			t.Errorf("try %d after two hours: got %d, want 401", i+1, a.code)
		}
	}
}

// TestParallelGuesses get no more chances than guesses in a row.
func TestParallelGuesses(t *testing.T) {
	w := newWorld(t, noDemo)
	w.user("root", ssf.RoleAdmin)
	w.user("cleo", ssf.RoleResponder)
	codes := make(chan int, 30)
	b := w.browser()
	token := b.token("/login")
	for range cap(codes) {
		go func() { codes <- b.login2("cleo", "wrong", token).code }()
	}
	looked := 0
	for range cap(codes) {
		if code := <-codes; code == http.StatusUnauthorized {
			looked++
		}
	}
	if looked > 5 {
		t.Errorf("passwords looked at: got %d of %d, want at most 5", looked, cap(codes))
	}
}
