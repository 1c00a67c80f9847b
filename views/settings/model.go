// Package settings is the page at /settings: one's own profile, API tokens and sessions.
package settings

import "harken/views/ui"

// Model is the settings page of the signed-in user.
type Model struct {
	Name, Role, Email string // Name and Email are foreign text
	// IdentityHref leads to the identity that the user resolves to; empty when to none.
	IdentityHref, IdentityName string
	// Theme is "light", "dark" or empty; POST /theme: theme, back.
	Theme string
	// Shortcuts says whether single-key shortcuts are on; POST /settings/shortcuts: shortcuts = on | off.
	Shortcuts bool
	Tokens    []Token
	// New is a token just made, shown once; the zero value hides it.
	New NewToken
	// Form keeps what was typed when a token could not be made. POST /settings/tokens: name, role, days.
	Form     TokenForm
	Sessions []Session
	About    About
	CSRF     string
}

// Token is one API token. Its name is foreign text.
type Token struct {
	// ID is for POST /settings/tokens/revoke: token.
	ID, Name, Role             string
	Created, Expires, LastUsed ui.Time
	// Expired and Soon mark the expiry; ExpiresIn is "in 29 days".
	Expired, Soon bool
	ExpiresIn     string
}

// NewToken is a token just made.
type NewToken struct{ Name, Secret string }

// TokenForm is the form for a new token.
type TokenForm struct {
	Name, Role, Days string
	// Roles are those the user may give, weakest first.
	Roles []string
	// Errors are by field name: "name", "role", "days"; "" is the form itself.
	Errors map[string]string
}

// Session is one dashboard session of the user. Address and Agent are foreign text.
type Session struct {
	// Handle is for POST /settings/sessions/end: session. The form for all others sends session=others.
	Handle, Address, Agent, Method string
	Started, LastUsed              ui.Time
	Current                        bool
}

// About names what is in the program.
type About struct {
	Version string
	Parts   []Part
}

// Part is a front-end part with its licence.
type Part struct{ Name, Version, License string }
