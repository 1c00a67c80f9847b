package web

import (
	"context"
	"time"

	"harken/ssf"
)

// EventStore is what the inbox, the event page and their API read and change.
type EventStore interface {
	// Events lists events newest first; the work of one call is bounded (List.More).
	Events(ctx context.Context, f ssf.EventFilter, page ssf.PageRequest) (ssf.List[ssf.EventView], error)
	EventView(ctx context.Context, seq ssf.Seq) (ssf.EventView, error)
	// RawToken returns the compact token of an event.
	RawToken(ctx context.Context, seq ssf.Seq) (string, error)
	EventCounts(ctx context.Context) (ssf.EventCounts, error)
	// Histogram returns the last n hours, oldest first, empty hours included.
	Histogram(ctx context.Context, n int) ([]ssf.HourCount, error)
	// CountAfter counts events of the filter with a Seq above f.After, up to ssf.CountCap.
	CountAfter(ctx context.Context, f ssf.EventFilter) (int, error)
	// SetTriage acknowledges, closes (with a reason) or reopens (TriageNew) events. Unknown ones are ErrNotFound.
	SetTriage(ctx context.Context, actor ssf.Actor, seqs []ssf.Seq, to ssf.Triage, reason ssf.CloseReason, note string) error
	// Undecided and Rejected list tokens for the status page.
	Undecided(ctx context.Context, id ssf.TransmitterID, after uint64, limit int) ([]ssf.UndecidedToken, error)
	Rejected(ctx context.Context, id ssf.TransmitterID, page ssf.PageRequest) (ssf.List[ssf.RejectedToken], error)
}

// IdentityStore is what the identity pages read.
type IdentityStore interface {
	Identities(ctx context.Context, f ssf.IdentityFilter, page ssf.PageRequest) (ssf.List[ssf.IdentityView], error)
	// IdentityView follows the alias of a merged identity.
	IdentityView(ctx context.Context, id ssf.IdentityID) (ssf.IdentityView, error)
	CountIdentities(ctx context.Context) (int, error)
}

// RunStore is what pages and API read and change of runs. Executing goes through Responder.
type RunStore interface {
	Run(ctx context.Context, id ssf.RunID) (ssf.Run, error)
	Runs(ctx context.Context, f ssf.RunFilter, page ssf.PageRequest) (ssf.List[ssf.Run], error)
	CancelRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error)
	HurryRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error)
	RetryRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error)
}

// StatusStore is what the status page and the API read of the machinery.
type StatusStore interface {
	Transmitters(ctx context.Context) ([]ssf.Transmitter, error)
	TransmitterState(ctx context.Context, id ssf.TransmitterID) (ssf.TransmitterState, error)
	TransmitterStats(ctx context.Context, id ssf.TransmitterID) (ssf.TransmitterStats, error)
	Sources(ctx context.Context) ([]ssf.Source, error)
	Connectors(ctx context.Context) ([]ssf.Connector, error)
	Stats(ctx context.Context) (ssf.StoreStats, error)
	Audit(ctx context.Context, page ssf.PageRequest) (ssf.List[ssf.AuditEntry], error)
}

// AccessStore keeps users, sessions and tokens. Every method that changes something audits it in the same transaction.
type AccessStore interface {
	// HasAdmin reports whether an enabled administrator exists.
	HasAdmin(ctx context.Context) (bool, error)
	// PutSetupCode replaces the one-time code; ErrConflict once an administrator exists.
	PutSetupCode(ctx context.Context, actor ssf.Actor, code ssf.SetupCode) error
	// FirstAdmin spends the code and creates the first administrator in one step. A wrong or old code is ErrNotFound.
	FirstAdmin(ctx context.Context, actor ssf.Actor, codeHash string, u ssf.User) error
	// PutUser creates or replaces a user. The last enabled administrator cannot be removed (ErrConflict).
	PutUser(ctx context.Context, actor ssf.Actor, u ssf.User) error
	UserByName(ctx context.Context, name string) (ssf.User, error)
	User(ctx context.Context, id ssf.UserID) (ssf.User, error)

	// PutSession stores a new session.
	PutSession(ctx context.Context, actor ssf.Actor, s ssf.Session) error
	// SessionByHash returns the session with its user's name, role and identity, read from committed state; ErrNotFound
	// when it is gone or its user disabled.
	SessionByHash(ctx context.Context, hash string) (ssf.Session, error)
	// TouchSession moves LastUsed forward; it is not audited.
	TouchSession(ctx context.Context, handle ssf.SessionHandle, at time.Time) error
	// StepUpSession replaces the session's token and records the step-up.
	StepUpSession(ctx context.Context, actor ssf.Actor, handle ssf.SessionHandle, newHash string, at time.Time) error
	// DeleteSession ends a session; one that is gone is no error.
	DeleteSession(ctx context.Context, actor ssf.Actor, handle ssf.SessionHandle) error
	Sessions(ctx context.Context, user ssf.UserID) ([]ssf.Session, error)

	PutToken(ctx context.Context, actor ssf.Actor, t ssf.APIToken) error
	// TokenByHash returns a token with its owner's identity; its role is cut to the owner's. ErrNotFound when expired at
	// now, revoked or its owner disabled.
	TokenByHash(ctx context.Context, hash string, now time.Time) (ssf.APIToken, error)
	TouchToken(ctx context.Context, id ssf.TokenID, at time.Time) error
	DeleteToken(ctx context.Context, actor ssf.Actor, id ssf.TokenID) error
	Tokens(ctx context.Context, owner ssf.UserID) ([]ssf.APIToken, error)

	// Throttle returns what is known of a key; the zero value when nothing is.
	Throttle(ctx context.Context, key string) (ssf.Throttle, error)
	PutThrottle(ctx context.Context, t ssf.Throttle) error
	// Note audits an attempt that changed nothing, such as a failed sign-in.
	Note(ctx context.Context, entry ssf.AuditEntry) error
}

// Watcher tells of committed changes.
type Watcher interface {
	Watch(topics ...ssf.Topic) (<-chan struct{}, func())
}

// Store is the whole of it; one engine satisfies it.
type Store interface {
	EventStore
	IdentityStore
	RunStore
	StatusStore
	AccessStore
	Watcher
}
