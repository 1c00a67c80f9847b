package pollertest

import (
	"context"
	"slices"
	"time"
)

// Ledger is a snapshot of what the transmitter offered and heard. The caller owns it.
type Ledger struct {
	Issuer string `json:"issuer"`
	// Events are all SETs of all streams in the order of sending.
	Events []LedgerEvent `json:"events"`
	// Polls counts the requests to poll endpoints, failed ones included; Records are the latest of them, oldest first,
	// 20,000 at most.
	Polls   int          `json:"polls"`
	Records []PollRecord `json:"records"`
	// Requests counts requests by endpoint.
	Requests map[Endpoint]int `json:"requests"`
	// UnknownAcks are acknowledged or reported names that were never offered.
	UnknownAcks []string `json:"unknown_acks,omitempty"`
	// Violations are breaches of RFC 8936 by the receiver, in words.
	Violations []string `json:"violations,omitempty"`
}

// LedgerEvent is one SET on one stream. Zero times stand for "not yet".
type LedgerEvent struct {
	Stream string `json:"stream"`
	JTI    string `json:"jti"`
	// Type is the event's URI, empty for SETs sent raw.
	Type      string    `json:"type,omitempty"`
	Sent      time.Time `json:"sent"`
	Visible   time.Time `json:"visible"`
	Delivered int       `json:"delivered"`
	First     time.Time `json:"first,omitzero"`
	Last      time.Time `json:"last,omitzero"`
	Acked     time.Time `json:"acked,omitzero"`
	// Acks counts acknowledgements, repeated ones included.
	Acks int `json:"acks"`
	// Err and Description are the receiver's error report (RFC 8936 §2.6), Reported its time.
	Err         string    `json:"err,omitempty"`
	Description string    `json:"description,omitempty"`
	Reported    time.Time `json:"reported,omitzero"`
	// Dropped says that the stream was disabled or deleted before the SET was acknowledged (SSF §8.1.2).
	Dropped bool `json:"dropped,omitempty"`
}

// Done reports whether the transmitter will not offer the SET again.
func (e LedgerEvent) Done() bool { return !e.Acked.IsZero() || !e.Reported.IsZero() || e.Dropped }

// PollRecord is one request to a poll endpoint.
type PollRecord struct {
	At     time.Time `json:"at"`
	Stream string    `json:"stream"`
	// Status is the answer's, 0 while the request is open or when it was cut.
	Status int `json:"status"`
	// MaxEvents is -1 where the request had none.
	MaxEvents         int  `json:"max_events"`
	ReturnImmediately bool `json:"return_immediately"`
	Acks              int  `json:"acks"`
	Errs              int  `json:"errs"`
	Sets              int  `json:"sets"`
	More              bool `json:"more"`
	// Mode is the misbehaviour in force.
	Mode Kind `json:"mode,omitempty"`
}

// Event returns the first SET with that jti, on any stream.
func (l Ledger) Event(jti string) (LedgerEvent, bool) {
	i := slices.IndexFunc(l.Events, func(e LedgerEvent) bool { return e.JTI == jti })
	if i < 0 {
		return LedgerEvent{}, false
	}
	return l.Events[i], true
}

// Acked returns the names of the acknowledged SETs of a stream (of all for "") in the order of sending.
func (l Ledger) Acked(stream string) []string {
	return l.names(stream, func(e LedgerEvent) bool { return !e.Acked.IsZero() })
}

// Open returns the names of the SETs that are neither acknowledged nor reported nor dropped.
func (l Ledger) Open(stream string) []string {
	return l.names(stream, func(e LedgerEvent) bool { return !e.Done() })
}

func (l Ledger) names(stream string, keep func(LedgerEvent) bool) []string {
	var names []string
	for _, e := range l.Events {
		if (stream == "" || e.Stream == stream) && keep(e) {
			names = append(names, e.JTI)
		}
	}
	return names
}

// maxRecords bounds Ledger.Records.
const maxRecords = 20_000

// Ledger returns a snapshot.
func (t *Transmitter) Ledger() Ledger {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.snapshot()
}

func (t *Transmitter) snapshot() Ledger {
	l := Ledger{
		Issuer: t.cfg.Issuer, Polls: t.polls, Events: make([]LedgerEvent, 0, len(t.sent)), Requests: map[Endpoint]int{},
		UnknownAcks: slices.Clone(t.unknownAcks), Violations: slices.Clone(t.violations),
	}
	for _, e := range t.sent {
		l.Events = append(l.Events, e.LedgerEvent)
	}
	for _, r := range t.records {
		l.Records = append(l.Records, *r)
	}
	for name, count := range t.requests {
		l.Requests[name] = count
	}
	return l
}

// Wait returns when done says yes to a snapshot, or with the context's error. It looks again after every change: a SET
// sent, delivered, acknowledged or reported, a poll begun or answered.
func (t *Transmitter) Wait(ctx context.Context, done func(Ledger) bool) error {
	for {
		t.mu.Lock()
		snapshot, change := t.snapshot(), t.change()
		t.mu.Unlock()
		if done(snapshot) {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// change returns the channel that closes at the next change. It is made by the waiter, so that inside a synctest bubble
// it belongs to the bubble. The lock is held.
func (t *Transmitter) change() <-chan struct{} {
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return t.changed
}

// wake tells all waiters that something changed. The lock is held.
func (t *Transmitter) wake() {
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}
