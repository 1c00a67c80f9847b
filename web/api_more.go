package web

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/ssf/apiv1"
)

// apiRunChange cancels, hurries or retries a run.
func (s *Server) apiRunChange(change func(context.Context, ssf.Actor, ssf.RunID) (ssf.Run, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		run, err := change(c.Request.Context(), actor(c), ssf.RunID(c.Param("id")))
		if err != nil {
			s.fail(c, err)
			return
		}
		s.answer(c, http.StatusOK, runV1(run))
	}
}

func (s *Server) apiTransmitters(c *gin.Context) {
	ctx := c.Request.Context()
	all, err := s.store.Transmitters(ctx)
	if err != nil {
		s.fail(c, err)
		return
	}
	out := apiv1.List[apiv1.Transmitter]{Items: []apiv1.Transmitter{}}
	for _, t := range all {
		st, err := s.store.TransmitterState(ctx, t.Spec.ID)
		if err != nil {
			s.fail(c, err)
			return
		}
		stats, err := s.store.TransmitterStats(ctx, t.Spec.ID)
		if err != nil {
			s.fail(c, err)
			return
		}
		out.Items = append(out.Items, transmitterV1(t, st, stats))
	}
	s.answer(c, http.StatusOK, out)
}

func transmitterV1(t ssf.Transmitter, st ssf.TransmitterState, n ssf.TransmitterStats) apiv1.Transmitter {
	return apiv1.Transmitter{
		ID: string(t.Spec.ID), Name: t.Spec.Name, Issuer: t.Spec.Issuer, Origin: string(t.Origin), Retired: t.Retired,
		Poll: apiv1.TransmitterPoll{
			LastAt: utc(st.Poll.LastAt), LastOK: utc(st.Poll.LastOK), NextDue: utc(st.Poll.NextDue), Failures: st.Poll.Failures,
			Step: st.Poll.Step, Error: st.Poll.Error, Advice: st.Poll.Advice, Since: utc(st.Poll.Since),
		},
		Stream: apiv1.TransmitterStream{
			ID: st.Stream.ID, Status: st.Stream.Status, StatusReason: st.Stream.StatusReason, Held: st.Stream.Held,
			EventsDelivered: texts(st.Stream.EventsDelivered), VerifiedAt: utc(st.Stream.VerifiedAt),
		},
		Stats: apiv1.TransmitterStats{
			LastEvent: uint64(n.LastEvent), LastEventAt: utc(n.LastEventAt), AcceptedToday: n.AcceptedToday, Conflicts: n.ConflictsN,
			Rejected: n.Rejected, Undecided: n.Undecided, UndecidedReasons: counts(n.UndecidedReasons), RepliesWaiting: n.RepliesWaiting,
		},
	}
}

func (s *Server) apiSources(c *gin.Context) {
	all, err := s.store.Sources(c.Request.Context())
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, apiv1.List[apiv1.Source]{Items: each(all, sourceV1)})
}

func (s *Server) apiConnectors(c *gin.Context) {
	all, err := s.store.Connectors(c.Request.Context())
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, apiv1.List[apiv1.Connector]{Items: each(all, s.connectorV1)})
}

func (s *Server) apiJobs(c *gin.Context) {
	s.answer(c, http.StatusOK, apiv1.List[apiv1.Job]{Items: each(s.parts.Machinery.Statuses(), jobV1)})
}

func (s *Server) apiRunJob(c *gin.Context) {
	if err := s.runJob(c, ssf.JobID(c.Param("id"))); err != nil {
		s.fail(c, err)
		return
	}
	c.Status(http.StatusAccepted)
}

// runJob wakes a job and leaves a trace of who did.
func (s *Server) runJob(c *gin.Context, id ssf.JobID) error {
	if err := s.parts.Machinery.Trigger(id); err != nil {
		return err
	}
	return s.store.Note(c.Request.Context(), ssf.AuditEntry{
		At: s.cfg.Now(), Actor: actor(c), Action: "job.run", Object: "job/" + string(id), Result: "done",
	})
}

func (s *Server) apiAudit(c *gin.Context) {
	p, err := page(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	entries, err := s.store.Audit(c.Request.Context(), p)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, listV1(entries, auditV1))
}

func (s *Server) apiSessions(c *gin.Context) {
	who := actor(c)
	all, err := s.store.Sessions(c.Request.Context(), who.User)
	if err != nil {
		s.fail(c, err)
		return
	}
	now := s.cfg.Now()
	out := apiv1.List[apiv1.Session]{Items: []apiv1.Session{}}
	for _, x := range all {
		x.Role = who.Role
		if expired(x, now) {
			continue
		}
		out.Items = append(out.Items, apiv1.Session{
			ID: string(x.Handle), Method: x.Method, CreatedAt: utc(x.CreatedAt), LastUsed: utc(x.LastUsed), Address: x.Address,
			UserAgent: x.UserAgent, Current: x.Handle == who.Session,
		})
	}
	s.answer(c, http.StatusOK, out)
}

// apiEndSession ends a session of the caller's own; one that is gone is no error.
func (s *Server) apiEndSession(c *gin.Context) {
	if err := s.endOwnSession(c, ssf.SessionHandle(c.Param("id"))); err != nil {
		s.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// endOwnSession ends one session of the caller, and leaves others' alone as if they did not exist.
func (s *Server) endOwnSession(c *gin.Context, handle ssf.SessionHandle) error {
	ctx, who := c.Request.Context(), actor(c)
	own, err := s.store.Sessions(ctx, who.User)
	if err != nil {
		return err
	}
	for _, x := range own {
		if x.Handle == handle {
			return s.store.DeleteSession(ctx, who, handle)
		}
	}
	return nil
}
