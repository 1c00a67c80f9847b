package web

import (
	"context"

	"harken/respond"
	"harken/ssf"
)

// Responder previews and records actions and reads the systems for the screens.
type Responder interface {
	// Preview says what each kind of action would do. It sends nothing but reads.
	Preview(ctx context.Context, actor ssf.Actor, r respond.PreviewRequest) (respond.Preview, error)
	// Ask records the runs of an action before anything leaves. Asking for an effect that is recorded returns its run.
	Ask(ctx context.Context, actor ssf.Actor, a respond.Ask) ([]ssf.Run, error)
	// Sessions lists the open sessions of an identity, system by system.
	Sessions(ctx context.Context, id ssf.IdentityID) ([]respond.ConnectorSessions, error)
}

// Machinery is the scheduler as the status page sees it. Both methods read memory only and never block on the store.
type Machinery interface {
	Statuses() []ssf.JobStatus
	// Trigger runs a job now; an unknown one is ssf.ErrNotFound.
	Trigger(id ssf.JobID) error
}

// Syncer lets a held sync go on.
type Syncer interface {
	// Release lets exactly the content with this digest be applied; ssf.ErrConflict when something else is held now.
	Release(ctx context.Context, actor ssf.Actor, id ssf.SourceID, digest string) error
}

// Parts are what a Server works with. Store, Responder and Machinery are needed; without Syncer no sync can be released.
type Parts struct {
	Store     Store
	Responder Responder
	Machinery Machinery
	Syncer    Syncer
}
