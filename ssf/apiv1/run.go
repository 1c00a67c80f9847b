package apiv1

import "time"

// Run is one recorded action against one account through one connector.
type Run struct {
	ID        string  `json:"id"`
	Kind      string  `json:"kind"`
	Connector string  `json:"connector"`
	Account   Account `json:"account"`
	Identity  string  `json:"identity"`
	Session   string  `json:"session,omitempty"`
	Event     uint64  `json:"event,omitempty"`
	Intent    string  `json:"intent,omitempty"`
	// State is planned, awaiting_approval, pending, executing, accepted, confirmed, partial, failed, in_doubt, held,
	// cancelled or skipped. Only "confirmed" says that the effect was seen.
	State string `json:"state"`
	// Open is set while something happens by itself or a decision is waited for.
	Open      bool      `json:"open"`
	Detail    string    `json:"detail,omitempty"`
	AskedBy   []Asker   `json:"asked_by"`
	Reason    string    `json:"reason,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	NotBefore time.Time `json:"not_before,omitzero"`
	BegunAt   time.Time `json:"begun_at,omitzero"`
	DoneAt    time.Time `json:"done_at,omitzero"`
	// Progress lists the operations that the target has taken, in order.
	Progress     []string      `json:"progress"`
	Attempts     []Attempt     `json:"attempts,omitempty"`
	Observations []Observation `json:"observations,omitempty"`
	Revision     uint64        `json:"revision"`
}

// Asker is one who asked for a run.
type Asker struct {
	// Kind is "person", "api_token", "policy", "system" or "configuration".
	Kind string    `json:"kind"`
	Name string    `json:"name"`
	At   time.Time `json:"at"`
}

// Attempt is one call to the target.
type Attempt struct {
	At        time.Time `json:"at"`
	Operation string    `json:"operation"`
	Meaning   string    `json:"meaning,omitempty"`
	Status    int       `json:"status,omitempty"`
	Detail    string    `json:"detail,omitempty"`
	TookMS    int64     `json:"took_ms"`
}

// Observation is what reading the target told.
type Observation struct {
	At       time.Time `json:"at"`
	Readable bool      `json:"readable"`
	Enabled  *bool     `json:"enabled,omitempty"`
	Sessions *int      `json:"sessions,omitempty"`
	// Proves is set when this reading confirmed the effect.
	Proves bool   `json:"proves"`
	Detail string `json:"detail,omitempty"`
}

// RunRequest is the body of POST /api/v1/runs. Exactly one of Event and Identity is needed; an event that is matched tells
// the identity.
type RunRequest struct {
	Kind     string `json:"kind"`
	Event    uint64 `json:"event,omitempty"`
	Identity string `json:"identity,omitempty"`
	// Intent makes a request without event repeatable: the same one twice is one action. Empty mints a new one.
	Intent string `json:"intent,omitempty"`
	// Again asks for what the event has caused before once more; without it the earlier runs are returned.
	Again bool `json:"again,omitempty"`
	// Connectors names the systems; empty means all that can do it.
	Connectors []string `json:"connectors,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	// HoldSeconds delays the first call, so that the runs can be cancelled; at most 3600.
	HoldSeconds int `json:"hold_seconds,omitempty"`
}

// RunsCreated is the answer to RunRequest: one run for each account and system.
type RunsCreated struct {
	Intent string `json:"intent,omitempty"`
	Runs   []Run  `json:"runs"`
}
