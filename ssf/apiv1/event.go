package apiv1

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Event is one stored signal.
type Event struct {
	Seq         uint64 `json:"seq"`
	Transmitter string `json:"transmitter"`
	// Provenance is "signed", "observed" or "reported"; Outcome "accepted" or "conflict".
	Provenance string    `json:"provenance"`
	Outcome    string    `json:"outcome"`
	JTI        string    `json:"jti"`
	Issuer     string    `json:"iss"`
	Audience   []string  `json:"aud"`
	Txn        string    `json:"txn,omitempty"`
	IssuedAt   time.Time `json:"issued_at"`
	HappenedAt time.Time `json:"happened_at"`
	ReceivedAt time.Time `json:"received_at"`
	// Type is the event's URI, Name what people call it.
	Type       string   `json:"type"`
	Name       string   `json:"name"`
	OtherTypes []string `json:"other_types,omitempty"`
	// Subject and Payload are JSON objects as sent.
	Subject jsontext.Value `json:"subject,omitempty"`
	Payload jsontext.Value `json:"payload,omitempty"`
	Faults  []Fault        `json:"faults,omitempty"`
	// Evidence is what the verdict rests on.
	Evidence     Evidence `json:"evidence"`
	ConflictWith uint64   `json:"conflict_with,omitempty"`

	// Severity is empty until the event has been correlated.
	Severity string `json:"severity,omitempty"`
	// Open is set while the event needs a person.
	Open   bool   `json:"open"`
	Match  Match  `json:"match"`
	Triage Triage `json:"triage"`
	// Runs counts the runs that the event caused, by state.
	Runs map[string]int `json:"runs,omitempty"`
}

// Fault is something wrong in a token that was accepted all the same.
type Fault struct {
	Layer   string `json:"layer"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Evidence is what a verdict rests on.
type Evidence struct {
	Algorithm  string   `json:"alg"`
	KeyID      string   `json:"kid,omitempty"`
	Thumbprint string   `json:"thumbprint"`
	Checks     []string `json:"checks"`
	Tolerances []string `json:"tolerances,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`
}

// Match is whom an event is about.
type Match struct {
	// State is "pending", "matched", "uncorrelated" or "control".
	State        string     `json:"state"`
	Identity     string     `json:"identity,omitempty"`
	IdentityName string     `json:"identity_name,omitempty"`
	Account      *Account   `json:"account,omitempty"`
	Reason       string     `json:"reason,omitempty"`
	Tries        []MatchTry `json:"tries,omitempty"`
	At           time.Time  `json:"at,omitzero"`
}

// MatchTry is one rule that was tried.
type MatchTry struct {
	Rule       string      `json:"rule"`
	Value      string      `json:"value"`
	Compared   string      `json:"compared"`
	Against    string      `json:"against"`
	Hits       int         `json:"hits"`
	Candidates []Candidate `json:"candidates,omitempty"`
	Note       string      `json:"note,omitempty"`
}

// Candidate is an identity that a rule found, or one that is near.
type Candidate struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
	Why      string `json:"why"`
}

// Triage is how far the handling has come.
type Triage struct {
	// State is "new", "acknowledged" or "closed".
	State  string    `json:"state"`
	Reason string    `json:"reason,omitempty"`
	Note   string    `json:"note,omitempty"`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at,omitzero"`
}

// TriageRequest is the body of POST /api/v1/events/triage.
type TriageRequest struct {
	// Events are log numbers, 1 to 200.
	Events []uint64 `json:"events"`
	// State is "acknowledged", "closed" or "new".
	State string `json:"state"`
	// Reason is needed for "closed": "handled", "expected", "false_alarm" or "duplicate".
	Reason string `json:"reason,omitempty"`
	Note   string `json:"note,omitempty"`
}

// RawToken is a token as it was delivered.
type RawToken struct {
	Seq   uint64 `json:"seq"`
	Token string `json:"token"`
}
