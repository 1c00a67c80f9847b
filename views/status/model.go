// Package status is the page at /status, for people: did every job run when it should, and if not since when?
package status

import (
	"harken/ssf"
	"harken/views/ui"
)

// Model is the status page. It renders from whatever is known: empty parts are left out.
type Model struct {
	// Headline is the one line on top ("All 9 jobs on time", "2 late: okta-poll since 10:42"), Sub the line below it.
	Headline, Sub string
	Level         Level
	// URL and Signal read the page's region again; empty = static.
	URL, Signal string
	Jobs        []Job
	Streams     []Stream
	Sources     []Source
	Storage     Storage
	Queue       Queue
	Version     string
	Uptime      string
	// Trouble are sentences about the machine itself: disk nearly full, database unreadable.
	Trouble []string
	// MayRun shows "Run now": POST /status/run with csrf, job.
	MayRun bool
	CSRF   string
}

// Level says how the whole stands.
type Level string

// The levels. The zero value is good.
const (
	Good Level = ""
	Warn Level = "warn"
	Bad  Level = "bad"
)

// Job is one scheduled job.
type Job struct {
	ID ssf.JobID
	// Name and Means are ours: "Poll keycloak", "Signals of keycloak do not arrive."
	Name, Means string
	State       ssf.JobState
	// Since is when the state began; Schedule is in words ("every 10 s").
	Since    ui.Time
	Schedule string
	Last     ui.Time
	// Took is "0.2 s", Next "in 14 s" or "overdue 22 min", P95 "412 ms"; empty when not known.
	Took, Next, P95 string
	Items           int
	// Marks are the last 60 runs, oldest first; fewer leave empty slots on the left.
	Marks []ui.JobMark
	// Error is the last error; foreign text.
	Error string
}

// Stream is one transmitter.
type Stream struct {
	ID, Name, Issuer string // Issuer is foreign text
	// State is "enabled", "paused", "disabled", "lost", "held" or empty while unknown; Reason is foreign text.
	State, Reason string
	LastPoll      ui.Time
	LastEvent     ui.Time
	Verified      ui.Time
	AcceptedToday int
	Undecided     int
	Rejected      int
	Conflicts     int
	// UndecidedWhy are sentences: "3 wait for a key that the transmitter does not publish".
	UndecidedWhy []string
	// Step names the step that fails ("discovery"), Error what happened (foreign text), Fix what to do; empty when healthy.
	Step, Error, Fix string
	Since            ui.Time
	// Steps are the steps of a connection in order, for the small ladder ("discovery", "token", "stream", "keys", "poll").
	Steps []Step
}

// Step is one step of a connection.
type Step struct {
	Name string
	// State is "ok", "failed" or "waiting".
	State string
}

// Source is one system that lists people.
type Source struct {
	ID, Kind string
	Accounts int
	LastSync ui.Time
	// Changed is "4 added, 1 changed"; Error and Held are foreign text.
	Changed, Error, Held string
	// HeldDigest names the content that is held, for the form that releases it; empty where the reader may not.
	HeldDigest string
	// RowErrors are rows that were left out: "row 17: no id".
	RowErrors     []string
	RowErrorCount int
}

// Storage is the data file.
type Storage struct {
	Engine, Size, Free string
	// UsedPercent is 0 to 100; -1 when not known.
	UsedPercent int
	Events      string
	Path        string
}

// Queue is what waits to be sent.
type Queue struct {
	Waiting, InDoubt, Held int
	// Oldest is "oldest 33 s"; empty when nothing waits.
	Oldest string
}
