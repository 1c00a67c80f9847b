package poller

import (
	"time"

	"harken/outbound"
	"harken/ssf"
)

// defaultSchedule is the rhythm of polling where the specification names none.
const defaultSchedule = "@every 10s"

func pollJob(id ssf.TransmitterID) ssf.JobID { return "poll:" + ssf.JobID(id) }

// jobs are the recurring work of one transmitter.
func (f *feed) jobs() []Job {
	spec := f.transmitter().Spec
	return []Job{
		{
			ID: pollJob(f.id), Schedule: firstOf(spec.Poll.Schedule, defaultSchedule), AtStart: true, Due: f.pollDue, Run: f.poll,
			Limit: spec.Poll.LongPoll.D() + 3*time.Minute,
		},
		{ID: "keys:" + ssf.JobID(f.id), Schedule: "@every 1m", Run: f.refreshKeys},
		{ID: "status:" + ssf.JobID(f.id), Schedule: "@every 5m", Run: f.checkStatus},
		{ID: "verify:" + ssf.JobID(f.id), Schedule: "@every 1m", Run: f.heartbeat},
	}
}

// pollDue is the time before which no poll begins; zero leaves it to the schedule. No wait is longer than the longest
// that is ever set: more than that means that the clock was set back.
func (f *feed) pollDue() time.Time {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if latest := now.Add(outbound.MaxRetryAfter); f.due.After(latest) {
		return latest
	}
	return f.due
}
