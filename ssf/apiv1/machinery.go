package apiv1

import "time"

// Transmitter is one configured sender with its stream.
type Transmitter struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Issuer string `json:"issuer"`
	// Origin is "file" or "dashboard".
	Origin  string            `json:"origin"`
	Retired bool              `json:"retired,omitempty"`
	Poll    TransmitterPoll   `json:"poll"`
	Stream  TransmitterStream `json:"stream"`
	Stats   TransmitterStats  `json:"stats"`
}

// TransmitterPoll is how polling goes.
type TransmitterPoll struct {
	LastAt   time.Time `json:"last_at,omitzero"`
	LastOK   time.Time `json:"last_ok,omitzero"`
	NextDue  time.Time `json:"next_due,omitzero"`
	Failures int       `json:"failures"`
	// Step names the step that fails: "discovery", "token", "stream", "poll", "keys". Absent while healthy.
	Step   string    `json:"step,omitempty"`
	Error  string    `json:"error,omitempty"`
	Advice string    `json:"advice,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// TransmitterStream is what is known of the stream.
type TransmitterStream struct {
	ID string `json:"id,omitempty"`
	// Status is "enabled", "paused", "disabled" (SSF §8.1.2), "lost" or absent.
	Status          string    `json:"status,omitempty"`
	StatusReason    string    `json:"status_reason,omitempty"`
	Held            string    `json:"held,omitempty"`
	EventsDelivered []string  `json:"events_delivered"`
	VerifiedAt      time.Time `json:"verified_at,omitzero"`
}

// TransmitterStats are figures.
type TransmitterStats struct {
	LastEvent        uint64         `json:"last_event,omitempty"`
	LastEventAt      time.Time      `json:"last_event_at,omitzero"`
	AcceptedToday    int            `json:"accepted_today"`
	Conflicts        int            `json:"conflicts"`
	Rejected         int            `json:"rejected"`
	Undecided        int            `json:"undecided"`
	UndecidedReasons map[string]int `json:"undecided_reasons,omitempty"`
	RepliesWaiting   int            `json:"replies_waiting"`
}

// Source is a system that lists people.
type Source struct {
	ID        string     `json:"id"`
	Name      string     `json:"name,omitempty"`
	Kind      string     `json:"kind"`
	Schedule  string     `json:"schedule,omitempty"`
	Origin    string     `json:"origin"`
	Retired   bool       `json:"retired,omitempty"`
	LastAt    time.Time  `json:"last_at,omitzero"`
	LastOK    time.Time  `json:"last_ok,omitzero"`
	Accounts  int        `json:"accounts"`
	Added     int        `json:"added"`
	Changed   int        `json:"changed"`
	Removed   int        `json:"removed"`
	Error     string     `json:"error,omitempty"`
	Held      string     `json:"held,omitempty"`
	HeldID    string     `json:"held_digest,omitempty"`
	RowErrors []RowError `json:"row_errors,omitempty"`
	// RowErrorCount is the full number; RowErrors lists at most 20.
	RowErrorCount int `json:"row_error_count,omitempty"`
}

// RowError is one row of a file that could not be used.
type RowError struct {
	Row     int    `json:"row"`
	Message string `json:"message"`
}

// Connector is a system on which Harken acts.
type Connector struct {
	ID         string   `json:"id"`
	Name       string   `json:"name,omitempty"`
	Preset     string   `json:"preset,omitempty"`
	Source     string   `json:"source"`
	URL        string   `json:"url"`
	Origin     string   `json:"origin"`
	Retired    bool     `json:"retired,omitempty"`
	Operations []string `json:"operations"`
}

// Job is one scheduled job.
type Job struct {
	ID       string `json:"id"`
	Schedule string `json:"schedule"`
	// State is ok, running, late, failed, stuck, quiet, paused or never_ran.
	State      string    `json:"state"`
	Since      time.Time `json:"since,omitzero"`
	Next       time.Time `json:"next,omitzero"`
	BackingOff bool      `json:"backing_off,omitempty"`
	Failures   int       `json:"failures"`
	// Runs are the last 60, oldest first.
	Runs []JobRun `json:"runs"`
}

// JobRun is one run of a job.
type JobRun struct {
	Started time.Time `json:"started"`
	TookMS  int64     `json:"took_ms"`
	OK      bool      `json:"ok"`
	Items   int       `json:"items,omitempty"`
	Error   string    `json:"error,omitempty"`
}

// AuditEntry is one security-relevant operation or refused attempt.
type AuditEntry struct {
	N        uint64    `json:"n"`
	At       time.Time `json:"at"`
	Actor    Actor     `json:"actor"`
	Action   string    `json:"action"`
	Object   string    `json:"object"`
	Result   string    `json:"result"`
	Detail   string    `json:"detail,omitempty"`
	Identity string    `json:"identity,omitempty"`
	Event    uint64    `json:"event,omitempty"`
	Run      string    `json:"run,omitempty"`
}

// Actor is who did something.
type Actor struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	User     string `json:"user,omitempty"`
	Identity string `json:"identity,omitempty"`
	Session  string `json:"session,omitempty"`
	Token    string `json:"token,omitempty"`
	Method   string `json:"method,omitempty"`
	Address  string `json:"address,omitempty"`
	Role     string `json:"role,omitempty"`
}

// Session is one dashboard session of the caller.
type Session struct {
	ID        string    `json:"id"`
	Method    string    `json:"method"`
	CreatedAt time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used"`
	Address   string    `json:"address"`
	UserAgent string    `json:"user_agent,omitempty"`
	Current   bool      `json:"current,omitempty"`
}
