package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/ssf/apiv1"
	"harken/views/layout"
	"harken/views/status"
	"harken/views/ui"
	"harken/views/words"
)

// healthLine is the line at the top right of every page. It reads memory only.
func (s *Server) healthLine() layout.Health {
	text, level := headline(s.parts.Machinery.Statuses(), s.cfg.Now())
	return layout.Health{Text: text, Bad: level != status.Good}
}

// headline sums the jobs up: "All 9 jobs on time", or the worst with since when.
func headline(jobs []ssf.JobStatus, now time.Time) (string, status.Level) {
	if len(jobs) == 0 {
		return "No jobs yet", status.Good
	}
	level := status.Good
	byState := map[ssf.JobState][]ssf.JobStatus{}
	for _, j := range jobs {
		switch h := jobHealth(j, now); {
		case h.status == apiv1.HealthFail:
			level = status.Bad
		case h.status == apiv1.HealthWarn && level == status.Good:
			level = status.Warn
		}
		byState[j.State] = append(byState[j.State], j)
	}
	for _, state := range []ssf.JobState{ssf.JobStuck, ssf.JobLate, ssf.JobFailed, ssf.JobQuiet, ssf.JobPaused} {
		some := byState[state]
		if len(some) == 0 {
			continue
		}
		first := slices.MinFunc(some, func(a, b ssf.JobStatus) int { return a.Since.Compare(b.Since) })
		text := fmt.Sprintf("%d %s: %s", len(some), strings.ToLower(words.Job(state)), first.ID)
		if !first.Since.IsZero() {
			text += " since " + first.Since.In(now.Location()).Format("15:04")
		}
		return text, level
	}
	if len(jobs) == 1 {
		return "The job is on time", level
	}
	return fmt.Sprintf("All %d jobs on time", len(jobs)), level
}

func (s *Server) getStatus(c *gin.Context) {
	token, err := s.csrf(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	m := s.statusModel(c)
	m.CSRF, m.MayRun = token, actor(c).Role.AtLeast(ssf.RoleResponder)
	s.showPage(c, http.StatusOK, layout.Page{Title: "Status", Section: layout.SectionStatus, Topics: []string{"jobs", "inbox"}}, status.View(m))
}

// statusModel shows whatever is known: jobs from memory, the rest as far as the store answers.
func (s *Server) statusModel(c *gin.Context) status.Model {
	now := s.cfg.Now()
	jobs := s.parts.Machinery.Statuses()
	m := status.Model{URL: "/status/body", Signal: "ev-jobs", Version: s.cfg.Version}
	m.Headline, m.Level = headline(jobs, now)
	slices.SortStableFunc(jobs, func(a, b ssf.JobStatus) int { return urgency(a, now) - urgency(b, now) })
	m.Jobs = each(jobs, func(j ssf.JobStatus) status.Job { return jobModel(j, now) })
	if err := s.storedStatus(c, &m, now); err != nil {
		s.log.Warn("the status page cannot read the store", "request", requestID(c), "err", err)
		m.Trouble = append(m.Trouble, "The store does not answer: what is shown comes from memory alone.")
		m.Level = status.Bad
	}
	return m
}

// urgency sorts what is in trouble to the front.
func urgency(j ssf.JobStatus, now time.Time) int {
	switch jobHealth(j, now).status {
	case apiv1.HealthFail:
		return 0
	case apiv1.HealthWarn:
		return 1
	}
	return 2
}

func jobModel(j ssf.JobStatus, now time.Time) status.Job {
	m := status.Job{
		ID: j.ID, Name: words.JobName(j.ID), Means: words.JobMeans(j.ID), State: j.State, Since: ui.NewTime(j.Since, now),
		Schedule: words.Schedule(j.Schedule), Last: ui.NewTime(j.Last.Started, now), Items: j.Last.Items, Error: j.Last.Error,
	}
	if !j.Last.Started.IsZero() {
		m.Took = words.Took(j.Last.Took.D())
	}
	switch {
	case j.State == ssf.JobRunning:
		m.Next = "running " + words.Span(max(0, now.Sub(j.RunningSince)))
	case j.Next.IsZero():
	case now.After(j.Next) && (j.State == ssf.JobLate || j.State == ssf.JobStuck):
		m.Next = "overdue " + words.Span(now.Sub(j.Next))
	default:
		m.Next = words.In(j.Next.Sub(now))
		if j.BackingOff {
			m.Next += ", backing off"
		}
	}
	m.Marks = marks(j, now)
	if n := len(j.Runs); n >= 5 {
		took := each(j.Runs, func(r ssf.JobRun) time.Duration { return r.Took.D() })
		slices.Sort(took)
		m.P95 = words.Took(took[(n*95-1)/100])
	}
	return m
}

// marks are the last runs; a run that took over four times as long as the middle one is slow.
func marks(j ssf.JobStatus, now time.Time) []ui.JobMark {
	took := each(j.Runs, func(r ssf.JobRun) time.Duration { return r.Took.D() })
	slices.Sort(took)
	middle := time.Duration(0)
	if len(took) > 0 {
		middle = took[len(took)/2]
	}
	return each(j.Runs, func(r ssf.JobRun) ui.JobMark {
		mark, d := ui.MarkOK, r.Took.D()
		switch {
		case !r.OK:
			mark = ui.MarkFailed
		case d > time.Second && d > 4*middle:
			mark = ui.MarkSlow
		}
		return ui.JobMark{
			Mark: mark, Took: d,
			Title: r.Started.In(now.Location()).Format("15:04:05") + ", " + words.Took(d) + ", " + words.Of(r.Items, "item"),
		}
	})
}

// storedStatus adds what the store knows.
func (s *Server) storedStatus(c *gin.Context, m *status.Model, now time.Time) error {
	ctx := c.Request.Context()
	stats, err := s.store.Stats(ctx)
	if err != nil {
		return err
	}
	m.Storage = status.Storage{
		Engine: stats.Engine, Size: words.Bytes(stats.Bytes), Events: words.Of(int(stats.Events), "event"), Path: stats.Path, UsedPercent: -1,
	}
	if stats.Free > 0 {
		m.Storage.Free = words.Bytes(int64(min(stats.Free, 1<<62)))
	}
	if stats.Trouble != "" {
		m.Trouble, m.Level = append(m.Trouble, sentence(stats.Trouble)+"."), status.Bad
	}
	m.Queue = status.Queue{
		Waiting: stats.Runs[ssf.RunPending] + stats.Runs[ssf.RunExecuting], InDoubt: stats.Runs[ssf.RunInDoubt], Held: stats.Runs[ssf.RunHeld],
	}
	if !stats.OldestDue.IsZero() && now.After(stats.OldestDue) {
		m.Queue.Oldest = "oldest " + words.Span(now.Sub(stats.OldestDue))
	}
	if actor(c).Role != ssf.RoleAdmin {
		m.Storage.Path = ""
	}
	if err := s.streams(c, m, now); err != nil {
		return err
	}
	sources, err := s.store.Sources(ctx)
	if err != nil {
		return err
	}
	for _, src := range sources {
		if !src.Retired {
			m.Sources = append(m.Sources, sourceModel(src, actor(c).Role.AtLeast(ssf.RoleAdmin), now))
		}
	}
	return nil
}

func (s *Server) streams(c *gin.Context, m *status.Model, now time.Time) error {
	ctx := c.Request.Context()
	all, err := s.store.Transmitters(ctx)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.Retired {
			continue
		}
		st, err := s.store.TransmitterState(ctx, t.Spec.ID)
		if err != nil {
			return err
		}
		n, err := s.store.TransmitterStats(ctx, t.Spec.ID)
		if err != nil {
			return err
		}
		m.Streams = append(m.Streams, streamModel(t, st, n, now))
		switch h := transmitterHealth(st, now); {
		case h.status == apiv1.HealthFail:
			m.Level = status.Bad
		case h.status == apiv1.HealthWarn && m.Level == status.Good:
			m.Level = status.Warn
		}
	}
	return nil
}
