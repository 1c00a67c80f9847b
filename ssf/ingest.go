package ssf

import "time"

// Delivery is one token of a poll answer with its verdict, ready to be committed. Exactly one of SET, Rejected and
// Undecided is set.
type Delivery struct {
	// Key is the name under which the answer held the token; acks and errors name it (RFC 8936 §2.4).
	Key string
	// Raw is the compact token as delivered.
	Raw       string
	SET       VerifiedSET
	Rejected  *RejectError
	Undecided *UndecidedError
	// Queued is the number of the token in the undecided queue when it is judged again; zero for a fresh delivery. The
	// same commit takes it off the queue unless it is undecided still.
	Queued uint64
	// ReceivedAt is when the token first reached us.
	ReceivedAt time.Time
}

// Replies are what the next poll request carries: what was accepted and what is bad (RFC 8936 §2.4). Both are lists of
// committed facts; a jti is never in both.
type Replies struct {
	Acks []string
	Errs []ReplyError
}

// ReplyError is one member of "setErrs".
type ReplyError struct {
	Key         string     `json:"key"`
	Code        RejectCode `json:"code"`
	Description string     `json:"description"`
}

// Empty reports whether there is nothing to tell.
func (r Replies) Empty() bool { return len(r.Acks) == 0 && len(r.Errs) == 0 }

// IngestBatch is everything that one poll answer changes; it is committed whole or not at all.
type IngestBatch struct {
	Transmitter TransmitterID
	// Epoch is that of the caller's lease on the transmitter; a stale one makes the batch ErrFenced.
	Epoch      uint64
	Deliveries []Delivery
	// Confirmed are the replies which the request that brought this answer delivered; they are dropped.
	Confirmed Replies
	// State, if not nil, replaces the transmitter's runtime state in the same commit.
	State *TransmitterState
}

// Verdict is what became of one delivery.
type Verdict struct {
	Key     string
	Outcome Outcome
	// Seq is the event's: of the stored one, or of the first for a duplicate. Zero when rejected or undecided.
	Seq Seq
	// Full is set when an undecided token found its queue full: it is neither stored nor acknowledged.
	Full bool
}

// IngestResult is what became of one batch.
type IngestResult struct {
	// Err is ErrFenced when the batch came under a stale epoch; nothing of it was changed.
	Err      error
	Verdicts []Verdict
}

// Lease is a claim on a named piece of work, so that one replica does it.
type Lease struct {
	Name   string
	Holder string
	// Epoch grows with every change of holder; writes under an old one are ErrFenced.
	Epoch uint64
	Until time.Time
}
