package web

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/views/layout"
	problemview "harken/views/problem"
	"harken/views/ui"
	"harken/web/assets"
)

// render answers with components, made whole before the first byte leaves: one that fails leaves no half page.
func (s *Server) render(c *gin.Context, code int, parts ...templ.Component) {
	var b bytes.Buffer
	for _, part := range parts {
		if err := part.Render(c.Request.Context(), &b); err != nil {
			s.fail(c, err)
			return
		}
	}
	c.Data(code, "text/html; charset=utf-8", b.Bytes())
}

// showPage answers with a whole page: p names title, section and topics, the rest is filled in.
func (s *Server) showPage(c *gin.Context, code int, p layout.Page, body templ.Component) {
	p, err := s.frame(c, p)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.render(c, code, layout.Frame(p, body))
}

func (s *Server) frame(c *gin.Context, p layout.Page) (layout.Page, error) {
	p.CSS, p.App, p.Vendor, p.Icon = s.asset(assets.CSS), s.asset(assets.App), s.asset(assets.Vendor), s.asset(assets.Icon)
	p.Theme, p.Demo, p.Version, p.Here = theme(c), s.cfg.Demo != nil, s.cfg.Version, localPath(c.Request.URL.RequestURI())
	if s.cfg.Demo != nil {
		p.DemoHref = s.cfg.Demo.CRM
	}
	p.Flash = append(p.Flash, s.takeFlash(c)...)
	who := caller(c)
	if who == nil || who.session == nil {
		p.Topics = nil
		return p, nil
	}
	token, err := s.csrf(c)
	if err != nil {
		return p, err
	}
	p.CSRF, p.ShortcutsOff = token, !who.session.Shortcuts
	p.User = layout.User{Name: who.actor.Name, Role: string(who.actor.Role)}
	counts, err := s.store.EventCounts(c.Request.Context())
	if err != nil {
		return p, err
	}
	p.Open, p.OpenHot = counts.Open, counts.BySeverity[ssf.SeverityCritical] > 0
	p.Health = s.healthLine()
	return p, nil
}

func (s *Server) asset(name string) string { return s.files.URL(name) }

func (s *Server) getAsset(c *gin.Context) {
	c.Writer.Header().Del("Cache-Control")
	c.Writer.Header().Del("Vary")
	s.files.ServeHTTP(c.Writer, c.Request)
}

func theme(c *gin.Context) string {
	switch t := cookie(c, cookieTheme); t {
	case "light", "dark":
		return t
	}
	return ""
}

// flash leaves a message for the page that a plain form leads to.
func (s *Server) flash(c *gin.Context, t ui.Toast) {
	kind := "good\n"
	if t.Bad {
		kind = "bad\n"
	}
	s.setCookie(c, cookieFlash, base64.RawURLEncoding.EncodeToString([]byte(kind+cut(t.Text, 600))), 60)
}

// takeFlash reads the message left before, once.
func (s *Server) takeFlash(c *gin.Context) []ui.Toast {
	value := cookie(c, cookieFlash)
	if value == "" {
		return nil
	}
	s.setCookie(c, cookieFlash, "", -1)
	data, err := base64.RawURLEncoding.DecodeString(value)
	kind, text, ok := strings.Cut(string(data), "\n")
	if err != nil || !ok || len(text) > 600 {
		return nil
	}
	return []ui.Toast{{Text: text, Bad: kind == "bad"}}
}

// done answers an action: with regions and a toast for htmx, else by leading to the page with the message on it.
func (s *Server) done(c *gin.Context, back string, t ui.Toast, regions ...templ.Component) {
	if !partial(c) {
		s.flash(c, t)
		c.Redirect(http.StatusSeeOther, localPath(back))
		return
	}
	s.render(c, http.StatusOK, append(regions, ui.ToastPartial(t))...)
}

func (s *Server) errorToast(c *gin.Context, p *problemError) {
	t := ui.Toast{Text: p.title + ". " + p.detail, Bad: true}
	if p.status == http.StatusInternalServerError {
		t.Reference = requestID(c)
	}
	s.plainRender(c, p, ui.ToastItem(t))
}

func (s *Server) errorPage(c *gin.Context, p *problemError) {
	m := problemview.Model{Status: p.status, Title: p.title, Text: p.detail}
	if p.status == http.StatusInternalServerError {
		m.Reference = requestID(c)
	}
	if back := here(c); !safeMethod(c.Request.Method) && back != "/" {
		m.BackHref, m.BackText = back, "Back"
	}
	frame, err := s.frame(c, layout.Page{Title: p.title})
	if err != nil { // the store that failed the page fails its frame too
		frame = layout.Page{
			Title: p.title, CSS: s.asset(assets.CSS), App: s.asset(assets.App), Vendor: s.asset(assets.Vendor), Theme: theme(c),
			Demo: s.cfg.Demo != nil,
		}
	}
	s.plainRender(c, p, layout.Frame(frame, problemview.View(m)))
}

// plainRender answers for an error; if even that fails, in plain text.
func (s *Server) plainRender(c *gin.Context, p *problemError, part templ.Component) {
	var b bytes.Buffer
	if err := part.Render(c.Request.Context(), &b); err != nil {
		s.log.Error("an error page cannot be made", "request", requestID(c), "err", err)
		c.Data(p.status, "text/plain; charset=utf-8", []byte(p.title+"\n"))
		return
	}
	c.Data(p.status, "text/html; charset=utf-8", b.Bytes())
}
