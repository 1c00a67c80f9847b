package ssf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// RunState is how far an action has come. "Accepted" and "confirmed" are different words: only an observation confirms.
type RunState string

// The states of a run.
const (
	RunPlanned   RunState = "planned"
	RunAwaiting  RunState = "awaiting_approval"
	RunPending   RunState = "pending"
	RunExecuting RunState = "executing"
	RunAccepted  RunState = "accepted"
	RunConfirmed RunState = "confirmed"
	RunPartial   RunState = "partial"
	RunFailed    RunState = "failed"
	RunInDoubt   RunState = "in_doubt"
	RunHeld      RunState = "held"
	RunCancelled RunState = "cancelled"
	RunSkipped   RunState = "skipped"
)

// Done reports whether nothing more happens to a run in state s by itself.
func (s RunState) Done() bool {
	switch s {
	case RunConfirmed, RunPartial, RunFailed, RunHeld, RunCancelled, RunSkipped:
		return true
	}
	return false
}

// Run is one recorded action against one account through one connector.
type Run struct {
	ID        RunID       `json:"id"`
	Kind      Kind        `json:"kind"`
	Connector ConnectorID `json:"connector"`
	Account   AccountRef  `json:"account"`
	Identity  IdentityID  `json:"identity"`
	// Session is the session's id in the target where the kind names one.
	Session string `json:"session,omitempty"`
	// Event is what caused the run; where there is none, or the run is a deliberate repetition, Intent tells it apart.
	Event  Seq      `json:"event,omitempty"`
	Intent IntentID `json:"intent,omitempty"`
	State  RunState `json:"state"`
	// Detail is one sentence for people: what is known, or what is waited for.
	Detail string `json:"detail,omitempty"`
	// AskedBy lists everyone who asked for this very effect.
	AskedBy   []Asker   `json:"asked_by"`
	Reason    string    `json:"reason,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// NotBefore is the end of the few seconds of "undo".
	NotBefore time.Time `json:"not_before,omitzero"`
	// Due is when the worker looks at the run next.
	Due time.Time `json:"due,omitzero"`
	// BegunAt is when the first call was about to leave; zero before. DoneAt is when the state became final.
	BegunAt time.Time `json:"begun_at,omitzero"`
	DoneAt  time.Time `json:"done_at,omitzero"`
	// Progress lists the operations that the target has taken, in order.
	Progress []OperationName `json:"progress,omitempty"`
	// Attempts are the calls, newest last, at most 50; Failures counts those without success in a row.
	Attempts []Attempt `json:"attempts,omitempty"`
	Failures int       `json:"failures,omitempty"`
	// Observations are what was read back, newest last, at most 20.
	Observations []Observation `json:"observations,omitempty"`
	// Revision grows with every change.
	Revision uint64 `json:"revision"`
}

// Asker is one who asked for a run.
type Asker struct {
	Actor Actor     `json:"actor"`
	At    time.Time `json:"at"`
}

// Attempt is one call to the target.
type Attempt struct {
	At        time.Time     `json:"at"`
	Operation OperationName `json:"operation"`
	Meaning   AnswerMeaning `json:"meaning,omitempty"`
	Status    int           `json:"status,omitempty"`
	// Detail holds at most 512 bytes of foreign text.
	Detail string   `json:"detail,omitempty"`
	Took   Duration `json:"took,omitzero"`
}

// Observation is what reading the target told.
type Observation struct {
	At time.Time `json:"at"`
	// Readable is false where the target offers no read, or it failed; Detail says which.
	Readable bool   `json:"readable"`
	Enabled  *bool  `json:"enabled,omitempty"`
	Sessions *int   `json:"sessions,omitempty"`
	Proves   bool   `json:"proves"`
	Detail   string `json:"detail,omitempty"`
}

// EffectKey names an effect: (event or intent, kind, connector, account, session). Equal effects are one run. An intent
// beside an event is a deliberate repetition of what the event has caused already.
func EffectKey(event Seq, intent IntentID, kind Kind, connector ConnectorID, account AccountRef, session string) RunID {
	h := sha256.New()
	for _, part := range []string{
		event.String(), string(intent), string(kind), string(connector), string(account.Source), account.ID, session,
	} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return RunID(hex.EncodeToString(h.Sum(nil)))
}

// RunRequest asks for one run. The store makes its id, so that asking again finds the same run.
type RunRequest struct {
	Kind      Kind
	Connector ConnectorID
	Account   AccountRef
	Identity  IdentityID
	Session   string
	Event     Seq
	Intent    IntentID
	Reason    string
	// NotBefore delays the first call; zero is at once.
	NotBefore time.Time
	// Held creates the run held, with this reason; empty is the ordinary way.
	Held string
}

// RunFilter narrows a list of runs, newest first. The zero value is everything.
type RunFilter struct {
	Event    Seq
	Identity IdentityID
	States   []RunState
}

// RunClaim is a run that a worker may work on until Until.
type RunClaim struct {
	Run   Run
	Token string
	Until time.Time
}

// RunUpdate is what a worker found out; it is applied under the worker's claim.
type RunUpdate struct {
	ID     RunID
	Claim  string
	State  RunState
	Detail string
	// Due is when to look again; zero for final states.
	Due time.Time
	// Progress is appended to the run's.
	Progress []OperationName
	// Attempt and Observation are appended if not nil.
	Attempt     *Attempt
	Observation *Observation
	// Failures replaces the count.
	Failures int
	// Keep keeps the claim: more steps of the same piece of work follow.
	Keep bool
}
