package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/views/status"
	"harken/views/ui"
	"harken/views/words"
)

// connectionSteps are those of a connection, in the order in which they are taken.
var connectionSteps = [...]string{"discovery", "token", "stream", "keys", "poll"}

func streamModel(t ssf.Transmitter, st ssf.TransmitterState, n ssf.TransmitterStats, now time.Time) status.Stream {
	m := status.Stream{
		ID: string(t.Spec.ID), Name: cmp.Or(t.Spec.Name, string(t.Spec.ID)), Issuer: t.Spec.Issuer, State: st.Stream.Status,
		Reason: st.Stream.StatusReason, LastPoll: ui.NewTime(st.Poll.LastAt, now), LastEvent: ui.NewTime(n.LastEventAt, now),
		Verified: ui.NewTime(st.Stream.VerifiedAt, now), AcceptedToday: n.AcceptedToday, Undecided: n.Undecided, Rejected: n.Rejected,
		Conflicts: n.ConflictsN, Step: st.Poll.Step, Error: st.Poll.Error, Fix: st.Poll.Advice, Since: ui.NewTime(st.Poll.Since, now),
	}
	if st.Stream.Held != "" {
		m.State, m.Reason = "held", st.Stream.Held
	}
	for _, reason := range slices.Sorted(maps.Keys(n.UndecidedReasons)) {
		if count := n.UndecidedReasons[reason]; count > 0 {
			m.UndecidedWhy = append(m.UndecidedWhy, words.Of(count, "token")+": "+words.Undecided(reason))
		}
	}
	failing := slices.Index(connectionSteps[:], st.Poll.Step)
	for i, name := range connectionSteps {
		step := status.Step{Name: name, State: "ok"}
		switch {
		case failing < 0 && st.Poll.LastOK.IsZero(), failing >= 0 && i > failing:
			step.State = "waiting"
		case i == failing:
			step.State = "failed"
		}
		m.Steps = append(m.Steps, step)
	}
	return m
}

func sourceModel(src ssf.Source, mayRelease bool, now time.Time) status.Source {
	st := src.State
	m := status.Source{
		ID: string(src.Spec.ID), Kind: src.Spec.Kind, Accounts: st.Accounts, LastSync: ui.NewTime(st.LastAt, now), Error: st.Error,
		Held: st.Held, RowErrorCount: st.RowErrorCount,
		RowErrors: each(st.RowErrors, func(r ssf.RowError) string { return fmt.Sprintf("row %d: %s", r.Row, r.Message) }),
	}
	if mayRelease && st.Held != "" {
		m.HeldDigest = st.HeldDigest
	}
	var changed []string
	for _, x := range []struct {
		n    int
		word string
	}{{st.Added, "added"}, {st.Changed, "changed"}, {st.Removed, "removed"}} {
		if x.n > 0 {
			changed = append(changed, words.Count(x.n)+" "+x.word)
		}
	}
	m.Changed = strings.Join(changed, ", ")
	return m
}

// postRunJob wakes a job.
func (s *Server) postRunJob(c *gin.Context) {
	id := ssf.JobID(c.Request.PostForm.Get("job"))
	if err := s.runJob(c, id); err != nil {
		s.fail(c, err)
		return
	}
	s.done(c, "/status", ui.Toast{Text: words.JobName(id) + ": asked to run now."})
}

// postRelease lets a held sync go on, if what is held is still what the person saw.
func (s *Server) postRelease(c *gin.Context) {
	if s.parts.Syncer == nil {
		s.fail(c, errNoPage)
		return
	}
	form := c.Request.PostForm
	id := ssf.SourceID(form.Get("source"))
	if !s.stepUp(c, "Apply the held list of "+string(id), "/status") {
		return
	}
	if err := s.parts.Syncer.Release(c.Request.Context(), actor(c), id, form.Get("digest")); err != nil {
		s.fail(c, err)
		return
	}
	s.done(c, "/status", ui.Toast{Text: "Released: the next read of " + string(id) + " applies it."})
}

// getStatusBody is the region of the status page that live updates read.
func (s *Server) getStatusBody(c *gin.Context) {
	token, err := s.csrf(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	m := s.statusModel(c)
	m.CSRF, m.MayRun = token, actor(c).Role.AtLeast(ssf.RoleResponder)
	s.render(c, http.StatusOK, status.Body(m))
}
