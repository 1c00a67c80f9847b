package storetest

import (
	"errors"
	"fmt"
	"time"

	"harken/ssf"
	"harken/ssf/payload"
)

func eventCases() []testCase {
	return []testCase{
		{"the rule of the inbox", openRule},
		{"a person's triage stays through a new match", triageStays},
		{"triage is all or nothing", triageAllOrNone},
		{"counts and histogram follow every change", countsFollow},
		{"filters and pages", filtersAndPages},
		{"cursors that are not ours are not found", foreignCursors},
		{"a page is stable while events arrive", stablePages},
		{"the search is bounded", boundedSearch},
		{"uncorrelated events, oldest first", uncorrelated},
	}
}

// match writes one match of an event, as correlation would.
func (w *world) match(seq ssf.Seq, sev ssf.Severity, who ssf.IdentityID) {
	w.t.Helper()
	w.matches([]ssf.MatchResult{result(seq, sev, who)})
}

func result(seq ssf.Seq, sev ssf.Severity, who ssf.IdentityID) ssf.MatchResult {
	m := ssf.Match{State: ssf.MatchFound, Identity: who}
	switch who {
	case "":
		m = ssf.Match{State: ssf.MatchNone, Reason: ssf.ReasonNotFound}
	case "control":
		m = ssf.Match{State: ssf.MatchControl}
	}
	return ssf.MatchResult{Seq: seq, Match: m, Severity: sev}
}

func (w *world) matches(results []ssf.MatchResult) {
	w.t.Helper()
	lease := must[ssf.Lease](w)(w.Lease(w.ctx, "correlate", "test", time.Hour))
	w.ok(w.PutMatches(w.ctx, ssf.System("correlate"), lease, results, 0))
}

func openRule(w *world) {
	tests := []struct {
		typ  string
		sev  ssf.Severity
		who  ssf.IdentityID
		open bool
	}{
		{payload.SessionRevoked, ssf.SeverityMedium, "i1", true},
		{payload.SessionRevoked, ssf.SeverityRoutine, "i1", false},
		{payload.SessionRevoked, ssf.SeverityRoutine, "", false},
		{"https://example.com/unknown", ssf.SeverityLow, "", true},
		{payload.Verification, ssf.SeverityRoutine, "control", false},
		{payload.StreamUpdated, ssf.SeverityMedium, "control", false},
	}
	for i, test := range tests {
		v := w.ingest("a", Accepted(SET("a", fmt.Sprint(i), OfType(test.typ))))
		if st := must[ssf.EventView](w)(w.EventView(w.ctx, v[0].Seq)).State; st.Open || st.Seq != v[0].Seq || st.Severity != "" {
			w.t.Errorf("%d before correlation: got state %+v, want the zero state", i, st)
		}
		w.match(v[0].Seq, test.sev, test.who)
		if st := must[ssf.EventView](w)(w.EventView(w.ctx, v[0].Seq)).State; st.Open != test.open {
			w.t.Errorf("%s %s: got open %v, want %v", test.typ, test.sev, st.Open, test.open)
		}
	}
}

func triageStays(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	w.match(1, ssf.SeverityHigh, "")
	ann := person("ann", ssf.RoleResponder)
	w.ok(w.SetTriage(w.ctx, ann, []ssf.Seq{1}, ssf.TriageClosed, ssf.CloseExpected, "known"))
	w.match(1, ssf.SeverityCritical, "i1")
	st := must[ssf.EventView](w)(w.EventView(w.ctx, 1)).State
	if st.Open || st.Triage != ssf.TriageClosed || st.CloseReason != ssf.CloseExpected || st.Note != "known" || st.TriagedBy != "ann" ||
		st.Severity != ssf.SeverityCritical || st.Match.Identity != "i1" || !st.TriagedAt.Equal(start()) {
		w.t.Errorf("got %+v, want the new match and the old triage", st)
	}
	w.ok(w.SetTriage(w.ctx, ann, []ssf.Seq{1}, ssf.TriageNew, "", ""))
	if st := must[ssf.EventView](w)(w.EventView(w.ctx, 1)).State; !st.Open || st.CloseReason != "" {
		w.t.Errorf("reopened: got %+v, want open", st)
	}
	if e := w.lastEntry(); e.Action != "event.reopened" || e.Event != 1 || e.Identity != "i1" || e.Actor.Name != "ann" {
		w.t.Errorf("got entry %+v", e)
	}
}

func triageAllOrNone(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	ann := person("ann", ssf.RoleResponder)
	before := w.entries()
	if err := w.SetTriage(w.ctx, ann, []ssf.Seq{1, 7}, ssf.TriageClosed, ssf.CloseHandled, ""); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("got %v, want ErrNotFound", err)
	}
	if st := must[ssf.EventView](w)(w.EventView(w.ctx, 1)).State; st.Triage != "" || w.entries() != before {
		w.t.Errorf("got %+v, want nothing changed", st)
	}
	w.ok(w.SetTriage(w.ctx, ann, []ssf.Seq{1}, ssf.TriageAcknowledged, "", ""))
	w.match(1, ssf.SeverityLow, "i1")
	if st := must[ssf.EventView](w)(w.EventView(w.ctx, 1)).State; !st.Open || st.Triage != ssf.TriageAcknowledged {
		w.t.Errorf("acknowledged before its match: got %+v, want open and acknowledged", st)
	}
}

func countsFollow(w *world) {
	w.ingest("a", Accepted(SET("a", "1")), Accepted(SET("a", "2")), Accepted(SET("a", "3", OfType(payload.Verification))))
	w.ingest("b", Accepted(SET("b", "4", OfType(payload.CredentialChange))))
	w.matches([]ssf.MatchResult{
		result(1, ssf.SeverityHigh, "i1"), result(2, ssf.SeverityRoutine, "i1"), result(3, ssf.SeverityRoutine, "control"),
		result(4, ssf.SeverityLow, ""),
	})
	want := ssf.EventCounts{
		Open: 2, BySeverity: map[ssf.Severity]int{ssf.SeverityHigh: 1, ssf.SeverityLow: 1},
		ByType:        map[string]int{payload.SessionRevoked: 1, payload.CredentialChange: 1},
		ByTransmitter: map[ssf.TransmitterID]int{"a": 1, "b": 1},
		Uncorrelated:  1, RoutineToday: 1, Last: 4, LastReceived: start(), LastTransmitter: "b",
	}
	if d := diff(want, must[ssf.EventCounts](w)(w.EventCounts(w.ctx))); d != "" {
		w.t.Errorf("counts:\n%s", d)
	}
	w.match(4, ssf.SeverityMedium, "i2")
	w.ok(w.SetTriage(w.ctx, person("ann", ssf.RoleResponder), []ssf.Seq{1}, ssf.TriageClosed, ssf.CloseHandled, ""))
	w.reopen()
	got := must[ssf.EventCounts](w)(w.EventCounts(w.ctx))
	if got.Open != 1 || got.Uncorrelated != 0 || !equal(got.BySeverity, map[ssf.Severity]int{ssf.SeverityMedium: 1}) {
		w.t.Errorf("after changes: got %+v", got)
	}
	hours := must[[]ssf.HourCount](w)(w.Histogram(w.ctx, 3))
	last := map[ssf.Severity]int{ssf.SeverityHigh: 1, ssf.SeverityMedium: 1, ssf.SeverityRoutine: 1}
	if len(hours) != 3 || !hours[2].Hour.Equal(start().Truncate(time.Hour)) || !equal(hours[2].BySeverity, last) || len(hours[0].BySeverity) != 0 {
		w.t.Errorf("histogram: got %+v", hours)
	}
	w.clock.Advance(24 * time.Hour)
	if got := must[ssf.EventCounts](w)(w.EventCounts(w.ctx)); got.RoutineToday != 0 {
		w.t.Errorf("the next day: got %d routine, want 0", got.RoutineToday)
	}
}

// seqs lists a filter page by page.
func (w *world) seqs(f ssf.EventFilter, limit int) (out []ssf.Seq) {
	w.t.Helper()
	for req := (ssf.PageRequest{Limit: limit}); ; {
		list := must[ssf.List[ssf.EventView]](w)(w.Events(w.ctx, f, req))
		if len(list.Items) > limit {
			w.t.Fatalf("page of %d rows, want at most %d", len(list.Items), limit)
		}
		for _, v := range list.Items {
			out = append(out, v.Event.Seq)
		}
		if list.Next == "" {
			return out
		}
		req.Cursor = list.Next
	}
}

func filtersAndPages(w *world) {
	for i := range 40 {
		tx, typ := ssf.TransmitterID("a"), payload.SessionRevoked
		if i%2 == 1 {
			tx = "b"
		}
		if i%4 == 3 {
			typ = payload.CredentialChange
		}
		w.ingest(tx, Accepted(SET(tx, fmt.Sprint(i), OfType(typ))))
	}
	var results []ssf.MatchResult
	for i := range 39 { // the last one stays without a state
		who := ssf.IdentityID(fmt.Sprint("i", i%3))
		if i%5 == 0 {
			who = ""
		}
		results = append(results, result(ssf.Seq(i+1), ssf.Severities()[i%5], who))
	}
	w.matches(results)
	w.ok(w.SetTriage(w.ctx, person("ann", ssf.RoleAdmin), []ssf.Seq{3, 7, 12}, ssf.TriageClosed, ssf.CloseHandled, ""))
	all := must[ssf.List[ssf.EventView]](w)(w.Events(w.ctx, ssf.EventFilter{}, ssf.PageRequest{Limit: 200})).Items
	if len(all) != 40 {
		w.t.Fatalf("got %d events, want 40", len(all))
	}
	for _, f := range manyFilters() {
		var want []ssf.Seq
		for _, v := range all {
			if fits(f, v) {
				want = append(want, v.Event.Seq)
			}
		}
		for _, limit := range []int{1, 7, 200} {
			if d := diff(want, w.seqs(f, limit)); d != "" {
				w.t.Errorf("filter %+v, pages of %d:\n%s", f, limit, d)
			}
		}
		if n := must[int](w)(w.CountAfter(w.ctx, f)); n != len(want) {
			w.t.Errorf("filter %+v: counted %d, want %d", f, n, len(want))
		}
	}
}

func manyFilters() (out []ssf.EventFilter) {
	for _, tab := range []ssf.EventTab{"", ssf.TabAll, ssf.TabOpen, ssf.TabClosed} {
		for _, sev := range [][]ssf.Severity{nil, {ssf.SeverityHigh, ssf.SeverityLow}, {ssf.SeverityRoutine}} {
			for _, types := range [][]string{nil, {payload.CredentialChange}, {payload.CredentialChange, payload.SessionRevoked}} {
				for _, more := range []ssf.EventFilter{{}, {Transmitter: "b"}, {Identity: "i1"}, {Uncorrelated: true}, {After: 20}} {
					more.Tab, more.Severities, more.Types = tab, sev, types
					out = append(out, more)
				}
			}
		}
	}
	return out
}

// fits is the plain meaning of a filter.
func fits(f ssf.EventFilter, v ssf.EventView) bool {
	in := func(ok bool) bool { return ok }
	has := func(n int, at func(int) bool) bool {
		for i := range n {
			if at(i) {
				return true
			}
		}
		return n == 0
	}
	return in(f.Tab != ssf.TabOpen || v.State.Open) &&
		in(f.Tab != ssf.TabClosed || v.State.Triage == ssf.TriageClosed) &&
		has(len(f.Severities), func(i int) bool { return v.State.Severity == f.Severities[i] }) &&
		has(len(f.Types), func(i int) bool { return v.Event.Type == f.Types[i] }) &&
		in(f.Transmitter == "" || v.Event.Transmitter == f.Transmitter) &&
		in(f.Identity == "" || v.State.Match.Identity == f.Identity) &&
		in(!f.Uncorrelated || v.State.Match.State == ssf.MatchNone) &&
		in(v.Event.Seq > f.After)
}

func foreignCursors(w *world) {
	for i := range 3 {
		w.ingest("a", Accepted(SET("a", fmt.Sprint(i))))
	}
	list := must[ssf.List[ssf.EventView]](w)(w.Events(w.ctx, ssf.EventFilter{}, ssf.PageRequest{Limit: 1}))
	for _, cursor := range []string{"x", "AAAA", list.Next + "A", list.Next[1:], "1", "%00"} {
		if _, err := w.Events(w.ctx, ssf.EventFilter{}, ssf.PageRequest{Cursor: cursor}); !errors.Is(err, ssf.ErrNotFound) {
			w.t.Errorf("cursor %q: got %v, want ErrNotFound", cursor, err)
		}
	}
	if _, err := w.Audit(w.ctx, ssf.PageRequest{Cursor: list.Next}); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("cursor of another list: got %v, want ErrNotFound", err)
	}
	if _, err := w.Events(w.ctx, ssf.EventFilter{Tab: "odd"}, ssf.PageRequest{}); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("unknown tab: got %v, want ErrNotFound", err)
	}
	if _, err := w.EventView(w.ctx, 99); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("unknown event: got %v, want ErrNotFound", err)
	}
}

func stablePages(w *world) {
	for i := range 30 {
		w.ingest("a", Accepted(SET("a", fmt.Sprint(i))))
	}
	seen := map[ssf.Seq]int{}
	for req := (ssf.PageRequest{Limit: 4}); ; {
		list := must[ssf.List[ssf.EventView]](w)(w.Events(w.ctx, ssf.EventFilter{}, req))
		for _, v := range list.Items {
			seen[v.Event.Seq]++
		}
		if list.Next == "" {
			break
		}
		req.Cursor = list.Next
		w.ingest("a", Accepted(SET("a", "new"+req.Cursor)))
	}
	for seq := ssf.Seq(1); seq <= 30; seq++ {
		if seen[seq] != 1 {
			w.t.Errorf("event %d was listed %d times, want once", seq, seen[seq])
		}
	}
}

func boundedSearch(w *world) {
	const n = 20_400
	for at := 0; at < n; at += 3400 {
		var ds []ssf.Delivery
		for i := range 3400 {
			tx := "a"
			if at == 0 && i == 0 {
				tx = "b"
			}
			ds = append(ds, Accepted(SET("a", fmt.Sprint(at+i), OfType("https://example.com/"+tx))))
		}
		w.ingest("a", ds...)
	}
	// Two conditions, each with many events, and one event only fulfils both: the search must stop and go on.
	f := ssf.EventFilter{Transmitter: "a", Types: []string{"https://example.com/a"}, Tab: ssf.TabClosed}
	f.Severities = nil
	list := must[ssf.List[ssf.EventView]](w)(w.Events(w.ctx, f, ssf.PageRequest{}))
	if len(list.Items) != 0 || !list.More || list.Next == "" {
		w.t.Fatalf("got %d rows, more %v, want none yet and more", len(list.Items), list.More)
	}
	list = must[ssf.List[ssf.EventView]](w)(w.Events(w.ctx, f, ssf.PageRequest{Cursor: list.Next}))
	if len(list.Items) != 0 || list.More || list.Next != "" {
		w.t.Errorf("second call: got %d rows, more %v, want the end", len(list.Items), list.More)
	}
	if got := must[int](w)(w.CountAfter(w.ctx, ssf.EventFilter{})); got != ssf.CountCap {
		w.t.Errorf("counted %d, want the cap %d", got, ssf.CountCap)
	}
}

func uncorrelated(w *world) {
	for i := range 6 {
		w.ingest("a", Accepted(SET("a", fmt.Sprint(i))))
	}
	w.matches([]ssf.MatchResult{
		result(1, ssf.SeverityRoutine, ""), result(2, ssf.SeverityLow, "i1"), result(3, ssf.SeverityLow, ""),
		result(5, ssf.SeverityLow, ""),
	})
	list := func(after ssf.Seq, limit int) (out []ssf.Seq) {
		for _, ev := range must[[]ssf.Event](w)(w.Uncorrelated(w.ctx, after, limit)) {
			out = append(out, ev.Seq)
		}
		return out
	}
	if d := diff([]ssf.Seq{1, 3, 5}, list(0, 10)); d != "" {
		w.t.Error(d)
	}
	if d := diff([]ssf.Seq{3}, list(1, 1)); d != "" {
		w.t.Error(d)
	}
	w.match(3, ssf.SeverityLow, "i2")
	if d := diff([]ssf.Seq{1, 5}, list(0, 10)); d != "" {
		w.t.Error(d)
	}
}
