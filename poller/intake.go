package poller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"harken/ssf"
)

// MaxGroup is how many tokens one commit takes at most, unless a single batch is larger.
const MaxGroup = 4000

// Token is one delivered token, not yet judged.
type Token struct {
	// Key is the name under which it was delivered; acks and error reports use it.
	Key string
	// Raw is the compact token.
	Raw string
	// Rejected, if not nil, is the verdict already: the token is not looked at.
	Rejected *ssf.RejectError
	// Queued is its number in the undecided queue when it is judged again; zero for a fresh delivery.
	Queued uint64
	// Reason is why it was queued.
	Reason ssf.UndecidedReason
	// ReceivedAt is when it first reached us; zero is now.
	ReceivedAt time.Time
}

// Batch is what one answer of a transmitter brings, from whatever way it came.
type Batch struct {
	Transmitter ssf.TransmitterID
	// Epoch is that of the caller's lease on the transmitter.
	Epoch uint64
	// Verifier proves the tokens.
	Verifier Verifier
	// Strict reports faults of the semantic layer instead of storing the token with them.
	Strict bool
	// Tolerances of the transmitter, for the semantic layer.
	Tolerances []string
	Tokens     []Token
	// Confirmed are the replies which the request that brought this answer delivered.
	Confirmed ssf.Replies
	// State, if not nil, is stored in the same commit. Control events among the tokens change it first: a verification
	// event marks its request as seen, a stream-updated event sets the status. It is the caller's again when Submit
	// returns, and worth keeping only if Submit succeeded. Without it the tokens are judged as if no verification were
	// outstanding.
	State *ssf.TransmitterState
	// queueOnly is set when queued tokens are judged again: State is written only if one of them was decided.
	queueOnly bool
}

// IngestStore is what Intake needs of the store.
type IngestStore interface {
	// Ingest commits several poll answers in one transaction; see Store.
	Ingest(ctx context.Context, actor ssf.Actor, batches []ssf.IngestBatch) ([]ssf.IngestResult, error)
}

// IntakeConfig makes an Intake.
type IntakeConfig struct {
	// Workers is how many tokens are verified at the same time; zero is the number of processors.
	Workers int
	// Now is the clock and Log the log; both are required.
	Now func() time.Time
	Log *slog.Logger
}

// Intake is the one way from delivered tokens to the event log, for all transmitters of the process: it verifies with a
// shared pool and commits with one committer. It is safe for concurrent use.
type Intake struct {
	store IngestStore
	now   func() time.Time
	log   *slog.Logger
	pool  *verifyPool
	queue chan *pending
	ended chan struct{}
}

// NewIntake returns an Intake; Run must be running for Submit to return.
func NewIntake(cfg IntakeConfig, store IngestStore) (*Intake, error) {
	if cfg.Now == nil || cfg.Log == nil || store == nil {
		return nil, errors.New("intake: clock, log and store are required")
	}
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	return &Intake{
		store: store, now: cfg.Now, log: cfg.Log, pool: newVerifyPool(cfg.Workers), queue: make(chan *pending),
		ended: make(chan struct{}),
	}, nil
}

// Submit judges the tokens and returns their verdicts, in their order, after the commit. Nothing may be acknowledged on
// the strength of an error: ssf.ErrFenced (the lease is another's), ssf.ErrUnavailable (nothing was changed),
// ssf.ErrUnsure. When ctx ends before the commit has begun nothing is stored; afterwards Submit waits for it.
func (in *Intake) Submit(ctx context.Context, b Batch) ([]ssf.Verdict, error) {
	if b.Verifier == nil && len(b.Tokens) > 0 {
		return nil, fmt.Errorf("intake of %s: no verifier", b.Transmitter)
	}
	now := in.now()
	deliveries := make([]ssf.Delivery, len(b.Tokens))
	err := in.pool.each(ctx, len(b.Tokens), func(i int) { deliveries[i] = in.judge(ctx, &b, b.Tokens[i], now) })
	if err != nil {
		return nil, fmt.Errorf("intake of %s: %w", b.Transmitter, err)
	}
	for i := range deliveries {
		b.judge(&deliveries[i], now)
	}
	return in.commit(ctx, b, deliveries)
}

// judge verifies one token.
func (in *Intake) judge(ctx context.Context, b *Batch, t Token, now time.Time) ssf.Delivery {
	d := ssf.Delivery{Key: t.Key, Raw: t.Raw, Queued: t.Queued, ReceivedAt: t.ReceivedAt, Rejected: t.Rejected}
	if d.ReceivedAt.IsZero() {
		d.ReceivedAt = now
	}
	if d.Rejected != nil {
		return d
	}
	set, err := guardedVerify(ctx, b.Verifier, t)
	switch {
	case err == nil && set.Transmitter() == b.Transmitter:
		d.SET = set
		return d
	case err == nil:
		err = errors.New("verified for another transmitter")
	}
	if reject, ok := errors.AsType[*ssf.RejectError](err); ok {
		d.Rejected = reject
		return d
	}
	undecided, ok := errors.AsType[*ssf.UndecidedError](err)
	if !ok {
		// Not the token's fault as far as anybody can say: keep it.
		in.log.Error("verification failed without a verdict", "transmitter", b.Transmitter, "err", err)
		undecided = &ssf.UndecidedError{Reason: ssf.UndecidedNoKeys, Code: ssf.RejectInvalidKey, Err: err}
	}
	d.Undecided = undecided
	return d
}

// guardedVerify makes a panic an error: one token that finds a fault of ours must neither end the process nor hold up
// those beside it.
func guardedVerify(ctx context.Context, v Verifier, t Token) (set ssf.VerifiedSET, err error) {
	defer func() {
		if p := recover(); p != nil {
			set, err = ssf.VerifiedSET{}, fmt.Errorf("internal error: %v", p)
		}
	}()
	return v.Verify(ctx, t.Key, t.Raw)
}

// commit hands the judged batch to the committer and puts the verdicts in the order of the tokens.
func (in *Intake) commit(ctx context.Context, b Batch, deliveries []ssf.Delivery) ([]ssf.Verdict, error) {
	verdicts := make([]ssf.Verdict, len(deliveries))
	write := make([]ssf.Delivery, 0, len(deliveries))
	places := make([]int, 0, len(deliveries))
	for i, d := range deliveries {
		if d.Queued != 0 && d.Undecided != nil && d.Undecided.Reason == b.Tokens[i].Reason {
			verdicts[i] = ssf.Verdict{Key: d.Key, Outcome: ssf.OutcomeUndecided} // nothing new about it
			continue
		}
		write, places = append(write, d), append(places, i)
	}
	if len(write) == 0 && (b.State == nil || b.queueOnly) && b.Confirmed.Empty() {
		return verdicts, nil
	}
	got, err := in.send(ctx, ssf.IngestBatch{
		Transmitter: b.Transmitter, Epoch: b.Epoch, Deliveries: write, Confirmed: b.Confirmed, State: b.State,
	})
	if err != nil {
		return nil, fmt.Errorf("intake of %s: %w", b.Transmitter, err)
	}
	if len(got) != len(write) {
		return nil, fmt.Errorf("intake of %s: %d verdicts for %d tokens: %w", b.Transmitter, len(got), len(write), ssf.ErrUnsure)
	}
	for i, v := range got {
		verdicts[places[i]] = v
	}
	return verdicts, nil
}
