// Package identity is the page of one person or machine, at /identities/:id, and the list at /identities.
package identity

import (
	"harken/ssf"
	"harken/views/event"
	"harken/views/respond"
	"harken/views/ui"
)

// Model is one identity.
type Model struct {
	ID     string
	Person event.Person
	// Title is the job title; foreign text. Since is "known since 12 Mar 2026".
	Title, Since string
	// LastActivity is the newest signal; zero when there is none.
	LastActivity ui.Time
	Accounts     []Account
	// Sessions is nil while they are not read: the region then loads itself from SessionsURL.
	Sessions    *Sessions
	SessionsURL string
	Timeline    Timeline
	Panel       respond.Panel
	// Runs is shown inside the timeline; here it is the list apart, for what is still under way.
	Runs respond.Runs
	CSRF string
	// MayAct shows the buttons.
	MayAct bool
}

// Account is one account of the identity. ID, Email and System are foreign text.
type Account struct {
	System, Source, ID, Email string
	// Active, Removed and StateText say how it stands ("Active", "Disabled, confirmed 10:45", "Removed").
	Active, Removed bool
	StateText       string
	// Linked says how it came to the identity ("by e-mail").
	Linked string
	// Reached names the connectors that act on it; empty means none.
	Reached []string
	At      ui.Time
}

// Sessions is the lazily read region. It fetches itself again on Signal.
type Sessions struct {
	URL, Signal string
	Systems     []SystemSessions
}

// SystemSessions are the open sessions of one account in one system.
type SystemSessions struct {
	System, Account string // foreign text
	Rows            []Session
	// Listed is false where the source does not list sessions.
	Listed bool
	Read   ui.Time
	// Stale says why the list may be out of date; foreign text, empty when it was just read.
	Stale string
	// EndsOne shows an "End" button for each row: POST EndAction with csrf, session, connector, account, intent.
	EndsOne           bool
	EndAction, Intent string
	Connector         string
	CSRF              string
}

// Session is one open session. All strings are foreign text.
type Session struct {
	ID, App, Device, Place string
	Started, LastSeen      ui.Time
	// Mark says that it is ending ("end accepted"); ours.
	Mark  string
	State ssf.RunState
}

// Timeline mixes signals and runs, newest first, by day. It fetches itself from URL on Signal.
type Timeline struct {
	URL, Signal string
	Days        []Day
	Older       string
}

// Day is one day of the timeline.
type Day struct {
	Label   string
	Entries []Entry
}

// EntryKind says who or what an entry is about.
type EntryKind string

// The kinds of entry.
const (
	EntrySignal EntryKind = "signal"
	EntryPerson EntryKind = "person"
	EntryPolicy EntryKind = "policy"
)

// Entry is one line of the timeline. Title and Note may hold foreign text.
type Entry struct {
	Kind     EntryKind
	At       ui.Time
	Title    string
	Href     string
	Note     string
	Severity ssf.Severity // of a signal
	State    ssf.RunState // of a run
}

// ListModel is the list of identities.
type ListModel struct {
	// Query is the prefix searched for, as typed; foreign text.
	Query string
	Rows  []ListRow
	// Total is "1,284"; empty when not known.
	Total string
	Older string
	// NoSource says that nothing lists people yet.
	NoSource bool
}

// ListRow is one identity of the list. Its strings are foreign text.
type ListRow struct {
	Href, Name, Email, Group string
	Initials                 string
	Privileged, Protected    bool
	Active                   bool
	Accounts                 int
	Open                     int
}
