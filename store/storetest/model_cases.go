package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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

func againstModel(w *world) {
	rapid.Check(w.t, func(rt *rapid.T) {
		clock := NewClock(start())
		in := &world{t: w.t, h: w.h, clock: clock, setup: Setup{Now: clock.Now}, ctx: w.ctx}
		in.Engine = w.h.Open(w.t, in.setup)
		m := newModel()
		rt.Repeat(map[string]func(*rapid.T){
			"ingest":  func(rt *rapid.T) { modelIngest(rt, in, m) },
			"rejudge": func(rt *rapid.T) { modelRejudge(rt, in, m) },
			"confirm": func(rt *rapid.T) { modelConfirm(rt, in, m) },
			"ack":     func(*rapid.T) { modelAck(in, m) },
			"match":   func(rt *rapid.T) { modelMatch(rt, in, m) },
			"triage":  func(rt *rapid.T) { modelTriage(rt, in, m) },
			"reopen":  func(*rapid.T) { in.reopen() },
			"":        func(rt *rapid.T) { m.compare(rt, in) },
		})
		report := must[ssf.CheckReport](in)(in.Check(in.ctx))
		if len(report.Problems) > 0 {
			rt.Fatalf("check: %q", report.Problems)
		}
		in.ok(in.Close())
	})
}

func modelClaims() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"?", "", `{"v":1}`, `{"v":1}`, `{"v":1}`, `{"v":2}`})
}

func (m *model) run(rt *rapid.T, w *world, ds []ssf.Delivery, claims []string) {
	got := w.ingest("a", ds...)
	for i, d := range ds {
		outcome, seq := m.deliver(d.Key, claims[i], d.Queued != 0)
		if got[i].Outcome != outcome || got[i].Seq != seq {
			rt.Fatalf("token %s with %q: got %s %d, want %s %d", d.Key, claims[i], got[i].Outcome, got[i].Seq, outcome, seq)
		}
	}
}

func modelIngest(rt *rapid.T, w *world, m *model) {
	var ds []ssf.Delivery
	var claims []string
	for range rapid.IntRange(1, 5).Draw(rt, "tokens") {
		key := fmt.Sprint("k", rapid.IntRange(0, 7).Draw(rt, "key"))
		claim := modelClaims().Draw(rt, "claims")
		ds, claims = append(ds, modelDelivery(key, claim)), append(claims, claim)
	}
	m.run(rt, w, ds, claims)
}

func modelRejudge(rt *rapid.T, w *world, m *model) {
	if len(m.undecided) == 0 {
		return
	}
	u := rapid.SampledFrom(m.undecided).Draw(rt, "queued")
	claim := modelClaims().Draw(rt, "claims")
	d := modelDelivery(u.key, claim)
	for _, t := range must[[]ssf.UndecidedToken](w)(w.Undecided(w.ctx, "a", 0, 100)) {
		if t.Key == u.key {
			d.Queued = t.N
		}
	}
	m.run(rt, w, []ssf.Delivery{d}, []string{claim})
}

func modelConfirm(rt *rapid.T, w *world, m *model) {
	r := must[ssf.Replies](w)(w.Replies(w.ctx, "a", rapid.IntRange(1, 4).Draw(rt, "limit")))
	w.confirm("a", r)
	m.confirm(r)
}

func modelAck(w *world, m *model) {
	must[int](w)(w.AckUndecided(w.ctx, poll(), "a", start().Add(time.Second)))
	for i := range m.undecided {
		if !m.undecided[i].acked {
			m.undecided[i].acked = true
			m.reply(m.undecided[i].key, "")
		}
	}
}

func modelMatch(rt *rapid.T, w *world, m *model) {
	if len(m.events) == 0 {
		return
	}
	n := rapid.IntRange(1, len(m.events)).Draw(rt, "event")
	who := rapid.SampledFrom([]ssf.IdentityID{"", "i1", "i2"}).Draw(rt, "who")
	sev := rapid.SampledFrom(ssf.Severities()).Draw(rt, "severity")
	w.match(ssf.Seq(n), sev, who)
	st := &m.events[n-1].state
	st.Match, st.Severity = result(0, sev, who).Match, sev
	st.Open = sev != ssf.SeverityRoutine && st.Triage != ssf.TriageClosed
}

func modelTriage(rt *rapid.T, w *world, m *model) {
	if len(m.events) == 0 {
		return
	}
	n := rapid.IntRange(1, len(m.events)).Draw(rt, "event")
	to := rapid.SampledFrom([]ssf.Triage{ssf.TriageNew, ssf.TriageAcknowledged, ssf.TriageClosed}).Draw(rt, "triage")
	w.ok(w.SetTriage(w.ctx, ann(), []ssf.Seq{ssf.Seq(n)}, to, ssf.CloseHandled, ""))
	st := &m.events[n-1].state
	st.Triage = to
	st.Open = st.Severity != "" && st.Severity != ssf.SeverityRoutine && to != ssf.TriageClosed
}

// compare holds everything that the store tells against the model.
func (m *model) compare(rt *rapid.T, w *world) {
	var want ssf.Replies
	for _, r := range m.replies {
		if r.Code == "" {
			want.Acks = append(want.Acks, r.Key)
		} else {
			want.Errs = append(want.Errs, ssf.ReplyError{Key: r.Key, Code: r.Code, Description: "jti is missing"})
		}
	}
	if diff := gocmp.Diff(want, w.replies("a")); diff != "" {
		rt.Fatalf("replies (-want +got):\n%s", diff)
	}
	var queue []modelUndecided
	for _, t := range must[[]ssf.UndecidedToken](w)(w.Undecided(w.ctx, "a", 0, 100)) {
		queue = append(queue, modelUndecided{n: t.N, key: t.Key, acked: t.Acked})
	}
	if !slices.Equal(queue, m.undecided) {
		rt.Fatalf("undecided: got %v, want %v", queue, m.undecided)
	}
	counts := must[ssf.EventCounts](w)(w.EventCounts(w.ctx))
	open, unknown := 0, 0
	bySeverity := map[ssf.Severity]int{}
	list := must[ssf.List[ssf.EventView]](w)(w.Events(w.ctx, ssf.EventFilter{}, ssf.PageRequest{Limit: 200})).Items
	slices.SortFunc(list, func(a, b ssf.EventView) int { return cmp.Compare(a.Event.Seq, b.Event.Seq) })
	if len(list) != min(len(m.events), 200) {
		rt.Fatalf("got %d events, want %d", len(list), len(m.events))
	}
	for i, e := range m.events[:len(list)] {
		got := list[i]
		if got.Event.JTI != e.jti || got.Event.Outcome != e.outcome || got.State.Open != e.state.Open ||
			got.State.Triage != e.state.Triage || got.State.Match.Identity != e.state.Match.Identity {
			rt.Fatalf("event %d: got %+v, want %+v", i+1, got, e)
		}
		if e.state.Open {
			open++
			bySeverity[e.state.Severity]++
		}
		if e.state.Match.State == ssf.MatchNone && e.state.Triage != ssf.TriageClosed {
			unknown++
		}
	}
	if counts.Open != open || counts.Uncorrelated != unknown || !gocmp.Equal(counts.BySeverity, bySeverity) {
		rt.Fatalf("counts: got %+v, want %d open, %d uncorrelated, %v", counts, open, unknown, bySeverity)
	}
}
