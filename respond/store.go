package respond

import (
	"context"
	"time"

	"harken/ssf"
)

// Store is what response needs of the store. Each method is one transaction.
type Store interface {
	Connectors(ctx context.Context) ([]ssf.Connector, error)
	Connector(ctx context.Context, id ssf.ConnectorID) (ssf.Connector, error)
	// Transmitters tells which connectors an event is about.
	Transmitters(ctx context.Context) ([]ssf.Transmitter, error)
	// EventView returns an event with its state.
	EventView(ctx context.Context, seq ssf.Seq) (ssf.EventView, error)
	// IdentityView returns an identity with the accounts that its sources list now.
	IdentityView(ctx context.Context, id ssf.IdentityID) (ssf.IdentityView, error)

	// CreateRuns commits the intent, with its audit entry, before anything leaves. A request whose effect key exists
	// returns that run with the actor added to who asked. A guard's refusal is committed and audited too, and returned as
	// *ssf.RefusedError; nothing is created then.
	CreateRuns(ctx context.Context, actor ssf.Actor, asks []ssf.RunRequest) ([]ssf.Run, error)
	// CancelRun cancels a run that has not begun (ErrConflict otherwise).
	CancelRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error)
	// HurryRun ends the waiting time of a pending run (ErrConflict once it has begun).
	HurryRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error)
	// RetryRun makes a failed, partial or held run pending again.
	RetryRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error)
	Run(ctx context.Context, id ssf.RunID) (ssf.Run, error)
	Runs(ctx context.Context, f ssf.RunFilter, page ssf.PageRequest) (ssf.List[ssf.Run], error)

	// ClaimRuns claims at most n runs that are due, for the given time. A run whose claim ran out is claimed again.
	ClaimRuns(ctx context.Context, holder string, n int, ttl time.Duration) ([]ssf.RunClaim, error)
	// NextRunDue returns when the next run that is not claimed falls due; the zero time when none waits.
	NextRunDue(ctx context.Context) (time.Time, error)
	// Begin counts the run against the caps and changes its state to executing in one step, before the first call leaves.
	// Over a cap the run is held, and *ssf.RefusedError returned. ErrFenced when the claim is another's.
	Begin(ctx context.Context, actor ssf.Actor, id ssf.RunID, claim string) (ssf.Run, error)
	// Update writes what a worker found out, under its claim (ErrFenced).
	Update(ctx context.Context, actor ssf.Actor, up ssf.RunUpdate) (ssf.Run, error)
	// MarkInDoubt turns runs that were executing when the process ended into in_doubt, due at once; called at start.
	MarkInDoubt(ctx context.Context, actor ssf.Actor) (int, error)

	Secret(ctx context.Context, ref ssf.SecretRef) (ssf.Secret, error)
	Watch(topics ...ssf.Topic) (<-chan struct{}, func())
}
