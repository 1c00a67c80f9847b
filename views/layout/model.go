// Package layout is the frame around every page: head, navigation, toasts, live connection, keyboard help.
package layout

import (
	"net/url"
	"strings"

	"harken/views/ui"
)

// Section names the navigation entry that a page belongs to.
type Section string

// The sections with an entry in the navigation, and those without.
const (
	SectionInbox      Section = "inbox"
	SectionIdentities Section = "identities"
	SectionStatus     Section = "status"
	SectionSettings   Section = "settings"
	SectionNone       Section = ""
)

// Page is what the frame needs. The zero value is a signed-out page without front-end bundle.
type Page struct {
	// Title is the tab's title; " · Harken" is added.
	Title   string
	Section Section
	// Theme is "light", "dark" or empty for the system's.
	Theme string
	// CSS, App, Vendor and Icon are hashed addresses; an empty Vendor means "built without the front-end bundle".
	CSS, App, Vendor, Icon string
	// CSRF is the session's form token; empty while signed out.
	CSRF string
	// User is who is signed in; the zero value is nobody, and then there is no navigation.
	User User
	// ShortcutsOff turns single-key shortcuts off (WCAG 2.1.4).
	ShortcutsOff bool
	// Open is the number of open events shown at Inbox; OpenHot colours it (something critical is open).
	Open    int
	OpenHot bool
	// Health is the line at the top right.
	Health Health
	// Topics are what the live connection of this page asks for: "inbox", "runs-42", "jobs". Each becomes the DOM event
	// "ev-" + topic. None means no connection.
	Topics []string
	// Demo marks the page as part of the demonstration.
	Demo bool
	// DemoHref is the address of the demo's application; empty shows no link.
	DemoHref string
	// Flash are messages left by the form that led here.
	Flash []ui.Toast
	// Here is the path and query of this page; forms of the frame come back to it.
	Here string
	// Version is shown in the keyboard help.
	Version string
}

// User is who is signed in.
type User struct {
	// Name is foreign text; Role is "viewer", "responder" or "admin".
	Name, Role string
}

// Health sums up the status page.
type Health struct {
	// Text is "All 9 jobs on time"; empty hides it.
	Text string
	Bad  bool
}

// liveURL is the address of the page's one event stream.
func (p Page) liveURL() string {
	return "/live?topics=" + url.QueryEscape(strings.Join(p.Topics, ","))
}

// fullTitle is the tab's title.
func (p Page) fullTitle() string {
	if p.Title == "" {
		return "Harken"
	}
	return p.Title + " · Harken"
}
