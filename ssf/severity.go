package ssf

import "harken/ssf/payload"

// Severity says how urgent an event is.
type Severity string

// The severities, most urgent first.
const (
	SeverityCritical Severity = "critical"
	SeverityHigh     Severity = "high"
	SeverityMedium   Severity = "medium"
	SeverityLow      Severity = "low"
	// SeverityRoutine events, such as plain log-outs, go to the timeline and the counters, never into the open inbox.
	SeverityRoutine Severity = "routine"
)

// Severities lists all, most urgent first.
func Severities() []Severity {
	return []Severity{SeverityCritical, SeverityHigh, SeverityMedium, SeverityLow, SeverityRoutine}
}

// Raised returns the next more urgent severity.
func (s Severity) Raised() Severity {
	all := Severities()
	for i := 1; i < len(all); i++ {
		if all[i] == s {
			return all[i-1]
		}
	}
	return s
}

// SeverityOf is the one table of severities, over type, payload and the flag of the identity. An event that its
// transmitter's claims contradict (a conflict) is at least medium: somebody must look.
func SeverityOf(e Event, privileged bool) Severity {
	s := baseSeverity(e.Type, e.Payload)
	if privileged && !e.IsControl() {
		s = s.Raised()
	}
	if e.Outcome == OutcomeConflict && (s == SeverityRoutine || s == SeverityLow) {
		s = SeverityMedium
	}
	return s
}

func baseSeverity(typ string, p payload.Fields) Severity {
	byOther := p.InitiatingEntity == "admin" || p.InitiatingEntity == "policy"
	switch typ {
	case payload.Verification, payload.StreamUpdated:
		return SeverityRoutine
	case payload.SessionRevoked:
		if byOther {
			return SeverityMedium
		}
		return SeverityRoutine
	case payload.CredentialChange:
		if p.ChangeType == "revoke" || p.ChangeType == "delete" || p.InitiatingEntity == "admin" {
			return SeverityMedium
		}
		return SeverityLow
	case payload.CAEPBase + "device-compliance-change":
		return SeverityMedium
	case payload.RISCBase + "credential-compromise":
		return SeverityCritical
	}
	return SeverityLow
}
