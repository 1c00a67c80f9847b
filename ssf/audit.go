package ssf

import "time"

// AuditEntry is one security-relevant operation or refused attempt. It is written in the transaction of the change.
type AuditEntry struct {
	N      uint64    `json:"n"`
	At     time.Time `json:"at"`
	Actor  Actor     `json:"actor"`
	Action string    `json:"action"`
	// Object names what was changed: "run/…", "event/…", "user/…".
	Object string `json:"object"`
	// Result is "done" or "refused".
	Result string `json:"result"`
	// Detail is one line without secrets or whole tokens.
	Detail   string     `json:"detail,omitempty"`
	Identity IdentityID `json:"identity,omitempty"`
	Event    Seq        `json:"event,omitempty"`
	Run      RunID      `json:"run,omitempty"`
}

// Change describes a change of runtime state for the audit log; the zero value is mere bookkeeping and is not recorded.
type Change struct {
	Action string
	Detail string
}

// StoreStats are figures for the status page.
type StoreStats struct {
	Engine    string
	Path      string
	Bytes     int64
	Free      uint64 // bytes free on the volume; zero when unknown
	Events    Seq
	Runs      map[RunState]int
	OldestDue time.Time // the oldest run that waits for the worker; zero when none
	Format    int
	// Trouble says what keeps the store from taking events, in words for people; empty while it works.
	Trouble string
}

// CheckReport is what a check of the whole file found.
type CheckReport struct {
	Events, States, Runs, Identities, Accounts, Audit int
	// Problems are sentences; none means that every record and every index agrees.
	Problems []string
}
