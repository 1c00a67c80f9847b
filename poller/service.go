package poller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"harken/outbound"
	"harken/ssf"
)

// Config makes a Service.
type Config struct {
	// Holder names this process in leases; required. A process that is alone on its data keeps the same name over
	// restarts, so that it need not wait for its own lease to run out.
	Holder string
	// Network, UserAgent and Transport are those of each transmitter's outbound.Client. A nil Transport, or one that
	// returns nil, is the guarded one.
	Network   outbound.Network
	UserAgent string
	Transport func(id ssf.TransmitterID) http.RoundTripper
	// Now is the clock and Log the log; both are required.
	Now func() time.Time
	Log *slog.Logger
	// Elapsed is the time that really passed since some moment, whatever happens to the wall clock; nil takes the
	// monotonic reading of Now.
	Elapsed func() time.Duration
	// Rand returns jitter in [0, 1), safely for concurrent use; nil means math/rand/v2.
	Rand func() float64
}

// Deps are the parts a Service works with; all are required. The caller runs Intake and Scheduler, and stops Intake last.
type Deps struct {
	Store       Store
	Intake      *Intake
	Scheduler   *Scheduler
	NewVerifier NewVerifier
}

// Service looks after all configured transmitters. It is safe for concurrent use.
type Service struct {
	cfg       Config
	store     Store
	intake    *Intake
	scheduler *Scheduler
	verifier  NewVerifier
	rand      func() float64

	mu    sync.Mutex
	feeds map[ssf.TransmitterID]*feed
}

// New checks cfg and returns a Service. It connects to nothing and starts nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	switch {
	case cfg.Holder == "" || cfg.Now == nil || cfg.Log == nil:
		return nil, errors.New("poller: holder, clock and log are required")
	case deps.Store == nil || deps.Intake == nil || deps.Scheduler == nil || deps.NewVerifier == nil:
		return nil, errors.New("poller: store, intake, scheduler and verifier are required")
	}
	s := &Service{
		cfg: cfg, store: deps.Store, intake: deps.Intake, scheduler: deps.Scheduler, verifier: deps.NewVerifier,
		rand: cfg.Rand, feeds: make(map[ssf.TransmitterID]*feed),
	}
	if s.rand == nil {
		s.rand = rand.Float64
	}
	if s.cfg.Elapsed == nil {
		begun := cfg.Now()
		s.cfg.Elapsed = func() time.Duration { return cfg.Now().Sub(begun) }
	}
	return s, nil
}

func (s *Service) feed(id ssf.TransmitterID) *feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.feeds[id]
}

// all returns the feeds by id.
func (s *Service) all() []*feed {
	s.mu.Lock()
	out := make([]*feed, 0, len(s.feeds))
	for _, f := range s.feeds {
		out = append(out, f)
	}
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b *feed) int { return compareIDs(ssf.JobID(a.id), ssf.JobID(b.id)) })
	return out
}

// stopTime bounds what is done after ctx has ended: the answer in flight, its commit, the last acknowledgements.
const stopTime = 8 * time.Second

// Run adds the jobs of all transmitters to the scheduler, and keeps up with changes of their specifications, until ctx
// ends. Then it waits for polls in flight, sends what is left to acknowledge, and gives the leases up. It returns nil on
// a clean stop.
func (s *Service) Run(ctx context.Context) error {
	changed, stop := s.store.Watch(ssf.Topic{Kind: ssf.TopicTransmitter})
	defer stop()
	for _, job := range []Job{s.undecidedJob(), s.clockJob()} {
		if err := s.scheduler.Add(job); err != nil {
			return err
		}
	}
	retry := time.NewTicker(time.Minute) // should a change have been missed, or the list not have been readable
	defer retry.Stop()
	for {
		if err := s.sync(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("transmitters not read", "err", err)
		}
		select {
		case <-ctx.Done():
			s.stop(ctx)
			return nil
		case <-changed:
		case <-retry.C:
		}
	}
}

// stop flushes all feeds at the same time.
func (s *Service) stop(ctx context.Context) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	var group sync.WaitGroup
	for _, f := range s.all() {
		group.Go(func() {
			f.flush(last)
			f.release(last)
		})
	}
	group.Wait()
}

// sync compares the stored transmitters with the feeds.
func (s *Service) sync(ctx context.Context) error {
	list, err := s.store.Transmitters(ctx)
	if err != nil {
		return err
	}
	wanted := make(map[ssf.TransmitterID]bool, len(list))
	for _, t := range list {
		if t.Retired {
			continue
		}
		wanted[t.Spec.ID] = true
		if err := s.take(ctx, t); err != nil {
			s.cfg.Log.Error("transmitter not started", "transmitter", t.Spec.ID, "err", err)
		}
	}
	for _, f := range s.all() {
		if !wanted[f.id] {
			s.drop(ctx, f)
		}
	}
	return nil
}

// take starts a feed, or hands it a changed specification. A change of the rhythm makes new jobs.
func (s *Service) take(ctx context.Context, t ssf.Transmitter) error {
	f := s.feed(t.Spec.ID)
	if f == nil {
		st, err := s.store.TransmitterState(ctx, t.Spec.ID)
		if err != nil {
			return err
		}
		f = newFeed(s, t, st)
		s.mu.Lock()
		s.feeds[t.Spec.ID] = f
		s.mu.Unlock()
		return s.schedule(f)
	}
	old := f.transmitter()
	if old.Revision == t.Revision {
		return nil
	}
	f.configure(t)
	if old.Spec.Poll != t.Spec.Poll {
		s.unschedule(f)
		return s.schedule(f)
	}
	return s.scheduler.Trigger(pollJob(f.id))
}

func (s *Service) schedule(f *feed) error {
	for _, job := range f.jobs() {
		if err := s.scheduler.Add(job); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) unschedule(f *feed) {
	for _, job := range f.jobs() {
		s.scheduler.Remove(job.ID)
	}
}

// drop ends a feed whose transmitter was retired.
func (s *Service) drop(ctx context.Context, f *feed) {
	s.unschedule(f)
	s.mu.Lock()
	delete(s.feeds, f.id)
	s.mu.Unlock()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	f.flush(last)
	f.release(last)
}

// PollNow polls a transmitter at once, even if it is backing off. An unknown one is ssf.ErrNotFound.
func (s *Service) PollNow(id ssf.TransmitterID) error { return s.scheduler.Trigger(pollJob(id)) }

// Release lets a held stream run again: the origins that are pinned are forgotten, and those that the transmitter names
// now are pinned in their place. It is audited under actor's name. An unknown transmitter is ssf.ErrNotFound.
func (s *Service) Release(ctx context.Context, actor ssf.Actor, id ssf.TransmitterID) error {
	f := s.feed(id)
	if f == nil {
		return fmt.Errorf("transmitter %.80q: %w", id, ssf.ErrNotFound)
	}
	if err := f.unhold(ctx, actor); err != nil {
		return err
	}
	return s.scheduler.Trigger(pollJob(id))
}
