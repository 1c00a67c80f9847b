package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/respond/respondtest"
	"harken/ssf"
	"harken/ssf/apiv1"
)

// script is a client with the demo's API token.
func (w *world) script() *browser {
	w.t.Helper()
	secret, err := w.server.DemoToken(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	b := w.browser()
	b.header.Set("Authorization", "Bearer "+secret)
	return b
}

func decode[T any](t *testing.T, a answer, code int) (v T) {
	t.Helper()
	if a.code != code || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %s, want %d as application/json: %.300s", a.code, a.header.Get("Content-Type"), code, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &v, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%v in %.300s", err, a.body)
	}
	return v
}

func TestAPIEvents(t *testing.T) {
	w := newWorld(t)
	w.configure()
	id, _ := w.person(respondtest.BusyEmail)
	first, second, third := w.event(id, "one"), w.event("", "two"), w.event(id, "three")
	b := w.script()
	page := decode[apiv1.List[apiv1.Event]](t, b.get("/api/v1/events?limit=2"), 200)
	if len(page.Items) != 2 || page.Items[0].Seq != uint64(third) || page.Next == "" {
		t.Fatalf("first page: got %d items from %d, next %q", len(page.Items), page.Items[0].Seq, page.Next)
	}
	rest := decode[apiv1.List[apiv1.Event]](t, b.get("/api/v1/events?limit=2&cursor="+page.Next), 200)
	if len(rest.Items) != 1 || rest.Items[0].Seq != uint64(first) {
		t.Errorf("second page: got %+v, want event %d alone", rest.Items, first)
	}
	lost := decode[apiv1.List[apiv1.Event]](t, b.get("/api/v1/events?uncorrelated=1&type=session-revoked&sev=medium&tx=idp&tab=open"), 200)
	if len(lost.Items) != 1 || lost.Items[0].Seq != uint64(second) || lost.Items[0].Match.State != "uncorrelated" {
		t.Errorf("filtered: got %+v, want event %d", lost.Items, second)
	}
	one := decode[apiv1.Event](t, b.get("/api/v1/events/"+first.String()), 200)
	if one.Match.Identity != string(id) || one.Match.IdentityName != "Amara Okafor" || one.Severity != "medium" || !one.Open ||
		!strings.Contains(string(one.Subject), `"email":"one@example.com"`) || one.Triage.State != "new" || one.JTI != "one" {
		t.Errorf("event: got %+v", one)
	}
	if raw := decode[apiv1.RawToken](t, b.get("/api/v1/events/"+first.String()+"/token"), 200); strings.Count(raw.Token, ".") != 2 {
		t.Errorf("token: got %q, want it as delivered", raw.Token)
	}
	if a := b.do("POST", "/api/v1/events/triage", "application/json", `{"events":[`+first.String()+`],"state":"closed","reason":"handled"}`); a.code != http.StatusNoContent {
		t.Errorf("triage: got %d: %s", a.code, a.body)
	}
	if one = decode[apiv1.Event](t, b.get("/api/v1/events/"+first.String()), 200); one.Triage.State != "closed" || one.Open || one.Triage.By == "" {
		t.Errorf("after closing: got %+v", one.Triage)
	}
	for path, want := range map[string]int{
		"/api/v1/events?sev=terrible": 400, "/api/v1/events?tab=x": 400, "/api/v1/events?type=x": 400, "/api/v1/events?limit=0": 400,
		"/api/v1/events?after=x": 400, "/api/v1/events?cursor=x": 404, "/api/v1/events/01": 404, "/api/v1/events/999": 404, "/api/v1/nothing": 404,
	} {
		a := b.get(path)
		var p apiv1.Problem
		err := json.Unmarshal([]byte(a.body), &p)
		if a.code != want || a.header.Get("Content-Type") != "application/problem+json" || err != nil || p.Status != want || p.Reference == "" {
			t.Errorf("GET %s: got %d %s %+v, want a problem with %d", path, a.code, a.header.Get("Content-Type"), p, want)
		}
	}
}

func TestAPIRuns(t *testing.T) {
	w := newWorld(t, realTime)
	w.configure()
	w.work()
	id, account := w.person(respondtest.BusyEmail)
	seq := w.event(id, "one")
	b := w.script()
	create := func(body string) answer { return b.do("POST", "/api/v1/runs", "application/json", body) }
	made := decode[apiv1.RunsCreated](t, create(`{"kind":"terminate_sessions","event":`+seq.String()+`,"reason":"test"}`), 201)
	if len(made.Runs) != 1 || made.Runs[0].Connector != "crm" || made.Runs[0].Account != (apiv1.Account{Source: "crm", ID: account}) ||
		made.Runs[0].AskedBy[0].Kind != "api_token" {
		t.Fatalf("created: got %+v", made)
	}
	again := decode[apiv1.RunsCreated](t, create(`{"kind":"terminate_sessions","event":`+seq.String()+`}`), 201)
	if again.Runs[0].ID != made.Runs[0].ID {
		t.Error("the same request twice made two runs")
	}
	w.await(ssf.RunFilter{Event: seq}, ssf.RunConfirmed)
	run := decode[apiv1.Run](t, b.get("/api/v1/runs/"+made.Runs[0].ID), 200)
	if run.State != "confirmed" || run.Open || len(run.Attempts) == 0 || len(run.Observations) == 0 || run.Progress[0] != "terminate_sessions" {
		t.Errorf("run: got %+v", run)
	}
	held := decode[apiv1.RunsCreated](t, create(`{"kind":"disable_account","identity":"`+string(id)+`","hold_seconds":3600}`), 201)
	if held.Intent == "" || held.Runs[0].State != "pending" {
		t.Fatalf("with a hold: got %+v", held)
	}
	if got := decode[apiv1.Run](t, b.do("POST", "/api/v1/runs/"+held.Runs[0].ID+"/cancel", "application/json", ""), 200); got.State != "cancelled" {
		t.Errorf("cancel: got %s", got.State)
	}
	if a := b.do("POST", "/api/v1/runs/"+held.Runs[0].ID+"/hurry", "application/json", ""); a.code != http.StatusConflict {
		t.Errorf("hurry a cancelled run: got %d, want 409", a.code)
	}
	list := decode[apiv1.List[apiv1.Run]](t, b.get("/api/v1/runs?identity="+string(id)+"&state=confirmed"), 200)
	if len(list.Items) != 1 || list.Items[0].ID != run.ID {
		t.Errorf("list: got %+v", list.Items)
	}
	for body, want := range map[string]int{
		`{"kind":"terminate_sessions","event":1,"identity":"x"}`: 422, `{"kind":"explode","event":1}`: 422, `{"kind":"terminate_sessions"}`: 422,
		`{"kind":"terminate_sessions","event":1,"kinds":1}`: 400, `{"Kind":"terminate_sessions","event":1}`: 400,
		`{"kind":"terminate_sessions","kind":"disable_account","event":1}`: 400, `{"kind":1}`: 400, `[`: 400, ``: 400, `{} {}`: 400,
		`{"kind":"terminate_sessions","event":99}`: 404, `{"kind":"terminate_sessions","event":1,"connectors":["none"]}`: 422,
		`{"kind":"terminate_sessions","event":1,"hold_seconds":-1}`: 422,
	} {
		if a := create(body); a.code != want {
			t.Errorf("create %s: got %d, want %d: %s", body, a.code, want, a.body)
		}
	}
	if a := b.do("POST", "/api/v1/runs", "text/plain", `{}`); a.code != http.StatusUnsupportedMediaType {
		t.Errorf("as text/plain: got %d, want 415", a.code)
	}
}

func TestAPIReads(t *testing.T) {
	w := newWorld(t)
	w.configure()
	id, account := w.person(respondtest.BusyEmail)
	b := w.script()
	found := decode[apiv1.List[apiv1.Identity]](t, b.get("/api/v1/identities?q=amara"), 200)
	if len(found.Items) != 1 || found.Items[0].ID != string(id) || len(found.Items[0].Accounts) != 2 {
		t.Fatalf("by prefix: got %+v", found.Items)
	}
	if one := decode[apiv1.Identity](t, b.get("/api/v1/identities/"+string(id)), 200); one.Email != respondtest.BusyEmail {
		t.Errorf("identity: got %+v", one)
	}
	sessions := decode[apiv1.List[apiv1.ConnectorSessions]](t, b.get("/api/v1/identities/"+string(id)+"/sessions"), 200)
	if len(sessions.Items) != 1 || !sessions.Items[0].Listed || len(sessions.Items[0].Sessions) != len(w.crm.Sessions(account)) {
		t.Errorf("sessions: got %+v", sessions.Items)
	}
	if all := decode[apiv1.List[apiv1.Transmitter]](t, b.get("/api/v1/transmitters"), 200); len(all.Items) != 1 || all.Items[0].ID != "idp" {
		t.Errorf("transmitters: got %+v", all.Items)
	}
	if all := decode[apiv1.List[apiv1.Source]](t, b.get("/api/v1/sources"), 200); len(all.Items) != 2 {
		t.Errorf("sources: got %+v", all.Items)
	}
	if all := decode[apiv1.List[apiv1.Connector]](t, b.get("/api/v1/connectors"), 200); len(all.Items) != 1 || all.Items[0].Preset != "acme-crm" {
		t.Errorf("connectors: got %+v", all.Items)
	}
	if all := decode[apiv1.List[apiv1.Job]](t, b.get("/api/v1/jobs"), 200); len(all.Items) != 1 || all.Items[0].State != "ok" {
		t.Errorf("jobs: got %+v", all.Items)
	}
	if a := b.do("POST", "/api/v1/jobs/poll:idp/run", "application/json", ""); a.code != http.StatusAccepted || len(w.machinery.triggered) != 1 {
		t.Errorf("run a job: got %d, triggered %v", a.code, w.machinery.triggered)
	}
	audit := decode[apiv1.List[apiv1.AuditEntry]](t, b.get("/api/v1/audit"), 200)
	if len(audit.Items) == 0 || audit.Items[0].Action != "job.run" || audit.Items[0].Actor.Kind != "api_token" {
		t.Errorf("audit: got %+v, want the job's run on top", audit.Items)
	}
	me := decode[apiv1.Actor](t, b.get("/api/v1/me"), 200)
	if me.Kind != "api_token" || me.Role != "admin" || me.Token == "" {
		t.Errorf("me: got %+v", me)
	}
	b.header.Set("Authorization", "Bearer harken_wrong")
	if a := b.get("/api/v1/me"); a.code != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("wrong token: got %d %q, want 401 with a challenge", a.code, a.header.Get("WWW-Authenticate"))
	}
}

// TestAPIBySession needs the form token for changes.
func TestAPIBySession(t *testing.T) {
	w := newWorld(t)
	b := w.browser().demo(ssf.RoleResponder)
	if a := b.get("/api/v1/me"); a.code != 200 || !strings.Contains(a.body, `"kind":"person"`) {
		t.Errorf("me: got %d %s", a.code, a.body)
	}
	if a := b.get("/api/v1/audit"); a.code != http.StatusForbidden {
		t.Errorf("audit as responder: got %d, want 403", a.code)
	}
	b.header.Set("X-CSRF-Token", b.session().CSRF)
	if a := b.do("POST", "/api/v1/jobs/poll:idp/run", "application/json", ""); a.code != http.StatusAccepted {
		t.Errorf("with the token: got %d, want 202: %s", a.code, a.body)
	}
	if a := b.do("DELETE", "/api/v1/sessions/"+string(b.session().Handle), "", ""); a.code != http.StatusNoContent {
		t.Errorf("end one's own session: got %d, want 204", a.code)
	}
	if a := b.get("/api/v1/me"); a.code != http.StatusUnauthorized {
		t.Errorf("afterwards: got %d, want 401", a.code)
	}
}

// TestNobodyDecidesAboutThemselves resolves the caller to the person concerned.
func TestNobodyDecidesAboutThemselves(t *testing.T) {
	w := newWorld(t)
	w.configure()
	id, _ := w.person(respondtest.BusyEmail)
	seq := w.event(id, "one")
	u := w.user("amara", ssf.RoleAdmin)
	u.Email = respondtest.BusyEmail
	if err := w.db.PutUser(t.Context(), ssf.System("test"), u); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	if a := b.login("amara", goodPassword); a.code != http.StatusSeeOther {
		t.Fatalf("sign-in: got %d", a.code)
	}
	if page := b.get("/events/" + seq.String()); !strings.Contains(page.body, "Not by you") {
		t.Errorf("event page: got no refusal: %d", page.code)
	}
	b.header.Set("X-CSRF-Token", b.session().CSRF)
	a := b.do("POST", "/api/v1/runs", "application/json", `{"kind":"terminate_sessions","event":`+seq.String()+`}`)
	if a.code != http.StatusForbidden || !strings.Contains(a.body, "about yourself") {
		t.Errorf("acting on oneself: got %d %s, want 403 with the reason", a.code, a.body)
	}
}

// TestAPIUsers makes a responder, signs in as them, and takes the account away.
func TestAPIUsers(t *testing.T) {
	w := newWorld(t)
	w.user("root", ssf.RoleAdmin)
	admin := w.script()
	put := func(name, body string) answer {
		return admin.do("PUT", "/api/v1/users/"+name, "application/json", body)
	}
	made := decode[apiv1.User](t, put("cleo", `{"role":"responder","email":"cleo@example.com","password":"`+goodPassword+`"}`), 201)
	if made.Role != "responder" || !made.Password || strings.Contains(put("cleo", `{"role":"responder"}`).body, "argon2") {
		t.Errorf("made: got %+v", made)
	}
	b := w.browserWithPassword("cleo")
	if got := b.session().Role; got != ssf.RoleResponder {
		t.Errorf("session: got %s, want responder", got)
	}
	if got := decode[apiv1.User](t, put("cleo", `{"role":"viewer","disabled":true}`), 200); !got.Disabled || got.ID != made.ID {
		t.Errorf("disabled: got %+v", got)
	}
	if a := b.get("/"); a.code != http.StatusSeeOther {
		t.Errorf("the disabled user's session: got %d, want the sign-in page", a.code)
	}
	for body, want := range map[string]int{
		`{"role":"owner"}`: 422, `{"role":"viewer","password":"short"}`: 422, `{"role":"viewer","email":"none"}`: 422, `{"roles":1}`: 400,
	} {
		if a := put("x", body); a.code != want {
			t.Errorf("%s: got %d, want %d", body, a.code, want)
		}
	}
	if a := admin.get("/api/v1/users/nobody"); a.code != http.StatusNotFound {
		t.Errorf("unknown user: got %d, want 404", a.code)
	}
	person := w.browserWithPassword("root")
	person.header.Set("X-CSRF-Token", person.session().CSRF)
	w.clock.Advance(6 * time.Minute)
	if a := person.do("PUT", "/api/v1/users/eve", "application/json", `{"role":"admin"}`); a.code != http.StatusForbidden || !strings.Contains(a.body, "password again") {
		t.Errorf("a person with an old sign-in: got %d %s, want the step-up", a.code, a.body)
	}
}

// browserWithPassword signs in through the form; the user exists.
func (w *world) browserWithPassword(name string) *browser {
	w.t.Helper()
	b := w.browser()
	if a := b.login(name, goodPassword); a.code != http.StatusSeeOther {
		w.t.Fatalf("sign-in as %s: got %d", name, a.code)
	}
	return b
}
