package poller

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"harken/ssf"
)

const (
	lateAtLeast  = time.Minute
	quietAtLeast = time.Hour
	quietFactor  = 10
	quietGaps    = 5 // how many pauses must be known before a longer one means anything
)

// worker is one job with its goroutine.
type worker struct {
	job      Job
	schedule cron.Schedule
	sched    *Scheduler
	entry    cron.EntryID
	ticks    chan struct{}
	asked    chan struct{}
	cancel   context.CancelFunc // nil until started
	done     chan struct{}

	mu       sync.Mutex
	runs     []ssf.JobRun // the last ones, oldest first
	running  time.Time    // zero while resting
	expected time.Time    // when the next run should begin
	moved    bool         // expected is Due's, not the schedule's
	failures int
	since    time.Time // the first failure of the present row
	itemsAt  time.Time // the last run that brought something
	gaps     int       // pauses between such runs, and their mean
	gap      time.Duration
}

func newWorker(job Job, schedule cron.Schedule, s *Scheduler) *worker {
	return &worker{
		job: job, schedule: schedule, sched: s, ticks: make(chan struct{}, 1), asked: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
}

// tick is called by cron. One that comes while the job runs is void.
func (w *worker) tick() { signal(w.ticks) }

func (w *worker) trigger() { signal(w.asked) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// loop runs the job whenever it is due, until ctx ends.
func (w *worker) loop(ctx context.Context) {
	w.remember(w.sched.history.last(ctx, w.job.ID))
	timer := time.NewTimer(0)
	defer timer.Stop()
	w.plan(timer, w.first())
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.asked:
		case <-timer.C:
		case <-w.ticks:
			if w.holding() {
				continue
			}
		}
		if ctx.Err() != nil {
			return
		}
		w.once(ctx)
		select {
		case <-w.ticks:
		default:
		}
		w.plan(timer, w.due())
	}
}

// first is when the first run begins; zero leaves it to the schedule.
func (w *worker) first() time.Time {
	due := w.due()
	if !w.job.AtStart || !due.IsZero() {
		return due
	}
	now := w.sched.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.runs); n > 0 && w.job.Due == nil {
		if next := w.schedule.Next(w.runs[n-1].Started); next.After(now) {
			return next
		}
	}
	return now
}

func (w *worker) due() time.Time {
	if w.job.Due == nil {
		return time.Time{}
	}
	return w.job.Due()
}

// tickSlack is how late a tick may be before the run starts without it. Cron waits for the wall clock to come to a time;
// one that is set back would keep it waiting for as long as it was set back.
const tickSlack = 5 * time.Second

// plan sets the timer for at; zero leaves the run to the next tick.
func (w *worker) plan(timer *time.Timer, at time.Time) {
	now := w.sched.now()
	w.mu.Lock()
	w.moved = !at.IsZero()
	w.expected = at
	if at.IsZero() {
		w.expected = w.schedule.Next(now.UTC())
	}
	expected := w.expected
	w.mu.Unlock()
	if at.IsZero() {
		timer.Reset(max(expected.Sub(now), 0) + tickSlack)
		return
	}
	timer.Reset(max(at.Sub(now), 0))
}

// holding reports whether a tick must not start a run yet.
func (w *worker) holding() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved && w.sched.now().Before(w.expected)
}

// once runs the job and records the run.
func (w *worker) once(ctx context.Context) {
	start := w.sched.now()
	w.mu.Lock()
	w.running = start
	w.mu.Unlock()
	items, err := w.guarded(ctx)
	end := w.sched.now()
	run := ssf.JobRun{Job: w.job.ID, Started: start, Took: ssf.Duration(max(end.Sub(start), 0)), OK: err == nil, Items: items}
	if err != nil {
		run.Error = shorten(err.Error(), 500)
	}
	stopping := err != nil && ctx.Err() != nil // its end says nothing about the job
	w.mu.Lock()
	w.running = time.Time{}
	if !stopping {
		w.record(run)
	}
	w.mu.Unlock()
	if !stopping {
		w.sched.history.add(run)
	}
}

// guarded runs the job; a panic is its error.
func (w *worker) guarded(ctx context.Context) (items int, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.sched.log.Error("job panicked", "job", w.job.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			items, err = 0, fmt.Errorf("internal error (the log has the details): %v", p)
		}
	}()
	return w.job.Run(ctx)
}

// remember takes over the history of an earlier life.
func (w *worker) remember(runs []ssf.JobRun) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range runs {
		w.record(r)
	}
}

// record adds a run to what is known; mu is held.
func (w *worker) record(run ssf.JobRun) {
	if len(w.runs) >= historyLength {
		w.runs = append(w.runs[:0], w.runs[len(w.runs)-historyLength+1:]...)
	}
	w.runs = append(w.runs, run)
	if run.OK {
		w.failures, w.since = 0, time.Time{}
	} else {
		if w.failures == 0 {
			w.since = run.Started
		}
		w.failures++
	}
	if run.Items > 0 {
		if !w.itemsAt.IsZero() {
			w.gaps++
			w.gap += (run.Started.Sub(w.itemsAt) - w.gap) / time.Duration(min(w.gaps, 100))
		}
		w.itemsAt = run.Started
	}
}

// status tells how the job does at now.
func (w *worker) status(now time.Time) ssf.JobStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	st := ssf.JobStatus{
		ID: w.job.ID, Schedule: w.job.Schedule, Limit: w.job.Limit, Interval: interval(w.schedule, now.UTC()),
		RunningSince: w.running, Next: w.expected, Failures: w.failures, Runs: append([]ssf.JobRun(nil), w.runs...),
	}
	if n := len(w.runs); n > 0 {
		st.Last = w.runs[n-1]
	}
	st.BackingOff = w.moved && w.failures > 0 && w.expected.After(now)
	late := w.expected.Add(max(2*st.Interval, lateAtLeast))
	switch {
	case !w.running.IsZero() && now.Sub(w.running) > w.job.Limit:
		st.State, st.Since = ssf.JobStuck, w.running.Add(w.job.Limit)
	case w.running.IsZero() && !w.expected.IsZero() && now.After(late):
		st.State, st.Since = ssf.JobLate, w.expected
	case w.failures > 0:
		st.State, st.Since = ssf.JobFailed, w.since
	case !w.running.IsZero():
		st.State, st.Since = ssf.JobRunning, w.running
	case len(w.runs) == 0:
		st.State = ssf.JobNever
	case w.gaps >= quietGaps && now.Sub(w.itemsAt) > max(quietAtLeast, quietFactor*w.gap):
		st.State, st.Since = ssf.JobQuiet, w.itemsAt
	default:
		st.State = ssf.JobOK
	}
	return st
}

// shorten cuts text to at most n bytes at a character's border.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	return text[:n] + "…"
}
