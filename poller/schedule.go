package poller

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"harken/ssf"
)

// Job is recurring work. Its runs never overlap.
type Job struct {
	ID ssf.JobID
	// Schedule is what ParseSchedule accepts.
	Schedule string
	// Limit is how long one run may take before it shows as stuck; it is not cut off. Zero is five minutes.
	Limit time.Duration
	// AtStart runs the job once when the scheduler starts or the job is added, unless its history says that it ran less
	// than an interval ago.
	AtStart bool
	// Due, if not nil, may move the next run: before Due() no tick of the schedule starts one, and at Due() one starts.
	// Zero leaves it to the schedule. It is asked after each run and at start, and must not block.
	Due func() time.Time
	// Run does the work. ctx ends when the scheduler stops or the job is removed. items counts what the run handled, for
	// the history. A panic fails the run, nothing else.
	Run func(ctx context.Context) (items int, err error)
}

// HistoryStore keeps the runs of jobs.
type HistoryStore interface {
	// PutJobRuns appends to the jobs' histories.
	PutJobRuns(ctx context.Context, runs []ssf.JobRun) error
	// JobRuns returns the last n runs of a job, oldest first.
	JobRuns(ctx context.Context, id ssf.JobID, n int) ([]ssf.JobRun, error)
}

// SchedulerConfig makes a Scheduler.
type SchedulerConfig struct {
	// Now is the clock; required.
	Now func() time.Time
	// Log is required.
	Log *slog.Logger
}

// Scheduler wakes jobs. Cron tells when; each job runs in a goroutine of its own, so none waits for another. It is safe
// for concurrent use.
type Scheduler struct {
	now     func() time.Time
	log     *slog.Logger
	history *history
	cron    *cron.Cron

	mu      sync.Mutex
	workers map[ssf.JobID]*worker
	ctx     context.Context // of Run, for jobs added meanwhile; nil while not running
	group   sync.WaitGroup
	stopped bool
}

// NewScheduler returns a scheduler without jobs. It starts nothing.
func NewScheduler(cfg SchedulerConfig, store HistoryStore) (*Scheduler, error) {
	if cfg.Now == nil || cfg.Log == nil || store == nil {
		return nil, fmt.Errorf("scheduler: clock, log and store are required")
	}
	return &Scheduler{
		now: cfg.Now, log: cfg.Log, history: newHistory(store, cfg.Log),
		cron: cron.New(cron.WithLocation(time.UTC)), workers: make(map[ssf.JobID]*worker),
	}, nil
}

// Add adds a job, also while the scheduler runs. An id that is taken is an error.
func (s *Scheduler) Add(job Job) error {
	schedule, err := ParseSchedule(job.Schedule)
	if err != nil {
		return fmt.Errorf("job %s: %w", job.ID, err)
	}
	if job.ID == "" || job.Run == nil {
		return fmt.Errorf("job %q: id and Run are required", job.ID)
	}
	if job.Limit <= 0 {
		job.Limit = 5 * time.Minute
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers[job.ID] != nil {
		return fmt.Errorf("job %s: exists already", job.ID)
	}
	w := newWorker(job, schedule, s)
	w.entry = s.cron.Schedule(schedule, cron.FuncJob(w.tick))
	s.workers[job.ID] = w
	if s.ctx != nil && !s.stopped {
		s.start(w)
	}
	return nil
}

// start runs w's goroutine; mu is held.
func (s *Scheduler) start(w *worker) {
	ctx, cancel := context.WithCancel(s.ctx)
	w.cancel = cancel
	s.group.Add(1)
	go func() {
		defer s.group.Done()
		defer close(w.done)
		w.loop(ctx)
	}()
}

// Remove ends a job and waits until its run has ended. An unknown one is no error.
func (s *Scheduler) Remove(id ssf.JobID) {
	s.mu.Lock()
	w := s.workers[id]
	delete(s.workers, id)
	var running bool
	if w != nil {
		s.cron.Remove(w.entry)
		if running = w.cancel != nil; running {
			w.cancel()
		}
	}
	s.mu.Unlock()
	if running {
		<-w.done
	}
}

// Trigger runs a job now, even if it is backing off; one that is running runs once more afterwards. An unknown job is
// ssf.ErrNotFound.
func (s *Scheduler) Trigger(id ssf.JobID) error {
	s.mu.Lock()
	w := s.workers[id]
	s.mu.Unlock()
	if w == nil {
		return fmt.Errorf("job %.80q: %w", id, ssf.ErrNotFound)
	}
	w.trigger()
	return nil
}

// Run wakes the jobs until ctx ends, then waits for those that run and writes the last of the history. It returns nil on
// a clean stop and can be called once.
func (s *Scheduler) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.ctx != nil {
		s.mu.Unlock()
		return fmt.Errorf("scheduler: already run")
	}
	jobs, cancel := context.WithCancel(ctx)
	defer cancel()
	s.ctx = jobs
	for _, w := range s.workers {
		s.start(w)
	}
	s.mu.Unlock()

	s.cron.Start()
	s.history.run(ctx)

	stopped := s.cron.Stop()
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	cancel()
	<-stopped.Done()
	s.group.Wait()
	s.history.flush(context.WithoutCancel(ctx))
	return nil
}

// Statuses returns how each job does, by id. It reads memory only.
func (s *Scheduler) Statuses() []ssf.JobStatus {
	s.mu.Lock()
	workers := make([]*worker, 0, len(s.workers))
	for _, w := range s.workers {
		workers = append(workers, w)
	}
	s.mu.Unlock()
	slices.SortFunc(workers, func(a, b *worker) int { return compareIDs(a.job.ID, b.job.ID) })
	now := s.now()
	out := make([]ssf.JobStatus, len(workers))
	for i, w := range workers {
		out[i] = w.status(now)
	}
	return out
}

func compareIDs(a, b ssf.JobID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
