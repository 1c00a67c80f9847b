package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"harken/respond"
	"harken/ssf"
	"harken/views/identity"
	"harken/views/layout"
	"harken/views/ui"
	"harken/views/words"
)

// sessionsWait is how long a page waits for the systems' lists of sessions.
const sessionsWait = 5 * time.Second

// identityHref is the address of an identity; empty where there is none.
func identityHref(id ssf.IdentityID) string {
	if id == "" {
		return ""
	}
	return "/identities/" + url.PathEscape(string(id))
}

func (s *Server) getIdentities(c *gin.Context) {
	ctx := c.Request.Context()
	m := identity.ListModel{Query: cut(strings.TrimSpace(c.Query("q")), 200)}
	found, err := s.store.Identities(ctx, ssf.IdentityFilter{Prefix: m.Query}, ssf.PageRequest{Cursor: c.Query("cursor")})
	if err != nil {
		s.fail(c, err)
		return
	}
	n, err := s.store.CountIdentities(ctx)
	if err != nil {
		s.fail(c, err)
		return
	}
	sources, err := s.store.Sources(ctx)
	if err != nil {
		s.fail(c, err)
		return
	}
	m.Total, m.NoSource = words.Count(n), len(sources) == 0
	for _, v := range found.Items {
		p := personModel(v)
		open, err := s.openOf(ctx, v.Identity.ID)
		if err != nil {
			s.fail(c, err)
			return
		}
		m.Rows = append(m.Rows, identity.ListRow{
			Href: p.Href, Name: p.Name, Email: p.Email, Group: p.Group, Initials: p.Initials, Privileged: p.Privileged,
			Protected: p.Protected, Active: p.Active, Accounts: len(v.Accounts), Open: open,
		})
	}
	if found.Next != "" {
		q := url.Values{"cursor": {found.Next}}
		if m.Query != "" {
			q.Set("q", m.Query)
		}
		m.Older = "/identities?" + q.Encode()
	}
	s.showPage(c, http.StatusOK, layout.Page{Title: "Identities", Section: layout.SectionIdentities}, identity.List(m))
}

func (s *Server) openOf(ctx context.Context, id ssf.IdentityID) (int, error) {
	return s.store.CountAfter(ctx, ssf.EventFilter{Tab: ssf.TabOpen, Identity: id})
}

func (s *Server) identityView(c *gin.Context) (ssf.IdentityView, bool) {
	v, err := s.store.IdentityView(c.Request.Context(), ssf.IdentityID(c.Param("id")))
	if err != nil {
		s.fail(c, err)
		return v, false
	}
	return v, true
}

func (s *Server) getIdentity(c *gin.Context) {
	v, ok := s.identityView(c)
	if !ok {
		return
	}
	m, err := s.identityModel(c, v)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.showPage(c, http.StatusOK, layout.Page{
		Title: ui.VisibleText(m.Person.Name, 60), Section: layout.SectionIdentities, Topics: []string{"identity-" + m.ID, "inbox"},
	}, identity.View(m))
}

func (s *Server) identityModel(c *gin.Context, v ssf.IdentityView) (identity.Model, error) {
	now, id := s.cfg.Now(), v.Identity.ID
	at, signal := identityHref(id), "ev-identity-"+string(id)
	token, err := s.csrf(c)
	if err != nil {
		return identity.Model{}, err
	}
	m := identity.Model{
		ID: string(id), Person: personModel(v), Title: v.Identity.Title, SessionsURL: at + "/sessions", CSRF: token,
		MayAct: actor(c).Role.AtLeast(ssf.RoleResponder),
	}
	if !v.Identity.CreatedAt.IsZero() {
		m.Since = v.Identity.CreatedAt.In(now.Location()).Format("2 Jan 2006")
	}
	connectors, err := s.store.Connectors(c.Request.Context())
	if err != nil {
		return m, err
	}
	m.Accounts = each(v.Accounts, func(a ssf.Account) identity.Account { return s.accountModel(a, connectors, now) })
	if m.Timeline, err = s.timeline(c, id, now); err != nil {
		return m, err
	}
	events, err := s.store.Events(c.Request.Context(), ssf.EventFilter{Tab: ssf.TabAll, Identity: id}, ssf.PageRequest{Limit: 1})
	if err != nil {
		return m, err
	}
	if len(events.Items) > 0 {
		m.LastActivity = ui.NewTime(events.Items[0].Event.HappenedAt, now)
	}
	m.Panel, err = s.panel(c, respond.PreviewRequest{Identity: id}, at, m.Person.Name)
	if err != nil {
		return m, err
	}
	m.Runs, m.Panel.Undo, err = s.runsOf(c, ssf.RunFilter{Identity: id}, at, signal)
	return m, err
}

func (s *Server) accountModel(a ssf.Account, connectors []ssf.Connector, now time.Time) identity.Account {
	m := identity.Account{
		System: string(a.Ref.Source), Source: string(a.Ref.Source), ID: a.Ref.ID, Email: a.Email, Active: a.Active && a.Removed.IsZero(),
		Removed: !a.Removed.IsZero(), At: ui.NewTime(a.UpdatedAt, now), StateText: "Active",
		Linked: map[string]string{"new": "first seen here", "email": "by e-mail address", "hand": "by hand"}[a.LinkedBy],
	}
	switch {
	case m.Removed:
		m.StateText = "Removed " + words.Ago(now.Sub(a.Removed))
	case !a.Active:
		m.StateText = "Not active"
	}
	names := s.connectorNames(connectors)
	for _, x := range connectors {
		if x.Spec.Source == a.Ref.Source && !x.Retired {
			m.Reached = append(m.Reached, names[x.Spec.ID])
		}
	}
	return m
}

// timeline mixes the newest signals and runs of an identity.
func (s *Server) timeline(c *gin.Context, id ssf.IdentityID, now time.Time) (identity.Timeline, error) {
	ctx := c.Request.Context()
	t := identity.Timeline{URL: identityHref(id) + "/timeline", Signal: "ev-identity-" + string(id)}
	cursor := c.Query("cursor")
	f := ssf.EventFilter{Tab: ssf.TabAll, Identity: id}
	events, err := s.store.Events(ctx, f, ssf.PageRequest{Cursor: cursor})
	if err != nil {
		return t, err
	}
	if events.Next != "" {
		t.Older = listQuery("/", f, nil)
	}
	type dated struct {
		at    time.Time
		entry identity.Entry
	}
	var all []dated
	for _, v := range events.Items {
		all = append(all, dated{v.Event.HappenedAt, identity.Entry{
			Kind: identity.EntrySignal, At: ui.NewTime(v.Event.HappenedAt, now), Title: words.Title(happening(v)),
			Href: eventHref(v.Event.Seq), Note: v.TransmitterName, Severity: v.State.Severity,
		}})
	}
	runs, err := s.store.Runs(ctx, ssf.RunFilter{Identity: id}, ssf.PageRequest{Limit: maxRuns})
	if err != nil {
		return t, err
	}
	connectors, err := s.store.Connectors(ctx)
	if err != nil {
		return t, err
	}
	names := s.connectorNames(connectors)
	for _, r := range runs.Items {
		e := identity.Entry{
			Kind: identity.EntryPerson, At: ui.NewTime(r.CreatedAt, now), State: r.State,
			Title: words.Kind(r.Kind) + " in " + cmp.Or(names[r.Connector], string(r.Connector)),
		}
		if len(r.AskedBy) > 0 {
			e.Note = "by " + r.AskedBy[0].Actor.Name
			if r.AskedBy[0].Actor.Kind == ssf.ActorPolicy {
				e.Kind = identity.EntryPolicy
			}
		}
		if r.Event != 0 {
			e.Href = eventHref(r.Event)
		}
		all = append(all, dated{r.CreatedAt, e})
	}
	slices.SortStableFunc(all, func(a, b dated) int { return b.at.Compare(a.at) })
	for _, d := range all {
		label := dayOf(d.at, now)
		if len(t.Days) == 0 || t.Days[len(t.Days)-1].Label != label {
			t.Days = append(t.Days, identity.Day{Label: label})
		}
		last := &t.Days[len(t.Days)-1]
		last.Entries = append(last.Entries, d.entry)
	}
	return t, nil
}

func dayOf(t, now time.Time) string {
	t = t.In(now.Location())
	switch y, m, d := now.Date(); t.Format(time.DateOnly) {
	case now.Format(time.DateOnly):
		return "Today"
	case time.Date(y, m, d-1, 0, 0, 0, 0, now.Location()).Format(time.DateOnly):
		return "Yesterday"
	}
	return t.Format("Mon 2 Jan 2006")
}

func (s *Server) getTimeline(c *gin.Context) {
	v, ok := s.identityView(c)
	if !ok {
		return
	}
	t, err := s.timeline(c, v.Identity.ID, s.cfg.Now())
	if err != nil {
		s.fail(c, err)
		return
	}
	s.render(c, http.StatusOK, identity.TimelineView(t))
}

func (s *Server) getIdentityRuns(c *gin.Context) {
	v, ok := s.identityView(c)
	if !ok {
		return
	}
	id := v.Identity.ID
	s.showRuns(c, ssf.RunFilter{Identity: id}, identityHref(id), "ev-identity-"+string(id))
}

func (s *Server) getIdentityPanel(c *gin.Context) {
	v, ok := s.identityView(c)
	if !ok {
		return
	}
	id := v.Identity.ID
	s.showPanel(c, respond.PreviewRequest{Identity: id}, ssf.RunFilter{Identity: id}, identityHref(id), personModel(v).Name)
}

// getIdentitySessions reads the systems: a region of the identity page, and a page of its own without scripts.
func (s *Server) getIdentitySessions(c *gin.Context) {
	v, ok := s.identityView(c)
	if !ok {
		return
	}
	m, err := s.sessionsModel(c, v.Identity.ID)
	if err != nil {
		s.fail(c, err)
		return
	}
	if partial(c) {
		s.render(c, http.StatusOK, identity.SessionsView(m))
		return
	}
	page, err := s.identityModel(c, v)
	if err != nil {
		s.fail(c, err)
		return
	}
	page.Sessions = &m
	s.showPage(c, http.StatusOK, layout.Page{Title: ui.VisibleText(page.Person.Name, 60), Section: layout.SectionIdentities}, identity.View(page))
}

func (s *Server) sessionsModel(c *gin.Context, id ssf.IdentityID) (identity.Sessions, error) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), sessionsWait)
	defer cancel()
	now, at := s.cfg.Now(), identityHref(id)
	token, err := s.csrf(c)
	if err != nil {
		return identity.Sessions{}, err
	}
	found, err := s.parts.Responder.Sessions(ctx, id)
	if err != nil {
		return identity.Sessions{}, err
	}
	intent, err := s.id("web-")
	if err != nil {
		return identity.Sessions{}, err
	}
	m := identity.Sessions{URL: at + "/sessions", Signal: "ev-identity-" + string(id)}
	for _, x := range found {
		sys := identity.SystemSessions{
			System: cmp.Or(x.Name, string(x.Connector)), Account: x.Account.Ref.ID, Listed: x.Reading.Listed,
			Read: ui.NewTime(x.Reading.At, now), Stale: x.Reading.Trouble, EndsOne: x.EndsOne && actor(c).Role.AtLeast(ssf.RoleResponder),
			EndAction: at + "/respond", Intent: intent, Connector: string(x.Connector), CSRF: token,
		}
		for _, one := range x.Reading.Sessions {
			sys.Rows = append(sys.Rows, identity.Session{
				ID: one.ID, Device: one.Device, Place: one.Place, Started: ui.NewTime(one.Started, now), LastSeen: ui.NewTime(one.LastSeen, now),
			})
		}
		m.Systems = append(m.Systems, sys)
	}
	return m, nil
}
