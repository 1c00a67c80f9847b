package poller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"harken/ssf"
)

const (
	undecidedAge  = 15 * time.Minute // after that an undecided token is acknowledged: it is safe here
	undecidedPage = 500
	rejudgeAfter  = time.Minute // after trouble
)

// judgement says by which prover, with which key set, and when the undecided queue was last judged. The zero value is
// never in this life.
type judgement struct {
	by         *prover
	generation uint64
	failed     time.Time // zero if it went through
}

// rejudgeIfNews judges the undecided queue again when the key set changed, or the prover: once in each life and after
// each change of the specification. What did not go through is tried again after a minute.
func (f *feed) rejudgeIfNews(ctx context.Context, l *link) error {
	now := judgement{by: l.prover, generation: l.keys.Status().Generation}
	f.mu.Lock()
	last := f.judged
	f.mu.Unlock()
	if last.by == now.by && last.generation == now.generation && (last.failed.IsZero() || f.now().Sub(last.failed) < rejudgeAfter) {
		return nil
	}
	err := f.rejudge(ctx, l)
	if err != nil {
		now.failed = f.now()
	}
	f.mu.Lock()
	f.judged = now
	f.mu.Unlock()
	return err
}

// rejudgeBeside is rejudgeIfNews where its trouble must not keep events from coming.
func (f *feed) rejudgeBeside(ctx context.Context, l *link) {
	if err := f.rejudgeIfNews(ctx, l); err != nil && ctx.Err() == nil {
		f.log.Warn("undecided tokens not judged again", "err", err)
	}
}

// rejudge judges every token of the undecided queue. Each keeps the time at which it first came.
func (f *feed) rejudge(ctx context.Context, l *link) error {
	for after := uint64(0); ; {
		page, err := f.svc.store.Undecided(ctx, f.id, after, undecidedPage)
		if err != nil {
			return asStep(StepStore, fmt.Errorf("read undecided tokens: %w", err))
		}
		if len(page) == 0 {
			return nil
		}
		after = page[len(page)-1].N
		if err := f.resubmit(ctx, l, page, nil); err != nil {
			return err
		}
	}
}

// resubmit puts queued tokens through Intake; with a verdict given they are not looked at again.
func (f *feed) resubmit(ctx context.Context, l *link, page []ssf.UndecidedToken, verdict func(ssf.UndecidedToken) *ssf.RejectError) error {
	if err := take(ctx, f.hold); err != nil {
		return err
	}
	defer func() { <-f.hold }()
	tokens := make([]Token, len(page))
	for i, u := range page {
		tokens[i] = Token{Key: u.Key, Raw: u.Raw, Queued: u.N, Reason: u.Reason, ReceivedAt: u.ReceivedAt}
		if verdict != nil {
			tokens[i].Rejected = verdict(u)
		}
	}
	st := f.snapshot()
	before := f.snapshot()
	b := Batch{
		Transmitter: f.id, Epoch: f.epoch(), Verifier: l.verifier, Strict: l.spec.Errors == "strict", Tolerances: l.spec.Tolerances, Tokens: tokens, State: &st,
		queueOnly: true,
	}
	if _, err := f.svc.intake.Submit(ctx, b); err != nil {
		f.fenced(err)
		return &StepError{Step: StepStore, Err: err}
	}
	if !sameControl(before.Stream, st.Stream) {
		f.keep(st)
	}
	return nil
}

// sameControl reports whether no control event changed the stream's state.
func sameControl(a, b ssf.StreamState) bool {
	return a.Status == b.Status && a.StatusReason == b.StatusReason && a.VerifiedAt.Equal(b.VerifiedAt)
}

// undecidedJob acknowledges tokens that stay undecided, for all transmitters, and in strict mode reports those whose key
// nobody knows.
func (s *Service) undecidedJob() Job {
	return Job{ID: "undecided", Schedule: "@every 1m", Run: func(ctx context.Context) (int, error) {
		total := 0
		var errs []error
		for _, f := range s.all() {
			n, err := f.age(ctx)
			total += n
			errs = append(errs, err)
		}
		return total, errors.Join(errs...)
	}}
}

// age handles the undecided tokens of one transmitter that are older than undecidedAge.
func (f *feed) age(ctx context.Context) (int, error) {
	if !f.mine() {
		return 0, nil
	}
	oldest, err := f.svc.store.Undecided(ctx, f.id, 0, 1)
	if err != nil || len(oldest) == 0 {
		return 0, err
	}
	before := f.now().Add(-undecidedAge)
	if l := f.current(); l != nil && l.spec.Errors == "strict" {
		if err := f.reportUnknown(ctx, l, before); err != nil {
			return 0, err
		}
	}
	n, err := f.svc.store.AckUndecided(context.WithoutCancel(ctx), ssf.System("poller"), f.id, before)
	if err != nil {
		return 0, fmt.Errorf("transmitter %s: acknowledge undecided tokens: %w", f.id, err)
	}
	return n, nil
}

// reportUnknown rejects tokens whose key has been unknown for undecidedAge, over several refreshes of the key set.
func (f *feed) reportUnknown(ctx context.Context, l *link, before time.Time) error {
	for after := uint64(0); ; {
		page, err := f.svc.store.Undecided(ctx, f.id, after, undecidedPage)
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].N
		var old []ssf.UndecidedToken
		for _, u := range page {
			if u.Reason == ssf.UndecidedUnknownKey && !u.Acked && u.ReceivedAt.Before(before) {
				old = append(old, u)
			}
		}
		if len(old) == 0 {
			continue
		}
		err = f.resubmit(ctx, l, old, func(u ssf.UndecidedToken) *ssf.RejectError {
			return &ssf.RejectError{Code: u.Code, Layer: ssf.LayerSignature, Err: errors.New("the key is not in the key set")}
		})
		if err != nil {
			return err
		}
	}
}
