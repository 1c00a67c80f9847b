// Package login is what a signed-out person sees: sign-in, the first administrator, and the password asked for again.
package login

import "harken/views/ui"

// Model is the sign-in page at /login. POST /login: name, password, next. Demo: POST /login/demo: role, next.
type Model struct {
	// Name is as typed before; foreign text.
	Name string
	// Next is the path to go to afterwards.
	Next string
	// Error says why it failed; ours. Wait says how long to wait before the next try ("30 s").
	Error, Wait string
	// Demo shows the two one-click buttons.
	Demo bool
	// NoAdmin says that no administrator exists yet, and leads to /setup.
	NoAdmin bool
	// CookieNote says what to do where the browser refuses Secure cookies on plain HTTP; shown below the form.
	CookieNote bool
	CSRF       string
}

// Setup makes the first administrator at /setup. POST /setup: code, name, email, password, again.
type Setup struct {
	Code, Name, Email string // as typed before; foreign text
	// Errors are by field name: "code", "name", "email", "password", "again"; "" is the form itself.
	Errors map[string]string
	CSRF   string
}

// MinPassword is the least length of a password.
const MinPassword = 15

// StepUpModel asks for the password again before an action. The form POSTs the action's own fields, unchanged, to Action,
// with step_up_password added.
type StepUpModel struct {
	Action string
	// Fields are the fields of the form that is waiting, csrf among them.
	Fields []Field
	// What says what is waiting: "Disable the account of Ada Lindqvist".
	What string
	// Demo: there is no password; one button proves it again.
	Demo  bool
	Error string
	Back  string
}

// Field is one hidden field.
type Field struct{ Name, Value string }

// SignedOut says that a session ended, and why.
type SignedOut struct {
	Why string
	At  ui.Time
}
