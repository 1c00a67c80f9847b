package storetest

import (
	"errors"
	"fmt"
	"time"

	"harken/ssf"
)

func leaseCases() []testCase {
	return []testCase{
		{"one holder at a time", oneHolder},
		{"a restart raises the epoch at once", leaseRestart},
		{"a released lease fences its holder", leaseReleased},
		{"cursors move under the lease alone", cursorFenced},
		{"job histories keep their order and are bounded", jobHistory},
	}
}

func oneHolder(w *world) {
	a := must[ssf.Lease](w)(w.Lease(w.ctx, "l", "a", time.Minute))
	if _, err := w.Lease(w.ctx, "l", "b", time.Minute); !errors.Is(err, ssf.ErrConflict) {
		w.t.Fatalf("second holder: got %v, want ErrConflict", err)
	}
	w.clock.Advance(50 * time.Second)
	renewed := must[ssf.Lease](w)(w.Lease(w.ctx, "l", "a", time.Minute))
	if renewed.Epoch != a.Epoch || !renewed.Until.Equal(start().Add(110*time.Second)) {
		w.t.Errorf("renewed: got %+v, want the same epoch, later", renewed)
	}
	w.clock.Advance(61 * time.Second)
	b := must[ssf.Lease](w)(w.Lease(w.ctx, "l", "b", time.Minute))
	if b.Epoch <= a.Epoch {
		w.t.Errorf("new holder: got epoch %d, want above %d", b.Epoch, a.Epoch)
	}
	w.ok(w.Release(w.ctx, a))
	if _, err := w.Lease(w.ctx, "l", "a", time.Minute); !errors.Is(err, ssf.ErrConflict) {
		w.t.Errorf("a released what is b's: got %v, want ErrConflict", err)
	}
}

func leaseRestart(w *world) {
	a := must[ssf.Lease](w)(w.Lease(w.ctx, "l", "a", time.Hour))
	w.reopen()
	again := must[ssf.Lease](w)(w.Lease(w.ctx, "l", "a", time.Hour))
	if again.Epoch <= a.Epoch {
		w.t.Errorf("after a restart: got epoch %d, want above %d", again.Epoch, a.Epoch)
	}
}

func leaseReleased(w *world) {
	l := must[ssf.Lease](w)(w.Lease(w.ctx, "poll:a", "one", time.Minute))
	st := ssf.TransmitterState{ID: "a"}
	w.ok(w.PutTransmitterState(w.ctx, poll(), l.Epoch, st, ssf.Change{}))
	w.ok(w.Release(w.ctx, l))
	if err := w.PutTransmitterState(w.ctx, poll(), l.Epoch, st, ssf.Change{}); !errors.Is(err, ssf.ErrFenced) {
		w.t.Errorf("after the release: got %v, want ErrFenced", err)
	}
	w.ok(w.Release(w.ctx, l))
	w.ok(w.Release(w.ctx, ssf.Lease{Name: "never", Holder: "x"}))
	next := must[ssf.Lease](w)(w.Lease(w.ctx, "poll:a", "two", time.Minute))
	if next.Epoch <= l.Epoch {
		w.t.Errorf("got epoch %d, want above %d", next.Epoch, l.Epoch)
	}
	before := w.entries()
	w.ok(w.PutTransmitterState(w.ctx, poll(), next.Epoch, st, ssf.Change{Action: "stream.paused", Detail: "by the transmitter"}))
	if e := w.lastEntry(); w.entries() != before+1 || e.Action != "stream.paused" || e.Object != "transmitter/a" {
		w.t.Errorf("got entry %+v, want the change", e)
	}
}

func cursorFenced(w *world) {
	for i := range 4 {
		w.ingest("a", Accepted(SET("a", fmt.Sprint(i))))
	}
	old := must[ssf.Lease](w)(w.Lease(w.ctx, "correlate", "one", time.Minute))
	w.ok(w.PutMatches(w.ctx, ssf.System("correlate"), old, nil, 2))
	w.clock.Advance(time.Hour)
	lease := must[ssf.Lease](w)(w.Lease(w.ctx, "correlate", "two", time.Minute))
	if err := w.PutMatches(w.ctx, ssf.System("correlate"), old, nil, 4); !errors.Is(err, ssf.ErrFenced) {
		w.t.Errorf("old lease: got %v, want ErrFenced", err)
	}
	if err := w.PutMatches(w.ctx, ssf.System("correlate"), lease, nil, 99); err == nil {
		w.t.Error("cursor behind the end of the log: got no error")
	}
	w.ok(w.PutMatches(w.ctx, ssf.System("correlate"), lease, nil, 0))
	w.ok(w.PutMatches(w.ctx, ssf.System("correlate"), lease, nil, 1))
	events := must[[]ssf.Event](w)(w.EventsAfter(w.ctx, "correlate", 10))
	if len(events) != 2 || events[0].Seq != 3 {
		w.t.Errorf("got %d events, want those after 2", len(events))
	}
	if got := must[[]ssf.Event](w)(w.EventsAfter(w.ctx, "export", 3)); len(got) != 3 || got[0].Seq != 1 {
		w.t.Errorf("another consumer: got %d events, want the first 3", len(got))
	}
}

func jobHistory(w *world) {
	var runs []ssf.JobRun
	for i := range 1100 {
		runs = append(runs, ssf.JobRun{Job: "poll:a", Started: start().Add(time.Duration(i) * time.Second), OK: true, Items: i})
	}
	w.ok(w.PutJobRuns(w.ctx, runs[:600]))
	w.ok(w.PutJobRuns(w.ctx, append([]ssf.JobRun{{Job: "poll:ab", Started: start(), Error: "no", Took: ssf.Duration(time.Second)}}, runs[600:]...)))
	w.ok(w.PutJobRuns(w.ctx, nil))
	w.reopen()
	if got := must[[]ssf.JobRun](w)(w.JobRuns(w.ctx, "poll:a", 60)); len(got) != 60 || got[0].Items != 1040 || got[59].Items != 1099 {
		w.t.Errorf("got %d runs, want the last 60, oldest first", len(got))
	}
	if got := must[[]ssf.JobRun](w)(w.JobRuns(w.ctx, "poll:a", 5000)); len(got) != 1000 || got[0].Items != 100 {
		w.t.Errorf("got %d runs kept, want 1000", len(got))
	}
	want := []ssf.JobRun{{Job: "poll:ab", Started: start(), Error: "no", Took: ssf.Duration(time.Second)}}
	if d := diff(want, must[[]ssf.JobRun](w)(w.JobRuns(w.ctx, "poll:ab", 60))); d != "" {
		w.t.Error(d)
	}
}
