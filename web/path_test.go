package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"harken/respond/respondtest"
	"harken/ssf"
	"harken/web"
)

func field(t *testing.T, body, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no field %s in %.400s", name, body)
	}
	return m[1]
}

func withoutHold(c *web.Config) { c.UndoHold = -1 }

// TestEndAllSessionsByPlainForms is the main job without any script: see the event, open it, end all sessions.
func TestEndAllSessionsByPlainForms(t *testing.T) {
	w := newWorld(t, realTime, withoutHold)
	w.configure()
	w.work()
	id, account := w.person(respondtest.BusyEmail)
	seq := w.event(id, "one")
	b := w.browser().demo(ssf.RoleResponder)

	list := b.get("/")
	if !strings.Contains(list.body, `href="/events/`+seq.String()+`"`) {
		t.Fatalf("inbox: got no link to event %s: %.500s", seq, list.body)
	}
	page := b.get("/events/" + seq.String())
	for _, want := range []string{"Respond to", "Amara Okafor", "End all sessions", "Acme CRM"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("event page: got no %q", want)
		}
	}
	if n := len(w.crm.Sessions(account)); n == 0 {
		t.Fatal("the person has no session to end")
	}
	a := b.post("/events/"+seq.String()+"/respond", url.Values{
		"csrf": {field(t, page.body, "csrf")}, "intent": {field(t, page.body, "intent")}, "kind": {"terminate_sessions"}, "reason": {"leak"},
	})
	if a.code != http.StatusSeeOther || a.header.Get("Location") != "/events/"+seq.String() {
		t.Fatalf("respond: got %d to %q, want 303 back to the event: %.400s", a.code, a.header.Get("Location"), a.body)
	}
	w.await(ssf.RunFilter{Event: seq}, ssf.RunConfirmed)
	if n := len(w.crm.Sessions(account)); n != 0 {
		t.Errorf("sessions left: got %d, want 0", n)
	}
	if acc, err := w.crm.Account(account); err != nil || !acc.Enabled {
		t.Errorf("account: got %+v, %v, want it enabled still", acc, err)
	}
	page = b.get("/events/" + seq.String())
	for _, want := range []string{"Confirmed", "0 sessions left", "recorded for 1 account"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("event page afterwards: got no %q", want)
		}
	}
	if again := b.get("/events/" + seq.String()); strings.Contains(again.body, "recorded for 1 account") {
		t.Error("the message of the form is shown twice")
	}
}

// TestDisableAsksForThePassword goes through the step-up by plain forms; one click proves it in the demo.
func TestDisableAsksForThePassword(t *testing.T) {
	w := newWorld(t, withoutHold)
	w.configure()
	id, _ := w.person(respondtest.BusyEmail)
	seq := w.event(id, "one")
	b := w.browser().demo(ssf.RoleResponder)
	w.clock.Advance(6 * time.Minute)
	path := "/events/" + seq.String() + "/respond"
	form := url.Values{"csrf": {b.token("/events/" + seq.String())}, "intent": {""}, "kind": {"disable_and_terminate"}}
	before := b.cookie("__Host-harken")
	ask := b.post(path, form)
	if ask.code != http.StatusForbidden || !strings.Contains(ask.body, `action="`+path+`"`) || !strings.Contains(ask.body, `value="disable_and_terminate"`) {
		t.Fatalf("disable with an old sign-in: got %d, want the question with the form's fields: %.400s", ask.code, ask.body)
	}
	if runs, err := w.db.Runs(t.Context(), ssf.RunFilter{}, ssf.PageRequest{}); err != nil || len(runs.Items) != 0 {
		t.Fatalf("runs before the answer: got %d, %v, want none", len(runs.Items), err)
	}
	form.Set("step_up_password", "demo")
	if a := b.post(path, form); a.code != http.StatusSeeOther {
		t.Fatalf("disable after the answer: got %d, want 303: %.400s", a.code, a.body)
	}
	runs, err := w.db.Runs(t.Context(), ssf.RunFilter{Event: seq}, ssf.PageRequest{})
	if err != nil || len(runs.Items) != 1 || runs.Items[0].Kind != ssf.KindDisableAndTerminate {
		t.Errorf("runs: got %+v, %v, want one disable_and_terminate", runs.Items, err)
	}
	if after := b.cookie("__Host-harken"); after == before {
		t.Error("the session kept its token over a step-up")
	}
	if a := b.get("/settings"); a.code != http.StatusOK {
		t.Errorf("after the step-up: got %d, want the session to live on", a.code)
	}
}

// TestUndoAndSend uses the seconds between the click and the call.
func TestUndoAndSend(t *testing.T) {
	w := newWorld(t)
	w.configure()
	id, _ := w.person(respondtest.BusyEmail)
	b := w.browser().demo(ssf.RoleResponder)
	b.header.Set("HX-Request", "true")
	b.header.Set("HX-Request-Type", "partial")
	for _, c := range []struct {
		name, path string
		want       ssf.RunState
	}{{"undo", "/runs/undo", ssf.RunCancelled}, {"send now", "/runs/send", ssf.RunPending}} {
		t.Run(c.name, func(t *testing.T) {
			seq := w.event(id, c.name)
			token := b.session().CSRF
			a := b.post("/events/"+seq.String()+"/respond", url.Values{"csrf": {token}, "kind": {"terminate_sessions"}})
			if a.code != http.StatusOK || !strings.Contains(a.body, `id="undo"`) || !strings.Contains(a.body, "sends in") {
				t.Fatalf("respond by htmx: got %d, want the bar with the seconds left: %.600s", a.code, a.body)
			}
			run := field(t, a.body, "run")
			if a := b.post(c.path, url.Values{"csrf": {token}, "run": {run}, "back": {"/events/" + seq.String()}}); a.code != http.StatusOK {
				t.Fatalf("%s: got %d: %.300s", c.path, a.code, a.body)
			}
			got, err := w.db.Run(t.Context(), ssf.RunID(run))
			if err != nil || got.State != c.want {
				t.Errorf("run: got %s, %v, want %s", got.State, err, c.want)
			}
			if c.want == ssf.RunPending && got.NotBefore.After(w.now()) {
				t.Errorf("run: still waits until %s", got.NotBefore)
			}
		})
	}
}

// TestPrivilegedIsArmedByName wants the name before an action on somebody powerful.
func TestPrivilegedIsArmedByName(t *testing.T) {
	w := newWorld(t)
	w.configure()
	id, _ := w.person(respondtest.PrivilegedEmail)
	b := w.browser().demo(ssf.RoleResponder)
	path := "/identities/" + string(id)
	page := b.get(path)
	form := url.Values{"csrf": {field(t, page.body, "csrf")}, "intent": {field(t, page.body, "intent")}, "kind": {"terminate_sessions"}}
	b.header.Set("Referer", w.base+path)
	if a := b.post(path+"/respond", form); a.code != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="problem-back" href="`+path+`"`) {
		t.Errorf("without the name: got %d, want 422 and the way back", a.code)
	}
	form.Set("confirm", "priya  raman")
	if a := b.post(path+"/respond", form); a.code != http.StatusSeeOther {
		t.Errorf("with the name: got %d, want 303: %.300s", a.code, a.body)
	}
	form.Set("confirm", "Priya Raman")
	if a := b.post(path+"/respond", form); a.code != http.StatusSeeOther {
		t.Errorf("the same form again: got %d, want 303", a.code)
	}
	if runs, err := w.db.Runs(t.Context(), ssf.RunFilter{Identity: id}, ssf.PageRequest{}); err != nil || len(runs.Items) != 1 {
		t.Errorf("runs after a double click: got %d, %v, want 1", len(runs.Items), err)
	}
}

func TestTriage(t *testing.T) {
	w := newWorld(t)
	w.configure()
	one, two := w.event("", "one"), w.event("", "two")
	b := w.browser().demo(ssf.RoleResponder)
	token := b.token("/")
	back := "/?sev=medium"
	a := b.post("/events/triage", url.Values{"csrf": {token}, "id": {one.String(), two.String()}, "to": {"closed"}, "reason": {"expected"}, "note": {"known"}, "back": {back}})
	if a.code != http.StatusSeeOther || a.header.Get("Location") != back {
		t.Fatalf("bulk close: got %d to %q, want 303 to %s: %.300s", a.code, a.header.Get("Location"), back, a.body)
	}
	for _, seq := range []ssf.Seq{one, two} {
		v, err := w.db.EventView(t.Context(), seq)
		if err != nil || v.State.Triage != ssf.TriageClosed || v.State.CloseReason != ssf.CloseExpected || v.State.Note != "known" || v.State.Open {
			t.Errorf("event %s: got %+v, %v, want closed as expected", seq, v.State, err)
		}
	}
	b.header.Set("HX-Request", "true")
	b.header.Set("HX-Request-Type", "partial")
	a = b.post("/events/triage", url.Values{"csrf": {token}, "id": {one.String()}, "to": {"new"}, "reason": {"handled"}, "back": {"/events/" + one.String()}})
	for _, want := range []string{`hx-target="#ev-` + one.String() + `"`, `hx-target="#open-count"`, `hx-target="#ev-head"`, `hx-target="#toasts"`} {
		if a.code != http.StatusOK || !strings.Contains(a.body, want) {
			t.Errorf("open again by htmx: got %d without %s: %.300s", a.code, want, a.body)
		}
	}
	if a := b.post("/events/triage", url.Values{"csrf": {token}, "id": {one.String()}, "to": {"closed"}}); a.code != http.StatusUnprocessableEntity ||
		a.header.Get("HX-Retarget") != "#toasts" {
		t.Errorf("closing without a reason: got %d to %q, want 422 as a toast", a.code, a.header.Get("HX-Retarget"))
	}
}

// TestEndOneSession ends one session from the list of sessions, without scripts.
func TestEndOneSession(t *testing.T) {
	w := newWorld(t, realTime, withoutHold)
	w.configure()
	w.work()
	id, account := w.person(respondtest.BusyEmail)
	b := w.browser().demo(ssf.RoleResponder)
	page := b.get("/identities/" + string(id) + "/sessions")
	before := w.crm.Sessions(account)
	victim := field(t, page.body, "session")
	form := url.Values{"kind": {"terminate_session"}, "session": {victim}}
	for _, name := range []string{"csrf", "connector", "account"} {
		form.Set(name, field(t, page.body, name))
	}
	form.Set("intent", "one-session")
	if a := b.post("/identities/"+string(id)+"/respond", form); a.code != http.StatusSeeOther {
		t.Fatalf("end one session: got %d, want 303: %.400s", a.code, a.body)
	}
	w.await(ssf.RunFilter{Identity: id}, ssf.RunConfirmed)
	after := w.crm.Sessions(account)
	if len(after) != len(before)-1 {
		t.Errorf("sessions: got %d of %d, want one fewer", len(after), len(before))
	}
	for _, s := range after {
		if s.ID == victim {
			t.Error("the session is still open")
		}
	}
}

// TestIdentityPanelIsRenewed asks twice from one page by htmx: the second is an action of its own.
func TestIdentityPanelIsRenewed(t *testing.T) {
	w := newWorld(t)
	w.configure()
	id, _ := w.person(respondtest.BusyEmail)
	b := w.browser().demo(ssf.RoleResponder)
	path := "/identities/" + string(id)
	page := b.get(path)
	first := field(t, page.body, "intent")
	b.header = http.Header{"Hx-Request": {"true"}, "Hx-Request-Type": {"partial"}}
	a := b.post(path+"/respond", url.Values{"csrf": {field(t, page.body, "csrf")}, "intent": {first}, "kind": {"terminate_sessions"}})
	if a.code != http.StatusOK || !strings.Contains(a.body, `hx-target="#respond"`) || !strings.Contains(a.body, `hx-target="#runs"`) {
		t.Fatalf("respond: got %d, want the panel and the runs: %.300s", a.code, a.body)
	}
	if second := field(t, a.body, "intent"); second == first || second == "" {
		t.Errorf("intent: got %q after %q, want a fresh one", second, first)
	}
}
