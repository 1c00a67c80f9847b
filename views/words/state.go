package words

import (
	"strings"

	"harken/ssf"
)

// Kind is a kind as a command: "End all sessions".
func Kind(k ssf.Kind) string {
	switch k {
	case ssf.KindTerminateSession:
		return "End this session"
	case ssf.KindTerminateSessions:
		return "End all sessions"
	case ssf.KindDisableAccount:
		return "Disable account"
	case ssf.KindDisableAndTerminate:
		return "Disable, then end all"
	case ssf.KindEnableAccount:
		return "Enable account again"
	case ssf.KindRequireReauth:
		return "Require a new sign-in"
	case ssf.KindStepUp:
		return "Require a stronger sign-in"
	case ssf.KindRevokeTokens:
		return "Revoke tokens"
	case ssf.KindEndAllAccess:
		return "End all access"
	case ssf.KindEmitEvent:
		return "Send an event"
	case ssf.KindNotify:
		return "Notify"
	}
	return strings.ReplaceAll(sentenceCase(string(k)), "_", " ")
}

// KindPast is a kind as something that was asked for: "asked to end all sessions" without the first two words.
func KindPast(k ssf.Kind) string {
	s := Kind(k)
	return strings.ToLower(s[:min(1, len(s))]) + s[min(1, len(s)):]
}

// Run is a run state in one or two words. "Accepted" never sounds like "confirmed".
func Run(s ssf.RunState) string {
	switch s {
	case ssf.RunPlanned:
		return "Planned"
	case ssf.RunAwaiting:
		return "Waits for approval"
	case ssf.RunPending:
		return "About to be sent"
	case ssf.RunExecuting:
		return "Being sent"
	case ssf.RunAccepted:
		return "Accepted, not yet seen"
	case ssf.RunConfirmed:
		return "Confirmed"
	case ssf.RunPartial:
		return "Partial"
	case ssf.RunFailed:
		return "Failed"
	case ssf.RunInDoubt:
		return "In doubt"
	case ssf.RunHeld:
		return "Held"
	case ssf.RunCancelled:
		return "Undone"
	case ssf.RunSkipped:
		return "Already so"
	}
	return "Not known"
}

// doneOrder is which state speaks for many runs: what needs a person first, confirmed last.
var doneOrder = []struct {
	state ssf.RunState
	text  string
}{
	{ssf.RunFailed, "failed"},
	{ssf.RunInDoubt, "in doubt"},
	{ssf.RunHeld, "held"},
	{ssf.RunPartial, "partial"},
	{ssf.RunAwaiting, "waits for approval"},
	{ssf.RunPending, "about to be sent"},
	{ssf.RunExecuting, "being sent"},
	{ssf.RunAccepted, "accepted"},
	{ssf.RunPlanned, "planned"},
	{ssf.RunConfirmed, "confirmed"},
	{ssf.RunSkipped, "already so"},
	{ssf.RunCancelled, "undone"},
}

// Done sums up the runs of an event: the state that needs attention most, and "2 of 3 confirmed". Without runs both are
// empty.
func Done(runs map[ssf.RunState]int) (ssf.RunState, string) {
	total := 0
	for s, n := range runs {
		if s != ssf.RunCancelled || len(runs) == 1 {
			total += n
		}
	}
	if total == 0 {
		return "", ""
	}
	for _, o := range doneOrder {
		n := runs[o.state]
		switch {
		case n == 0:
		case n == total && total == 1:
			return o.state, sentenceCase(o.text)
		case n == total:
			return o.state, "All " + Count(n) + " " + o.text
		default:
			return o.state, Count(n) + " of " + Count(total) + " " + o.text
		}
	}
	return "", ""
}

// Severity is the word on the badge.
func Severity(s ssf.Severity) string {
	if s == "" {
		return "Not judged yet"
	}
	return sentenceCase(string(s))
}

// Job is the state of a job.
func Job(s ssf.JobState) string {
	switch s {
	case ssf.JobOK:
		return "On time"
	case ssf.JobRunning:
		return "Running"
	case ssf.JobLate:
		return "Late"
	case ssf.JobFailed:
		return "Failed"
	case ssf.JobStuck:
		return "Stuck"
	case ssf.JobQuiet:
		return "Quiet"
	case ssf.JobPaused:
		return "Paused"
	case ssf.JobNever:
		return "Never ran"
	}
	return "Not known"
}

// JobName names a job by its id: "poll:keycloak" is "Poll keycloak".
func JobName(id ssf.JobID) string {
	kind, of, _ := strings.Cut(string(id), ":")
	switch kind {
	case "poll":
		return "Poll " + of
	case "keys":
		return "Keys of " + of
	case "status":
		return "Stream status of " + of
	case "verify":
		return "Stream test of " + of
	case "sync":
		return "People from " + of
	}
	return strings.TrimSpace(sentenceCase(strings.ReplaceAll(kind, "-", " ")) + " " + of)
}

// JobMeans says what it means that a job does not run: "Signals of keycloak do not arrive." Empty where nothing is known.
func JobMeans(id ssf.JobID) string {
	kind, of, _ := strings.Cut(string(id), ":")
	switch kind {
	case "poll":
		return "Signals of " + of + " do not arrive."
	case "keys":
		return "Tokens of " + of + " signed with new keys must wait."
	case "status":
		return "If " + of + " pauses its stream, nobody notices."
	case "verify":
		return "Silence of " + of + " cannot be told from a broken stream."
	case "sync":
		return "New people in " + of + " are not found."
	case "respond":
		return "Actions are not sent."
	case "retention":
		return "Old events are not removed."
	case "backup":
		return "There is no fresh backup."
	}
	return ""
}

// Triage is how far the handling has come.
func Triage(s ssf.Triage) string {
	switch s {
	case ssf.TriageAcknowledged:
		return "Acknowledged"
	case ssf.TriageClosed:
		return "Closed"
	}
	return "New"
}

// CloseReason is a reason for closing.
func CloseReason(r ssf.CloseReason) string {
	switch r {
	case ssf.CloseHandled:
		return "Handled"
	case ssf.CloseExpected:
		return "Expected"
	case ssf.CloseFalseAlarm:
		return "False alarm"
	case ssf.CloseDuplicate:
		return "Duplicate"
	}
	return sentenceCase(strings.ReplaceAll(string(r), "_", " "))
}

// Role is what a dashboard user may do, in words.
func Role(r ssf.Role) string {
	switch r {
	case ssf.RoleViewer:
		return "Viewer: reads everything"
	case ssf.RoleResponder:
		return "Responder: reads and acts"
	case ssf.RoleAdmin:
		return "Administrator: everything"
	}
	return "No rights"
}

// RoleName is Role for a role in its text form.
func RoleName(r string) string { return Role(ssf.Role(r)) }
