package views_test

import (
	"strconv"
	"time"

	"harken/ssf"
	"harken/views/identity"
	"harken/views/settings"
	"harken/views/status"
	"harken/views/ui"
	"harken/views/words"
)

func identityModel() identity.Model {
	p := panel()
	p.Action, p.Refresh = "/identities/ada/respond", "/identities/ada/respond"
	r := runs()
	r.URL, r.Signal, r.Items = "/identities/ada/runs", "ev-runs-ada", r.Items[2:5]
	r.Items[1].EventHref, r.Items[1].EventTitle = "/events/42", "Sessions ended by a policy"
	return identity.Model{
		ID: "ada", Person: person(), Title: "Platform engineer", Since: "12 Mar 2026", LastActivity: ago(22 * time.Minute), Panel: p, Runs: r, CSRF: "csrf-token", MayAct: true,
		Accounts: []identity.Account{
			{System: "Okta", Source: "okta", ID: "00u1ab", Email: "ada@example.com", Active: true, StateText: "Active", Linked: "by e-mail", Reached: []string{"Okta"}},
			{System: "Acme CRM", Source: "crm", ID: "crm-1042", Email: "ada@example.com", Active: true, StateText: "Active", Linked: "by e-mail", Reached: []string{"Acme CRM", "Acme BI"}},
			{System: "HR", Source: "hr", ID: "4711", StateText: "Removed 3 days ago", Linked: "by e-mail", Removed: true},
		},
		Sessions: &identity.Sessions{URL: "/identities/ada/sessions", Signal: "ev-runs-ada", Systems: []identity.SystemSessions{
			{System: "Acme CRM", Account: "crm-1042", Listed: true, Read: ago(40 * time.Second), EndsOne: true, EndAction: "/identities/ada/respond", Intent: "i2", Connector: "crm", CSRF: "csrf-token", Rows: []identity.Session{
				{ID: "s1", App: "CRM web", Device: "Work laptop, Firefox", Place: "Lisbon, PT", Started: ago(3 * time.Hour), LastSeen: ago(2 * time.Minute)},
				{ID: "s2", App: "CRM phone", Device: "Phone", Started: ago(24 * time.Minute), Mark: "End accepted", State: ssf.RunAccepted},
			}},
			{System: "Okta", Account: "00u1ab", Listed: true, Read: ago(10 * time.Minute), Stale: "status 503 since 10:54"},
			{System: "Jira", Account: "ada.lindqvist"},
		}},
		SessionsURL: "/identities/ada/sessions",
		Timeline: identity.Timeline{URL: "/identities/ada/timeline", Signal: "ev-identity-ada", Older: "/identities/ada?before=10", Days: []identity.Day{
			{Label: "Today, Tue 24 Nov", Entries: []identity.Entry{
				{Kind: identity.EntryPerson, At: ago(6 * time.Minute), Title: "Cleo Marsh asked to disable the account in Keycloak", Note: "No answer within 20 s", State: ssf.RunInDoubt},
				{Kind: identity.EntryPolicy, At: ago(19 * time.Minute), Title: "Policy ended all sessions", Note: "Acme CRM confirmed", State: ssf.RunConfirmed},
				{Kind: identity.EntrySignal, At: ago(22 * time.Minute), Title: "Sessions ended by a policy", Href: "/events/42", Note: "okta-prod", Severity: ssf.SeverityCritical},
				{Kind: identity.EntrySignal, At: ago(3 * time.Hour), Title: "Signed out", Href: "/events/11", Severity: ssf.SeverityRoutine},
			}},
			{Label: "Yesterday, Mon 23 Nov", Entries: []identity.Entry{
				{Kind: identity.EntrySignal, At: ago(18 * time.Hour), Title: "Passkey added", Href: "/events/7", Severity: ssf.SeverityMedium},
				{Kind: identity.EntrySignal, At: ago(19 * time.Hour), Title: "Session established", Href: "/events/6", Severity: ssf.SeverityLow},
			}},
		}},
	}
}

func listModel() identity.ListModel {
	m := identity.ListModel{Total: "1,284", Older: "/identities?cursor=x"}
	for i, name := range []string{"Ada Lindqvist", "Ben Okafor", "Dana Reyes", "Emil Novak", "Farah Aziz", "Goran Petrov"} {
		m.Rows = append(m.Rows, identity.ListRow{
			Href: "/identities/" + strconv.Itoa(i), Name: name, Email: "p" + strconv.Itoa(i) + "@example.com", Group: "Platform", Initials: words.Initials(name),
			Privileged: i == 0, Protected: i == 3, Active: i != 4, Accounts: 1 + i%4, Open: (5 - i) % 3,
		})
	}
	return m
}

func marks(n int, fail, miss int) []ui.JobMark {
	var out []ui.JobMark
	for i := range n {
		m := ui.JobMark{Mark: ui.MarkOK, Took: time.Duration(100+(i*37)%90) * time.Millisecond, Title: "10:42:30, 0.1 s, 3 items"}
		if i%19 == 7 {
			m.Mark, m.Took = ui.MarkSlow, 240*time.Millisecond
		}
		if i >= n-fail-miss {
			m.Mark = ui.MarkFailed
		}
		if i >= n-miss {
			m.Mark = ui.MarkMissed
		}
		out = append(out, m)
	}
	return out
}

func job(id ssf.JobID, state ssf.JobState, schedule, took, next string, items int, m []ui.JobMark) status.Job {
	return status.Job{ID: id, Name: words.JobName(id), Means: words.JobMeans(id), State: state, Schedule: words.Schedule(schedule), Last: ago(20 * time.Second), Took: took, Next: next, Items: items, Marks: m}
}

func statusModel() status.Model {
	late := job("poll:okta-prod", ssf.JobLate, "@every 30s", "20.0 s", "overdue 22 min", 0, marks(60, 2, 42))
	late.Since, late.Last, late.Error = ago(22*time.Minute), ago(22*time.Minute), "timeout after 20 s, twice"
	failed := job("sync:people", ssf.JobFailed, "@every 5m", "8.1 s", "in 3 min", 212, marks(60, 4, 0))
	failed.Since, failed.Error = ago(13*time.Minute), "people.csv: row 17 has 3 fields, 5 were expected"
	quiet := job("poll:mdm-fleet", ssf.JobQuiet, "@every 10s", "0.1 s", "in 4 s", 0, marks(60, 0, 0))
	quiet.Since = ago(3 * time.Hour)
	m := goodStatus()
	m.Headline, m.Sub, m.Level = "2 late: poll of okta-prod since 10:42", "Also people since 10:51. The other 7 jobs are on time. Signals of the other transmitters still arrive.", status.Warn
	m.Jobs = append([]status.Job{late, failed, quiet}, m.Jobs...)
	m.Trouble = []string{"Less than 10 % of the disk is free. Under 5 % Harken stops polling, so that nothing is acknowledged that it could lose."}
	m.Streams = append([]status.Stream{{
		ID: "okta-prod", Name: "okta-prod", Issuer: "https://id.example.com", State: "enabled", LastPoll: ago(22 * time.Minute), LastEvent: ago(26 * time.Minute), AcceptedToday: 141, Undecided: 3,
		UndecidedWhy: []string{"3 " + words.Undecided(ssf.UndecidedUnknownKey)}, Rejected: 1, Step: "token", Error: "POST https://id.example.com/token: status 401: invalid_client", Fix: "Check client id and key of this transmitter; the server does not know them any more.", Since: ago(22 * time.Minute),
		Steps: []status.Step{{Name: "discovery", State: "ok"}, {Name: "token", State: "failed"}, {Name: "stream", State: "waiting"}, {Name: "keys", State: "waiting"}, {Name: "poll", State: "waiting"}},
	}}, m.Streams...)
	m.Queue = status.Queue{Waiting: 1, InDoubt: 1, Oldest: "oldest 33 s"}
	m.Sources[0].Error, m.Sources[0].RowErrorCount, m.Sources[0].RowErrors = "people.csv: row 17 has 3 fields, 5 were expected", 2, []string{"row 17: 3 fields, 5 expected", "row 19: no id"}
	return m
}

func goodStatus() status.Model {
	paused := job("status:mdm-fleet", ssf.JobPaused, "@every 5m", "", "", 0, nil)
	paused.Last = ui.Time{}
	return status.Model{
		Headline: "All 5 jobs on time", Sub: "Last event 4 min ago from keycloak-hq.", URL: "/status", Signal: "ev-jobs", MayRun: true, CSRF: "csrf-token", Version: "0.1.0", Uptime: "12 days",
		Jobs: []status.Job{
			job("poll:keycloak-hq", ssf.JobRunning, "@every 30s", "0.2 s", "now", 3, marks(60, 0, 0)),
			job("keys:keycloak-hq", ssf.JobOK, "@every 1m", "0.3 s", "in 26 s", 6, marks(60, 0, 0)),
			job("respond", ssf.JobOK, "", "0.4 s", "when queued", 1, marks(24, 0, 0)), paused,
			job("retention", ssf.JobNever, "10 3 * * *", "", "in 16 h", 0, nil),
		},
		Streams: []status.Stream{{ID: "keycloak-hq", Name: "keycloak-hq", Issuer: "https://sso.example.com/realms/main", State: "enabled", LastPoll: ago(4 * time.Second), LastEvent: ago(4 * time.Minute), Verified: ago(time.Hour), AcceptedToday: 1023}},
		Sources: []status.Source{{ID: "people", Kind: "CSV", Accounts: 1284, LastSync: ago(3 * time.Minute), Changed: "4 added, 1 changed"}},
		Storage: status.Storage{Engine: "bbolt", Size: "418.2 MB", Free: "78.1 GB", UsedPercent: 35, Events: "1,040,221 events"},
	}
}

func settingsModel() settings.Model {
	return settings.Model{
		Name: "cleo", Role: words.Role(ssf.RoleAdmin), Email: "cleo@example.com", IdentityHref: "/identities/cleo", IdentityName: "Cleo Marsh", Theme: "dark", Shortcuts: true, CSRF: "csrf-token",
		Tokens: []settings.Token{
			{ID: "t1", Name: "SIEM export", Role: words.RoleName("viewer"), Created: ago(40 * 24 * time.Hour), LastUsed: ago(3 * time.Minute), ExpiresIn: "in 29 days"},
			{ID: "t2", Name: "playbooks", Role: words.RoleName("responder"), Created: ago(80 * 24 * time.Hour), ExpiresIn: "in 3 days", Soon: true},
			{ID: "t3", Name: "old", Role: words.RoleName("viewer"), Created: ago(400 * 24 * time.Hour), LastUsed: ago(90 * 24 * time.Hour), Expired: true},
		},
		New:  settings.NewToken{Name: "nightly report", Secret: "hk_3q2-7wYb1_Zk9v0Jm4xT8cR5nP6sLdF2gHaQeUiOyE"},
		Form: settings.TokenForm{Roles: []string{"viewer", "responder", "admin"}, Errors: map[string]string{"name": "Give it a name."}},
		Sessions: []settings.Session{
			{Handle: "h1", Address: "192.0.2.7", Agent: "Firefox on Linux", Method: "password", Started: ago(2 * time.Hour), LastUsed: ago(time.Second), Current: true},
			{Handle: "h2", Address: "192.0.2.9", Agent: "Chromium on Android", Method: "password", Started: ago(5 * time.Hour), LastUsed: ago(time.Hour)},
		},
		About: settings.About{Version: "0.1.0", Parts: []settings.Part{{Name: "htmx.org", Version: "4.0.1", License: "BSD-0-Clause"}}},
	}
}
