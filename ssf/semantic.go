package ssf

import (
	"slices"

	"harken/ssf/payload"
	"harken/ssf/subject"
)

// TolerateForeignStream is the tolerance that lets a control event name another stream: it is acknowledged and changes
// nothing.
const TolerateForeignStream = "foreign_stream_id"

// WarnTypeNotDelivered is the warning about a type that the stream does not announce.
const WarnTypeNotDelivered = "event_not_delivered_type"

// StreamKnowledge is what the receiver knows of the stream that a token came by.
type StreamKnowledge struct {
	// StreamID is empty while unknown; then a control event may name any stream.
	StreamID string
	Pending  []PendingVerification
	// CriticalMembers is critical_subject_members of the metadata (SSF §7.1).
	CriticalMembers []string
	// EventsDelivered lists the types that the stream announces; empty means unknown.
	EventsDelivered []string
	// DenyIssuer is set when policy refuses the transmitter on this stream.
	DenyIssuer bool
	// Tolerances of the transmitter; only TolerateForeignStream matters here.
	Tolerances []string
}

// Semantics is what Semantic found.
type Semantics struct {
	// Faults are what is wrong; the event is never acted on automatically.
	Faults []Fault
	// Reject is the fault that strict error handling reports; nil if there is none. A critical member that cannot be
	// processed is a fault, and yet acknowledged either way (SSF §7.1).
	Reject *RejectError
	// Warnings and Tolerances are for Evidence.
	Warnings, Tolerances []string
	// Verified is set for a verification event of this stream without fault (SSF §8.1.4): the stream is alive.
	Verified bool
	// Answered is the index in Pending of the request that the event answers; -1 if it answers none.
	Answered int
	// Status and StatusReason are the stream's new status where a stream-updated event without fault tells it (SSF §8.1.5).
	Status, StatusReason string
}

// Semantic judges a token by what is known of its stream. It is pure. Whoever calls it must first ask whether the token is
// a duplicate, and leave it at that if so: an answer that is delivered again finds its request gone.
func Semantic(c Claims, k StreamKnowledge) Semantics {
	s := Semantics{Answered: -1}
	if k.DenyIssuer {
		s.refuse(RejectAccessDenied, "transmitter may not speak on this stream")
	}
	if c.Type == payload.Verification || c.Type == payload.StreamUpdated {
		s.control(c, k)
		return s
	}
	s.critical(c.Subject, k.CriticalMembers)
	if len(k.EventsDelivered) > 0 && !slices.Contains(k.EventsDelivered, c.Type) {
		s.Warnings = append(s.Warnings, WarnTypeNotDelivered)
	}
	return s
}

func (s *Semantics) refuse(code RejectCode, message string) {
	f := Fault{Layer: LayerSemantic, Code: code, Message: message}
	s.Faults = append(s.Faults, f)
	if s.Reject == nil {
		s.Reject = &RejectError{Code: code, Layer: LayerSemantic, Err: faultError(message)}
	}
}

type faultError string

func (e faultError) Error() string { return string(e) }

// control judges an event about the stream itself.
func (s *Semantics) control(c Claims, k StreamKnowledge) {
	if !c.Subject.IsZero() && k.StreamID != "" && (c.Subject.Format != subject.Opaque || c.Subject.ID != k.StreamID) {
		if slices.Contains(k.Tolerances, TolerateForeignStream) {
			s.Tolerances = append(s.Tolerances, TolerateForeignStream)
			return
		}
		s.refuse(RejectInvalidRequest, "event is about another stream")
		return
	}
	if len(s.Faults) > 0 {
		return
	}
	if c.Type == payload.StreamUpdated {
		switch c.Payload.Status {
		case "enabled", "paused", "disabled":
			s.Status, s.StatusReason = c.Payload.Status, c.Payload.StatusReason
		}
		return
	}
	if c.Payload.State == nil {
		s.Verified = true // sent on the transmitter's own account
		return
	}
	s.Answered = slices.IndexFunc(k.Pending, func(p PendingVerification) bool { return p.State == *c.Payload.State })
	if s.Answered < 0 {
		s.refuse(RejectInvalidState, "verification state was not asked for")
		return
	}
	s.Verified = true
}

// critical looks at the members that the transmitter calls critical. One that is absent binds nothing.
func (s *Semantics) critical(id subject.Identifier, names []string) {
	for _, name := range names {
		member, present := id.Member(name)
		if !present || processable(name, member) {
			continue
		}
		s.Faults = append(s.Faults, Fault{
			Layer: LayerSemantic, Code: RejectInvalidRequest, Message: "critical member of the subject cannot be processed",
		})
		return
	}
}

// processable reports whether matching can take the member of a complex subject into account.
func processable(name string, id subject.Identifier) bool {
	switch name {
	case "user", "device", "session", "application", "tenant", "org_unit", "group":
		_, ok := id.Key()
		return ok
	}
	return false
}

// Judge applies Semantic to a verified token: faults are added to its own, warnings and tolerances to its evidence. Under
// strict error handling a fault that is to be reported comes back as the error, and the token counts as rejected.
func (v VerifiedSET) Judge(k StreamKnowledge, strict bool) (VerifiedSET, Semantics, *RejectError) {
	s := Semantic(v.f.Claims, k)
	if len(v.f.Faults) > 0 { // nothing is believed of a control event that is at fault already
		s.Verified, s.Answered, s.Status, s.StatusReason = false, -1, "", ""
	}
	if strict && s.Reject != nil {
		return VerifiedSET{}, s, s.Reject
	}
	judged := v.WithFaults(s.Faults...)
	if len(s.Faults) == 0 {
		judged.f.Evidence.Checks = slices.Concat(v.f.Evidence.Checks, []string{"stream"})
	}
	judged.f.Evidence.Warnings = slices.Concat(v.f.Evidence.Warnings, s.Warnings)
	judged.f.Evidence.Tolerances = slices.Concat(v.f.Evidence.Tolerances, s.Tolerances)
	return judged, s, nil
}
