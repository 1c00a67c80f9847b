// Package respond is what the event and the identity page share: the panel from which actions are sent, the bar that can
// still undo them, and the list of what was done.
package respond

import (
	"harken/ssf"
	"harken/views/ui"
)

// Word answers "can continue?" and "can sign in again?".
type Word string

// The answers. The zero value is "not known".
const (
	Yes     Word = "yes"
	No      Word = "no"
	InPart  Word = "in_part"
	Unknown Word = ""
)

// Answer is a word and its condition: {No, "until enabled again"}.
type Answer struct {
	Word Word
	// Text follows the word; ours.
	Text string
}

// Support says whether a system can do a kind.
type Support string

// The degrees of support.
const (
	SupportFull   Support = "full"
	SupportPart   Support = "part"
	SupportNone   Support = "none"   // the system offers no such call
	SupportBroken Support = "broken" // the connector itself cannot be used
	SupportWaits  Support = "waits"  // an earlier run on the account is still open
	SupportDone   Support = "done"   // already so: nothing would be sent
)

// Effect is one row of the panel's table: what one kind does in one system.
type Effect struct {
	// System is the connector's name, Account the account there; both are foreign text.
	System, Account string
	Support         Support
	// Does is what will happen ("Ends 2 sessions"), Note a second line ("re-reads its list to confirm"); ours.
	Does, Note string
	// WhyNot says why it cannot, or what the earlier run is; may hold foreign text.
	WhyNot string
	// Remains answers what stays possible there, RemainsNote adds to it ("access tokens").
	Remains     Answer
	RemainsNote string
	// Trouble says why the system could not be read; foreign text, empty when it could.
	Trouble string
}

// Choice is one kind of action.
type Choice struct {
	Kind ssf.Kind
	// Possible is false when no system can do it; WhyNot then says why.
	Possible bool
	WhyNot   string
	// Continue and SignIn say what remains possible for the person afterwards.
	Continue, SignIn Answer
	Effects          []Effect
	// Warnings are sentences: "The event is 3 days old."
	Warnings []string
	// Again is set where all of it was done because of this event: the button then does it once more.
	Again bool
	// StepUp says that the password will be asked for.
	StepUp bool
	// Confirm says that Panel.ConfirmName must be typed.
	Confirm bool
}

// Panel is the form from which an action is sent. It POSTs to Action: csrf, intent, kind, reason, confirm. The zero value
// draws nothing.
type Panel struct {
	// Person is whom it acts on; foreign text. Empty means that nobody was found and there is no panel.
	Person string
	// Action is the POST address, Refresh the GET address of the panel alone ("" = it is never read again).
	Action, Refresh string
	// Signal is the live signal on which the panel is read again; empty: none.
	Signal string
	// Lazy is set while the systems have not been read yet: the panel then fetches itself once.
	Lazy bool
	CSRF string
	// Intent is the server's id of this form, so that sending it twice is one action.
	Intent string
	// Chosen is the kind ticked at first; empty is the first possible one, which is the least that helps.
	Chosen  ssf.Kind
	Choices []Choice
	// Refused says why this user may do none of it; empty when they may. MayAct is false for viewers.
	Refused string
	MayAct  bool
	// ConfirmName must be typed for choices with Confirm; foreign text.
	ConfirmName string
	// Uncovered are accounts on which nobody can act ("people/4711"); foreign text.
	Uncovered []string
	// Read is when the systems were read.
	Read ui.Time
	Undo Undo
}

// chosen returns the kind that is ticked.
func (p Panel) chosen() ssf.Kind {
	if p.Chosen != "" {
		return p.Chosen
	}
	for _, c := range p.Choices {
		if c.Possible {
			return c.Kind
		}
	}
	return ""
}

// Undo is the bar over runs that have not left yet (their NotBefore lies ahead). The zero value hides it. "Send now" POSTs
// csrf, back and every run to /runs/send; "Undo" the same to /runs/undo.
type Undo struct {
	// Kind names what is about to be sent.
	Kind ssf.Kind
	Runs []ssf.RunID
	// Left and Total are in seconds.
	Left, Total int
	CSRF        string
	// Back is where a plain form returns to.
	Back string
}

// Runs is the list of what was done, newest first. It fetches itself from URL when the DOM event Signal arrives.
type Runs struct {
	// URL and Signal may be empty: then the list is static. Signal is "ev-runs-42".
	URL, Signal string
	Items       []Run
	// CSRF and Back are for the forms of a run; Back is where a plain form returns to.
	CSRF, Back string
	// MayAct shows the buttons.
	MayAct bool
	// Older leads to the rest; empty when all are shown.
	Older string
}

// Run is one recorded action against one account through one connector.
type Run struct {
	ID   ssf.RunID
	Kind ssf.Kind
	// System is the connector's name, Account the account there; foreign text.
	System, Account string
	State           ssf.RunState
	// Detail is one sentence of ours and of the target: what is known, or what is waited for. Foreign text.
	Detail string
	// By lists who asked ("Cleo Marsh", "policy privileged-session-risk"); foreign text.
	By     []string
	Reason string
	At     ui.Time
	// Result says what is known of the effect ("0 sessions left, account enabled"); ours.
	Result       string
	Attempts     []Attempt
	Observations []Observation
	// EventHref and EventTitle name the cause on the identity page; empty where it is clear.
	EventHref, EventTitle string
	// MayRetry, MayUndo and MaySend show the buttons: POST /runs/retry, /runs/undo, /runs/send with run, csrf, back.
	MayRetry, MayUndo, MaySend bool
}

// Attempt is one call to the target.
type Attempt struct {
	At ui.Time
	// Operation is in words ("end all sessions"), Meaning what the answer meant ("accepted"); ours.
	Operation, Meaning string
	Status             int
	// Detail is foreign text; Took is formatted ("120 ms").
	Detail, Took string
}

// Observation is what reading the target told.
type Observation struct {
	At ui.Time
	// Text is "0 sessions, account enabled"; Detail is foreign text.
	Text, Detail string
	// Proves is set when this reading confirmed the effect.
	Proves bool
}
