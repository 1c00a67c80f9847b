package poller

import (
	"strings"
	"time"

	"harken/outbound"
	"harken/ssf"
)

// rearmLong is when the next long poll goes out: at once, unless the transmitter does not hold requests.
func (f *feed) rearmLong(got received) time.Time {
	now := f.now()
	if at := f.rest(); !at.IsZero() {
		return at
	}
	if got.stored == 0 && got.took < shortestHold {
		return now.Add(f.pause())
	}
	return now
}

// jitter is by how much of the interval a short poll may come early or late, so that receivers that were started together
// do not stay together.
const jitter = 0.2

// next is when the next short poll begins; zero where the schedule decides. A stream that would be given up by its
// transmitter for want of activity is polled earlier than the schedule says (SSF §8.1.1, "inactivity_timeout").
func (f *feed) next() time.Time {
	now := f.now()
	if at := f.rest(); !at.IsZero() {
		return at
	}
	wait := time.Duration(0)
	if strings.HasPrefix(firstOf(f.transmitter().Spec.Poll.Schedule, defaultSchedule), "@every ") {
		wait = time.Duration(float64(f.pause()) * (1 - jitter + 2*jitter*f.svc.rand()))
	}
	if most := f.mayBeSilent(); most > 0 && most < max(wait, f.pause()) {
		wait = most
	}
	if wait == 0 {
		return time.Time{}
	}
	return now.Add(wait)
}

// mayBeSilent is the longest pause that a stream bears, a third of its "inactivity_timeout"; zero for any.
func (f *feed) mayBeSilent() time.Duration {
	timeout := f.snapshot().Stream.InactivityTimeout.D()
	if timeout <= 0 {
		return 0
	}
	return max(timeout/3, time.Second)
}

// rest is when to poll a stream that is not enabled; zero where the schedule decides.
func (f *feed) rest() time.Time {
	switch f.snapshot().Stream.Status {
	case statusPaused, statusDisabled, statusLost:
		wait := max(slowPace, f.pause())
		if most := f.mayBeSilent(); most > 0 {
			wait = min(wait, most)
		}
		return f.now().Add(wait)
	}
	return time.Time{}
}

// pause is the interval of the schedule.
func (f *feed) pause() time.Duration {
	s, err := ParseSchedule(firstOf(f.transmitter().Spec.Poll.Schedule, defaultSchedule))
	if err != nil {
		return 10 * time.Second
	}
	return interval(s, f.now().UTC())
}

// quiet reports whether a healthy empty answer changes nothing worth storing.
func quiet(st ssf.TransmitterState) bool {
	return st.Poll.Failures == 0 && st.Poll.Step == "" && st.Poll.NextDue.IsZero() && st.Poll.TokenWorked
}

// grow takes a cut batch size back, step by step, once answers fit again.
func (f *feed) grow(st *ssf.TransmitterState, l *link, tokens int) {
	cut := st.Poll.MaxEvents
	if cut == 0 || tokens == 0 {
		return
	}
	full := l.spec.Poll.MaxEvents
	if full <= 0 {
		full = defaultBatch
	}
	if cut *= 2; cut >= full {
		cut = 0
	}
	st.Poll.MaxEvents = cut
}

func (f *feed) restoreAcks() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acks = min(f.acks*2, maxReplies)
}

// progress counts what was new: accepted tokens, and undecided ones not seen before. A conflict, a bad token or one seen
// before is no progress, so that a transmitter that repeats itself is asked less and less.
func (f *feed) progress(verdicts []ssf.Verdict) (accepted, fresh int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range verdicts {
		switch v.Outcome {
		case ssf.OutcomeAccepted:
			accepted++
		case ssf.OutcomeUndecided:
			if v.Full || f.seen[v.Key] {
				continue
			}
			if len(f.seen) >= 10_000 {
				clear(f.seen)
			}
			f.seen[v.Key] = true
			fresh++
		}
	}
	return accepted, fresh
}

// noProgress counts a poll that stored nothing new.
func noProgress(st *ssf.TransmitterState, e *StepError, now time.Time, rnd func() float64) {
	p := &st.Poll
	p.Failures++
	p.LastAt = now
	p.NextDue = now.Add(outbound.Backoff(p.Failures, e.RetryAfter, rnd))
	if e.onceFine && p.Failures == 1 {
		return
	}
	if p.Since.IsZero() {
		p.Since = now
	}
	p.Step, p.Error, p.Advice = e.Step, shorten(e.Err.Error(), 500), e.Advice
}

// healthy counts a poll that did what it should.
func healthy(st *ssf.TransmitterState, now time.Time) {
	p := &st.Poll
	p.Failures, p.Since, p.NextDue = 0, time.Time{}, time.Time{}
	p.Step, p.Error, p.Advice = "", "", ""
	p.LastAt, p.LastOK = now, now
	p.TokenWorked = true
}
