// Package ui holds the parts that every page is made of: badges, times, foreign text, toasts, charts and icons. Its
// components take values that are ready to show; they know no clock, no store and no request.
package ui

import (
	"time"

	"harken/ssf"
)

// Time is an instant as a page shows it: relative text, with the exact time in the tooltip. The zero value is "never".
type Time struct {
	// Datetime is RFC 3339 in UTC, for <time datetime>.
	Datetime string
	// Exact is the full local form, Clock the time of day, Short the age ("22m") and Ago the same in words ("22 min ago").
	Exact, Clock, Short, Ago string
}

// IsZero reports whether there is no instant.
func (t Time) IsZero() bool { return t.Datetime == "" }

// Toast is one message about what was just done. Bad ones stay until they are closed.
type Toast struct {
	Text string
	Bad  bool
	// Reference helps to find the cause in the log; empty for good news.
	Reference string
	// LinkText and Href offer the next step; Href is an address of ours or empty.
	LinkText, Href string
}

// Bucket is one column of a histogram.
type Bucket struct {
	// Label is the start of the span as people read it: "Mon 11:00".
	Label string
	// Start is RFC 3339; it is not shown.
	Start  string
	Counts map[ssf.Severity]int
}

// Total returns the sum over all severities.
func (b Bucket) Total() int {
	n := 0
	for _, c := range b.Counts {
		n += c
	}
	return n
}

// HistogramModel is a histogram stacked by severity, oldest bucket first. The zero value draws nothing.
type HistogramModel struct {
	// Title is the sentence above it: "384 events in 24 h".
	Title   string
	Buckets []Bucket
	// From and To label the ends of the axis; Middle lies between, evenly spread.
	From, To string
	Middle   []string
}

// RunMark is one run of a job in a run bar.
type RunMark string

// The marks of a run bar. MarkMissed is a run that did not happen; neighbours are drawn as one span.
const (
	MarkOK     RunMark = "ok"
	MarkSlow   RunMark = "slow"
	MarkFailed RunMark = "failed"
	MarkMissed RunMark = "missed"
)

// JobMark is one slot of a run bar.
type JobMark struct {
	Mark RunMark
	// Took is compared with the slowest of the bar and sets the height.
	Took time.Duration
	// Title is the tooltip: "10:42:30, 0.2 s, 14 items".
	Title string
}

// Fact is one line of a description list. Exactly one of Text, Foreign and When is shown, in this order.
type Fact struct {
	Term string
	// Text is ours; Foreign comes from outside and is shown through Foreign.
	Text, Foreign string
	When          Time
	// Code sets foreign text in the fixed-width face.
	Code bool
	// Note follows in a dimmer colour; ours.
	Note string
	// Href makes Text a link; an address of ours or empty.
	Href string
}
