package apiv1

import "time"

// Problem is an error answer (RFC 9457), media type application/problem+json.
type Problem struct {
	// Type is "about:blank": Title and Status say it all.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Reference is the id of the request, which finds the cause of an unexpected error in the log.
	Reference string `json:"reference,omitempty"`
}

// List is one page of a list, newest first.
type List[T any] struct {
	Items []T `json:"items"`
	// Next is the cursor of the following page; absent at the end.
	Next string `json:"next,omitempty"`
	// More is set when the search stopped at its bound of work before the page was full: Next goes on with it.
	More bool `json:"more,omitempty"`
}

// HealthStatus is how a check stands (draft-inadarei-api-health-check-06 §3.1).
type HealthStatus string

// The statuses.
const (
	HealthPass HealthStatus = "pass"
	HealthWarn HealthStatus = "warn"
	HealthFail HealthStatus = "fail"
)

// Health is the body of /status.json, media type application/health+json.
type Health struct {
	Status  HealthStatus             `json:"status"`
	Version string                   `json:"version,omitempty"`
	Checks  map[string][]HealthCheck `json:"checks"`
}

// HealthCheck is one check: of "job:ID", "transmitter:ID", "undecided:ID", "source:ID", "store" or "max_age".
type HealthCheck struct {
	Status HealthStatus `json:"status"`
	// Time is when the thing was last seen to run.
	Time          time.Time `json:"time,omitzero"`
	ObservedValue *float64  `json:"observedValue,omitempty"`
	ObservedUnit  string    `json:"observedUnit,omitempty"`
	// Output says what is wrong; absent when nothing is.
	Output string `json:"output,omitempty"`
}
