package status

import "harken/ssf"

func levelClass(l Level) string {
	switch l {
	case Warn:
		return "warn"
	case Bad:
		return "bad"
	}
	return "good"
}

func levelIcon(l Level) string {
	if l == Good {
		return "beat"
	}
	return "late"
}

// jobRow colours the rows that need attention.
func jobRow(s ssf.JobState) string {
	switch s {
	case ssf.JobLate, ssf.JobQuiet:
		return "late"
	case ssf.JobFailed, ssf.JobStuck:
		return "failing"
	}
	return "fine"
}

func jobClass(s ssf.JobState) string {
	switch s {
	case ssf.JobLate:
		return "is-partial"
	case ssf.JobFailed, ssf.JobStuck:
		return "is-failed"
	case ssf.JobQuiet:
		return "is-doubt"
	case ssf.JobRunning:
		return "is-accepted"
	case ssf.JobOK:
		return "can"
	}
	return "is-cannot"
}

func jobIcon(s ssf.JobState) string {
	switch s {
	case ssf.JobOK:
		return "beat"
	case ssf.JobRunning:
		return "executing"
	case ssf.JobLate:
		return "late"
	case ssf.JobFailed:
		return "failed"
	case ssf.JobStuck:
		return "pending"
	case ssf.JobQuiet:
		return "quiet"
	case ssf.JobPaused:
		return "pause"
	}
	return "planned"
}

func streamWord(s Stream) string {
	switch {
	case s.Step != "":
		return "Not connected"
	case s.State == "enabled":
		return "Enabled"
	case s.State == "paused":
		return "Paused by the transmitter"
	case s.State == "disabled":
		return "Disabled by the transmitter"
	case s.State == "lost":
		return "Lost: the transmitter does not know it"
	case s.State == "held":
		return "Held for a person"
	}
	return "Connecting"
}

func streamClass(s Stream) string {
	switch {
	case s.Step != "", s.State == "lost", s.State == "disabled":
		return "is-failed"
	case s.State == "paused", s.State == "held":
		return "is-partial"
	case s.State == "enabled":
		return "can"
	}
	return "is-cannot"
}

func streamIcon(s Stream) string {
	switch {
	case s.Step != "", s.State == "lost", s.State == "disabled":
		return "late"
	case s.State == "paused", s.State == "held":
		return "pause"
	case s.State == "enabled":
		return "beat"
	}
	return "planned"
}
