// Package problem is the page that says what went wrong.
package problem

// Model is one error, for people.
type Model struct {
	Status int
	// Title is what happened ("That event does not exist"), Text what it means and Fix what to do; ours.
	Title, Text, Fix string
	// Reference finds the cause in the log; empty where there is nothing to find.
	Reference string
	// BackHref and BackText lead on; empty is the inbox.
	BackHref, BackText string
}
