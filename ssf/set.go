package ssf

import (
	"errors"
	"time"

	"harken/ssf/payload"
	"harken/ssf/subject"
)

// Outcome is the verdict on a delivered token.
type Outcome string

// The five outcomes.
const (
	// OutcomeAccepted: verified and stored, maybe with faults; acknowledged.
	OutcomeAccepted Outcome = "accepted"
	// OutcomeDuplicate: seen before with the same claims, iat aside; acknowledged again, nothing else happens.
	OutcomeDuplicate Outcome = "duplicate"
	// OutcomeConflict: seen before with other claims; kept as evidence, acknowledged, alarmed, never acted on.
	OutcomeConflict Outcome = "conflict"
	// OutcomeRejected: permanently bad; kept, and reported once.
	OutcomeRejected Outcome = "rejected"
	// OutcomeUndecided: cannot be judged yet; kept, neither acknowledged nor reported at first.
	OutcomeUndecided Outcome = "undecided"
)

// Fault is something wrong in a token that was accepted all the same. An event with a fault is never acted on
// automatically.
type Fault struct {
	Layer Layer      `json:"layer"`
	Code  RejectCode `json:"code"`
	// Message is English and holds no claim values.
	Message string `json:"message"`
}

// Evidence is what a verdict rests on.
type Evidence struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid,omitempty"`
	// Thumbprint is the RFC 7638 thumbprint of the key, base64url.
	Thumbprint string `json:"thumbprint"`
	// Checks names the checks that passed, in order.
	Checks []string `json:"checks"`
	// Tolerances names those that fired.
	Tolerances []string `json:"tolerances,omitempty"`
	// Warnings are remarks about harmless oddities.
	Warnings []string `json:"warnings,omitempty"`
}

// Claims are the verified claims of a SET (RFC 8417 §2.2, SSF §4.1).
type Claims struct {
	Issuer   string    `json:"iss"`
	JTI      string    `json:"jti"`
	Audience []string  `json:"aud"`
	IssuedAt time.Time `json:"iat"`
	// TimeOfEvent is "toe"; zero when absent.
	TimeOfEvent time.Time `json:"toe,omitzero"`
	Txn         string    `json:"txn,omitempty"`
	// Subject is "sub_id".
	Subject subject.Identifier `json:"sub_id"`
	// Type is the URI of the event. Where a SET holds several, it is the first and OtherTypes has the rest.
	Type       string         `json:"type"`
	OtherTypes []string       `json:"other_types,omitempty"`
	Payload    payload.Fields `json:"payload"`
	// PayloadRaw is the payload of Type as sent, one JSON object.
	PayloadRaw string `json:"payload_raw"`
	// Digest is the hex SHA-256 over the canonical JSON of all claims but iat (RFC 8785): two deliveries of one jti with
	// equal digests are duplicates.
	Digest string `json:"digest"`
}

// SETFields is what NewVerifiedSET is built from.
type SETFields struct {
	Transmitter TransmitterID
	Raw         string // the compact token as delivered
	Claims      Claims
	Evidence    Evidence
	Faults      []Fault
}

// VerifiedSET is a token whose signature, issuer and audience were proven. Only package secevent makes one. The zero
// value is no token and is refused by every store.
type VerifiedSET struct{ f SETFields }

// NewVerifiedSET is called by package secevent alone, after it has verified the token; a test of the sources sees to it.
func NewVerifiedSET(f SETFields) (VerifiedSET, error) {
	switch {
	case f.Transmitter == "", f.Raw == "":
		return VerifiedSET{}, errors.New("verified SET: transmitter or token missing")
	case f.Claims.JTI == "", f.Claims.Issuer == "", f.Claims.Digest == "", f.Claims.Type == "":
		return VerifiedSET{}, errors.New("verified SET: claims missing")
	case f.Evidence.Algorithm == "", f.Evidence.Thumbprint == "":
		return VerifiedSET{}, errors.New("verified SET: evidence missing")
	}
	return VerifiedSET{f: f}, nil
}

// IsZero reports whether v holds no token.
func (v VerifiedSET) IsZero() bool { return v.f.Raw == "" }

// Transmitter returns the transmitter whose keys, issuer and audience proved the token.
func (v VerifiedSET) Transmitter() TransmitterID { return v.f.Transmitter }

// Raw returns the compact token.
func (v VerifiedSET) Raw() string { return v.f.Raw }

// Claims returns the verified claims; the caller must not change what its slices and maps point to.
func (v VerifiedSET) Claims() Claims { return v.f.Claims }

// Evidence returns what the verdict rests on.
func (v VerifiedSET) Evidence() Evidence { return v.f.Evidence }

// Faults returns what is wrong in layers subject, payload and semantic; empty for a token without fault.
func (v VerifiedSET) Faults() []Fault { return v.f.Faults }

// WithFaults returns a copy of v with more faults: the semantic layer is judged after verification.
func (v VerifiedSET) WithFaults(more ...Fault) VerifiedSET {
	faults := make([]Fault, 0, len(v.f.Faults)+len(more))
	v.f.Faults = append(append(faults, v.f.Faults...), more...)
	return v
}
