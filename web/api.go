package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"harken/respond"
	"harken/ssf"
	"harken/ssf/apiv1"
	"harken/ssf/payload"
)

// page reads cursor and limit.
func page(c *gin.Context) (ssf.PageRequest, error) {
	p := ssf.PageRequest{Cursor: c.Query("cursor")}
	text := c.Query("limit")
	if text == "" {
		return p, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > ssf.MaxLimit {
		return p, problem(http.StatusBadRequest, "Bad request", "limit is a number from 1 to %d.", ssf.MaxLimit)
	}
	p.Limit = n
	return p, nil
}

func (s *Server) apiMe(c *gin.Context) { s.answer(c, http.StatusOK, actorV1(actor(c))) }

func (s *Server) apiEvents(c *gin.Context) {
	f, err := eventFilter(c, ssf.TabAll)
	if err != nil {
		s.fail(c, err)
		return
	}
	p, err := page(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	events, err := s.store.Events(c.Request.Context(), f, p)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, listV1(events, eventV1))
}

func badFilter(name, value string) error {
	return problem(http.StatusBadRequest, "Bad request", "%s has no value %.60q.", name, value)
}

// eventFilter reads the filter of the inbox and of the API: tab, type, sev, tx, identity, uncorrelated, after.
func eventFilter(c *gin.Context, tab ssf.EventTab) (ssf.EventFilter, error) {
	f := ssf.EventFilter{
		Tab: tab, Transmitter: ssf.TransmitterID(c.Query("tx")), Identity: ssf.IdentityID(c.Query("identity")),
		Uncorrelated: c.Query("uncorrelated") == "1",
	}
	if text := c.Query("tab"); text != "" {
		f.Tab = ssf.EventTab(text)
		if !slices.Contains([]ssf.EventTab{ssf.TabOpen, ssf.TabClosed, ssf.TabAll}, f.Tab) {
			return f, badFilter("tab", text)
		}
	}
	for _, text := range c.QueryArray("type") {
		uri := payload.Expand(text)
		if uri == "" {
			return f, badFilter("type", text)
		}
		f.Types = append(f.Types, uri)
	}
	for _, text := range c.QueryArray("sev") {
		if !slices.Contains(ssf.Severities(), ssf.Severity(text)) {
			return f, badFilter("sev", text)
		}
		f.Severities = append(f.Severities, ssf.Severity(text))
	}
	if text := c.Query("after"); text != "" && text != "0" {
		seq, err := ssf.ParseSeq(text)
		if err != nil {
			return f, badFilter("after", text)
		}
		f.After = seq
	}
	return f, nil
}

func (s *Server) apiEvent(c *gin.Context) {
	seq, err := ssf.ParseSeq(c.Param("id"))
	if err != nil {
		s.fail(c, err)
		return
	}
	v, err := s.store.EventView(c.Request.Context(), seq)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, eventV1(v))
}

func (s *Server) apiRawToken(c *gin.Context) {
	seq, err := ssf.ParseSeq(c.Param("id"))
	if err != nil {
		s.fail(c, err)
		return
	}
	token, err := s.store.RawToken(c.Request.Context(), seq)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, apiv1.RawToken{Seq: uint64(seq), Token: token})
}

func (s *Server) apiTriage(c *gin.Context) {
	var req apiv1.TriageRequest
	if err := readJSON(c, &req); err != nil {
		s.fail(c, err)
		return
	}
	seqs := each(req.Events, func(n uint64) ssf.Seq { return ssf.Seq(n) })
	if err := s.triage(c, seqs, req.State, req.Reason, req.Note); err != nil {
		s.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// triage checks and carries out what pages and API ask for.
func (s *Server) triage(c *gin.Context, seqs []ssf.Seq, to, reason, note string) error {
	state, why := ssf.Triage(to), ssf.CloseReason(reason)
	unfit := func(format string, args ...any) error {
		return problem(http.StatusUnprocessableEntity, "Not possible", format, args...)
	}
	switch {
	case len(seqs) == 0 || len(seqs) > ssf.MaxLimit:
		return unfit("Choose 1 to %d events.", ssf.MaxLimit)
	case state != ssf.TriageNew && state != ssf.TriageAcknowledged && state != ssf.TriageClosed:
		return unfit("The state is acknowledged, closed or new.")
	case state == ssf.TriageClosed && !slices.Contains(ssf.CloseReasons(), why):
		return unfit("Closing needs a reason: handled, expected, false_alarm or duplicate.")
	case state != ssf.TriageClosed && why != "":
		return unfit("Only closing has a reason.")
	case len(note) > 2000:
		return unfit("A note has at most 2000 bytes.")
	}
	return s.store.SetTriage(c.Request.Context(), actor(c), seqs, state, why, note)
}

func (s *Server) apiIdentities(c *gin.Context) {
	p, err := page(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	found, err := s.store.Identities(c.Request.Context(), ssf.IdentityFilter{Prefix: cut(c.Query("q"), 200)}, p)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, listV1(found, identityV1))
}

func (s *Server) apiIdentity(c *gin.Context) {
	ctx := c.Request.Context()
	v, err := s.store.IdentityView(ctx, ssf.IdentityID(c.Param("id")))
	if err != nil {
		s.fail(c, err)
		return
	}
	runs, err := s.store.Runs(ctx, ssf.RunFilter{Identity: v.Identity.ID}, ssf.PageRequest{Limit: 50})
	if err != nil {
		s.fail(c, err)
		return
	}
	out := identityV1(v)
	out.Runs = each(runs.Items, runV1)
	s.answer(c, http.StatusOK, out)
}

func (s *Server) apiIdentitySessions(c *gin.Context) {
	ctx := c.Request.Context()
	v, err := s.store.IdentityView(ctx, ssf.IdentityID(c.Param("id")))
	if err != nil {
		s.fail(c, err)
		return
	}
	found, err := s.parts.Responder.Sessions(ctx, v.Identity.ID)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, apiv1.List[apiv1.ConnectorSessions]{Items: each(found, sessionsV1)})
}

func (s *Server) apiRuns(c *gin.Context) {
	p, err := page(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	f := ssf.RunFilter{Identity: ssf.IdentityID(c.Query("identity"))}
	if text := c.Query("event"); text != "" {
		if f.Event, err = ssf.ParseSeq(text); err != nil {
			s.fail(c, badFilter("event", text))
			return
		}
	}
	for _, text := range c.QueryArray("state") {
		f.States = append(f.States, ssf.RunState(text))
	}
	runs, err := s.store.Runs(c.Request.Context(), f, p)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, listV1(runs, runV1))
}

func (s *Server) apiRun(c *gin.Context) {
	run, err := s.store.Run(c.Request.Context(), ssf.RunID(c.Param("id")))
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, runV1(run))
}

func (s *Server) apiCreateRuns(c *gin.Context) {
	var req apiv1.RunRequest
	if err := readJSON(c, &req); err != nil {
		s.fail(c, err)
		return
	}
	ask, err := s.askOf(req)
	if err != nil {
		s.fail(c, err)
		return
	}
	if ask.Kind.Disables() && !s.steppedUp(c) {
		s.fail(c, errStepUp)
		return
	}
	runs, err := s.parts.Responder.Ask(c.Request.Context(), actor(c), ask)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusCreated, apiv1.RunsCreated{Intent: string(ask.Intent), Runs: each(runs, runV1)})
}

// askOf reads a request for runs.
func (s *Server) askOf(req apiv1.RunRequest) (respond.Ask, error) {
	unfit := func(format string, args ...any) error {
		return problem(http.StatusUnprocessableEntity, "Not possible", format, args...)
	}
	ask := respond.Ask{
		Kind: ssf.Kind(req.Kind), Event: ssf.Seq(req.Event), Identity: ssf.IdentityID(req.Identity), Intent: ssf.IntentID(req.Intent), Again: req.Again,
		Reason: req.Reason, Hold: time.Duration(req.HoldSeconds) * time.Second,
	}
	for _, id := range req.Connectors {
		ask.Connectors = append(ask.Connectors, ssf.ConnectorID(id))
	}
	switch {
	case !ask.Kind.Valid():
		return ask, unfit("%.40q is not a kind of action.", req.Kind)
	case (req.Event == 0) == (req.Identity == ""):
		return ask, unfit("Name an event or an identity, not both.")
	case req.HoldSeconds < 0 || req.HoldSeconds > 3600:
		return ask, unfit("hold_seconds is 0 to 3600.")
	case len(req.Reason) > 500 || len(req.Intent) > 100:
		return ask, unfit("A reason has at most 500 bytes, an intent 100.")
	}
	if (ask.Event == 0 || ask.Again) && ask.Intent == "" {
		intent, err := s.id("api-")
		if err != nil {
			return ask, err
		}
		ask.Intent = ssf.IntentID(intent)
	}
	return ask, nil
}
