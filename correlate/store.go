package correlate

import (
	"context"
	"time"

	"harken/ssf"
)

// Store is what correlation and syncing need of the store. Each method is one transaction.
type Store interface {
	// Sources lists all configured sources, retired ones included.
	Sources(ctx context.Context) ([]ssf.Source, error)
	Transmitters(ctx context.Context) ([]ssf.Transmitter, error)

	// Lease and Release: see poller.Store.
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (ssf.Lease, error)
	Release(ctx context.Context, lease ssf.Lease) error

	// EventsAfter returns events in log order, at most limit, and the cursor from which consumer goes on: the stored one.
	EventsAfter(ctx context.Context, consumer string, limit int) ([]ssf.Event, error)
	// PutMatches writes matches and severities and moves the consumer's cursor to upTo in the same transaction, under the
	// lease's epoch. An upTo of zero leaves the cursor alone (a re-run of old events). A state that a person changed keeps
	// its triage.
	PutMatches(ctx context.Context, actor ssf.Actor, lease ssf.Lease, results []ssf.MatchResult, upTo ssf.Seq) error
	// Uncorrelated lists events that found nobody, oldest first, with a Seq above after.
	Uncorrelated(ctx context.Context, after ssf.Seq, limit int) ([]ssf.Event, error)

	// Account returns an account that its source lists now; ErrNotFound otherwise.
	Account(ctx context.Context, ref ssf.AccountRef) (ssf.Account, error)
	// AccountsByEmail returns the accounts whose EmailKey is key and that their sources list now.
	AccountsByEmail(ctx context.Context, key string) ([]ssf.Account, error)
	// NearAccounts returns at most limit accounts whose e-mail key or native id starts with prefix, for explanations only.
	NearAccounts(ctx context.Context, prefix string, limit int) ([]ssf.Account, error)
	Identity(ctx context.Context, id ssf.IdentityID) (ssf.Identity, error)

	// SourceAccounts returns accounts that the source lists now, ordered by native id, with an id above after.
	SourceAccounts(ctx context.Context, id ssf.SourceID, after string, limit int) ([]ssf.Account, error)
	// ApplySync writes one step of a sync. Identities are minted, renamed and relabelled with their accounts.
	ApplySync(ctx context.Context, actor ssf.Actor, step ssf.Sync) error
	// PutSourceState records a sync that changed no account: failed, held or unchanged.
	PutSourceState(ctx context.Context, actor ssf.Actor, id ssf.SourceID, st ssf.SourceState, change ssf.Change) error

	Watch(topics ...ssf.Topic) (<-chan struct{}, func())
}
