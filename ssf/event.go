package ssf

import (
	"time"

	"harken/ssf/payload"
	"harken/ssf/subject"
)

// Provenance says how an event came to be known.
type Provenance string

// The provenances.
const (
	ProvenanceSigned   Provenance = "signed"   // a verified SET
	ProvenanceObserved Provenance = "observed" // Harken saw it itself
	ProvenanceReported Provenance = "reported" // an authenticated caller said so
)

// Event is the immutable record of one stored signal.
type Event struct {
	Seq         Seq           `json:"seq"`
	Transmitter TransmitterID `json:"transmitter"`
	Provenance  Provenance    `json:"provenance"`
	// Outcome is accepted or conflict.
	Outcome  Outcome   `json:"outcome"`
	JTI      string    `json:"jti"`
	Issuer   string    `json:"iss"`
	Audience []string  `json:"aud"`
	Txn      string    `json:"txn,omitempty"`
	IssuedAt time.Time `json:"iat"`
	// HappenedAt is event_timestamp, else toe, else iat.
	HappenedAt time.Time `json:"happened_at"`
	// ReceivedAt is when the token first reached us, also if it was undecided for a while.
	ReceivedAt time.Time          `json:"received_at"`
	Subject    subject.Identifier `json:"subject"`
	Type       string             `json:"type"`
	OtherTypes []string           `json:"other_types,omitempty"`
	Payload    payload.Fields     `json:"payload"`
	PayloadRaw string             `json:"payload_raw"`
	Digest     string             `json:"digest"`
	Faults     []Fault            `json:"faults,omitempty"`
	Evidence   Evidence           `json:"evidence"`
	// ConflictWith is the event that came first under the same jti; zero unless Outcome is conflict.
	ConflictWith Seq `json:"conflict_with,omitempty"`
	// TokenBytes is the length of the raw token, which is stored apart.
	TokenBytes int `json:"token_bytes"`
}

// IsControl reports whether the event is about the stream itself (SSF §8.1.4, §8.1.5), not about anybody.
func (e Event) IsControl() bool {
	return e.Type == payload.Verification || e.Type == payload.StreamUpdated
}

// Triage is how far the handling of an event has come.
type Triage string

// The triage states. The zero value counts as TriageNew.
const (
	TriageNew          Triage = "new"
	TriageAcknowledged Triage = "acknowledged"
	TriageClosed       Triage = "closed"
)

// CloseReason says why an event was closed.
type CloseReason string

// The reasons that a person may give.
const (
	CloseHandled    CloseReason = "handled"
	CloseExpected   CloseReason = "expected"
	CloseFalseAlarm CloseReason = "false_alarm"
	CloseDuplicate  CloseReason = "duplicate"
)

// CloseReasons lists the reasons in the order in which they are offered.
func CloseReasons() []CloseReason {
	return []CloseReason{CloseHandled, CloseExpected, CloseFalseAlarm, CloseDuplicate}
}

// EventState is the small mutable part of an event. It is absent until correlation writes it; the zero value, with Seq
// set, stands for that.
type EventState struct {
	Seq      Seq      `json:"seq"`
	Match    Match    `json:"match"`
	Severity Severity `json:"severity,omitempty"`
	// Open is set while the event needs a person: it is what the inbox lists. Routine and control events are never open.
	Open        bool        `json:"open,omitempty"`
	Triage      Triage      `json:"triage,omitempty"`
	CloseReason CloseReason `json:"close_reason,omitempty"`
	Note        string      `json:"note,omitempty"`
	TriagedBy   string      `json:"triaged_by,omitempty"`
	TriagedAt   time.Time   `json:"triaged_at,omitzero"`
	// Runs counts the runs that the event caused, by state, for lists.
	Runs map[RunState]int `json:"runs,omitempty"`
}

// EventView is an event with its state: what lists and pages read in one call.
type EventView struct {
	Event Event
	State EventState
	// TransmitterName is the transmitter's name for people, its id where it has none.
	TransmitterName string
	// IdentityName is the display name of State.Match.Identity; empty when there is none.
	IdentityName string
	// Protected and Privileged are flags of that identity.
	Protected, Privileged bool
}

// EventTab chooses which events a list holds.
type EventTab string

// The tabs of the inbox.
const (
	TabOpen   EventTab = "open"
	TabClosed EventTab = "closed"
	TabAll    EventTab = "all"
)

// EventFilter narrows a list of events. The zero value is everything.
type EventFilter struct {
	Tab         EventTab
	Types       []string
	Severities  []Severity
	Transmitter TransmitterID
	Identity    IdentityID
	// Uncorrelated lists only events that found nobody.
	Uncorrelated bool
	// After lists only events with a greater Seq; for "n new".
	After Seq
}

// EventCounts are the figures around the inbox. Counts of open events are exact; others stop at CountCap.
type EventCounts struct {
	Open          int
	BySeverity    map[Severity]int
	ByType        map[string]int
	ByTransmitter map[TransmitterID]int
	Uncorrelated  int
	// RoutineToday counts plain log-outs and the like received since the start of the UTC day.
	RoutineToday int
	// Last is the newest event's Seq, receipt and transmitter; zero when there is none.
	Last            Seq
	LastReceived    time.Time
	LastTransmitter TransmitterID
}

// CountCap is where counts outside the open set stop.
const CountCap = 1000

// HourCount is the number of events received in one hour by severity.
type HourCount struct {
	Hour       time.Time
	BySeverity map[Severity]int
}

// RejectedToken is the record of a permanently bad token.
type RejectedToken struct {
	N           uint64        `json:"n"`
	Transmitter TransmitterID `json:"transmitter"`
	// Key is the name under which the poll answer held the token.
	Key        string     `json:"key"`
	Raw        string     `json:"raw"`
	Code       RejectCode `json:"code"`
	Layer      Layer      `json:"layer"`
	Reason     string     `json:"reason"`
	ReceivedAt time.Time  `json:"received_at"`
	// Acked is set when the token was acknowledged while it could not be judged: it is never reported then.
	Acked bool `json:"acked,omitempty"`
}

// UndecidedToken is a token that waits to be judged.
type UndecidedToken struct {
	// N orders the queue of one transmitter.
	N           uint64          `json:"n"`
	Transmitter TransmitterID   `json:"transmitter"`
	Key         string          `json:"key"`
	Raw         string          `json:"raw"`
	Reason      UndecidedReason `json:"reason"`
	Code        RejectCode      `json:"code"`
	Detail      string          `json:"detail"`
	ReceivedAt  time.Time       `json:"received_at"`
	// Acked is set once the token was acknowledged, 15 minutes after receipt: it is safe here.
	Acked bool `json:"acked,omitempty"`
}
