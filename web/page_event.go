package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"harken/respond"
	"harken/ssf"
	"harken/views/event"
	"harken/views/layout"
	panel "harken/views/respond"
	"harken/views/ui"
	"harken/views/words"
)

// How long a page waits for the systems before it shows the panel without them.
const (
	panelWait     = 4 * time.Second
	panelWaitHTMX = 1200 * time.Millisecond
)

// maxRuns is how many runs a page lists.
const maxRuns = 50

func (s *Server) eventView(c *gin.Context) (ssf.EventView, bool) {
	seq, err := ssf.ParseSeq(c.Param("id"))
	if err != nil {
		s.fail(c, err)
		return ssf.EventView{}, false
	}
	v, err := s.store.EventView(c.Request.Context(), seq)
	if err != nil {
		s.fail(c, err)
		return v, false
	}
	return v, true
}

// getEvent is the page of an event, or what stands beside the inbox.
func (s *Server) getEvent(c *gin.Context) {
	v, ok := s.eventView(c)
	if !ok {
		return
	}
	m, err := s.eventPage(c, v)
	if err != nil {
		s.fail(c, err)
		return
	}
	title := words.Title(happening(v))
	if partial(c) {
		s.render(c, http.StatusOK, event.Pane(m), ui.Title(title+" · Harken"))
		return
	}
	s.showPage(c, http.StatusOK, layout.Page{
		Title: title, Section: layout.SectionInbox, Topics: []string{"event-" + m.ID, "runs-" + m.ID, "inbox"},
	}, event.View(m))
}

// eventPage fills everything of an event. The pane beside the inbox needs neither panel nor token.
func (s *Server) eventPage(c *gin.Context, v ssf.EventView) (event.Model, error) {
	ctx := c.Request.Context()
	now := s.cfg.Now()
	token, err := s.csrf(c)
	if err != nil {
		return event.Model{}, err
	}
	m := eventModel(v, now, now.Location())
	m.CSRF, m.MayTriage, m.Signal = token, actor(c).Role.AtLeast(ssf.RoleResponder), "ev-event-"+m.ID
	m.BackHref, m.BackText = backToList(c)
	if m.Runs, m.Panel.Undo, err = s.runsOf(c, ssf.RunFilter{Event: v.Event.Seq}, eventHref(v.Event.Seq), "ev-runs-"+m.ID); err != nil {
		return m, err
	}
	if id := v.State.Match.Identity; id != "" {
		if err := s.addPerson(ctx, &m, id, v.Event.Seq, now); err != nil {
			return m, err
		}
	}
	if partial(c) {
		return m, nil
	}
	raw, err := s.store.RawToken(ctx, v.Event.Seq)
	if err != nil && !errors.Is(err, ssf.ErrNotFound) {
		return m, err
	}
	m.Raw = rawModel(raw)
	if m.Person != nil {
		undo := m.Panel.Undo
		m.Panel, err = s.panel(c, respond.PreviewRequest{Event: v.Event.Seq}, eventHref(v.Event.Seq), m.Person.Name)
		m.Panel.Undo = undo
	}
	return m, err
}

func (s *Server) addPerson(ctx context.Context, m *event.Model, id ssf.IdentityID, self ssf.Seq, now time.Time) error {
	iv, err := s.store.IdentityView(ctx, id)
	if errors.Is(err, ssf.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	person := personModel(iv)
	m.Person = &person
	others, err := s.store.Events(ctx, ssf.EventFilter{Tab: ssf.TabAll, Identity: iv.Identity.ID}, ssf.PageRequest{Limit: 4})
	if err != nil {
		return err
	}
	for _, o := range others.Items {
		if o.Event.Seq != self && len(m.Also) < 3 {
			m.Also = append(m.Also, event.Also{
				Title: words.Title(happening(o)), Href: eventHref(o.Event.Seq), Severity: o.State.Severity,
				At: ui.NewTime(o.Event.HappenedAt, now),
			})
		}
	}
	return nil
}

// backToList leads to the list that the person came from.
func backToList(c *gin.Context) (href, text string) {
	for _, from := range []string{c.GetHeader("HX-Current-URL"), c.GetHeader("Referer")} {
		if u, err := url.Parse(from); err == nil && u.Host == c.Request.Host && u.Path == "/" {
			return localPath(u.RequestURI()), "Inbox"
		}
	}
	return "/", "Inbox"
}

// runsOf lists runs, and the bar over those that have not left yet.
func (s *Server) runsOf(c *gin.Context, f ssf.RunFilter, at, signal string) (panel.Runs, panel.Undo, error) {
	ctx, now := c.Request.Context(), s.cfg.Now()
	token, err := s.csrf(c)
	if err != nil {
		return panel.Runs{}, panel.Undo{}, err
	}
	runs, err := s.store.Runs(ctx, f, ssf.PageRequest{Limit: maxRuns})
	if err != nil {
		return panel.Runs{}, panel.Undo{}, err
	}
	connectors, err := s.store.Connectors(ctx)
	if err != nil {
		return panel.Runs{}, panel.Undo{}, err
	}
	names := s.connectorNames(connectors)
	m := panel.Runs{URL: at + "/runs", Signal: signal, CSRF: token, Back: at, MayAct: actor(c).Role.AtLeast(ssf.RoleResponder)}
	m.Items = each(runs.Items, func(r ssf.Run) panel.Run {
		item := runModel(r, names, now)
		if f.Event == 0 && r.Event != 0 {
			item.EventHref, item.EventTitle = eventHref(r.Event), "event "+r.Event.String()
		}
		return item
	})
	undo := panel.Undo{}
	if m.MayAct {
		undo = undoModel(runs.Items, s.cfg.UndoHold, token, at, now)
	}
	return m, undo, nil
}

// panel previews what could be done. The systems are read, but only for a moment: then the panel reads itself again.
func (s *Server) panel(c *gin.Context, r respond.PreviewRequest, at, person string) (panel.Panel, error) {
	wait := panelWait
	if isHTMX(c) && !partial(c) {
		wait = panelWaitHTMX
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), wait)
	defer cancel()
	token, err := s.csrf(c)
	if err != nil {
		return panel.Panel{}, err
	}
	p, err := s.parts.Responder.Preview(ctx, actor(c), r)
	m := panel.Panel{Person: person, Lazy: true}
	var ask *respond.AskError
	switch {
	case err == nil:
		m = panelModel(p, s.steppedUp(c), s.cfg.Now())
		m.Person = cmp.Or(person, m.Person)
	case errors.As(err, &ask):
		return panel.Panel{}, nil // there is nobody to act on
	case ctx.Err() == nil || c.Request.Context().Err() != nil:
		return m, err
	}
	m.Action, m.Refresh, m.CSRF = at+"/respond", at+"/respond", token
	m.MayAct = actor(c).Role.AtLeast(ssf.RoleResponder)
	m.Signal = "ev-identity-" + string(r.Identity)
	if r.Event != 0 {
		m.Signal = "ev-runs-" + r.Event.String()
	}
	return m, nil
}

func (s *Server) getEventHead(c *gin.Context) {
	v, ok := s.eventView(c)
	if !ok {
		return
	}
	m, err := s.eventPage(c, v)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.render(c, http.StatusOK, event.Head(m))
}

func (s *Server) getEventRuns(c *gin.Context) {
	seq, err := ssf.ParseSeq(c.Param("id"))
	if err != nil {
		s.fail(c, err)
		return
	}
	s.showRuns(c, ssf.RunFilter{Event: seq}, eventHref(seq), "ev-runs-"+seq.String())
}

func (s *Server) showRuns(c *gin.Context, f ssf.RunFilter, at, signal string) {
	m, undo, err := s.runsOf(c, f, at, signal)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.render(c, http.StatusOK, panel.RunsUpdate(m, undo))
}

// getEventPanel is the panel alone. Opened as a page it leads to the event.
func (s *Server) getEventPanel(c *gin.Context) {
	v, ok := s.eventView(c)
	if !ok {
		return
	}
	at := eventHref(v.Event.Seq)
	s.showPanel(c, respond.PreviewRequest{Event: v.Event.Seq}, ssf.RunFilter{Event: v.Event.Seq}, at, v.IdentityName)
}

func (s *Server) showPanel(c *gin.Context, r respond.PreviewRequest, f ssf.RunFilter, at, person string) {
	if !partial(c) {
		c.Redirect(http.StatusSeeOther, at)
		return
	}
	m, err := s.panel(c, r, at, person)
	if err != nil {
		s.fail(c, err)
		return
	}
	m.Lazy = false
	if _, m.Undo, err = s.runsOf(c, f, at, ""); err != nil {
		s.fail(c, err)
		return
	}
	s.render(c, http.StatusOK, panel.PanelView(m))
}
