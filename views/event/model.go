// Package event is the page of one event, at /events/:id: alone, and as the third column of the inbox.
package event

import (
	"harken/ssf"
	"harken/views/respond"
	"harken/views/ui"
)

// Model is one event. Page shows all of it, Pane what fits beside the inbox (it needs neither Panel nor Raw).
type Model struct {
	// ID is the log number in decimal.
	ID string
	// Sentence is what happened in plain words (words.Event); it holds foreign text.
	Sentence string
	// Says is the transmitter's own reason in the reader's language; foreign text.
	Says     string
	Severity ssf.Severity
	Age      ui.Time
	Triage   Triage
	Outcome  ssf.Outcome
	// ConflictHref and ConflictID name the event that came first under the same jti.
	ConflictHref, ConflictID string
	// Key facts.
	Facts Facts
	Match Match
	// Person is nil when the event found nobody or is about the stream itself.
	Person *Person
	// Control says that the event is about the stream and needs nobody.
	Control bool
	Panel   respond.Panel
	Runs    respond.Runs
	Raw     Raw
	// Also are other recent events of the same person.
	Also []Also
	// BackHref leads to the list ("/?tab=open&sev=high"), Newer and Older to the neighbours in it; empty hides them.
	BackHref, BackText, Newer, Older string
	// Place is "3 of 23"; empty hides it.
	Place string
	CSRF  string
	// MayTriage shows the buttons.
	MayTriage bool
	// Signal is the DOM event on which the triage header is read again from URL "/events/ID/head"; empty = static.
	Signal string
}

// Triage is how far the handling has come.
type Triage struct {
	State ssf.Triage
	// Reason is in words ("expected"), Note and By are foreign text.
	Reason, Note, By string
	At               ui.Time
	// Reasons are offered in the form.
	Reasons []Option
}

// Option is one choice of a select element.
type Option struct{ Value, Label string }

// Facts are the key facts of an event. Strings that come from the token are foreign text.
type Facts struct {
	Type string // the URI as sent
	// TypeName is short ("session-revoked"), Spec its family ("CAEP"); Provenance "signed", "observed" or "reported".
	TypeName, Spec string
	Provenance     ssf.Provenance
	OtherTypes     []string
	Transmitter    string
	Issuer         string
	Audience       []string
	Subject        string // "email: Ada@Example.com"
	JTI, Txn       string
	// InitiatedBy is in words ("a policy"); Reasons are the reason texts by language tag.
	InitiatedBy string
	Reasons     []ui.Fact
	// Happened, Issued and Received are the three times; Delay is "1.4 s".
	Happened, Issued, Received ui.Time
	Delay                      string
	Algorithm, KeyID           string
	Thumbprint                 string
	// Checks are the checks that passed, Tolerances those that were lifted and used, Warnings harmless oddities.
	Checks, Tolerances, Warnings []string
	Faults                       []Fault
	// More are further decoded members of the payload ("Credential", "passkey").
	More []ui.Fact
}

// Fault is something wrong in a token that was accepted all the same.
type Fault struct{ Layer, Code, Message string }

// Match is how the subject became a person, or why it did not.
type Match struct {
	State ssf.MatchState
	// Why explains State in one sentence of ours; Advice says what would help.
	Why, Advice string
	Tries       []Try
	At          ui.Time
}

// Try is one rule that was tried.
type Try struct {
	// Rule is in words ("e-mail equals account e-mail"); Against says where it was looked up ("source people"); ours.
	Rule, Against string
	// Value is as sent, Compared as compared; foreign text.
	Value, Compared string
	Hits            int
	Candidates      []Candidate
	Note            string
	// Won is set on the rule that decided.
	Won bool
}

// Candidate is somebody a rule found, or somebody near. Name and Why are foreign text.
type Candidate struct{ Name, Why, Href string }

// Person is the identity card. Name, Email, Group and Labels are foreign text.
type Person struct {
	Name, Email, Group, Href string
	Initials                 string
	Privileged, Protected    bool
	Active                   bool
	Labels                   []string
	// Accounts is "4 active in 4 systems", Sessions "2 open, read 40 s ago"; ours, may be empty.
	Accounts, Sessions string
}

// Raw is the token as delivered: foreign text all of it.
type Raw struct {
	// Header and Claims are pretty JSON, Token the compact form for copying; Size is "612 bytes".
	Header, Claims, Token, Size string
	// Summary is "header and 7 claims".
	Summary string
}

// Also is another event of the same person.
type Also struct {
	Title, Href string
	Severity    ssf.Severity
	At          ui.Time
}
