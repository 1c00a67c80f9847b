package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"harken/ssf"
)

func modelCases() []testCase {
	return []testCase{{"random work agrees with a plain model", againstModel}}
}

// model is the meaning of intake, matching and triage in plain Go.
type model struct {
	events    []modelEvent // by number, from 1
	first     map[string]int
	evidence  map[string]int
	replies   []ssf.ReplyError // an ack has no code; oldest first
	undecided []modelUndecided
	rejected  map[string]bool
	nextQueue uint64
}

type modelEvent struct {
	jti, claims string
	outcome     ssf.Outcome
	state       ssf.EventState
}

type modelUndecided struct {
	n     uint64
	key   string
	acked bool
}

func newModel() *model {
	return &model{first: map[string]int{}, evidence: map[string]int{}, rejected: map[string]bool{}}
}

func (m *model) reply(key string, code ssf.RejectCode) {
	for i, r := range m.replies {
		if r.Key == key {
			if r.Code != "" && code == "" {
				m.replies[i].Code = ""
			}
			return
		}
	}
	m.replies = append(m.replies, ssf.ReplyError{Key: key, Code: code})
}

func (m *model) confirm(c ssf.Replies) {
	m.replies = slices.DeleteFunc(m.replies, func(r ssf.ReplyError) bool {
		if r.Code == "" {
			return slices.Contains(c.Acks, r.Key)
		}
		return slices.ContainsFunc(c.Errs, func(e ssf.ReplyError) bool { return e.Key == r.Key })
	})
}

func (m *model) queue(key string) int {
	return slices.IndexFunc(m.undecided, func(u modelUndecided) bool { return u.key == key })
}

// deliver is one token of an answer; claims empty is a bad token, "?" an undecided one.
func (m *model) deliver(key, claims string, queued bool) (ssf.Outcome, ssf.Seq) {
	at := m.queue(key)
	if claims == "?" {
		switch {
		case at >= 0 && m.undecided[at].acked && !queued:
			m.reply(key, "")
		case at < 0 && !queued:
			m.nextQueue++
			m.undecided = append(m.undecided, modelUndecided{n: m.nextQueue, key: key})
		}
		return ssf.OutcomeUndecided, 0
	}
	answer := true
	if at >= 0 {
		answer = !m.undecided[at].acked || !queued
		m.undecided = slices.Delete(m.undecided, at, at+1)
	}
	if claims == "" {
		m.rejected[key] = true
		if answer {
			m.reply(key, ssf.RejectInvalidRequest)
		}
		return ssf.OutcomeRejected, 0
	}
	if answer {
		m.reply(key, "")
	}
	return m.accept(key, claims)
}

func (m *model) accept(key, claims string) (ssf.Outcome, ssf.Seq) {
	seq := m.first[key]
	switch {
	case seq == 0:
		m.events = append(m.events, modelEvent{jti: key, claims: claims, outcome: ssf.OutcomeAccepted})
		m.first[key] = len(m.events)
		return ssf.OutcomeAccepted, ssf.Seq(len(m.events))
	case m.events[seq-1].claims == claims:
		return ssf.OutcomeDuplicate, ssf.Seq(seq)
	case m.evidence[key+claims] != 0:
		return ssf.OutcomeDuplicate, ssf.Seq(m.evidence[key+claims])
	}
	m.events = append(m.events, modelEvent{jti: key, claims: claims, outcome: ssf.OutcomeConflict})
	m.evidence[key+claims] = len(m.events)
	return ssf.OutcomeConflict, ssf.Seq(len(m.events))
}

// modelDelivery makes the delivery that the model's arguments stand for. The bytes of a key never change.
func modelDelivery(key, claims string) ssf.Delivery {
	d := Undecided(key)
	switch claims {
	case "?":
	case "":
		d = Rejected(key)
	default:
		d = Accepted(SET("a", key, WithPayload(claims)))
	}
	d.Raw = "raw." + key
	return d
}

// The random work of one test: so many stores, each with so many steps.
const (
	modelStores = 60
	modelSteps  = 40
)

// dice is the seeded chance of one store's work, and names the seed when something is wrong.
type dice struct {
	*rand.Rand
	seed uint64
	w    *world
}

func (d dice) fatalf(format string, args ...any) {
	d.w.t.Helper()
	d.w.t.Fatalf("seed %d: "+format, append([]any{d.seed}, args...)...)
}

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

func againstModel(w *world) {
	for seed := range uint64(modelStores) {
		clock := NewClock(start())
		in := &world{t: w.t, h: w.h, clock: clock, setup: Setup{Now: clock.Now}, ctx: w.ctx}
		in.Engine = w.h.Open(w.t, in.setup)
		m, d := newModel(), dice{Rand: rand.New(rand.NewPCG(seed, 1)), seed: seed, w: in}
		work := []func(dice, *world, *model){
			modelIngest, modelIngest, modelIngest, modelRejudge, modelRejudge, modelConfirm, modelAck, modelMatch, modelMatch,
			modelTriage, modelTriage, func(_ dice, in *world, _ *model) { in.reopen() },
		}
		for range modelSteps {
			pick(d, work...)(d, in, m)
			m.compare(d, in)
		}
		report := must[ssf.CheckReport](in)(in.Check(in.ctx))
		if len(report.Problems) > 0 {
			d.fatalf("check: %q", report.Problems)
		}
		in.ok(in.Close())
	}
}

func modelClaims(d dice) string { return pick(d, "?", "", `{"v":1}`, `{"v":1}`, `{"v":1}`, `{"v":2}`) }

func (m *model) run(d dice, w *world, ds []ssf.Delivery, claims []string) {
	got := w.ingest("a", ds...)
	for i, one := range ds {
		outcome, seq := m.deliver(one.Key, claims[i], one.Queued != 0)
		if got[i].Outcome != outcome || got[i].Seq != seq {
			d.fatalf("token %s with %q: got %s %d, want %s %d", one.Key, claims[i], got[i].Outcome, got[i].Seq, outcome, seq)
		}
	}
}

func modelIngest(d dice, w *world, m *model) {
	var ds []ssf.Delivery
	var claims []string
	for range 1 + d.IntN(5) {
		key := fmt.Sprint("k", d.IntN(8))
		claim := modelClaims(d)
		ds, claims = append(ds, modelDelivery(key, claim)), append(claims, claim)
	}
	m.run(d, w, ds, claims)
}

func modelRejudge(d dice, w *world, m *model) {
	if len(m.undecided) == 0 {
		return
	}
	u := pick(d, m.undecided...)
	claim := modelClaims(d)
	again := modelDelivery(u.key, claim)
	for _, t := range must[[]ssf.UndecidedToken](w)(w.Undecided(w.ctx, "a", 0, 100)) {
		if t.Key == u.key {
			again.Queued = t.N
		}
	}
	m.run(d, w, []ssf.Delivery{again}, []string{claim})
}

func modelConfirm(d dice, w *world, m *model) {
	r := must[ssf.Replies](w)(w.Replies(w.ctx, "a", 1+d.IntN(4)))
	w.confirm("a", r)
	m.confirm(r)
}

func modelAck(_ dice, w *world, m *model) {
	must[int](w)(w.AckUndecided(w.ctx, poll(), "a", start().Add(time.Second)))
	for i := range m.undecided {
		if !m.undecided[i].acked {
			m.undecided[i].acked = true
			m.reply(m.undecided[i].key, "")
		}
	}
}

func modelMatch(d dice, w *world, m *model) {
	if len(m.events) == 0 {
		return
	}
	n := 1 + d.IntN(len(m.events))
	who := pick[ssf.IdentityID](d, "", "i1", "i2")
	sev := pick(d, ssf.Severities()...)
	w.match(ssf.Seq(n), sev, who)
	st := &m.events[n-1].state
	st.Match, st.Severity = result(0, sev, who).Match, sev
	st.Open = sev != ssf.SeverityRoutine && st.Triage != ssf.TriageClosed
}

func modelTriage(d dice, w *world, m *model) {
	if len(m.events) == 0 {
		return
	}
	n := 1 + d.IntN(len(m.events))
	to := pick(d, ssf.TriageNew, ssf.TriageAcknowledged, ssf.TriageClosed)
	w.ok(w.SetTriage(w.ctx, ann(), []ssf.Seq{ssf.Seq(n)}, to, ssf.CloseHandled, ""))
	st := &m.events[n-1].state
	st.Triage = to
	st.Open = st.Severity != "" && st.Severity != ssf.SeverityRoutine && to != ssf.TriageClosed
}

// compare holds everything that the store tells against the model.
func (m *model) compare(d dice, w *world) {
	var want ssf.Replies
	for _, r := range m.replies {
		if r.Code == "" {
			want.Acks = append(want.Acks, r.Key)
		} else {
			want.Errs = append(want.Errs, ssf.ReplyError{Key: r.Key, Code: r.Code, Description: "jti is missing"})
		}
	}
	if r := diff(want, w.replies("a")); r != "" {
		d.fatalf("replies:\n%s", r)
	}
	var queue []modelUndecided
	for _, t := range must[[]ssf.UndecidedToken](w)(w.Undecided(w.ctx, "a", 0, 100)) {
		queue = append(queue, modelUndecided{n: t.N, key: t.Key, acked: t.Acked})
	}
	if !slices.Equal(queue, m.undecided) {
		d.fatalf("undecided: got %v, want %v", queue, m.undecided)
	}
	counts := must[ssf.EventCounts](w)(w.EventCounts(w.ctx))
	open, unknown := 0, 0
	bySeverity := map[ssf.Severity]int{}
	list := must[ssf.List[ssf.EventView]](w)(w.Events(w.ctx, ssf.EventFilter{}, ssf.PageRequest{Limit: 200})).Items
	slices.SortFunc(list, func(a, b ssf.EventView) int { return cmp.Compare(a.Event.Seq, b.Event.Seq) })
	if len(list) != min(len(m.events), 200) {
		d.fatalf("got %d events, want %d", len(list), len(m.events))
	}
	for i, e := range m.events[:len(list)] {
		got := list[i]
		if got.Event.JTI != e.jti || got.Event.Outcome != e.outcome || got.State.Open != e.state.Open ||
			got.State.Triage != e.state.Triage || got.State.Match.Identity != e.state.Match.Identity {
			d.fatalf("event %d: got %+v, want %+v", i+1, got, e)
		}
		if e.state.Open {
			open++
			bySeverity[e.state.Severity]++
		}
		if e.state.Match.State == ssf.MatchNone && e.state.Triage != ssf.TriageClosed {
			unknown++
		}
	}
	if counts.Open != open || counts.Uncorrelated != unknown || !equal(counts.BySeverity, bySeverity) {
		d.fatalf("counts: got %+v, want %d open, %d uncorrelated, %v", counts, open, unknown, bySeverity)
	}
}
