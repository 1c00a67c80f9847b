package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"harken/respond"
	"harken/ssf"
	panel "harken/views/respond"
	"harken/views/ui"
	"harken/views/words"
)

// postEventRespond is the one click on the event page.
func (s *Server) postEventRespond(c *gin.Context) {
	v, ok := s.eventView(c)
	if !ok {
		return
	}
	at := eventHref(v.Event.Seq)
	s.act(c, respond.Ask{Event: v.Event.Seq}, v.State.Match.Identity, ssf.RunFilter{Event: v.Event.Seq}, at, "ev-runs-"+v.Event.Seq.String())
}

// postIdentityRespond is the one click on the identity page, and the End button of a session there.
func (s *Server) postIdentityRespond(c *gin.Context) {
	v, err := s.store.IdentityView(c.Request.Context(), ssf.IdentityID(c.Param("id")))
	if err != nil {
		s.fail(c, err)
		return
	}
	id := v.Identity.ID
	s.act(c, respond.Ask{Identity: id}, id, ssf.RunFilter{Identity: id}, identityHref(id), "ev-identity-"+string(id))
}

// act reads the form of the panel, asks for what is missing, and records the action.
func (s *Server) act(c *gin.Context, ask respond.Ask, who ssf.IdentityID, f ssf.RunFilter, at, signal string) {
	ctx, form := c.Request.Context(), c.Request.PostForm
	ask.Kind, ask.Intent = ssf.Kind(form.Get("kind")), ssf.IntentID(form.Get("intent"))
	ask.Again = form.Get("again") == "1"
	ask.Reason, ask.Session, ask.Hold = strings.TrimSpace(form.Get("reason")), form.Get("session"), s.cfg.UndoHold
	for _, id := range form["connector"] {
		ask.Connectors = append(ask.Connectors, ssf.ConnectorID(id))
	}
	if !ask.Kind.Valid() || len(ask.Reason) > 500 || len(ask.Intent) > 100 {
		s.fail(c, problem(http.StatusUnprocessableEntity, "Not possible", "Choose what to do first."))
		return
	}
	person, err := s.store.IdentityView(ctx, who)
	if errors.Is(err, ssf.ErrNotFound) {
		s.fail(c, problem(http.StatusUnprocessableEntity, "Not possible", "Nobody was found to act on."))
		return
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	if account := form.Get("account"); account != "" {
		if ask.Accounts, err = s.accountIn(ctx, person, ask.Connectors, account); err != nil {
			s.fail(c, err)
			return
		}
	}
	name := cmp.Or(person.Identity.Name, person.Identity.Email, string(person.Identity.ID))
	if !armed(person.Identity, name, ask.Kind, form.Get("confirm")) {
		s.fail(c, problem(http.StatusUnprocessableEntity, "Not armed", "This person is privileged: type the name %q to go on.", name))
		return
	}
	what := words.Kind(ask.Kind) + ": " + name
	if needsStepUp(ask.Kind) && !s.stepUp(c, what, at) {
		return
	}
	runs, err := s.parts.Responder.Ask(ctx, actor(c), ask)
	if err != nil {
		s.fail(c, err)
		return
	}
	t := ui.Toast{Text: s.recorded(what, runs)}
	if ask.Event != 0 || !partial(c) {
		s.actionDone(c, f, at, signal, t)
		return
	}
	// The next action from this page is another one: the panel gets an intent of its own.
	fresh, err := s.panel(c, respond.PreviewRequest{Identity: who}, at, name)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.actionDone(c, f, at, signal, t, ui.Partial("#respond", "outerMorph", panel.PanelView(fresh)))
}

// recorded says what became of an action: asking again for what is done already does nothing.
func (s *Server) recorded(what string, runs []ssf.Run) string {
	open := slices.ContainsFunc(runs, ssf.Run.Open)
	switch {
	case len(runs) > 0 && !open:
		return what + ": asked for before, " + strings.ToLower(words.Run(runs[0].State)) + "."
	case s.cfg.UndoHold > 0:
		return what + ": recorded for " + words.Of(len(runs), "account") + ", leaves in " + words.Span(s.cfg.UndoHold) + "."
	}
	return what + ": recorded for " + words.Of(len(runs), "account") + "."
}

// accountIn finds the account with a native id in the source that the connectors act on.
func (s *Server) accountIn(ctx context.Context, person ssf.IdentityView, in []ssf.ConnectorID, id string) ([]ssf.AccountRef, error) {
	connectors, err := s.store.Connectors(ctx)
	if err != nil {
		return nil, err
	}
	for _, x := range connectors {
		for _, a := range person.Accounts {
			if slices.Contains(in, x.Spec.ID) && a.Ref == (ssf.AccountRef{Source: x.Spec.Source, ID: id}) {
				return []ssf.AccountRef{a.Ref}, nil
			}
		}
	}
	return nil, fmt.Errorf("account %.40q: %w", id, ssf.ErrNotFound)
}

// armed reports whether the name was typed where it must be. Ending one session needs no arming.
func armed(i ssf.Identity, name string, k ssf.Kind, typed string) bool {
	if k == ssf.KindTerminateSession || !i.Has(ssf.LabelPrivileged) && !i.Has(ssf.LabelProtected) {
		return true
	}
	return strings.EqualFold(strings.Join(strings.Fields(typed), " "), strings.Join(strings.Fields(name), " "))
}

// actionDone answers an action with the runs as they are now.
func (s *Server) actionDone(c *gin.Context, f ssf.RunFilter, at, signal string, t ui.Toast, more ...templ.Component) {
	if !partial(c) {
		s.done(c, at, t)
		return
	}
	m, undo, err := s.runsOf(c, f, at, signal)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.done(c, at, t, append(more, panel.RunsUpdate(m, undo))...)
}

// postRuns cancels, hurries or retries the runs of a form, each by itself: the first refusal is told, the others stand.
func (s *Server) postRuns(change func(context.Context, ssf.Actor, ssf.RunID) (ssf.Run, error), text string) gin.HandlerFunc {
	return func(c *gin.Context) {
		ids := c.Request.PostForm["run"]
		if len(ids) == 0 {
			s.fail(c, problem(http.StatusUnprocessableEntity, "Not possible", "No run was named."))
			return
		}
		var first error
		var run ssf.Run
		done := 0
		for _, id := range ids {
			changed, err := change(c.Request.Context(), actor(c), ssf.RunID(id))
			switch {
			case err == nil:
				run = changed
				done++
			case first == nil:
				first = err
			}
		}
		if done == 0 {
			s.fail(c, first)
			return
		}
		t := ui.Toast{Text: text}
		if first != nil {
			t = ui.Toast{Bad: true, Text: fmt.Sprintf("%d of %d: %s", done, len(ids), s.explain(c, first).detail)}
		}
		back := localPath(c.Request.PostForm.Get("back"))
		f, at, signal := ssf.RunFilter{Event: run.Event}, eventHref(run.Event), "ev-runs-"+run.Event.String()
		if run.Event == 0 || strings.HasPrefix(back, "/identities/") {
			f, at, signal = ssf.RunFilter{Identity: run.Identity}, identityHref(run.Identity), "ev-identity-"+string(run.Identity)
		}
		if !partial(c) {
			at = cmp.Or(back, at)
		}
		s.actionDone(c, f, at, signal, t)
	}
}

// postTriage acknowledges, closes or opens again what was chosen in the list or on an event.
func (s *Server) postTriage(c *gin.Context) {
	form := c.Request.PostForm
	to, reason := form.Get("to"), form.Get("reason")
	if to != string(ssf.TriageClosed) {
		reason = "" // the bar over the list sends its reason with every button
	}
	var seqs []ssf.Seq
	for _, id := range form["id"] {
		seq, err := ssf.ParseSeq(id)
		if err != nil {
			s.fail(c, err)
			return
		}
		seqs = append(seqs, seq)
	}
	if err := s.triage(c, seqs, to, reason, form.Get("note")); err != nil {
		s.fail(c, err)
		return
	}
	text := words.Of(len(seqs), "event") + " " + map[string]string{
		string(ssf.TriageAcknowledged): "acknowledged", string(ssf.TriageClosed): "closed", string(ssf.TriageNew): "opened again",
	}[to] + "."
	back := localPath(form.Get("back"))
	if !partial(c) {
		s.done(c, back, ui.Toast{Text: text})
		return
	}
	parts, err := s.triaged(c, seqs, back)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.done(c, back, ui.Toast{Text: text}, parts...)
}
