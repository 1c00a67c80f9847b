package ssf

import "time"

// JobID names a scheduled job: "poll:keycloak", "sync:people", "respond".
type JobID string

// JobRun is one run of a job.
type JobRun struct {
	Job     JobID     `json:"job"`
	Started time.Time `json:"started"`
	Took    Duration  `json:"took"`
	OK      bool      `json:"ok"`
	// Items counts what the run handled.
	Items int    `json:"items,omitempty"`
	Error string `json:"error,omitempty"`
}

// JobState is how a job does.
type JobState string

// The states of a job.
const (
	JobOK      JobState = "ok"
	JobRunning JobState = "running"
	JobLate    JobState = "late"
	JobFailed  JobState = "failed"
	JobStuck   JobState = "stuck"
	JobQuiet   JobState = "quiet"
	JobPaused  JobState = "paused"
	JobNever   JobState = "never_ran"
)

// JobStatus is a job as the scheduler sees it. History comes from the store.
type JobStatus struct {
	ID       JobID
	Schedule string
	// Limit is how long one run may take before it counts as stuck.
	Limit    time.Duration
	Interval time.Duration
	State    JobState
	// Since is when State began, where that is known.
	Since time.Time
	// RunningSince is zero while the job rests.
	RunningSince time.Time
	Next         time.Time
	// BackingOff is set when Next is later than the schedule by our own decision.
	BackingOff bool
	Failures   int
	Last       JobRun
	// Runs are the last 60, oldest first.
	Runs []JobRun
}
