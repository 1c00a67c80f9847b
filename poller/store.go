package poller

import (
	"context"
	"time"

	"harken/ssf"
)

// Store is what polling needs of the store. Each method is one transaction; errors are those of package ssf.
type Store interface {
	// Transmitters lists all configured transmitters, retired ones included.
	Transmitters(ctx context.Context) ([]ssf.Transmitter, error)
	// TransmitterState returns the runtime state; a transmitter never spoken to has the zero state with its ID.
	TransmitterState(ctx context.Context, id ssf.TransmitterID) (ssf.TransmitterState, error)
	// PutTransmitterState replaces the runtime state under the lease epoch (ErrFenced). A change that is not zero is
	// audited with it.
	PutTransmitterState(ctx context.Context, actor ssf.Actor, epoch uint64, st ssf.TransmitterState, change ssf.Change) error
	// Ingest commits several poll answers in one transaction. A nil error means that every result without Err of its own
	// is durable. On ErrUnavailable nothing was changed; on ErrUnsure nothing may be acknowledged.
	Ingest(ctx context.Context, actor ssf.Actor, batches []ssf.IngestBatch) ([]ssf.IngestResult, error)
	// Replies lists at most limit acks and at most limit errors that wait for the next request, oldest first. It reads
	// committed state only.
	Replies(ctx context.Context, id ssf.TransmitterID, limit int) (ssf.Replies, error)
	// Undecided lists tokens of the queue with a number above after.
	Undecided(ctx context.Context, id ssf.TransmitterID, after uint64, limit int) ([]ssf.UndecidedToken, error)
	// AckUndecided queues acks for undecided tokens received before the given time, and returns how many.
	AckUndecided(ctx context.Context, actor ssf.Actor, id ssf.TransmitterID, before time.Time) (int, error)

	// Lease acquires the named lease, or renews it when holder has it already. It returns ErrConflict while another
	// holder's lease runs. Each change of holder, a restart included, raises the epoch.
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (ssf.Lease, error)
	// Release gives the lease up; a lease that is not held is no error.
	Release(ctx context.Context, lease ssf.Lease) error

	// PutJobRuns appends to the jobs' histories.
	PutJobRuns(ctx context.Context, runs []ssf.JobRun) error
	// JobRuns returns the last n runs of a job, oldest first.
	JobRuns(ctx context.Context, id ssf.JobID, n int) ([]ssf.JobRun, error)

	// Note audits what changed nothing in the store. Number and time are the store's.
	Note(ctx context.Context, entry ssf.AuditEntry) error

	// Secret resolves a reference. ErrNotFound means that nothing is behind it.
	Secret(ctx context.Context, ref ssf.SecretRef) (ssf.Secret, error)
	// Watch returns a channel that receives after commits that touch one of the topics, coalesced, and a function that
	// ends the watch.
	Watch(topics ...ssf.Topic) (<-chan struct{}, func())
}
