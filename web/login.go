package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/views/layout"
	"harken/views/login"
	"harken/views/words"
)

// The ways to sign in, as sessions and the audit log name them.
const (
	methodPassword = "password"
	methodSetup    = "setup_code"
	methodDemo     = "demo"
)

// errCredentials is the one answer to a wrong name, a wrong password and a disabled account.
const wrongCredentials = "Name or password is wrong."

func (s *Server) accessRoutes() []Route {
	get, post := http.MethodGet, http.MethodPost
	routes := []Route{
		{Method: get, Pattern: "/login", Access: AccessPublic, handler: s.getLogin},
		{Method: post, Pattern: "/login", Access: AccessPublic, handler: s.postLogin, login: true},
		{Method: get, Pattern: "/setup", Access: AccessPublic, handler: s.getSetup},
		{Method: post, Pattern: "/setup", Access: AccessPublic, handler: s.postSetup, login: true},
		{Method: post, Pattern: "/logout", Access: AccessViewer, handler: s.postLogout, person: true},
		{Method: get, Pattern: "/step-up", Access: AccessViewer, handler: s.getStepUp, person: true},
		{Method: post, Pattern: "/step-up", Access: AccessViewer, handler: s.postStepUp, person: true},
		{Method: post, Pattern: "/theme", Access: AccessPublic, handler: s.postTheme},
	}
	if s.cfg.Demo != nil {
		routes = append(routes, Route{Method: post, Pattern: "/login/demo", Access: AccessPublic, handler: s.postDemoLogin, login: true})
	}
	return routes
}

func (s *Server) getLogin(c *gin.Context) {
	next := localPath(c.Query("next"))
	if p := caller(c); p != nil && p.session != nil {
		c.Redirect(http.StatusSeeOther, next)
		return
	}
	s.showLogin(c, http.StatusOK, login.Model{Next: next})
}

func (s *Server) showLogin(c *gin.Context, code int, m login.Model) {
	token, err := s.csrf(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	has, err := s.store.HasAdmin(c.Request.Context())
	if err != nil {
		s.fail(c, err)
		return
	}
	m.CSRF, m.Demo, m.NoAdmin, m.CookieNote = token, s.cfg.Demo != nil, !has && s.cfg.Demo == nil, !s.cfg.secure()
	s.showPage(c, code, layout.Page{Title: "Sign in"}, loginView(m))
}

func (s *Server) postLogin(c *gin.Context) {
	form := c.Request.PostForm
	name, next := strings.TrimSpace(form.Get("name")), localPath(form.Get("next"))
	u, err := s.checkCredentials(c, name, form.Get("password"))
	var p *problemError
	switch {
	case errors.As(err, &p):
		m := login.Model{Name: cut(name, 200), Next: next, Error: p.detail}
		if p.retry > 0 {
			m.Wait = words.Span(p.retry + time.Second)
			c.Header("Retry-After", fmt.Sprint(int(p.retry/time.Second)+1))
		}
		s.showLogin(c, p.status, m)
	case err != nil:
		s.fail(c, err)
	default:
		s.signIn(c, u, methodPassword, next)
	}
}

// checkCredentials returns the user, or a problem with the one text for all that can be wrong. It takes the same time
// whether or not the name is known.
func (s *Server) checkCredentials(c *gin.Context, name, password string) (ssf.User, error) {
	ctx := c.Request.Context()
	keys := []string{accountKey(name), addressKey(s.remote(c))}
	if err := s.gate.try(ctx, keys...); err != nil {
		return ssf.User{}, err
	}
	u, err := s.store.UserByName(ctx, name)
	if err != nil && !errors.Is(err, ssf.ErrNotFound) {
		return ssf.User{}, fmt.Errorf("sign-in: %w", err)
	}
	known := err == nil && !u.Disabled && u.PasswordHash != ""
	phc := ""
	if known {
		phc = u.PasswordHash
	}
	ok, outdated, err := s.hashes.verify(ctx, cut(password, MaxPassword), phc)
	if err != nil {
		return ssf.User{}, err
	}
	if !ok || !known {
		s.log.Info("sign-in refused", "request", requestID(c), "address", s.remote(c))
		s.note(c, "session.refused", "user/"+string(u.ID), "wrong name or password")
		return ssf.User{}, problem(http.StatusUnauthorized, "Sign in", wrongCredentials)
	}
	if outdated {
		s.upgrade(ctx, u, password)
	}
	return u, s.gate.succeeded(ctx, keys...)
}

// upgrade stores the password's hash with today's parameters. It may fail: the old one still works.
func (s *Server) upgrade(ctx context.Context, u ssf.User, password string) {
	phc, err := s.hashes.hash(ctx, password)
	if err == nil {
		u.PasswordHash = phc
		err = s.store.PutUser(ctx, ssf.System("password-upgrade"), u)
	}
	if err != nil {
		s.log.Warn("a password hash could not be renewed", "err", err)
	}
}

// note audits an attempt that changed nothing.
func (s *Server) note(c *gin.Context, action, object, detail string) {
	who := actor(c)
	if who.Kind == "" {
		who = ssf.Actor{Kind: ssf.ActorPerson, Address: s.remote(c)}
	}
	entry := ssf.AuditEntry{At: s.cfg.Now(), Actor: who, Action: action, Object: object, Result: "refused", Detail: detail}
	if err := s.store.Note(c.Request.Context(), entry); err != nil {
		s.log.Error("an attempt could not be audited", "action", action, "err", err)
	}
}

// signIn starts the session and leads on.
func (s *Server) signIn(c *gin.Context, u ssf.User, method, next string) {
	if err := s.startSession(c, u, method); err != nil {
		s.fail(c, err)
		return
	}
	s.seeOther(c, next)
}

// postDemoLogin signs in with one click. Its route exists in the demo only.
func (s *Server) postDemoLogin(c *gin.Context) {
	role := ssf.Role(c.Request.PostForm.Get("role"))
	if role != ssf.RoleResponder && role != ssf.RoleAdmin {
		s.fail(c, problem(http.StatusUnprocessableEntity, "Not possible", "The demo knows a responder and an administrator."))
		return
	}
	u, err := s.demoUser(c.Request.Context(), role)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.signIn(c, u, methodDemo, localPath(c.Request.PostForm.Get("next")))
}

// demoUser returns the demo's user of a role, and makes it at first.
func (s *Server) demoUser(ctx context.Context, role ssf.Role) (ssf.User, error) {
	name := map[ssf.Role]string{ssf.RoleResponder: "Demo responder", ssf.RoleAdmin: "Demo admin"}[role]
	u, err := s.store.UserByName(ctx, name)
	if err == nil || !errors.Is(err, ssf.ErrNotFound) {
		return u, err
	}
	id, err := s.id("u-")
	if err != nil {
		return u, err
	}
	u = ssf.User{ID: ssf.UserID(id), Name: name, Role: role, CreatedAt: s.cfg.Now()}
	return u, s.store.PutUser(ctx, ssf.System("demo"), u)
}

// DemoToken makes an API token of the demo's administrator, for scripts. It fails outside the demo.
func (s *Server) DemoToken(ctx context.Context) (string, error) {
	if s.cfg.Demo == nil {
		return "", errors.New("web: there is no demo")
	}
	u, err := s.demoUser(ctx, ssf.RoleAdmin)
	if err != nil {
		return "", fmt.Errorf("demo user: %w", err)
	}
	secret, _, err := s.makeToken(ctx, ssf.System("demo"), u.ID, "demo script", ssf.RoleAdmin, 30*24*time.Hour)
	return secret, err
}

func (s *Server) postLogout(c *gin.Context) {
	p := caller(c)
	if err := s.store.DeleteSession(c.Request.Context(), p.actor, p.session.Handle); err != nil {
		s.fail(c, err)
		return
	}
	s.setCookie(c, cookieSession, "", -1)
	s.seeOther(c, "/login")
}

func (s *Server) postTheme(c *gin.Context) {
	switch theme := c.Request.PostForm.Get("theme"); theme {
	case "light", "dark":
		s.setCookie(c, cookieTheme, theme, 365*24*3600)
	default:
		s.setCookie(c, cookieTheme, "", -1)
	}
	s.seeOther(c, localPath(c.Request.PostForm.Get("back")))
}

// seeOther leads a browser on after a form. htmx cannot follow a redirect to another page inside a part of this one.
func (s *Server) seeOther(c *gin.Context, to string) {
	if partial(c) {
		c.Header("HX-Redirect", to)
		c.Status(http.StatusNoContent)
		return
	}
	c.Redirect(http.StatusSeeOther, to)
}
