package web_test

import (
	"html"
	"net/http"
	"strings"
	"testing"

	"harken/respond/respondtest"
	"harken/ssf"
	"harken/ssf/payload"
	"harken/store/storetest"
)

// TestEveryPageForEveryRole reads every page and part with people and events of all sorts in the store.
func TestEveryPageForEveryRole(t *testing.T) {
	w := newWorld(t)
	w.configure()
	id, _ := w.person(respondtest.BusyEmail)
	known, lost := w.event(id, "known"), w.event("", "lost")
	conflict := w.event(id, "known", storetest.WithPayload(`{"initiating_entity":"user"}`))
	control := w.event("", "control", storetest.OfType(payload.StreamUpdated), storetest.WithPayload(`{"status":"paused"}`))
	strange := w.event("", "strange", storetest.OfType("https://example.com/event/moon-landing"), storetest.WithPayload(`{"moon":[1,{"a":null}]}`))
	person := "/identities/" + string(id)
	says := map[string]string{
		"/": "Open", "/?tab=all": "conflict", "/?tab=closed": "Closed", "/?tab=all&tx=idp&uncorrelated=1": "No identity found",
		"/events/" + known.String(): "Respond to", "/events/" + lost.String(): "Nobody to act on", "/events/" + conflict.String(): "kept as evidence",
		"/events/" + control.String(): "paused", "/events/" + strange.String(): "moon-landing", "/events/" + known.String() + "/head": "ev-head",
		"/events/" + known.String() + "/runs": "What was done", "/identities": "Amara Okafor", "/identities?q=amara": "Amara Okafor",
		"/identities?q=zzz": "Nobody starts with", person: "Accounts", person + "/sessions": "Acme CRM", person + "/timeline": "Timeline",
		person + "/runs": "What was done", "/status": "idp", "/status/body": "Jobs", "/settings": "API tokens",
		"/inbox/rows?ids=" + known.String() + "," + lost.String(): "ev-" + lost.String(), "/inbox/pill?after=1": "new",
	}
	for _, role := range []ssf.Role{ssf.RoleViewer, ssf.RoleResponder, ssf.RoleAdmin} {
		b := w.signIn(role)
		for _, kind := range []string{"", "partial", "full"} {
			b.header = http.Header{}
			if kind != "" {
				b.header = http.Header{"Hx-Request": {"true"}, "Hx-Request-Type": {kind}}
			}
			for path, want := range says {
				a := b.get(path)
				if kind == "partial" && (path == "/events/"+lost.String() || path == "/events/"+conflict.String()) {
					want = "pane-title"
				}
				if kind == "partial" && (path == "/" || path == "/?tab=closed") {
					want = "<"
				}
				if kind == "partial" && strings.HasPrefix(path, "/events/") && want == "Respond to" {
					want = "Amara Okafor"
				}
				if a.code != http.StatusOK || !strings.Contains(a.body, want) {
					t.Errorf("GET %s (%s) as %s: got %d without %q: %.200s", path, kind, role, a.code, want, a.body)
				}
				if whole := strings.Contains(a.body, "<html"); kind == "partial" && whole && (strings.HasPrefix(path, "/events/") || strings.HasPrefix(path, "/?") || path == "/") {
					t.Errorf("GET %s: a part got the whole page", path)
				}
			}
		}
		b.header = http.Header{}
		page := b.get("/events/" + known.String()).body
		if mayAct := strings.Contains(page, `id="go-terminate_sessions"`); mayAct != role.AtLeast(ssf.RoleResponder) {
			t.Errorf("event page as %s: got a button=%v", role, mayAct)
		}
		if mayTriage := strings.Contains(page, `action="/events/triage"`); mayTriage != role.AtLeast(ssf.RoleResponder) {
			t.Errorf("event page as %s: got triage=%v", role, mayTriage)
		}
	}
}

// TestForeignTextStaysText puts markup wherever a transmitter or a directory can put text.
func TestForeignTextStaysText(t *testing.T) {
	w := newWorld(t)
	w.configure()
	const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>`
	w.sync("people", append(w.people, ssf.AccountChange{Mint: true, Account: ssf.Account{
		Ref: ssf.AccountRef{Source: "people", ID: evil}, Identity: "evil", Email: "e@example.com", Name: evil, Department: evil, Title: evil,
		Active: true, Labels: []string{evil},
	}}))
	quoted := strings.ReplaceAll(evil, `"`, `\"`)
	seq := w.event("evil", "evil", storetest.WithPayload(`{"initiating_entity":"`+quoted+`","reason_admin":{"en":"`+quoted+`"},"`+quoted+`":1}`),
		storetest.OfType("https://example.com/"+evil))
	b := w.browser().demo(ssf.RoleAdmin)
	for _, path := range []string{
		"/", "/?tab=all", "/events/" + seq.String(), "/identities", "/identities/evil", "/identities/evil/timeline", "/identities?q=" + html.EscapeString("%22%3E%3Cimg"),
		"/?tx=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E", "/inbox/rows?ids=" + seq.String(),
	} {
		a := b.get(path)
		if a.code != http.StatusOK || strings.Contains(a.body, "<img") || strings.Contains(a.body, "<script>") {
			t.Errorf("GET %s: got %d with markup of somebody else's", path, a.code)
		}
	}
	if page := b.get("/events/" + seq.String()); !strings.Contains(page.body, "onerror=alert") {
		t.Error("event page: the foreign text is not shown at all")
	}
}

// TestHangingSystems shows the page without the panel's contents, which is then read by itself.
func TestHangingSystems(t *testing.T) {
	w := newWorld(t)
	w.configure()
	id, _ := w.person(respondtest.BusyEmail)
	seq := w.event(id, "one")
	b := w.browser().demo(ssf.RoleResponder)
	w.hang.on.Store(true)
	b.header = http.Header{"Hx-Request": {"true"}, "Hx-Request-Type": {"full"}}
	a := b.get("/events/" + seq.String())
	if a.code != http.StatusOK || !strings.Contains(a.body, "reading the systems") || !strings.Contains(a.body, `hx-get="/events/`+seq.String()+`/respond"`) {
		t.Errorf("event page while the systems hang: got %d, want it with a panel that reads itself", a.code)
	}
	w.hang.on.Store(false)
	b.header.Set("HX-Request-Type", "partial")
	a = b.get("/events/" + seq.String() + "/respond")
	if a.code != http.StatusOK || !strings.Contains(a.body, `id="go-terminate_sessions"`) || strings.Contains(a.body, "<html") {
		t.Errorf("the panel alone: got %d, want the buttons", a.code)
	}
}
