package views_test

import (
	"strconv"
	"time"

	"github.com/a-h/templ"

	"harken/ssf"
	"harken/ssf/payload"
	"harken/views/event"
	"harken/views/identity"
	"harken/views/inbox"
	"harken/views/layout"
	"harken/views/login"
	"harken/views/problem"
	"harken/views/respond"
	"harken/views/settings"
	"harken/views/status"
	"harken/views/ui"
	"harken/views/words"
)

// now is the instant at which the samples are drawn.
var now = time.Date(2026, 11, 24, 11, 4, 0, 0, time.UTC)

func ago(d time.Duration) ui.Time { return ui.NewTime(now.Add(-d), now) }

// page is the frame of the samples. It names the files as they lie beside the written pages.
func page(title string, section layout.Section) layout.Page {
	return layout.Page{
		Title: title, Section: section, CSS: "/assets/app.css", App: "/assets/app.js", Vendor: "/assets/vendor.js", Icon: "/assets/favicon.svg",
		CSRF: "csrf-token", User: layout.User{Name: "Cleo Marsh", Role: "responder"}, Open: 23, OpenHot: true,
		Health: layout.Health{Text: "All 9 jobs on time"}, Topics: []string{"inbox"}, Here: "/", Version: "0.1.0",
	}
}

// sample is one page to draw.
type sample struct {
	name string
	page layout.Page
	body templ.Component
}

func samples() []sample {
	late := page("2 late", layout.SectionStatus)
	late.Health = layout.Health{Text: "2 of 9 jobs late", Bad: true}
	demo := page("Inbox", layout.SectionInbox)
	demo.Demo, demo.Vendor = true, ""
	demo.Flash = []ui.Toast{{Text: "Acknowledged."}, {Text: "That did not work: the event does not exist.", Bad: true, Reference: "01J9-7Q4M"}}
	out := layout.Page{Title: "Sign in", CSS: "/assets/app.css", App: "/assets/app.js"}
	pane := inboxModel()
	detail := eventModel()
	pane.Detail = &detail
	pane.Groups[0].Rows[0].Current = true
	return []sample{
		{"inbox", page("Inbox", layout.SectionInbox), inbox.View(inboxModel())},
		{"inbox-pane", page("Inbox", layout.SectionInbox), inbox.View(pane)},
		{"inbox-empty", demo, inbox.View(emptyInbox())},
		{"event", page("Session ended", layout.SectionInbox), event.View(eventModel())},
		{"event-lost", page("No identity", layout.SectionInbox), event.View(lostModel())},
		{"identity", page("Ada Lindqvist", layout.SectionIdentities), identity.View(identityModel())},
		{"identities", page("Identities", layout.SectionIdentities), identity.List(listModel())},
		{"identities-empty", page("Identities", layout.SectionIdentities), identity.List(identity.ListModel{Query: "zz"})},
		{"status", late, status.View(statusModel())},
		{"status-good", page("Status", layout.SectionStatus), status.View(goodStatus())},
		{"login", out, login.View(login.Model{Error: "User name or password is wrong.", CookieNote: true})},
		{"login-demo", out, login.View(login.Model{Demo: true})},
		{"setup", out, login.SetupView(login.Setup{Name: "cleo", Errors: map[string]string{"password": "At least 15 characters, please: this one has 9."}})},
		{"step-up", page("Is it still you?", layout.SectionNone), login.StepUpView(login.StepUpModel{Action: "/events/42/respond", What: "Disable the account of Ada Lindqvist", Fields: []login.Field{{Name: "kind", Value: "disable_account"}}, Back: "/events/42"})},
		{"signed-out", out, login.SignedOutView(login.SignedOut{})},
		{"settings", page("Settings", layout.SectionSettings), settings.View(settingsModel())},
		{"problem", page("Not found", layout.SectionNone), problem.View(problem.Model{Status: 404, Title: "That event does not exist", Text: "The number may be mistyped, or the data was restored from before it.", Fix: "Look for it under All in the inbox.", Reference: "7Q4M-2C"})},
	}
}

func row(id int, sev ssf.Severity, title, who, from string, state ssf.RunState, done string, age time.Duration) inbox.Row {
	return inbox.Row{
		ID: strconv.Itoa(id), Severity: sev, Title: title, Person: who, PersonHref: "/identities/id" + strconv.Itoa(id), From: from,
		Done: inbox.Done{State: state, Text: done}, Age: ago(age), Triage: ssf.TriageNew,
	}
}

func reasons() []event.Option {
	var out []event.Option
	for _, r := range ssf.CloseReasons() {
		out = append(out, event.Option{Value: string(r), Label: words.CloseReason(r)})
	}
	return out
}

func inboxModel() inbox.Model {
	lost := row(36, ssf.SeverityHigh, "Account disabled", "", "acme-crm", "", "", 52*time.Minute)
	lost.Lost, lost.Subject = true, "email: g.hale@example.com"
	acked := row(33, ssf.SeverityMedium, "Passkey added", "Ivo Brandt", "keycloak-hq", "", "", 2*time.Hour)
	acked.Triage = ssf.TriageAcknowledged
	closed := row(31, ssf.SeverityLow, "Identifier changed", "Mina Farrow", "acme-crm", "", "", 6*time.Hour)
	closed.Triage, closed.Mark = ssf.TriageClosed, "expected"
	ada := row(42, ssf.SeverityCritical, "Sessions ended by a policy", "Ada Lindqvist", "okta-prod", ssf.RunPartial, "1 of 3 partial", 22*time.Minute)
	ada.Privileged = true
	hana := row(34, ssf.SeverityCritical, "Token claims changed", "Hana Sato", "keycloak-hq", ssf.RunFailed, "1 of 2 failed", time.Hour)
	hana.Privileged = true
	conflict := row(37, ssf.SeverityMedium, "Password changed", "Goran Petrov", "keycloak-hq", "", "", 47*time.Minute)
	conflict.Mark = "conflict"
	stream := row(30, ssf.SeverityLow, "Stream paused", "", "mdm-fleet", "", "", 5*time.Hour)
	stream.Control = true
	m := inbox.Model{
		Tabs: []inbox.Tab{{Label: "Open", Href: "/", Count: "23", Current: true}, {Label: "Closed", Href: "/?tab=closed"}, {Label: "All", Href: "/?tab=all"}},
		Facets: []inbox.Facet{
			{Title: "Severity", Items: []inbox.FacetItem{
				{Label: "Critical", Href: "/?sev=critical", Count: 3, Severity: ssf.SeverityCritical, Current: true},
				{Label: "High", Href: "/?sev=high", Count: 8, Severity: ssf.SeverityHigh},
				{Label: "Medium", Href: "/?sev=medium", Count: 8, Severity: ssf.SeverityMedium},
				{Label: "Low", Href: "/?sev=low", Count: 4, Severity: ssf.SeverityLow},
			}},
			{Title: "Event", Items: []inbox.FacetItem{{Label: "Session ended", Href: "/?type=a", Count: 9}, {Label: "Credential change", Href: "/?type=b", Count: 6}, {Label: "Device compliance", Href: "/?type=c", Count: 4}}},
			{Title: "Transmitter", Items: []inbox.FacetItem{{Label: "okta-prod", Href: "/?tx=a", Count: 10}, {Label: "keycloak-hq", Href: "/?tx=b", Count: 7}, {Label: "mdm-fleet", Href: "/?tx=c", Count: 3}}},
			{Title: "Person", Items: []inbox.FacetItem{{Label: "No identity", Href: "/?who=none", Count: 4, Lost: true}}},
		},
		Clear: "/",
		Groups: []inbox.Group{
			{Label: "Last hour", Rows: []inbox.Row{
				ada,
				row(41, ssf.SeverityCritical, "Credential compromised", "Ben Okafor", "okta-prod", ssf.RunAccepted, "Accepted", 26*time.Minute),
				row(40, ssf.SeverityHigh, "Sessions ended by an administrator", "Dana Reyes", "keycloak-hq", ssf.RunConfirmed, "All 2 confirmed", 31*time.Minute),
				row(39, ssf.SeverityHigh, "Device compliance changed", "Emil Novak", "mdm-fleet", ssf.RunInDoubt, "In doubt", 34*time.Minute),
				row(38, ssf.SeverityHigh, "Risk level changed", "Farah Aziz", "okta-prod", ssf.RunExecuting, "Being sent", 38*time.Minute),
				conflict, lost,
			}},
			{Label: "Earlier today", Rows: []inbox.Row{
				hana, acked,
				row(32, ssf.SeverityHigh, "Risk level changed", "Jun Park", "okta-prod", ssf.RunHeld, "Held", 3*time.Hour), stream, closed,
			}},
			{Label: "Yesterday", Rows: []inbox.Row{
				row(29, ssf.SeverityHigh, "A new credential is required", "Noor Haddad", "okta-prod", ssf.RunAccepted, "Accepted", 19*time.Hour),
				row(28, ssf.SeverityMedium, "Sessions ended by a policy", "Otto Weiss", "keycloak-hq", ssf.RunCancelled, "Undone", 21*time.Hour),
				row(27, ssf.SeverityLow, "Recovery information changed", "Pia Sorensen", "okta-prod", ssf.RunConfirmed, "Confirmed", 22*time.Hour),
			}},
		},
		Self: "/?tab=open", RowsURL: "/inbox/rows?ids=42,41", Signal: "ev-inbox",
		Pill:  inbox.PillModel{URL: "/inbox/pill?after=42", Load: "/", Signal: "ev-inbox", Count: 3},
		Older: "/?cursor=abc", Routine: inbox.Routine{Count: 1284, Href: "/?tab=all&sev=routine"}, CSRF: "csrf-token", MayTriage: true, Reasons: reasons(),
	}
	m.Histogram = ui.HistogramModel{Title: "384 events in 24 h", From: "Mon 11:00", Middle: []string{"17:00", "23:00", "05:00"}, To: "now 11:04"}
	for i := range 48 {
		c := map[ssf.Severity]int{ssf.SeverityLow: 3 + (i*i*7)%5, ssf.SeverityMedium: (i * 3) % 4, ssf.SeverityHigh: (i * 5) % 3}
		if i > 40 {
			c[ssf.SeverityCritical], c[ssf.SeverityHigh] = (i-40)%5, i%6
		}
		m.Histogram.Buckets = append(m.Histogram.Buckets, ui.Bucket{Label: now.Add(time.Duration(i-48) * 30 * time.Minute).Format("15:04"), Counts: c})
	}
	return m
}

func emptyInbox() inbox.Model {
	return inbox.Model{
		Tabs:  []inbox.Tab{{Label: "Open", Href: "/", Count: "0", Current: true}, {Label: "Closed", Href: "/?tab=closed"}, {Label: "All", Href: "/?tab=all"}},
		Empty: inbox.Empty{Title: "All clear", Text: "Last event 4 min ago from okta-prod.", LinkText: "How the streams do", Href: "/status", Good: true},
		Pill:  inbox.PillModel{URL: "/inbox/pill?after=42", Load: "/", Signal: "ev-inbox"}, Routine: inbox.Routine{Count: 1, Href: "/?tab=all&sev=routine"}, CSRF: "csrf-token", MayTriage: true,
	}
}

func person() event.Person {
	return event.Person{
		Name: "Ada Lindqvist", Email: "ada@example.com", Group: "Platform", Href: "/identities/ada", Initials: "AL", Privileged: true, Active: true,
		Labels: []string{"on call"}, Accounts: "4 active in 4 systems", Sessions: "2 open, read 40 s ago",
	}
}

func panel() respond.Panel {
	effects := func(does string, remains respond.Answer, crmRemains respond.Answer) []respond.Effect {
		return []respond.Effect{
			{System: "Acme CRM", Account: "crm-1042", Support: respond.SupportFull, Does: does, Note: "reads its list again to confirm", Remains: crmRemains},
			{System: "Okta", Account: "00u1ab", Support: respond.SupportFull, Does: does, Note: "refresh tokens too", Remains: remains, RemainsNote: "access tokens"},
			{System: "Jira", Account: "ada.lindqvist", Support: respond.SupportNone, WhyNot: "It has no call that ends sessions.", Remains: respond.Answer{Word: respond.Yes, Text: "until idle for 8 h"}},
			{System: "Keycloak", Account: "alindqvist", Support: respond.SupportWaits, WhyNot: "Waits for the run of 10:58:31, then sends only what is missing.", Remains: respond.Answer{Text: "not known yet"}, Trouble: "status 503"},
		}
	}
	nothing, hour := respond.Answer{Word: respond.No}, respond.Answer{Word: respond.InPart, Text: "up to 1 h"}
	return respond.Panel{
		Person: "Ada Lindqvist", Action: "/events/42/respond", Refresh: "/events/42/respond", CSRF: "csrf-token", Intent: "intent-1", MayAct: true, ConfirmName: "Ada Lindqvist",
		Read: ago(40 * time.Second), Uncovered: []string{"hr/4711"},
		Choices: []respond.Choice{
			{Kind: ssf.KindTerminateSessions, Possible: true, Continue: respond.Answer{Word: respond.InPart, Text: "1 h to 8 h"}, SignIn: respond.Answer{Word: respond.Yes, Text: "at once"}, Effects: effects("Ends 2 sessions", hour, nothing)},
			{Kind: ssf.KindDisableAccount, Possible: true, Continue: respond.Answer{Word: respond.Yes, Text: "while signed in"}, SignIn: respond.Answer{Word: respond.No, Text: "until enabled again"}, Effects: effects("Disables 1 account", hour, respond.Answer{Word: respond.Yes, Text: "2 sessions"}), StepUp: true, Confirm: true, Warnings: []string{"The event is 3 days old: nothing would be done about it automatically."}},
			{Kind: ssf.KindDisableAndTerminate, Possible: true, Continue: respond.Answer{Word: respond.InPart, Text: "1 h to 8 h"}, SignIn: respond.Answer{Word: respond.No, Text: "until enabled again"}, Effects: effects("Disables 1 account, ends 2 sessions", hour, nothing), StepUp: true, Confirm: true},
			{Kind: ssf.KindEnableAccount, WhyNot: "No account is disabled."},
		},
		Undo: respond.Undo{Kind: ssf.KindTerminateSessions, Runs: []ssf.RunID{"aa", "bb"}, Left: 4, Total: 5, CSRF: "csrf-token", Back: "/events/42"},
	}
}

func run(id string, kind ssf.Kind, system string, state ssf.RunState, detail string, age time.Duration) respond.Run {
	return respond.Run{ID: ssf.RunID(id), Kind: kind, System: system, Account: "crm-1042", State: state, Detail: detail, By: []string{"Cleo Marsh"}, At: ago(age)}
}

func runs() respond.Runs {
	confirmed := run("r4", ssf.KindTerminateSessions, "Acme CRM", ssf.RunConfirmed, "", 22*time.Minute)
	confirmed.Result, confirmed.By = "0 sessions left, account enabled", []string{"Cleo Marsh", "policy privileged-session-risk"}
	confirmed.Attempts = []respond.Attempt{{At: ago(22 * time.Minute), Operation: "end all sessions", Meaning: "accepted", Status: 202, Took: "120 ms"}}
	confirmed.Observations = []respond.Observation{{At: ago(21 * time.Minute), Text: "0 sessions, account enabled", Proves: true}}
	failed := run("r1", ssf.KindDisableAccount, "Jira", ssf.RunFailed, "It answered 403: the token may not manage users.", 3*time.Minute)
	failed.MayRetry, failed.Reason = true, "leaked on a paste site"
	return respond.Runs{
		URL: "/events/42/runs", Signal: "ev-runs-42", CSRF: "csrf-token", Back: "/events/42", MayAct: true,
		Items: []respond.Run{
			run("r0", ssf.KindTerminateSessions, "GitHub", ssf.RunPending, "", time.Second), failed,
			run("r2", ssf.KindDisableAccount, "Keycloak", ssf.RunInDoubt, "No answer within 20 s: the account may or may not be disabled. Looks again in 40 s.", 6*time.Minute),
			run("r3", ssf.KindTerminateSessions, "Okta", ssf.RunAccepted, "Access tokens may run until 11:42.", 19*time.Minute), confirmed,
			run("r5", ssf.KindDisableAndTerminate, "Slack", ssf.RunPartial, "Disabled; its sessions are still listed.", 30*time.Minute),
			run("r6", ssf.KindTerminateSessions, "Zendesk", ssf.RunHeld, "More than 20 people in an hour.", 40*time.Minute),
			run("r7", ssf.KindTerminateSessions, "Box", ssf.RunCancelled, "", 50*time.Minute),
		},
	}
}

func eventModel() event.Model {
	p := person()
	h := words.Happening{Type: payload.SessionRevoked, Payload: payload.Fields{InitiatingEntity: "policy"}, From: "okta-prod", Who: p.Name}
	return event.Model{
		ID: "42", Sentence: words.Event(h), Says: "Sign-in from an anonymising network while a privileged role was active.", Severity: ssf.SeverityCritical, Age: ago(22 * time.Minute),
		Triage: event.Triage{State: ssf.TriageNew, Reasons: reasons()}, Outcome: ssf.OutcomeAccepted,
		Facts: event.Facts{
			Type: payload.SessionRevoked, TypeName: "session-revoked", Spec: "CAEP", Provenance: ssf.ProvenanceSigned, Transmitter: "okta-prod", Issuer: "https://id.example.com",
			Audience: []string{"https://harken.example.com"}, Subject: "email: Ada@Example.com", JTI: "01J9-7Q4M-2C", InitiatedBy: words.By("policy"),
			Happened: ago(22 * time.Minute), Issued: ago(22 * time.Minute), Received: ago(22 * time.Minute), Delay: "1.4 s",
			Algorithm: "ES256", KeyID: "k-2026-09", Thumbprint: "aPc2zLqG0Zx4k1J3uV7e8yT5wR6sD9fH2bN4mK1qLsE", Checks: []string{"type", "signature", "issuer", "audience", "time"},
		},
		Match: event.Match{State: ssf.MatchFound, At: ago(22 * time.Minute), Tries: []event.Try{
			{Rule: "Issuer and account id", Against: "source okta", Value: "no iss_sub in the subject"},
			{Rule: "E-mail address", Against: "the e-mail address of every account", Value: "Ada@Example.com", Compared: "ada@example.com", Hits: 1, Won: true},
		}},
		Person: &p, Panel: panel(), Runs: runs(),
		Raw: event.Raw{
			Header: "{\n  \"alg\": \"ES256\",\n  \"kid\": \"k-2026-09\",\n  \"typ\": \"secevent+jwt\"\n}",
			Claims: "{\n  \"iss\": \"https://id.example.com\",\n  \"jti\": \"01J9-7Q4M-2C\",\n  \"sub_id\": {\n    \"format\": \"email\",\n    \"email\": \"Ada@Example.com\"\n  }\n}",
			Token:  "eyJhbGciOiJFUzI1NiIsImtpZCI6ImstMjAyNi0wOSJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIn0.c2ln", Size: "612 bytes", Summary: "header and 7 claims",
		},
		Also:     []event.Also{{Title: "Risk level changed", Href: "/events/38", Severity: ssf.SeverityHigh, At: ago(38 * time.Minute)}, {Title: "Session established", Href: "/events/12", Severity: ssf.SeverityLow, At: ago(3 * time.Hour)}},
		BackHref: "/?tab=open", BackText: "Inbox, open", Place: "3 of 23", Newer: "/events/43", Older: "/events/41", CSRF: "csrf-token", MayTriage: true, Signal: "ev-event-42",
	}
}

func lostModel() event.Model {
	m := eventModel()
	m.ID, m.Person, m.Severity, m.Says, m.Also = "36", nil, ssf.SeverityHigh, "", nil
	m.Sentence = words.Event(words.Happening{Type: payload.RISCBase + "account-disabled", From: "acme-crm", Who: "g.hale@example.com"})
	m.Triage = event.Triage{State: ssf.TriageClosed, Reason: "false alarm", Note: "left last year", By: "Cleo Marsh", At: ago(time.Minute), Reasons: reasons()}
	m.Outcome, m.ConflictHref, m.ConflictID = ssf.OutcomeConflict, "/events/35", "35"
	m.Facts.Faults = []event.Fault{{Layer: "payload", Code: "invalid_request", Message: "event_timestamp is no number."}}
	m.Facts.Tolerances, m.Facts.Warnings = []string{"timestamp_string"}, []string{"unknown_event_type"}
	m.Match = event.Match{State: ssf.MatchNone, Why: words.MatchWhy(ssf.ReasonNotFound), Advice: words.MatchAdvice(ssf.ReasonNotFound), At: ago(52 * time.Minute), Tries: []event.Try{
		{Rule: "E-mail address", Against: "the e-mail address of every account", Value: "G.Hale@example.com", Compared: "g.hale@example.com", Candidates: []event.Candidate{{Name: "Gus Hale", Why: "gus.hale@example.com: another local part", Href: "/identities/gus"}, {Name: "Gina Hale", Why: "g.hale@example.org: another domain", Href: "/identities/gina"}}},
	}}
	m.Runs = respond.Runs{}
	return m
}
