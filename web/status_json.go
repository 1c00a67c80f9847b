package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/ssf/apiv1"
)

// When trouble becomes a failure.
const (
	failAfterRuns = 3
	failAfter     = 5 * time.Minute
	// undecidedFor is how long a token may wait for a key before somebody should look.
	undecidedFor = 15 * time.Minute
	// verifyWithin is how long a verification event may take (SSF §8.1.4).
	verifyWithin = 5 * time.Minute
	// storeWait bounds what a health check waits for the store: the states of jobs come from memory.
	storeWait = 2 * time.Second
)

// health is one check with all that may be said of it.
type health struct {
	name   string
	status apiv1.HealthStatus
	at     time.Time
	value  *float64
	unit   string
	// output is for everybody; detail may hold text of peers and is for those who are signed in.
	output, detail string
}

func worse(a, b apiv1.HealthStatus) apiv1.HealthStatus {
	rank := map[apiv1.HealthStatus]int{apiv1.HealthPass: 0, apiv1.HealthWarn: 1, apiv1.HealthFail: 2}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// jobHealth judges a job by its state.
func jobHealth(j ssf.JobStatus, now time.Time) health {
	h := health{name: "job:" + string(j.ID), status: apiv1.HealthPass, at: j.Last.Started, detail: j.Last.Error}
	if !j.Last.Started.IsZero() {
		took := j.Last.Took.D().Seconds()
		h.value, h.unit = &took, "s"
	}
	h.output = strings.ReplaceAll(string(j.State), "_", " ")
	switch j.State {
	case ssf.JobLate, ssf.JobStuck:
		h.status = apiv1.HealthFail
	case ssf.JobFailed:
		h.status = apiv1.HealthWarn
		if j.Failures >= failAfterRuns || !j.Since.IsZero() && now.Sub(j.Since) >= failAfter {
			h.status = apiv1.HealthFail
		}
	case ssf.JobQuiet, ssf.JobPaused:
		h.status = apiv1.HealthWarn
	case ssf.JobNever:
		if !j.Next.IsZero() && now.After(j.Next) {
			h.status = apiv1.HealthWarn
		}
	}
	if !j.Since.IsZero() && h.status != apiv1.HealthPass {
		h.output += " since " + j.Since.UTC().Format(time.RFC3339)
	}
	return h
}

// transmitterHealth judges a connection by the step that fails, its stream's status and outstanding verifications.
func transmitterHealth(st ssf.TransmitterState, now time.Time) health {
	h := health{name: "transmitter:" + string(st.ID), status: apiv1.HealthPass, at: st.Poll.LastAt, output: "ok"}
	fail := func(output, detail string) {
		h.status, h.output, h.detail = apiv1.HealthFail, output, detail
	}
	if st.Poll.Step != "" {
		fail("step that fails: "+st.Poll.Step, strings.TrimSpace(st.Poll.Error+" "+st.Poll.Advice))
		if st.Poll.Failures < failAfterRuns && (st.Poll.Since.IsZero() || now.Sub(st.Poll.Since) < failAfter) {
			h.status = apiv1.HealthWarn
		}
	}
	for _, p := range st.Stream.Pending {
		if p.SeenAt.IsZero() && now.Sub(p.AskedAt) > verifyWithin {
			fail("a verification event is overdue", "asked at "+p.AskedAt.UTC().Format(time.RFC3339))
		}
	}
	switch st.Stream.Status {
	case "paused", "disabled", "lost":
		fail("the stream is "+st.Stream.Status, st.Stream.StatusReason)
	}
	if st.Stream.Held != "" {
		fail("the stream is held until a person looks at it", st.Stream.Held)
	}
	return h
}

// undecidedHealth judges the queue of tokens that wait. What may be our own fault alarms at once, an unknown key after a
// while.
func undecidedHealth(id ssf.TransmitterID, stats ssf.TransmitterStats, oldest time.Time, now time.Time) (health, bool) {
	if stats.Undecided == 0 {
		return health{}, false
	}
	n := float64(stats.Undecided)
	h := health{
		name: "undecided:" + string(id), status: apiv1.HealthWarn, at: oldest, value: &n, unit: "tokens",
		output: fmt.Sprintf("%d tokens cannot be judged yet", stats.Undecided),
	}
	if !oldest.IsZero() && now.Sub(oldest) >= undecidedFor {
		h.status = apiv1.HealthFail
	}
	for reason, count := range stats.UndecidedReasons {
		if count > 0 && reason != ssf.UndecidedUnknownKey && reason != ssf.UndecidedNoKeys {
			h.status = apiv1.HealthFail
		}
	}
	return h, true
}

// checks gathers everything. What the store does not tell in time is left out, and said.
func (s *Server) checks(ctx context.Context) []health {
	now := s.cfg.Now()
	var out []health
	for _, j := range s.parts.Machinery.Statuses() {
		out = append(out, jobHealth(j, now))
	}
	ctx, cancel := context.WithTimeout(ctx, storeWait)
	defer cancel()
	stored, err := s.storedChecks(ctx, now)
	out = append(out, stored...)
	if err != nil {
		s.log.Warn("health check: the store does not answer", "err", err)
		out = append(out, health{name: "store", status: apiv1.HealthFail, at: now, output: "the store does not answer", detail: err.Error()})
	}
	return out
}

func (s *Server) storedChecks(ctx context.Context, now time.Time) ([]health, error) {
	stats, err := s.store.Stats(ctx)
	if err != nil {
		return nil, err
	}
	store := health{name: "store", status: apiv1.HealthPass, at: now, output: "ok"}
	if stats.Trouble != "" {
		store.status, store.output, store.detail = apiv1.HealthFail, "takes no events", stats.Trouble
	}
	out := []health{store}
	transmitters, err := s.store.Transmitters(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range transmitters {
		if t.Retired {
			continue
		}
		st, err := s.store.TransmitterState(ctx, t.Spec.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, transmitterHealth(st, now))
		h, waits, err := s.undecided(ctx, t.Spec.ID, now)
		if err != nil {
			return nil, err
		}
		if waits {
			out = append(out, h)
		}
	}
	sources, err := s.store.Sources(ctx)
	if err != nil {
		return nil, err
	}
	for _, src := range sources {
		if src.State.Held != "" && !src.Retired {
			out = append(out, health{
				name: "source:" + string(src.Spec.ID), status: apiv1.HealthWarn, at: src.State.LastAt,
				output: "a sync is held for a person", detail: src.State.Held,
			})
		}
	}
	return out, nil
}

func (s *Server) undecided(ctx context.Context, id ssf.TransmitterID, now time.Time) (health, bool, error) {
	stats, err := s.store.TransmitterStats(ctx, id)
	if err != nil || stats.Undecided == 0 {
		return health{}, false, err
	}
	first, err := s.store.Undecided(ctx, id, 0, 1)
	if err != nil {
		return health{}, false, err
	}
	var oldest time.Time
	if len(first) > 0 {
		oldest = first[0].ReceivedAt
	}
	h, waits := undecidedHealth(id, stats, oldest, now)
	return h, waits, nil
}

// getStatusJSON answers health checkers: 200 for pass and warn, 503 for fail. It needs no sign-in and tells no secrets.
func (s *Server) getStatusJSON(c *gin.Context) {
	all := s.checks(c.Request.Context())
	if id := c.Query("job"); id != "" {
		all = only(all, "job:"+id)
		if len(all) == 0 {
			all = []health{{name: "job:" + cut(id, 80), status: apiv1.HealthFail, output: "no such job"}}
		}
	}
	if text := c.Query("max_age"); text != "" {
		age, err := time.ParseDuration(text)
		if err != nil || age <= 0 {
			s.fail(c, problem(http.StatusBadRequest, "Bad request", `max_age is a duration such as "10m".`))
			return
		}
		all = append(all, s.silence(c.Query("job"), age))
	}
	_, named := c.Get(keyCaller)
	body := apiv1.Health{Status: apiv1.HealthPass, Version: s.cfg.Version, Checks: map[string][]apiv1.HealthCheck{}}
	for _, h := range all {
		body.Status = worse(body.Status, h.status)
		check := apiv1.HealthCheck{Status: h.status, Time: h.at, ObservedValue: h.value, ObservedUnit: h.unit}
		if h.status != apiv1.HealthPass {
			check.Output = h.output
			if named && h.detail != "" {
				check.Output += ": " + h.detail
			}
		}
		body.Checks[h.name] = append(body.Checks[h.name], check)
	}
	code := http.StatusOK
	if body.Status == apiv1.HealthFail {
		code = http.StatusServiceUnavailable
	}
	s.writeJSON(c, code, "application/health+json", body)
}

// silence is the dead-man check: the newest healthy run of the job, or of each poll job, must not be older than age.
func (s *Server) silence(job string, age time.Duration) health {
	now := s.cfg.Now()
	h := health{name: "max_age", status: apiv1.HealthPass, unit: "s"}
	found := false
	for _, j := range s.parts.Machinery.Statuses() {
		if job != "" && string(j.ID) != job || job == "" && !strings.HasPrefix(string(j.ID), "poll:") {
			continue
		}
		found = true
		last := lastOK(j)
		old := now.Sub(last).Seconds()
		if last.IsZero() || now.Sub(last) > age {
			h.status, h.output = apiv1.HealthFail, "no healthy run of "+string(j.ID)+" within "+age.String()
		}
		if !last.IsZero() && (h.value == nil || old > *h.value) {
			h.value, h.at = &old, last
		}
	}
	if !found {
		h.status, h.output = apiv1.HealthFail, "no such job"
	}
	return h
}

func lastOK(j ssf.JobStatus) time.Time {
	if j.Last.OK {
		return j.Last.Started
	}
	for i := len(j.Runs) - 1; i >= 0; i-- {
		if j.Runs[i].OK {
			return j.Runs[i].Started
		}
	}
	return time.Time{}
}

func only(all []health, name string) []health {
	var out []health
	for _, h := range all {
		if h.name == name {
			out = append(out, h)
		}
	}
	return out
}

// getHealthz says that the process answers. It never touches the store.
func (s *Server) getHealthz(c *gin.Context) {
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}

// getReadyz says whether signals can be taken in.
func (s *Server) getReadyz(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), storeWait)
	defer cancel()
	stats, err := s.store.Stats(ctx)
	if s.stopping.Load() || err != nil || stats.Trouble != "" {
		c.Data(http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("not ready\n"))
		return
	}
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte("ready\n"))
}
