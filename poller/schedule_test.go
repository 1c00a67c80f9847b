package poller_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"harken/poller"
	"harken/ssf"
)

// jobs runs a scheduler with the given jobs over a real store until the bubble's test ends.
func (l *lab) jobs(jobs ...poller.Job) *poller.Scheduler {
	l.t.Helper()
	l.open()
	s, err := poller.NewScheduler(poller.SchedulerConfig{Now: time.Now, Log: slog.New(slog.DiscardHandler)}, l.db)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, j := range jobs {
		if err := s.Add(j); err != nil {
			l.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.t.Context()))
	l.scheduler, l.cancel, l.ended = s, cancel, make(chan struct{})
	go func() {
		defer close(l.ended)
		if err := s.Run(ctx); err != nil {
			l.t.Errorf("got error %v from Run", err)
		}
	}()
	return s
}

func TestJobsRunAndAreRemembered(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		var runs atomic.Int32
		job := poller.Job{ID: "sync:people", Schedule: "@every 1m", Run: func(context.Context) (int, error) { return 3, errIf(runs.Add(1) > 5) }}
		l.jobs(job)
		wait(5*time.Minute + time.Second)
		if st := jobStatus(t, l, job.ID); runs.Load() != 5 || st.State != ssf.JobOK || len(st.Runs) != 5 || st.Last.Items != 3 || st.Interval != time.Minute {
			t.Errorf("got %d runs, status %+v, want 5 good ones", runs.Load(), st)
		}
		wait(4 * time.Minute)
		if st := jobStatus(t, l, job.ID); st.State != ssf.JobFailed || st.Failures != 4 || st.Since.IsZero() {
			t.Errorf("got state %s, %d failures, want failed, 4", st.State, st.Failures)
		}
		l.stop()
		l.jobs(job)
		wait(time.Second)
		if st := jobStatus(t, l, job.ID); st.Failures != 4 || len(st.Runs) != 9 {
			t.Errorf("got %d failures and %d runs after a restart, want 4 and 9", st.Failures, len(st.Runs))
		}
	})
}

var errJob = errors.New("the source is away")

func errIf(yes bool) error {
	if yes {
		return errJob
	}
	return nil
}

func TestJobThatPanics(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		var runs atomic.Int32
		l.jobs(poller.Job{ID: "p", Schedule: "@every 10s", Run: func(context.Context) (int, error) {
			runs.Add(1)
			panic("no")
		}})
		wait(time.Minute + time.Second)
		if st := jobStatus(t, l, "p"); runs.Load() != 6 || st.State != ssf.JobFailed || st.Last.Error == "" {
			t.Errorf("got %d runs, state %s, error %q, want 6 failed ones with an error", runs.Load(), st.State, st.Last.Error)
		}
	})
}

func TestJobThatHangsIsStuckAlone(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		var overlap, other atomic.Int32
		l.jobs(
			poller.Job{ID: "hang", Schedule: "@every 10s", Limit: time.Minute, Run: func(ctx context.Context) (int, error) {
				overlap.Add(1)
				<-ctx.Done()
				return 0, ctx.Err()
			}},
			poller.Job{ID: "other", Schedule: "@every 10s", Run: func(context.Context) (int, error) { other.Add(1); return 0, nil }},
		)
		wait(5 * time.Minute)
		if st := jobStatus(t, l, "hang"); st.State != ssf.JobStuck || st.RunningSince.IsZero() || overlap.Load() != 1 {
			t.Errorf("got state %s, %d runs at once, want stuck, 1", st.State, overlap.Load())
		}
		if other.Load() < 29 {
			t.Errorf("the other job ran %d times, want 30", other.Load())
		}
	})
}

func TestDueMovesTheNextRun(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		start := time.Now()
		var at []time.Duration
		var due time.Time
		l.jobs(poller.Job{ID: "d", Schedule: "@every 10s", AtStart: true, Due: func() time.Time { return due }, Run: func(context.Context) (int, error) {
			at = append(at, time.Since(start).Round(time.Second))
			switch len(at) {
			case 1:
				due = time.Now().Add(3 * time.Second) // sooner than the schedule
				return 0, nil
			case 2:
				due = time.Now().Add(62 * time.Second) // backing off
				return 0, errJob
			}
			due = time.Time{}
			return 0, nil
		}})
		wait(30 * time.Second)
		if st := jobStatus(t, l, "d"); !st.BackingOff || st.State != ssf.JobFailed {
			t.Errorf("got backing off %v, state %s, want it failed and backing off", st.BackingOff, st.State)
		}
		wait(50 * time.Second)
		want := []time.Duration{0, 3 * time.Second, 65 * time.Second, 70 * time.Second, 80 * time.Second}
		if len(at) != len(want) {
			t.Fatalf("got runs at %v, want %v", at, want)
		}
		for i := range want {
			if at[i] != want[i] {
				t.Errorf("run %d: got at %v, want %v", i, at[i], want[i])
			}
		}
	})
}

func TestTriggerAddRemove(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		var runs atomic.Int32
		job := poller.Job{ID: "j", Schedule: "@hourly", Run: func(context.Context) (int, error) { runs.Add(1); return 0, nil }}
		s := l.jobs()
		if err := s.Add(job); err != nil {
			t.Fatal(err)
		}
		if err := s.Add(job); err == nil {
			t.Error("an id is accepted twice")
		}
		if st := jobStatus(t, l, "j"); st.State != ssf.JobNever {
			t.Errorf("got state %s, want never_ran", st.State)
		}
		if err := s.Trigger("j"); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		if runs.Load() != 1 {
			t.Errorf("got %d runs after Trigger, want 1", runs.Load())
		}
		s.Remove("j")
		wait(2 * time.Hour)
		if runs.Load() != 1 {
			t.Errorf("got %d runs after Remove, want 1", runs.Load())
		}
		if err := s.Trigger("j"); !errors.Is(err, ssf.ErrNotFound) {
			t.Errorf("got error %v from Trigger of a removed job, want ErrNotFound", err)
		}
	})
}

func TestQuietJob(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		var silent atomic.Bool
		l.jobs(poller.Job{ID: "q", Schedule: "@every 10s", Run: func(context.Context) (int, error) {
			if silent.Load() {
				return 0, nil
			}
			return 1, nil
		}})
		wait(10 * time.Minute)
		silent.Store(true)
		wait(30 * time.Minute)
		if st := jobStatus(t, l, "q"); st.State != ssf.JobOK {
			t.Errorf("got state %s after half an hour without items, want ok", st.State)
		}
		wait(time.Hour)
		if st := jobStatus(t, l, "q"); st.State != ssf.JobQuiet {
			t.Errorf("got state %s after an hour and a half, want quiet", st.State)
		}
	})
}

// TestMissedTicksAreMadeUpFor stops cron, as a clock that is set back does: jobs run all the same, a moment later.
func TestMissedTicksAreMadeUpFor(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		var runs atomic.Int32
		s := l.jobs(poller.Job{ID: "hourly", Schedule: "0 * * * *", Run: func(context.Context) (int, error) { runs.Add(1); return 0, nil }})
		wait(90 * time.Minute)
		if runs.Load() != 1 {
			t.Fatalf("got %d runs in an hour and a half, want 1", runs.Load())
		}
		s.StopTicks()
		wait(3 * time.Hour)
		if runs.Load() != 4 {
			t.Errorf("got %d runs after three more hours, want 4", runs.Load())
		}
	})
}
