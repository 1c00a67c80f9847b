package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/ssf/payload"
	"harken/views/event"
	"harken/views/inbox"
	"harken/views/layout"
	"harken/views/ui"
	"harken/views/words"
)

// listQuery writes the address of a list with its filter: the filter lives in the query string alone, so that every view
// is a link.
func listQuery(path string, f ssf.EventFilter, extra url.Values) string {
	q := url.Values{}
	if f.Tab != ssf.TabOpen && f.Tab != "" {
		q.Set("tab", string(f.Tab))
	}
	for _, t := range f.Types {
		q.Add("type", payload.Short(t))
	}
	for _, sev := range f.Severities {
		q.Add("sev", string(sev))
	}
	if f.Transmitter != "" {
		q.Set("tx", string(f.Transmitter))
	}
	if f.Identity != "" {
		q.Set("identity", string(f.Identity))
	}
	if f.Uncorrelated {
		q.Set("uncorrelated", "1")
	}
	for k, v := range extra {
		q[k] = v
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// getInbox is the list; a partial request gets its rows.
func (s *Server) getInbox(c *gin.Context) {
	f, err := eventFilter(c, ssf.TabOpen)
	if err != nil {
		s.fail(c, err)
		return
	}
	m, err := s.inboxModel(c, f)
	if err != nil {
		s.fail(c, err)
		return
	}
	if partial(c) {
		s.render(c, http.StatusOK, inbox.RowsPartial(m))
		return
	}
	s.showPage(c, http.StatusOK, layout.Page{Title: "Inbox", Section: layout.SectionInbox, Topics: []string{"inbox"}}, inbox.View(m))
}

func (s *Server) inboxModel(c *gin.Context, f ssf.EventFilter) (inbox.Model, error) {
	ctx, now := c.Request.Context(), s.cfg.Now()
	token, err := s.csrf(c)
	if err != nil {
		return inbox.Model{}, err
	}
	counts, err := s.store.EventCounts(ctx)
	if err != nil {
		return inbox.Model{}, err
	}
	cursor := c.Query("cursor")
	events, err := s.store.Events(ctx, f, ssf.PageRequest{Cursor: cursor})
	if err != nil {
		return inbox.Model{}, err
	}
	hours, err := s.store.Histogram(ctx, 24)
	if err != nil {
		return inbox.Model{}, err
	}
	m := inbox.Model{
		Tabs: tabs(f, counts), Facets: facets(f, counts), Histogram: histogram(hours, now), Self: listQuery("/", f, nil),
		Signal: "ev-inbox", Partial: events.More, CSRF: token, MayTriage: actor(c).Role.AtLeast(ssf.RoleResponder),
		Reasons: closeReasons(), Groups: groups(events.Items, now),
		Routine: inbox.Routine{
			Count: counts.RoutineToday, Href: listQuery("/", ssf.EventFilter{Tab: ssf.TabAll, Severities: []ssf.Severity{ssf.SeverityRoutine}}, nil),
		},
	}
	if filtered(f) {
		m.Clear = listQuery("/", ssf.EventFilter{Tab: f.Tab}, nil)
	}
	if cursor != "" {
		m.Newest = m.Self
	}
	if events.Next != "" {
		m.Older = listQuery("/", f, url.Values{"cursor": {events.Next}})
	}
	var ids []string
	for _, v := range events.Items {
		ids = append(ids, v.Event.Seq.String())
	}
	if len(ids) > 0 {
		m.RowsURL = "/inbox/rows?ids=" + strings.Join(ids, ",")
	}
	top := ssf.Seq(0)
	if len(events.Items) > 0 {
		top = events.Items[0].Event.Seq
	}
	if cursor != "" {
		top = max(top, counts.Last) // an older page knows nothing of what came before it was opened
	}
	m.Pill = pillModel(f, top, 0)
	if len(m.Groups) == 0 {
		m.Empty, err = s.emptyInbox(c, f, counts, now)
	}
	return m, err
}

func filtered(f ssf.EventFilter) bool {
	return len(f.Types)+len(f.Severities) > 0 || f.Transmitter != "" || f.Identity != "" || f.Uncorrelated
}

// pillModel counts what came after the newest row that the reader has.
func pillModel(f ssf.EventFilter, after ssf.Seq, count int) inbox.PillModel {
	return inbox.PillModel{
		URL: listQuery("/inbox/pill", f, url.Values{"after": {after.String()}}), Load: listQuery("/", f, nil), Signal: "ev-inbox",
		Count: count, More: count >= ssf.CountCap,
	}
}

func (s *Server) getPill(c *gin.Context) {
	f, err := eventFilter(c, ssf.TabOpen)
	if err != nil {
		s.fail(c, err)
		return
	}
	after := f.After
	n, err := s.store.CountAfter(c.Request.Context(), f)
	if err != nil {
		s.fail(c, err)
		return
	}
	counts, err := s.store.EventCounts(c.Request.Context())
	if err != nil {
		s.fail(c, err)
		return
	}
	f.After = 0
	hot := counts.BySeverity[ssf.SeverityCritical] > 0
	s.render(c, http.StatusOK, inbox.PillAnswer(pillModel(f, after, n)),
		ui.Partial("#open-count", "outerMorph", layout.OpenCount(counts.Open, hot)),
		ui.Partial("#health", "outerMorph", layout.HealthLine(s.healthLine())))
}

// getInboxRows reads the rows again that are on screen: they change in place, and never move.
func (s *Server) getInboxRows(c *gin.Context) {
	ids := strings.Split(c.Query("ids"), ",")
	if len(ids) > ssf.MaxLimit {
		s.fail(c, problem(http.StatusBadRequest, "Bad request", "At most %d rows.", ssf.MaxLimit))
		return
	}
	var seqs []ssf.Seq
	for _, id := range ids {
		if seq, err := ssf.ParseSeq(id); err == nil {
			seqs = append(seqs, seq)
		}
	}
	rows, err := s.rows(c, seqs)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.render(c, http.StatusOK, inbox.RowUpdates(rows, actor(c).Role.AtLeast(ssf.RoleResponder)))
}

func (s *Server) rows(c *gin.Context, seqs []ssf.Seq) ([]inbox.Row, error) {
	var rows []inbox.Row
	for _, seq := range seqs {
		v, err := s.store.EventView(c.Request.Context(), seq)
		if err != nil {
			return nil, err
		}
		rows = append(rows, rowModel(v, s.cfg.Now()))
	}
	return rows, nil
}

// triaged are the regions that change with a triage, wherever it was asked for: those that are not on the page are left
// out by htmx.
func (s *Server) triaged(c *gin.Context, seqs []ssf.Seq, back string) ([]templ.Component, error) {
	rows, err := s.rows(c, seqs)
	if err != nil {
		return nil, err
	}
	counts, err := s.store.EventCounts(c.Request.Context())
	if err != nil {
		return nil, err
	}
	parts := []templ.Component{
		inbox.RowUpdates(rows, true),
		ui.Partial("#open-count", "outerMorph", layout.OpenCount(counts.Open, counts.BySeverity[ssf.SeverityCritical] > 0)),
	}
	if len(seqs) == 1 && back == eventHref(seqs[0]) {
		v, err := s.store.EventView(c.Request.Context(), seqs[0])
		if err != nil {
			return nil, err
		}
		m, err := s.eventPage(c, v)
		if err != nil {
			return nil, err
		}
		parts = append(parts, ui.Partial("#ev-head", "outerMorph", event.Head(m)), ui.Partial("#detail", "innerMorph", event.Pane(m)))
	}
	return parts, nil
}

func rowModel(v ssf.EventView, now time.Time) inbox.Row {
	e, st := v.Event, v.State
	state, done := words.Done(st.Runs)
	r := inbox.Row{
		ID: e.Seq.String(), Severity: st.Severity, Title: words.Title(happening(v)), Person: v.IdentityName,
		Subject: subjectText(e.Subject), Lost: st.Match.State == ssf.MatchNone, Privileged: v.Privileged, Control: e.IsControl(),
		From: v.TransmitterName, Done: inbox.Done{State: state, Text: done}, Age: ui.NewTime(e.ReceivedAt, now), Triage: triageOf(st),
	}
	if id := st.Match.Identity; id != "" {
		r.PersonHref = identityHref(id)
		r.Person = cmp.Or(r.Person, string(id))
	}
	switch {
	case e.Outcome == ssf.OutcomeConflict:
		r.Mark = "conflict"
	case len(e.Faults) > 0:
		r.Mark = "fault"
	case st.CloseReason != "":
		r.Mark = strings.ToLower(words.CloseReason(st.CloseReason))
	}
	return r
}

// groups puts rows under the span of time in which they came.
func groups(events []ssf.EventView, now time.Time) []inbox.Group {
	var out []inbox.Group
	for _, v := range events {
		label := spanOf(v.Event.ReceivedAt, now)
		if len(out) == 0 || out[len(out)-1].Label != label {
			out = append(out, inbox.Group{Label: label})
		}
		last := &out[len(out)-1]
		last.Rows = append(last.Rows, rowModel(v, now))
	}
	return out
}

func spanOf(t, now time.Time) string {
	t = t.In(now.Location())
	day := func(x time.Time) time.Time {
		return time.Date(x.Year(), x.Month(), x.Day(), 0, 0, 0, 0, x.Location())
	}
	switch today := day(now); {
	case now.Sub(t) < time.Hour:
		return "Last hour"
	case !t.Before(today):
		return "Earlier today"
	case !t.Before(today.AddDate(0, 0, -1)):
		return "Yesterday"
	}
	return t.Format("Mon 2 Jan")
}

// emptyInbox says what would fill the list, or proves that silence is good.
func (s *Server) emptyInbox(c *gin.Context, f ssf.EventFilter, counts ssf.EventCounts, now time.Time) (inbox.Empty, error) {
	switch {
	case filtered(f):
		return inbox.Empty{Title: "Nothing fits these filters", LinkText: "Clear the filters", Href: listQuery("/", ssf.EventFilter{Tab: f.Tab}, nil)}, nil
	case counts.Last != 0 && f.Tab == ssf.TabOpen:
		return inbox.Empty{
			Good: true, Title: "All clear", LinkText: "See that everything runs", Href: "/status",
			Text: "Last event " + words.Ago(now.Sub(counts.LastReceived)) + " from " + string(counts.LastTransmitter) + ".",
		}, nil
	case counts.Last != 0:
		return inbox.Empty{Title: "Nothing here yet", Text: "Closed events are listed here."}, nil
	}
	all, err := s.store.Transmitters(c.Request.Context())
	if err != nil {
		return inbox.Empty{}, err
	}
	if len(all) == 0 {
		return inbox.Empty{Title: "No transmitter yet", Text: "Name one in the configuration file, under transmitters.", LinkText: "Status", Href: "/status"}, nil
	}
	return inbox.Empty{Title: "No signal yet", Text: "Transmitters are being asked; what they send appears here by itself.", LinkText: "See how they do", Href: "/status"}, nil
}
