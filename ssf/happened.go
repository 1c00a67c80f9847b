package ssf

import (
	"slices"
	"time"
)

// ClockSkew is how far a peer's clock may run ahead of ours, or two of its own clocks apart.
const ClockSkew = 5 * time.Minute

// The warnings of HappenedAt.
const (
	// WarnTimestampAfterIssue: the event is said to have happened after its token was made.
	WarnTimestampAfterIssue = "timestamp_after_iat"
)

// HappenedAt returns when the event happened, UTC: the payload's event_timestamp (CAEP §2), else toe (RFC 8417 §2.2), else
// iat. A time that lies after iat by more than ClockSkew, or before 1970, is not believed: iat stands in for it and the
// warning says so. It is pure; the result depends on c alone.
func HappenedAt(c Claims) (time.Time, []string) {
	var warnings []string
	believe := func(t time.Time) bool {
		if t.IsZero() || t.Unix() <= 0 {
			return false
		}
		if t.After(c.IssuedAt.Add(ClockSkew)) {
			if !slices.Contains(warnings, WarnTimestampAfterIssue) {
				warnings = append(warnings, WarnTimestampAfterIssue)
			}
			return false
		}
		return true
	}
	if at := c.Payload.EventTimestamp; at != nil {
		if believe(*at) {
			return at.UTC(), nil
		}
		return c.IssuedAt.UTC(), warnings
	}
	if believe(c.TimeOfEvent) {
		return c.TimeOfEvent.UTC(), nil
	}
	return c.IssuedAt.UTC(), warnings
}
