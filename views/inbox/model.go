// Package inbox is the list at "/": what needs somebody now.
package inbox

import (
	"harken/ssf"
	"harken/views/event"
	"harken/views/ui"
)

// Model is the inbox with its filter. The zero value is an empty inbox.
type Model struct {
	Tabs   []Tab
	Facets []Facet
	// Clear leads to the same tab without filters; empty when none is on.
	Clear     string
	Histogram ui.HistogramModel
	Groups    []Group
	// Self is the address of this very list ("/?tab=open&sev=high"), which refreshes read again.
	Self string
	Pill PillModel
	// RowsURL ("/inbox/rows?ids=42,41") answers with RowUpdates for the rows on screen; it is read on Signal ("ev-inbox"),
	// so that rows change in place but never move. Empty = static.
	RowsURL, Signal string
	// Newest and Older are the neighbouring pages; empty when there is none.
	Newest, Older string
	// Partial says that the search stopped at its bound of work: Older goes on with it.
	Partial bool
	Routine Routine
	Empty   Empty
	CSRF    string
	// MayTriage shows check boxes and buttons.
	MayTriage bool
	Reasons   []event.Option
	// Detail is the event opened beside the list; nil shows the hint.
	Detail *event.Model
}

// Tab is one of Open, Closed, All. Count is empty where it is not known.
type Tab struct {
	Label, Href, Count string
	Current            bool
}

// Facet is a group of filters.
type Facet struct {
	Title string
	Items []FacetItem
}

// FacetItem is one filter with its count among open events; it is a link that turns the filter on or off.
type FacetItem struct {
	Label, Href string
	Count       int
	Current     bool
	// Severity colours the mark; Lost is the violet of "no identity found".
	Severity ssf.Severity
	Lost     bool
}

// Group is a span of time: "Last hour", "Earlier today", "Yesterday", "Fri 20 Nov".
type Group struct {
	Label string
	Rows  []Row
}

// Row is one event.
type Row struct {
	ID       string
	Severity ssf.Severity
	// Title is what happened in few words (words.Title); it may hold foreign text.
	Title string
	// Person is foreign text, PersonHref an address of ours; Lost says that nobody was found, and Subject is then shown.
	Person, PersonHref, Subject string
	Lost, Privileged            bool
	// Control marks an event about the stream itself.
	Control bool
	From    string
	Done    Done
	Age     ui.Time
	Triage  ssf.Triage
	// Mark is a short remark ("conflict", "fault", "expected"); ours, may be empty.
	Mark string
	// Current is set on the row whose detail is open.
	Current bool
}

// Done is what was done about an event; the zero value is "nothing yet".
type Done struct {
	State ssf.RunState
	Text  string
}

// PillModel is the "n new" pill.
type PillModel struct {
	// URL ("/inbox/pill?after=42&sev=high") reads the pill again on Signal; Load is the address that loads the new rows.
	URL, Load, Signal string
	Count             int
	// More says that Count stopped at its cap.
	More bool
}

// Routine counts plain log-outs, which never sit in Open.
type Routine struct {
	Count int
	Href  string
}

// Empty is what an empty list says.
type Empty struct {
	Title, Text    string
	LinkText, Href string
	// Good draws it as good news ("All clear"), else as a hint.
	Good bool
}
