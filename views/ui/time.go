package ui

import (
	"time"

	"harken/views/words"
)

// NewTime makes what a page shows of t, seen from now; the zone is now's. A zero t gives the zero Time.
func NewTime(t, now time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	local := t.In(now.Location())
	return Time{
		Datetime: t.UTC().Format(time.RFC3339),
		Exact:    local.Format("Mon 2 Jan 2006, 15:04:05 MST"),
		Clock:    local.Format("15:04:05"),
		Short:    words.Age(now.Sub(t)),
		Ago:      words.Ago(now.Sub(t)),
	}
}
