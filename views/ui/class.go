package ui

import "harken/ssf"

// severityClass is the class that colours a severity.
func severityClass(s ssf.Severity) string {
	switch s {
	case ssf.SeverityCritical, ssf.SeverityHigh, ssf.SeverityMedium, ssf.SeverityLow:
		return string(s)
	}
	return "routine"
}

// stateIcon is the glyph of a run state; no two states that can be mistaken share one.
func stateIcon(s ssf.RunState) string {
	switch s {
	case ssf.RunAwaiting:
		return "awaiting"
	case ssf.RunPending:
		return "pending"
	case ssf.RunExecuting:
		return "executing"
	case ssf.RunAccepted:
		return "accepted"
	case ssf.RunConfirmed:
		return "confirmed"
	case ssf.RunPartial:
		return "partial"
	case ssf.RunFailed:
		return "failed"
	case ssf.RunInDoubt:
		return "doubt"
	case ssf.RunHeld:
		return "held"
	case ssf.RunCancelled:
		return "cancelled"
	case ssf.RunSkipped:
		return "skipped"
	}
	return "planned"
}

// stateClass is the class that colours a run state. Confirmed is the only green.
func stateClass(s ssf.RunState) string { return "is-" + stateIcon(s) }

func toastRole(t Toast) string {
	if t.Bad {
		return "alert"
	}
	return "status"
}
