package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/views/layout"
	"harken/views/settings"
	"harken/views/ui"
	"harken/views/words"
)

// tokenDays are the lives that are offered for a token.
var tokenDays = []string{"7", "30", "90", "365"}

// soon is how long before its end a token is marked.
const soon = 14 * 24 * time.Hour

func (s *Server) getSettings(c *gin.Context) {
	s.showSettings(c, http.StatusOK, settings.NewToken{}, settings.TokenForm{})
}

func (s *Server) showSettings(c *gin.Context, code int, fresh settings.NewToken, form settings.TokenForm) {
	m, err := s.settingsModel(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	form.Roles = m.Form.Roles
	if form.Days == "" {
		form.Days = "30"
	}
	m.New, m.Form = fresh, form
	s.showPage(c, code, layout.Page{Title: "Settings", Section: layout.SectionSettings, Topics: []string{"inbox"}}, settings.View(m))
}

func (s *Server) settingsModel(c *gin.Context) (settings.Model, error) {
	ctx, now, p := c.Request.Context(), s.cfg.Now(), caller(c)
	token, err := s.csrf(c)
	if err != nil {
		return settings.Model{}, err
	}
	u, err := s.store.User(ctx, p.session.User)
	if err != nil {
		return settings.Model{}, err
	}
	m := settings.Model{
		Name: u.Name, Role: string(u.Role), Email: u.Email, Theme: theme(c), Shortcuts: !u.ShortcutsOff, CSRF: token,
		About: settings.About{Version: s.cfg.Version},
	}
	parts, err := s.files.Parts()
	if err != nil {
		return m, err
	}
	for _, part := range parts {
		m.About.Parts = append(m.About.Parts, settings.Part{Name: part.File, Version: part.Version, License: part.License})
	}
	if id := p.actor.Identity; id != "" {
		m.IdentityHref = identityHref(id)
		if v, err := s.store.IdentityView(ctx, id); err == nil {
			m.IdentityName = personModel(v).Name
		}
	}
	for _, r := range []ssf.Role{ssf.RoleViewer, ssf.RoleResponder, ssf.RoleAdmin} {
		if u.Role.AtLeast(r) {
			m.Form.Roles = append(m.Form.Roles, string(r))
		}
	}
	tokens, err := s.store.Tokens(ctx, u.ID)
	if err != nil {
		return m, err
	}
	m.Tokens = each(tokens, func(t ssf.APIToken) settings.Token { return tokenModel(t, now) })
	sessions, err := s.store.Sessions(ctx, u.ID)
	if err != nil {
		return m, err
	}
	for _, x := range sessions {
		x.Role = u.Role
		if expired(x, now) {
			continue
		}
		m.Sessions = append(m.Sessions, settings.Session{
			Handle: string(x.Handle), Address: x.Address, Agent: x.UserAgent, Method: strings.ReplaceAll(x.Method, "_", " "),
			Started: ui.NewTime(x.CreatedAt, now), LastUsed: ui.NewTime(x.LastUsed, now), Current: x.Handle == p.session.Handle,
		})
	}
	return m, nil
}

func tokenModel(t ssf.APIToken, now time.Time) settings.Token {
	left := t.ExpiresAt.Sub(now)
	m := settings.Token{
		ID: string(t.ID), Name: t.Name, Role: string(t.Role), Created: ui.NewTime(t.CreatedAt, now), Expires: ui.NewTime(t.ExpiresAt, now),
		LastUsed: ui.NewTime(t.LastUsed, now), Expired: left <= 0, Soon: left > 0 && left < soon, ExpiresIn: "expired",
	}
	if left > 0 {
		m.ExpiresIn = words.In(left + 12*time.Hour) // days are cut, not rounded
		if left < 48*time.Hour {
			m.ExpiresIn = words.In(left)
		}
	}
	return m
}

func (s *Server) postShortcuts(c *gin.Context) {
	ctx, p := c.Request.Context(), caller(c)
	u, err := s.store.User(ctx, p.session.User)
	if err != nil {
		s.fail(c, err)
		return
	}
	u.ShortcutsOff = c.Request.PostForm.Get("shortcuts") == "off"
	if err := s.store.PutUser(ctx, p.actor, u); err != nil {
		s.fail(c, err)
		return
	}
	s.done(c, "/settings", ui.Toast{Text: "Single-key shortcuts are " + map[bool]string{true: "off", false: "on"}[u.ShortcutsOff] + "."})
}

// postToken makes an API token. Its secret is on the answer and nowhere else.
func (s *Server) postToken(c *gin.Context) {
	p, in := caller(c), c.Request.PostForm
	form := settings.TokenForm{Name: strings.TrimSpace(in.Get("name")), Role: in.Get("role"), Days: in.Get("days"), Errors: map[string]string{}}
	if trouble := checkName(form.Name); trouble != "" {
		form.Errors["name"] = trouble
	}
	role := ssf.Role(form.Role)
	if !role.AtLeast(ssf.RoleViewer) || !p.actor.Role.AtLeast(role) {
		form.Errors["role"] = "must not exceed your own"
	}
	days, err := strconv.Atoi(form.Days)
	if err != nil || !slices.Contains(tokenDays, form.Days) && (days < 1 || days > 365) {
		form.Errors["days"] = "is 1 to 365 days"
	}
	if len(form.Errors) > 0 {
		s.showSettings(c, http.StatusUnprocessableEntity, settings.NewToken{}, form)
		return
	}
	if !s.stepUp(c, fmt.Sprintf("Make the API token %q", form.Name), "/settings") {
		return
	}
	secret, t, err := s.makeToken(c.Request.Context(), p.actor, p.session.User, form.Name, role, time.Duration(days)*24*time.Hour)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.showSettings(c, http.StatusCreated, settings.NewToken{Name: t.Name, Secret: secret}, settings.TokenForm{})
}

// postRevokeToken ends one of the person's own tokens; one that is gone is no error.
func (s *Server) postRevokeToken(c *gin.Context) {
	ctx, p := c.Request.Context(), caller(c)
	own, err := s.store.Tokens(ctx, p.session.User)
	if err != nil {
		s.fail(c, err)
		return
	}
	id := ssf.TokenID(c.Request.PostForm.Get("token"))
	for _, t := range own {
		if t.ID == id {
			if err := s.store.DeleteToken(ctx, p.actor, id); err != nil {
				s.fail(c, err)
				return
			}
		}
	}
	s.done(c, "/settings", ui.Toast{Text: "The token is revoked: it works no more."})
}

// postEndSession ends one of the person's own sessions, or all but this one.
func (s *Server) postEndSession(c *gin.Context) {
	ctx, p := c.Request.Context(), caller(c)
	which := c.Request.PostForm.Get("session")
	if which != "others" {
		if err := s.endOwnSession(c, ssf.SessionHandle(which)); err != nil {
			s.fail(c, err)
			return
		}
		s.done(c, "/settings", ui.Toast{Text: "The session is ended."})
		return
	}
	own, err := s.store.Sessions(ctx, p.session.User)
	if err != nil {
		s.fail(c, err)
		return
	}
	n := 0
	for _, x := range own {
		if x.Handle == p.session.Handle {
			continue
		}
		if err := s.store.DeleteSession(ctx, p.actor, x.Handle); err != nil {
			s.fail(c, err)
			return
		}
		n++
	}
	s.done(c, "/settings", ui.Toast{Text: words.Of(n, "other session") + " ended."})
}
