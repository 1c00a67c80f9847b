package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"harken/ssf"
)

// TestSessionEnds holds each way in which a session ends by itself.
func TestSessionEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		role ssf.Role
		// steps are the waits before each request; live marks requests that live updates cause.
		steps []time.Duration
		live  bool
		want  int
	}{
		{"viewer idle under 30 min", ssf.RoleViewer, []time.Duration{29 * time.Minute}, false, http.StatusOK},
		{"viewer idle for 30 min", ssf.RoleViewer, []time.Duration{30 * time.Minute}, false, http.StatusSeeOther},
		{"responder idle under 15 min", ssf.RoleResponder, []time.Duration{14 * time.Minute}, false, http.StatusOK},
		{"responder idle for 15 min", ssf.RoleResponder, []time.Duration{15 * time.Minute}, false, http.StatusSeeOther},
		{"admin idle for 15 min", ssf.RoleAdmin, []time.Duration{15 * time.Minute}, false, http.StatusSeeOther},
		{"use keeps it alive", ssf.RoleAdmin, []time.Duration{10 * time.Minute, 10 * time.Minute, 10 * time.Minute}, false, http.StatusOK},
		{"live updates do not", ssf.RoleAdmin, []time.Duration{10 * time.Minute, 4 * time.Minute, 4 * time.Minute}, true, http.StatusSeeOther},
		{"the clock jumps back", ssf.RoleAdmin, []time.Duration{-10 * time.Minute}, false, http.StatusSeeOther},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.signIn(c.role)
			for i, step := range c.steps {
				w.clock.Advance(step)
				if c.live && i < len(c.steps)-1 {
					b.header.Set("X-Harken-Live", "1")
					b.get("/status")
					b.get("/inbox/pill?after=0")
					b.header.Del("X-Harken-Live")
					continue
				}
				a := b.get("/status")
				if i < len(c.steps)-1 && a.code != http.StatusOK {
					t.Fatalf("step %d: got %d, want 200", i, a.code)
				}
				if i == len(c.steps)-1 && a.code != c.want {
					t.Errorf("got %d, want %d", a.code, c.want)
				}
			}
		})
	}
}

func TestSessionEndsAfterTwelveHours(t *testing.T) {
	w := newWorld(t)
	b := w.signIn(ssf.RoleViewer)
	for range 35 {
		w.clock.Advance(20 * time.Minute)
		if a := b.get("/status"); a.code != http.StatusOK {
			t.Fatalf("at %s: got %d, want 200", w.now().Sub(start), a.code)
		}
	}
	w.clock.Advance(20 * time.Minute)
	if a := b.get("/status"); a.code != http.StatusSeeOther {
		t.Errorf("after 12 h: got %d, want the sign-in page", a.code)
	}
}

// TestEndedSessionsAreRefusedAtOnce ends a session in the store, disables a user and takes a role away.
func TestEndedSessionsAreRefusedAtOnce(t *testing.T) {
	w := newWorld(t)
	b := w.signIn(ssf.RoleResponder)
	u, err := w.db.UserByName(t.Context(), "responder")
	if err != nil {
		t.Fatal(err)
	}
	u.Role = ssf.RoleViewer
	if err := w.db.PutUser(t.Context(), ssf.System("test"), u); err != nil {
		t.Fatal(err)
	}
	if a := b.post("/status/run", url.Values{"csrf": {b.session().CSRF}, "job": {"poll:idp"}}); a.code != http.StatusForbidden {
		t.Errorf("after the role was taken away: got %d, want 403", a.code)
	}
	b.header = http.Header{"Hx-Request": {"true"}, "Hx-Request-Type": {"partial"}}
	if err := w.db.DeleteSession(t.Context(), ssf.System("test"), b.session().Handle); err != nil {
		t.Fatal(err)
	}
	b.header.Set("HX-Current-URL", w.base+"/events/5?x=1")
	a := b.get("/inbox/pill?after=0")
	if a.code != http.StatusUnauthorized || a.header.Get("HX-Redirect") != "/login?next=%2Fevents%2F5%3Fx%3D1" {
		t.Errorf("htmx without a session: got %d to %q, want 401 and the sign-in page", a.code, a.header.Get("HX-Redirect"))
	}
	if a := b.do("GET", "/api/v1/me", "", ""); a.code != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") {
		t.Errorf("API without a session: got %d as %s, want 401 as a problem", a.code, a.header.Get("Content-Type"))
	}
}

func TestSettings(t *testing.T) {
	w := newWorld(t)
	b, other := w.signIn(ssf.RoleResponder), w.browser()
	if a := other.login("responder", goodPassword); a.code != http.StatusSeeOther {
		t.Fatalf("second sign-in: got %d", a.code)
	}
	token := b.token("/settings")
	make := func(form url.Values) answer {
		form.Set("csrf", token)
		return b.post("/settings/tokens", form)
	}
	if a := make(url.Values{"name": {"siem"}, "role": {"admin"}, "days": {"30"}}); a.code != http.StatusUnprocessableEntity {
		t.Errorf("token above one's own role: got %d, want 422", a.code)
	}
	if a := make(url.Values{"name": {""}, "role": {"viewer"}, "days": {"400"}}); a.code != http.StatusUnprocessableEntity {
		t.Errorf("token without name for 400 days: got %d, want 422", a.code)
	}
	a := make(url.Values{"name": {"siem"}, "role": {"viewer"}, "days": {"30"}})
	i := strings.Index(a.body, "harken_")
	if a.code != http.StatusCreated || i < 0 {
		t.Fatalf("token: got %d, want 201 with its secret: %.300s", a.code, a.body)
	}
	secret := a.body[i : i+len("harken_")+43]
	if strings.Contains(b.get("/settings").body, secret) {
		t.Error("the token's secret is shown twice")
	}
	script := w.browser()
	script.header.Set("Authorization", "Bearer "+secret)
	if a := script.get("/api/v1/me"); a.code != http.StatusOK || !strings.Contains(a.body, `"role":"viewer"`) {
		t.Errorf("with the token: got %d %s, want 200 as viewer", a.code, a.body)
	}
	if a := script.get("/settings"); a.code != http.StatusSeeOther {
		t.Errorf("a page with the token: got %d, want the sign-in page", a.code)
	}
	tokens, err := w.db.Tokens(t.Context(), "u-responder")
	if err != nil || len(tokens) != 1 {
		t.Fatalf("tokens: got %d, %v, want 1", len(tokens), err)
	}
	w.clock.Advance(6 * time.Minute)
	if a := make(url.Values{"name": {"late"}, "role": {"viewer"}, "days": {"30"}}); a.code != http.StatusForbidden || !strings.Contains(a.body, "step_up_password") {
		t.Errorf("token with an old sign-in: got %d, want the password asked for", a.code)
	}
	if a := make(url.Values{"name": {"late"}, "role": {"viewer"}, "days": {"30"}, "step_up_password": {"wrong"}}); a.code != http.StatusUnprocessableEntity {
		t.Errorf("token with a wrong password: got %d, want 422", a.code)
	}
	if a := make(url.Values{"name": {"late"}, "role": {"viewer"}, "days": {"30"}, "step_up_password": {goodPassword}}); a.code != http.StatusCreated {
		t.Errorf("token with the password: got %d, want 201", a.code)
	}
	if a := b.post("/settings/tokens/revoke", url.Values{"csrf": {token}, "token": {string(tokens[0].ID)}}); a.code != http.StatusSeeOther {
		t.Errorf("revoke: got %d, want 303", a.code)
	}
	if a := script.get("/api/v1/me"); a.code != http.StatusUnauthorized {
		t.Errorf("with the revoked token: got %d, want 401", a.code)
	}
	if a := b.post("/settings/sessions/end", url.Values{"csrf": {token}, "session": {"others"}}); a.code != http.StatusSeeOther {
		t.Errorf("end others: got %d, want 303", a.code)
	}
	if a := other.get("/"); a.code != http.StatusSeeOther {
		t.Errorf("the other session: got %d, want the sign-in page", a.code)
	}
	if a := b.get("/settings"); a.code != http.StatusOK {
		t.Errorf("this session: got %d, want 200", a.code)
	}
}

// TestOthersSessionsAreOutOfReach tries to end somebody else's session and token.
func TestOthersSessionsAreOutOfReach(t *testing.T) {
	w := newWorld(t)
	victim, thief := w.signIn(ssf.RoleAdmin), w.signIn(ssf.RoleViewer)
	a := thief.post("/settings/sessions/end", url.Values{"csrf": {thief.session().CSRF}, "session": {string(victim.session().Handle)}})
	if a.code != http.StatusSeeOther {
		t.Errorf("got %d, want 303: whether it exists is not told", a.code)
	}
	if a := victim.get("/settings"); a.code != http.StatusOK {
		t.Errorf("the other's session: got %d, want it untouched", a.code)
	}
}
