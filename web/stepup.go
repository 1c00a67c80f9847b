package web

import (
	"errors"
	"net/http"
	"sort"

	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/views/layout"
	"harken/views/login"
)

// fieldStepUp is the password field that the step-up form adds to the action's own fields.
const fieldStepUp = "step_up_password"

// stepUp makes sure that the person proved who they are within 5 minutes. It returns false when it has answered: with the
// question, which carries the waiting form's fields, or with an error. what says what is waiting.
func (s *Server) stepUp(c *gin.Context, what, back string) bool {
	if s.steppedUp(c) {
		return true
	}
	form := c.Request.PostForm
	if !form.Has(fieldStepUp) {
		s.askStepUp(c, http.StatusForbidden, what, back, "")
		return false
	}
	err := s.proveAgain(c, form.Get(fieldStepUp))
	var p *problemError
	switch {
	case errors.As(err, &p):
		s.askStepUp(c, stillSignedIn(p.status), what, back, p.detail)
		return false
	case err != nil:
		s.fail(c, err)
		return false
	}
	return true
}

// stillSignedIn turns "unauthorized" into a fault of the form: the session itself is in order.
func stillSignedIn(code int) int {
	if code == http.StatusUnauthorized {
		return http.StatusUnprocessableEntity
	}
	return code
}

func (s *Server) askStepUp(c *gin.Context, code int, what, back, trouble string) {
	m := login.StepUpModel{Action: c.Request.URL.Path, What: what, Back: back, Error: trouble, Demo: s.demoSession(c)}
	for name, values := range c.Request.PostForm {
		if name == fieldStepUp {
			continue
		}
		for _, v := range values {
			m.Fields = append(m.Fields, login.Field{Name: name, Value: v})
		}
	}
	sort.SliceStable(m.Fields, func(i, j int) bool { return m.Fields[i].Name < m.Fields[j].Name })
	if partial(c) {
		s.showStepUpDialog(c, code, m)
		return
	}
	s.showPage(c, code, layout.Page{Title: "Confirm it is you"}, stepUpView(m))
}

// proveAgain checks the password and gives the session a new token.
func (s *Server) proveAgain(c *gin.Context, password string) error {
	ctx, p := c.Request.Context(), caller(c)
	if !s.demoSession(c) {
		u, err := s.checkCredentials(c, p.actor.Name, password)
		if err != nil {
			return err
		}
		if u.ID != p.session.User {
			return problem(http.StatusForbidden, "Not allowed", wrongCredentials)
		}
	}
	secret, err := s.secret()
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	if err := s.store.StepUpSession(ctx, p.actor, p.session.Handle, digest(secret), now); err != nil {
		return err
	}
	p.session.StepUpAt, p.session.Hash = now, digest(secret)
	s.setCookie(c, cookieSession, secret, int(sessionMost.Seconds()))
	return nil
}

// demoSession reports whether the person signed in with one click: there is no password then, and one click proves again.
func (s *Server) demoSession(c *gin.Context) bool {
	p := caller(c)
	return s.cfg.Demo != nil && p != nil && p.session != nil && p.session.Method == methodDemo
}

// getStepUp asks for the password before a page that is not a form of ours, such as an API client in a browser.
func (s *Server) getStepUp(c *gin.Context) {
	s.showStepUpPage(c, http.StatusOK, localPath(c.Query("next")), "")
}

func (s *Server) showStepUpPage(c *gin.Context, code int, next, trouble string) {
	token, err := s.csrf(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.showPage(c, code, layout.Page{Title: "Confirm it is you"}, stepUpView(login.StepUpModel{
		Action: "/step-up", Back: next, Error: trouble, Demo: s.demoSession(c),
		Fields: []login.Field{{Name: "csrf", Value: token}, {Name: "next", Value: next}},
	}))
}

func (s *Server) postStepUp(c *gin.Context) {
	next := localPath(c.Request.PostForm.Get("next"))
	err := s.proveAgain(c, c.Request.PostForm.Get(fieldStepUp))
	var p *problemError
	switch {
	case errors.As(err, &p):
		s.showStepUpPage(c, stillSignedIn(p.status), next, p.detail)
	case err != nil:
		s.fail(c, err)
	default:
		s.seeOther(c, next)
	}
}

// needsStepUp reports whether a kind of action wants the password to be fresh.
func needsStepUp(k ssf.Kind) bool { return k.Disables() }
