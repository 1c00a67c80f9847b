package poller

import (
	"time"

	"harken/ssf"
)

// StepState says how a step on the way to an event went.
type StepState string

// The states of a step.
const (
	StepPending StepState = "pending" // not reached yet
	StepOK      StepState = "ok"
	StepFailed  StepState = "failed"
)

// Step is one step on the way to an event, as it last went.
type Step struct {
	// Name is "discovery", "token", "keys", "stream", "poll" or "verification".
	Name  string
	State StepState
	// At is when it was last tried; zero while pending.
	At time.Time
	// Detail says what happened and Advice what to do; both empty unless it failed.
	Detail, Advice string
}

// Status is how a transmitter does, read from memory. Poll and Stream are newer than the stored ones: an empty healthy
// answer is not written.
type Status struct {
	ID ssf.TransmitterID
	// Steps are in the order in which they are made.
	Steps  []Step
	Keys   KeyStatus
	Poll   ssf.PollState
	Stream ssf.StreamState
	// Polling is set while a request to the poll endpoint is in flight.
	Polling bool
	// Elsewhere is set while another replica polls this transmitter.
	Elsewhere bool
}

func stepNames() []string {
	return []string{StepDiscovery, StepToken, StepKeys, StepStream, StepPoll, StepVerification}
}

// Status returns how a transmitter does; false for one that is not polled.
func (s *Service) Status(id ssf.TransmitterID) (Status, bool) {
	f := s.feed(id)
	if f == nil {
		return Status{}, false
	}
	return f.status(), true
}

// Statuses returns how all transmitters do, by id.
func (s *Service) Statuses() []Status {
	feeds := s.all()
	out := make([]Status, len(feeds))
	for i, f := range feeds {
		out[i] = f.status()
	}
	return out
}

func (f *feed) status() Status {
	f.mu.Lock()
	st := clone(f.st)
	out := Status{ID: f.id, Poll: st.Poll, Stream: st.Stream, Polling: f.polling, Elsewhere: f.foreign}
	for _, name := range stepNames() {
		step, ok := f.steps[name]
		if !ok {
			step = Step{Name: name, State: StepPending}
		}
		out.Steps = append(out.Steps, step)
	}
	l := f.link
	f.mu.Unlock()
	if l != nil && l.keys != nil {
		out.Keys = l.keys.Status()
	}
	return out
}
