package ssf

import "time"

// MatchState says whether it is known whom an event is about.
type MatchState string

// The match states. The zero value counts as MatchPending.
const (
	MatchPending MatchState = "pending"
	MatchFound   MatchState = "matched"
	MatchNone    MatchState = "uncorrelated"
	// MatchControl: the event is about the stream itself.
	MatchControl MatchState = "control"
)

// MatchReason says why an event is uncorrelated.
type MatchReason string

// The reasons.
const (
	ReasonNotFound      MatchReason = "not_found"
	ReasonAmbiguous     MatchReason = "ambiguous"
	ReasonForeignIssuer MatchReason = "foreign_issuer"
	ReasonFormat        MatchReason = "format_not_matched"
	ReasonNoSubject     MatchReason = "no_subject"
	ReasonSourceMissing MatchReason = "source_missing"
	ReasonDisagree      MatchReason = "members_disagree"
	ReasonCritical      MatchReason = "critical_member"
	ReasonConflict      MatchReason = "conflicting_token"
	// ReasonUnreadable: a record that decides is damaged; the event is looked at again with the next change of people.
	ReasonUnreadable MatchReason = "record_unreadable"
)

// Match is whom an event is about, with the explanation. Nothing in it is a guess: a match is exact and unique.
type Match struct {
	State    MatchState `json:"state,omitempty"`
	Identity IdentityID `json:"identity,omitempty"`
	// Account is the account that matched; zero when the match was by e-mail of several accounts of one identity.
	Account AccountRef  `json:"account,omitzero"`
	Reason  MatchReason `json:"reason,omitempty"`
	// Tries are the rules in the order tried.
	Tries []MatchTry `json:"tries,omitempty"`
	At    time.Time  `json:"at,omitzero"`
}

// MatchTry is one rule that was tried.
type MatchTry struct {
	// Rule is "email", "account" or the member of a complex subject with the rule, "user.email".
	Rule string `json:"rule"`
	// Value is what the subject held, Compared what it was compared as, Against where it was looked up.
	Value    string `json:"value"`
	Compared string `json:"compared"`
	Against  string `json:"against"`
	Hits     int    `json:"hits"`
	// Candidates are those found, or the nearest ones when none was; at most 5.
	Candidates []Candidate `json:"candidates,omitempty"`
	Note       string      `json:"note,omitempty"`
}

// Candidate is an identity that a rule found, or one that is near.
type Candidate struct {
	Identity IdentityID `json:"identity"`
	Name     string     `json:"name"`
	// Why says what is equal, or what differs.
	Why string `json:"why"`
}

// MatchResult is the outcome of correlation for one event.
type MatchResult struct {
	Seq      Seq
	Match    Match
	Severity Severity
}
