package web

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"harken/views/login"
)

// The components behind the pages of sign-in.
func loginView(m login.Model) templ.Component        { return login.View(m) }
func setupView(m login.Setup) templ.Component        { return login.SetupView(m) }
func stepUpView(m login.StepUpModel) templ.Component { return login.StepUpView(m) }

// showStepUpDialog asks inside the page.
func (s *Server) showStepUpDialog(c *gin.Context, code int, m login.StepUpModel) {
	c.Header("HX-Retarget", "#dialog")
	c.Header("HX-Reswap", "innerHTML")
	s.render(c, code, login.StepUpDialog(m))
}

// pageRoutes are the pages for people, with the parts of them that are read again and the forms on them.
func (s *Server) pageRoutes() []Route {
	get, post := http.MethodGet, http.MethodPost
	page := func(pattern string, h gin.HandlerFunc) Route {
		return Route{Method: get, Pattern: pattern, Access: AccessViewer, handler: h, person: true}
	}
	part := func(pattern string, h gin.HandlerFunc) Route {
		r := page(pattern, h)
		r.live = true
		return r
	}
	form := func(pattern string, a Access, h gin.HandlerFunc) Route {
		return Route{Method: post, Pattern: pattern, Access: a, handler: h, person: true}
	}
	return []Route{
		page("/", s.getInbox),
		part("/inbox/rows", s.getInboxRows),
		part("/inbox/pill", s.getPill),
		form("/events/triage", AccessResponder, s.postTriage),
		page("/events/:id", s.getEvent),
		part("/events/:id/head", s.getEventHead),
		part("/events/:id/runs", s.getEventRuns),
		page("/events/:id/respond", s.getEventPanel),
		form("/events/:id/respond", AccessResponder, s.postEventRespond),

		page("/identities", s.getIdentities),
		page("/identities/:id", s.getIdentity),
		part("/identities/:id/runs", s.getIdentityRuns),
		part("/identities/:id/timeline", s.getTimeline),
		part("/identities/:id/sessions", s.getIdentitySessions),
		page("/identities/:id/respond", s.getIdentityPanel),
		form("/identities/:id/respond", AccessResponder, s.postIdentityRespond),

		form("/runs/undo", AccessResponder, s.postRuns(s.store.CancelRun, "Undone: nothing was sent.")),
		form("/runs/send", AccessResponder, s.postRuns(s.store.HurryRun, "Sent now.")),
		form("/runs/retry", AccessResponder, s.postRuns(s.store.RetryRun, "Trying again.")),

		page("/status", s.getStatus),
		part("/status/body", s.getStatusBody),
		form("/status/run", AccessResponder, s.postRunJob),
		form("/status/release", AccessAdmin, s.postRelease),

		page("/settings", s.getSettings),
		form("/settings/shortcuts", AccessViewer, s.postShortcuts),
		form("/settings/tokens", AccessViewer, s.postToken),
		form("/settings/tokens/revoke", AccessViewer, s.postRevokeToken),
		form("/settings/sessions/end", AccessViewer, s.postEndSession),
	}
}
