package respond

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"harken/outbound"
	"harken/ssf"
)

const (
	claimTTL    = 3 * time.Minute
	claimMargin = 45 * time.Second // before a claim ends, no further call begins
	stopGrace   = 5 * time.Second  // calls under way may finish
	idleWait    = 5 * time.Second
	maxQueue    = 64 // claimed runs that wait for a place at one system
	passOn      = 5 * time.Second
	maxSpread   = 2 * time.Minute
)

// WorkerConfig tunes a Worker. The zero value is usable.
type WorkerConfig struct {
	// Holder names this process in claims; empty means "respond".
	Holder string
	// Parallel is how many runs are worked on at once (0: 16), PerConnector how many of one system (0: 4).
	Parallel, PerConnector int
	// Rand returns jitter in [0, 1), safely for concurrent use; nil means math/rand/v2.
	Rand func() float64
}

// Worker carries recorded runs out. Several processes may run one each: the store's claims keep them apart.
type Worker struct {
	cfg   WorkerConfig
	svc   *Service
	store Store
	now   func() time.Time
	log   *slog.Logger
	actor ssf.Actor
}

// NewWorker returns a worker on the service's store and systems. It starts nothing.
func NewWorker(cfg WorkerConfig, svc *Service) (*Worker, error) {
	if svc == nil {
		return nil, errors.New("respond: the worker needs a service")
	}
	if cfg.Parallel < 0 || cfg.PerConnector < 0 {
		return nil, errors.New("respond: negative number of parallel runs")
	}
	if cfg.Holder == "" {
		cfg.Holder = "respond"
	}
	if cfg.Parallel == 0 {
		cfg.Parallel = 16
	}
	if cfg.PerConnector == 0 {
		cfg.PerConnector = 4
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	return &Worker{
		cfg: cfg, svc: svc, store: svc.store, now: svc.cfg.Now, log: svc.cfg.Log.With("component", "respond"),
		actor: ssf.System("respond"),
	}, nil
}

// Run works until ctx ends, then lets calls under way finish for 5 s. Runs that were executing when the process before it
// ended are in doubt from then on. It returns nil on a clean stop; an error means that it could not even begin.
func (w *Worker) Run(ctx context.Context) error {
	n, err := w.store.MarkInDoubt(ctx, w.actor)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("respond: mark runs in doubt: %w", err)
	}
	if n > 0 {
		w.log.Warn("runs were interrupted and are in doubt", "runs", n)
	}
	wake, stop := w.store.Watch(ssf.Topic{Kind: ssf.TopicRuns})
	defer stop()
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	d := &dispatcher{
		w: w, work: work, queues: map[ssf.ConnectorID][]ssf.RunClaim{}, done: make(chan finished),
		gates: gates{perConnector: w.cfg.PerConnector, backoff: w.backoff, m: map[ssf.ConnectorID]*gate{}},
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			d.stop(cancel)
			return nil
		case f := <-d.done:
			d.finish(f)
		case <-wake:
		case <-timer.C:
		}
		d.start()
		wait := d.claim(ctx)
		d.start()
		timer.Reset(wait)
	}
}

func (w *Worker) backoff(failures int) time.Duration {
	return outbound.Backoff(failures, 0, w.cfg.Rand)
}

// dispatcher gives claimed runs to goroutines. It belongs to the goroutine of Worker.Run.
type dispatcher struct {
	w       *Worker
	work    context.Context // of the runs under way; it outlives Run's own for the grace time
	gates   gates
	queues  map[ssf.ConnectorID][]ssf.RunClaim
	waiting int
	working int
	done    chan finished
}

type finished struct {
	connector ssf.ConnectorID
	outcome   outcome
}

// claim takes runs that are due as long as there is room, and returns how long to wait for the next.
func (d *dispatcher) claim(ctx context.Context) time.Duration {
	for room := d.room(); room > 0; room = d.room() {
		due, err := d.w.store.NextRunDue(ctx)
		if err != nil {
			return d.trouble(ctx, "next run", err)
		}
		if due.IsZero() {
			return idleWait
		}
		if wait := due.Sub(d.w.now()); wait > 0 {
			return min(wait, idleWait)
		}
		claims, err := d.w.store.ClaimRuns(ctx, d.w.cfg.Holder, room, claimTTL)
		if err != nil {
			return d.trouble(ctx, "claim runs", err)
		}
		for _, c := range claims {
			d.take(c)
		}
		if len(claims) == 0 {
			return time.Second // another process was faster
		}
		d.start()
	}
	return idleWait // something finishes before
}

func (d *dispatcher) trouble(ctx context.Context, what string, err error) time.Duration {
	if ctx.Err() == nil {
		d.w.log.Warn(what, "err", err)
	}
	return time.Second
}

// room is how many runs may be claimed now: those under way, and some more for each system to choose from.
func (d *dispatcher) room() int { return min(d.w.cfg.Parallel+maxQueue-d.working-d.waiting, maxQueue) }

// take queues a claimed run, or passes it on to later: its system rests, or has enough waiting.
func (d *dispatcher) take(c ssf.RunClaim) {
	id, now := c.Run.Connector, d.w.now()
	if until, rests := d.gates.resting(id, now); rests {
		d.postpone(c, until, "the system does not answer; it is tried again by one run at a time")
		return
	}
	if len(d.queues[id]) >= maxQueue/2 {
		d.postpone(c, now.Add(passOn), "")
		return
	}
	d.queues[id] = append(d.queues[id], c)
	d.waiting++
}

// start begins whatever has a place.
func (d *dispatcher) start() {
	now := d.w.now()
	for id, queue := range d.queues {
		until, rests := d.gates.resting(id, now)
		for len(queue) > 0 && (rests || d.working < d.w.cfg.Parallel && d.gates.free(id)) {
			c := queue[0]
			queue = queue[1:]
			d.waiting--
			switch {
			case rests:
				d.postpone(c, until, "the system does not answer; it is tried again by one run at a time")
			case c.Until.Sub(now) < 2*claimMargin:
				d.postpone(c, now, "")
			default:
				d.working++
				d.gates.of(id).working++
				go func() { d.done <- finished{connector: id, outcome: d.w.execute(d.work, c)} }()
			}
		}
		if len(queue) == 0 {
			delete(d.queues, id)
		} else {
			d.queues[id] = queue
		}
	}
}

func (d *dispatcher) finish(f finished) {
	d.working--
	d.gates.of(f.connector).working--
	d.gates.report(f.connector, f.outcome, d.w.now())
}

// postpone gives a claimed run back, untouched but for its Due. Up to twice the wait is added, so that not all come at once
// and only the first of them finds out whether the system is back; the state stays.
func (d *dispatcher) postpone(c ssf.RunClaim, until time.Time, why string) {
	wait := max(until.Sub(d.w.now()), 0)
	until = until.Add(time.Duration(d.w.cfg.Rand() * float64(min(2*wait, maxSpread))))
	if why == "" || c.Run.State != ssf.RunPending {
		why = c.Run.Detail // what is known already says more
	}
	_, err := d.w.store.Update(d.work, d.w.actor, ssf.RunUpdate{
		ID: c.Run.ID, Claim: c.Token, State: c.Run.State, Detail: why, Due: until, Failures: c.Run.Failures,
	})
	if err != nil && !errors.Is(err, ssf.ErrFenced) {
		d.w.log.Warn("postpone", "run", c.Run.ID, "err", err) // the claim runs out by itself
	}
}

// stop gives back what has not begun, and waits for what has: for the grace time first, then its calls are cut off.
func (d *dispatcher) stop(cancel context.CancelFunc) {
	for _, queue := range d.queues {
		for _, c := range queue {
			d.postpone(c, d.w.now(), "")
		}
	}
	grace := time.AfterFunc(stopGrace, cancel)
	defer grace.Stop()
	for d.working > 0 {
		d.finish(<-d.done)
	}
}
