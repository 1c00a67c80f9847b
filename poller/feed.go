package poller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"harken/ssf"
)

const leaseTTL = 3 * time.Minute

// feed is one transmitter with its runtime state. Its jobs run at the same time; what they share:
//
//   - mu guards the fields below it, for moments;
//   - hold is held by whoever changes and commits the transmitter's state, so that no commit overwrites another's
//     change. It is a channel because it is held over key fetches and commits, and waiting for it must end with ctx;
//   - line is held by whoever speaks to the poll endpoint: one request in flight.
type feed struct {
	id   ssf.TransmitterID
	svc  *Service
	log  *slog.Logger
	hold chan struct{} // of the state
	line chan struct{} // of the poll endpoint

	mu      sync.Mutex
	spec    ssf.Transmitter
	st      ssf.TransmitterState
	loaded  bool
	lease   ssf.Lease
	link    *link
	stale   bool      // discover and reconcile again before the next poll
	due     time.Time // when the next poll may begin; zero leaves it to the schedule
	steps   map[string]Step
	polling bool
	foreign bool // another replica has the lease
	bare    bool // 400 was answered, with replies and without: leave them out until a request is accepted
	acks    int  // how many replies a request carries, of each kind
	seen    map[string]bool
	judged  judgement
	// verifyAfter is when the transmitter may be asked for a verification event again, after a refusal.
	verifyAfter time.Time
}

func newFeed(svc *Service, t ssf.Transmitter, st ssf.TransmitterState) *feed {
	st.ID = t.Spec.ID
	return &feed{
		id: t.Spec.ID, svc: svc, log: svc.cfg.Log.With("transmitter", t.Spec.ID), hold: make(chan struct{}, 1),
		line: make(chan struct{}, 1), spec: t, st: st, due: st.Poll.NextDue, steps: make(map[string]Step),
		acks: maxReplies, seen: make(map[string]bool),
	}
}

// take waits for a channel lock, and does not get it once ctx has ended.
func take(ctx context.Context, lock chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *feed) now() time.Time { return f.svc.cfg.Now() }

// transmitter returns the specification in force.
func (f *feed) transmitter() ssf.Transmitter {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.spec
}

// configure takes over a changed specification.
func (f *feed) configure(t ssf.Transmitter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.Revision != f.spec.Revision {
		f.stale, f.due = true, time.Time{}
	}
	f.spec = t
}

// snapshot returns a copy of the state that shares nothing.
func (f *feed) snapshot() ssf.TransmitterState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return clone(f.st)
}

func clone(st ssf.TransmitterState) ssf.TransmitterState {
	st.Stream.Audience = slices.Clone(st.Stream.Audience)
	st.Stream.EventsDelivered = slices.Clone(st.Stream.EventsDelivered)
	st.Stream.CriticalMembers = slices.Clone(st.Stream.CriticalMembers)
	st.Stream.Origins = maps.Clone(st.Stream.Origins)
	st.Stream.Pending = slices.Clone(st.Stream.Pending)
	return st
}

// keep makes st the state in memory.
func (f *feed) keep(st ssf.TransmitterState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !st.Poll.NextDue.Equal(f.st.Poll.NextDue) {
		f.due = st.Poll.NextDue
	}
	f.st = st
}

// rearm says when the next poll begins after a healthy one; zero leaves it to the schedule.
func (f *feed) rearm(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.due = at
}

// current returns the connection; nil before the first success.
func (f *feed) current() *link {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.link
}

// claim acquires or renews the lease. It reports false while another replica has it. Under a new epoch the state is read
// anew: somebody else may have changed it.
func (f *feed) claim(ctx context.Context) (bool, error) {
	if err := take(ctx, f.hold); err != nil {
		return false, err
	}
	defer func() { <-f.hold }()
	f.mu.Lock()
	old, loaded := f.lease, f.loaded
	f.mu.Unlock()
	now := f.now()
	if loaded && old.Epoch != 0 && now.Before(old.Until.Add(-leaseTTL/2)) {
		return true, nil
	}
	lease, err := f.svc.store.Lease(ctx, "poll:"+string(f.id), f.svc.cfg.Holder, leaseTTL)
	if err != nil {
		f.mu.Lock()
		f.lease, f.loaded = ssf.Lease{}, false
		if f.foreign = errors.Is(err, ssf.ErrConflict); f.foreign {
			f.due = now.Add(leaseTTL / 2)
		}
		f.mu.Unlock()
		if errors.Is(err, ssf.ErrConflict) {
			return false, nil
		}
		return false, asStep(StepStore, fmt.Errorf("lease: %w", err))
	}
	if !loaded || lease.Epoch != old.Epoch {
		st, err := f.svc.store.TransmitterState(ctx, f.id)
		if err != nil {
			return false, asStep(StepStore, fmt.Errorf("read state: %w", err))
		}
		st.ID = f.id
		f.mu.Lock()
		f.st, f.due = st, st.Poll.NextDue
		f.mu.Unlock()
	}
	f.mu.Lock()
	f.lease, f.loaded, f.foreign = lease, true, false
	f.mu.Unlock()
	return true, nil
}

// mine reports whether the lease is held, without renewing it.
func (f *feed) mine() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loaded && f.lease.Epoch != 0
}

func (f *feed) epoch() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lease.Epoch
}

// fenced forgets a lease that belongs to somebody else now.
func (f *feed) fenced(err error) {
	if !errors.Is(err, ssf.ErrFenced) {
		return
	}
	f.mu.Lock()
	f.lease, f.loaded = ssf.Lease{}, false
	f.mu.Unlock()
}

// update changes the state and stores it. A change that is not zero is audited with it.
func (f *feed) update(ctx context.Context, change ssf.Change, edit func(st *ssf.TransmitterState)) error {
	if err := take(ctx, f.hold); err != nil {
		return err
	}
	defer func() { <-f.hold }()
	st := f.snapshot()
	edit(&st)
	return f.put(ctx, st, change)
}

// put stores st; hold is held. The commit is not given up when ctx ends.
func (f *feed) put(ctx context.Context, st ssf.TransmitterState, change ssf.Change) error {
	err := f.svc.store.PutTransmitterState(context.WithoutCancel(ctx), ssf.System("poller"), f.epoch(), st, change)
	if err != nil {
		f.fenced(err)
		return &StepError{Step: StepStore, Err: fmt.Errorf("write state: %w", err), Advice: "see the state of the database on this page"}
	}
	f.keep(st)
	return nil
}

// release ends the connection and gives the lease up.
func (f *feed) release(ctx context.Context) {
	f.mu.Lock()
	l := f.link
	f.link = nil
	f.mu.Unlock()
	if l != nil {
		l.close()
		l.prover.close()
	}
	f.mu.Lock()
	lease := f.lease
	f.lease, f.loaded = ssf.Lease{}, false
	f.mu.Unlock()
	if lease.Epoch == 0 {
		return
	}
	if err := f.svc.store.Release(ctx, lease); err != nil {
		f.log.Warn("lease not released", "err", err)
	}
}

// again makes the next poll discover, authorize and reconcile anew.
func (f *feed) again() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stale = true
}

// step records how a step went, for people.
func (f *feed) step(name string, err error) {
	s := Step{Name: name, At: f.now(), State: StepOK}
	if err != nil {
		e := asStep(name, err)
		s.State, s.Detail, s.Advice = StepFailed, shorten(e.Err.Error(), 500), e.Advice
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps[name] = s
}

// failed writes that a poll made no progress, and when the next may begin. It returns err for the job's history, or nil
// for what is fine once.
func (f *feed) failed(ctx context.Context, err error) error {
	e := asStep(StepPoll, err)
	fine := e.onceFine && f.snapshot().Poll.Failures == 0
	if !fine {
		f.step(e.Step, e)
	}
	now := f.now()
	edit := func(st *ssf.TransmitterState) { noProgress(st, e, now, f.svc.rand) }
	if werr := f.update(context.WithoutCancel(ctx), ssf.Change{}, edit); werr != nil {
		// The pace holds all the same, as long as the process lives.
		st := f.snapshot()
		edit(&st)
		f.keep(st)
		f.log.Warn("poll state not written", "err", werr)
	}
	if fine {
		f.log.Info("poll without progress, for once", "err", e.Err)
		return nil
	}
	f.log.Warn("poll without progress", "step", e.Step, "err", e.Err)
	return e
}
