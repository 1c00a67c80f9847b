package respond

import (
	"fmt"
	"time"

	"harken/respond/connector"
	"harken/ssf"
)

// PreviewRequest asks what acting on somebody would do.
type PreviewRequest struct {
	// Event is the cause. Zero is an action without an event, which needs Identity.
	Event ssf.Seq
	// Identity is whom to act on; empty means whom the event is matched to.
	Identity ssf.IdentityID
	// Intent is that of an earlier preview of the same form; empty mints one where there is no event.
	Intent ssf.IntentID
}

// Preview says what each kind of action would do to somebody, system by system. Nothing was sent but reads.
type Preview struct {
	Event    ssf.Seq
	Identity ssf.Identity
	// Intent is minted for the form, which carries it: sending the form twice is one action where there is no event, and
	// one repetition where there is.
	Intent ssf.IntentID
	// At is when the systems were read.
	At time.Time
	// Refused says why this actor may do none of it; nil when they may.
	Refused *ssf.RefusedError
	// Targets are the systems, each with one account: those that the event is about first, then the identity provider.
	Targets []Target
	// Kinds are terminate_sessions, disable_account and disable_and_terminate, in this order.
	Kinds []KindPreview
	// Uncovered are accounts of the identity in sources that no connector is bound to.
	Uncovered []ssf.Account
}

// Kind returns the preview of one kind.
func (p Preview) Kind(kind ssf.Kind) (KindPreview, bool) {
	for _, k := range p.Kinds {
		if k.Kind == kind {
			return k, true
		}
	}
	return KindPreview{}, false
}

// Target is one account in one system, as it is now.
type Target struct {
	Connector ssf.ConnectorID
	// Name is the system's name for people.
	Name    string
	Account ssf.Account
	// ByEvent is set where the event's subject was found through this system's source.
	ByEvent          bool
	IdentityProvider bool
	// Reading is what the system told just now.
	Reading Reading
	// Broken says why the connector cannot be used at all (its document or its secret); empty when it can.
	Broken string
}

// Reading is what reading an account from its system told.
type Reading struct {
	// At is when it was read; zero when never.
	At time.Time
	// Enabled is nil where the system does not tell, or could not be read.
	Enabled *bool
	// Sessions are those open; Listed tells an empty list from none read.
	Sessions []connector.SessionState
	Listed   bool
	// CanRead says whether the system offers reads of accounts or sessions at all.
	CanReadAccount, CanReadSessions bool
	// Trouble says why a read failed, for people; empty when all went well. Acting is possible all the same.
	Trouble string
	// Missing is set when the system says that it has no such account.
	Missing bool
}

// KindPreview says what one kind would do.
type KindPreview struct {
	Kind ssf.Kind
	// Possible is set when at least one system can do it.
	Possible bool
	// Continue and SignIn say what remains possible for the person afterwards, over all targets.
	Continue, SignIn Remains
	// Effects has one entry for each of Preview.Targets, in the same order.
	Effects []Effect
	// Again is set where every system that can do this has done it because of this very event: asking without Ask.Again
	// would only return those runs.
	Again bool
	// Old warns that the event is older than what would be acted on by itself (24 h; 7 days for what only ends sessions).
	// A person may act all the same.
	Old bool
}

// Answer says whether something remains possible.
type Answer string

// The answers.
const (
	Yes    Answer = "yes"
	No     Answer = "no"
	InPart Answer = "in_part"
)

// Remains says whether something remains possible for a person, and why.
type Remains struct {
	Answer Answer
	// Residual is how long at most it remains possible, where Answer is InPart because of it; zero: no such time is known.
	Residual time.Duration
	// Where names the systems in which it remains possible without such an end.
	Where []ssf.ConnectorID
}

// Effect says what one kind would do in one system.
type Effect struct {
	Connector ssf.ConnectorID
	Account   ssf.AccountRef
	Support   connector.Support
	// Reason says why it is unsupported; empty otherwise.
	Reason string
	// Disables and EndsSessions say which of the two the kind does here.
	Disables, EndsSessions bool
	// AlreadyDisabled is set when the account reads as disabled now.
	AlreadyDisabled bool
	// Sessions is how many are open now; -1 when that could not be read.
	Sessions int
	// NewerToo is set where every session ends, also one begun after the event: always, when a person asks for all.
	NewerToo bool
	// Confirms is set where the effect will be read back; else the run ends as "accepted, cannot be confirmed".
	Confirms bool
	// Residual is how long access may live on after a confirmed end.
	Residual time.Duration
	// Earlier is the newest open run on this account in this system; nil when there is none. One with the same kind and
	// cause is what asking again returns.
	Earlier *ssf.Run
}

// Ask asks for an action.
type Ask struct {
	Kind ssf.Kind
	// Event is the cause; without it Intent is needed, from Preview.
	Event  ssf.Seq
	Intent ssf.IntentID
	// Again asks for what the event has caused before once more, as an action of its own; it needs Intent.
	Again    bool
	Identity ssf.IdentityID
	// Connectors names the systems; empty means all that can do Kind. A named one that cannot is an *UnsupportedError.
	Connectors []ssf.ConnectorID
	// Accounts narrows further to these accounts; empty means all of the identity in those systems.
	Accounts []ssf.AccountRef
	// Session is the session's id in the target, for terminate_session only.
	Session string
	Reason  string
	// Hold is the time for "undo" before the first call; at most an hour.
	Hold time.Duration
}

// UnsupportedError says that a system cannot do a kind of action. Nothing was recorded: Harken does nothing weaker instead.
type UnsupportedError struct {
	Kind ssf.Kind
	// Connector is empty when no system at all can do it.
	Connector ssf.ConnectorID
	// Reason is a part of a sentence: "it has no call that ends sessions".
	Reason string
}

func (e *UnsupportedError) Error() string {
	if e.Connector == "" {
		return fmt.Sprintf("%s: %s", e.Kind, e.Reason)
	}
	return fmt.Sprintf("%s in %s: %s", e.Kind, e.Connector, e.Reason)
}

// AskError says what is wrong with an Ask or a PreviewRequest itself.
type AskError struct{ Problem ssf.Problem }

func (e *AskError) Error() string { return e.Problem.String() }

// ConnectorSessions are the open sessions of one account in one system.
type ConnectorSessions struct {
	Connector ssf.ConnectorID
	Name      string
	Account   ssf.Account
	// Reading has the sessions with their age (At). After a failure it holds the last known ones, with Trouble set.
	Reading Reading
	// EndsOne is set where a single session can be ended.
	EndsOne bool
}

// TestReport is what trying a connector found, step by step; the first failed step ends it.
type TestReport struct {
	Connector ssf.ConnectorID
	At        time.Time
	Steps     []TestStep
}

// OK reports whether every step went well.
func (r TestReport) OK() bool {
	for _, s := range r.Steps {
		if !s.OK {
			return false
		}
	}
	return len(r.Steps) > 0
}

// TestStep is one step of a test.
type TestStep struct {
	// Name is "document", "credentials", "call" or "read".
	Name string
	OK   bool
	// Detail says what was found, Fix what to change; either may be empty.
	Detail, Fix string
}
