package storetest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"harken/ssf"
	"harken/ssf/payload"
)

func ingestCases() []testCase {
	return []testCase{
		{"gapless numbers in the order of the batch", gapless},
		{"an event is stored whole", storedWhole},
		{"the same claims are a duplicate", duplicates},
		{"other claims are a conflict, kept once", conflicts},
		{"transmitters do not share jtis", separateJTIs},
		{"rejected tokens are kept and reported once", rejectedTokens},
		{"a fenced batch changes nothing, its neighbour does", fencedBatch},
		{"an empty batch writes nothing", emptyBatch},
		{"a token of another transmitter is refused", foreignToken},
		{"the log wakes its watchers after the commit", wakes},
		{"one audit entry for a batch", oneEntry},
		{"state travels with the batch", stateTravels},
	}
}

func gapless(w *world) {
	next := ssf.Seq(1)
	for batch := range 5 {
		var ds []ssf.Delivery
		for i := range 10 {
			ds = append(ds, Accepted(SET("a", fmt.Sprintf("j%d-%d", batch, i))))
		}
		for _, v := range w.ingest("a", ds...) {
			if v.Seq != next || v.Outcome != ssf.OutcomeAccepted {
				w.t.Fatalf("got %s %d, want accepted %d", v.Outcome, v.Seq, next)
			}
			next++
		}
		w.reopen()
	}
	events := must[[]ssf.Event](w)(w.EventsAfter(w.ctx, "nobody", 1000))
	for i, ev := range events {
		if ev.Seq != ssf.Seq(i+1) {
			w.t.Fatalf("event %d has number %d", i+1, ev.Seq)
		}
	}
	if len(events) != 50 {
		w.t.Fatalf("got %d events, want 50", len(events))
	}
}

func storedWhole(w *world) {
	happened := start().Add(-time.Minute)
	set := SET("a", "whole", func(f *ssf.SETFields) {
		f.Claims.Payload.EventTimestamp = &happened
		f.Claims.Txn, f.Claims.OtherTypes = "t1", []string{"other"}
		f.Faults = []ssf.Fault{{Layer: ssf.LayerPayload, Code: ssf.RejectInvalidRequest, Message: "odd \x00 text"}}
	})
	v := w.ingest("a", Accepted(set))
	w.reopen()
	view := must[ssf.EventView](w)(w.EventView(w.ctx, v[0].Seq))
	c := set.Claims()
	want := ssf.Event{
		Seq: 1, Transmitter: "a", Provenance: ssf.ProvenanceSigned, Outcome: ssf.OutcomeAccepted, JTI: c.JTI, Issuer: c.Issuer,
		Audience: c.Audience, Txn: "t1", IssuedAt: c.IssuedAt, HappenedAt: happened, ReceivedAt: start(), Subject: c.Subject,
		Type: c.Type, OtherTypes: c.OtherTypes, Payload: c.Payload, PayloadRaw: c.PayloadRaw, Digest: c.Digest,
		Faults: set.Faults(), Evidence: set.Evidence(), TokenBytes: len(set.Raw()),
	}
	if d := diff(want, view.Event); d != "" {
		w.t.Errorf("stored event differs:\n%s", d)
	}
	if got := must[string](w)(w.RawToken(w.ctx, 1)); got != set.Raw() {
		w.t.Errorf("raw token: got %q, want %q", got, set.Raw())
	}
	if _, err := w.RawToken(w.ctx, 2); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("raw token of no event: got %v, want ErrNotFound", err)
	}
}

func duplicates(w *world) {
	first := w.ingest("a", Accepted(SET("a", "x")), Accepted(SET("a", "x")), Accepted(SET("a", "y")))
	want := []ssf.Outcome{ssf.OutcomeAccepted, ssf.OutcomeDuplicate, ssf.OutcomeAccepted}
	if d := diff(want, outcomes(first)); d != "" {
		w.t.Fatal(d)
	}
	w.confirmAll("a")
	w.reopen()
	again := w.ingest("a", Accepted(SET("a", "x", IssuedAt(start().Add(time.Hour)))))
	if again[0].Outcome != ssf.OutcomeDuplicate || again[0].Seq != first[0].Seq {
		w.t.Errorf("signed anew: got %s %d, want duplicate of %d", again[0].Outcome, again[0].Seq, first[0].Seq)
	}
	if got := must[ssf.Replies](w)(w.Replies(w.ctx, "a", 10)); !equal(got.Acks, []string{"x"}) || len(got.Errs) != 0 {
		w.t.Errorf("replies after a duplicate: got %+v, want the ack again", got)
	}
}

func conflicts(w *world) {
	w.ingest("a", Accepted(SET("a", "x")))
	other := SET("a", "x", WithPayload(`{"other":1}`))
	vs := w.ingest("a", Accepted(other), Accepted(other))
	if d := diff([]ssf.Outcome{ssf.OutcomeConflict, ssf.OutcomeDuplicate}, outcomes(vs)); d != "" {
		w.t.Fatal(d)
	}
	if vs[1].Seq != vs[0].Seq {
		w.t.Errorf("the evidence came again: got event %d, want %d", vs[1].Seq, vs[0].Seq)
	}
	ev := must[ssf.EventView](w)(w.EventView(w.ctx, vs[0].Seq)).Event
	if ev.Outcome != ssf.OutcomeConflict || ev.ConflictWith != 1 {
		w.t.Errorf("got %s with %d, want conflict with 1", ev.Outcome, ev.ConflictWith)
	}
	if got := w.ingest("a", Accepted(SET("a", "x"))); got[0].Outcome != ssf.OutcomeDuplicate || got[0].Seq != 1 {
		w.t.Errorf("the first one again: got %+v, want duplicate of 1", got[0])
	}
	if st := must[ssf.TransmitterStats](w)(w.TransmitterStats(w.ctx, "a")); st.ConflictsN != 1 || st.LastEvent != 2 {
		w.t.Errorf("stats: got %d conflicts, last event %d, want 1 and 2", st.ConflictsN, st.LastEvent)
	}
}

func separateJTIs(w *world) {
	w.ingest("a", Accepted(SET("a", "x")))
	if vs := w.ingest("b", Accepted(SET("b", "x"))); vs[0].Outcome != ssf.OutcomeAccepted {
		w.t.Errorf("same jti of another transmitter: got %s, want accepted", vs[0].Outcome)
	}
}

func rejectedTokens(w *world) {
	for range 3 {
		w.ingest("a", Rejected("bad"), Accepted(SET("a", "good")))
	}
	list := must[ssf.List[ssf.RejectedToken]](w)(w.Rejected(w.ctx, "a", ssf.PageRequest{}))
	if len(list.Items) != 1 || list.Items[0].Raw != "bad.bad" || list.Items[0].Reason != "jti is missing" {
		w.t.Errorf("got %+v, want one record of the token", list.Items)
	}
	got := must[ssf.Replies](w)(w.Replies(w.ctx, "a", 10))
	want := ssf.Replies{
		Acks: []string{"good"}, Errs: []ssf.ReplyError{{Key: "bad", Code: ssf.RejectInvalidRequest, Description: "jti is missing"}},
	}
	if d := diff(want, got); d != "" {
		w.t.Errorf("replies:\n%s", d)
	}
}

func fencedBatch(w *world) {
	old := must[ssf.Lease](w)(w.Lease(w.ctx, "poll:a", "one", time.Minute))
	w.clock.Advance(2 * time.Minute)
	lease := must[ssf.Lease](w)(w.Lease(w.ctx, "poll:a", "two", time.Minute))
	stale, good := Batch("a", Accepted(SET("a", "x"))), Batch("b", Accepted(SET("b", "y")))
	stale.Epoch = old.Epoch
	results := must[[]ssf.IngestResult](w)(w.Ingest(w.ctx, poll(), []ssf.IngestBatch{stale, good}))
	if !errors.Is(results[0].Err, ssf.ErrFenced) || results[1].Err != nil {
		w.t.Fatalf("got %v and %v, want ErrFenced and none", results[0].Err, results[1].Err)
	}
	if got := must[ssf.Replies](w)(w.Replies(w.ctx, "a", 10)); !got.Empty() {
		w.t.Errorf("the fenced batch left replies %+v", got)
	}
	stale.Epoch = lease.Epoch
	if results = must[[]ssf.IngestResult](w)(w.Ingest(w.ctx, poll(), []ssf.IngestBatch{stale})); results[0].Err != nil {
		w.t.Errorf("under the present epoch: got %v, want none", results[0].Err)
	}
	if results = must[[]ssf.IngestResult](w)(w.Ingest(w.ctx, poll(), []ssf.IngestBatch{{Transmitter: "a", Epoch: old.Epoch}})); !errors.Is(results[0].Err, ssf.ErrFenced) {
		w.t.Errorf("empty batch under the old epoch: got %v, want ErrFenced", results[0].Err)
	}
}

func emptyBatch(w *world) {
	before := w.entries()
	wake, stop := w.Watch(ssf.Topic{Kind: ssf.TopicTransmitter}, ssf.Topic{Kind: ssf.TopicLog})
	defer stop()
	w.ingest("a")
	select {
	case <-wake:
		w.t.Error("an empty batch woke its watchers")
	default:
	}
	if after := w.entries(); after != before {
		w.t.Errorf("an empty batch wrote %d audit entries", after-before)
	}
}

// entries is the number of the last audit entry.
func (w *world) entries() uint64 {
	w.t.Helper()
	list := must[ssf.List[ssf.AuditEntry]](w)(w.Audit(w.ctx, ssf.PageRequest{Limit: 1}))
	if len(list.Items) == 0 {
		return 0
	}
	return list.Items[0].N
}

// lastEntry is the newest audit entry.
func (w *world) lastEntry() ssf.AuditEntry {
	w.t.Helper()
	return must[ssf.List[ssf.AuditEntry]](w)(w.Audit(w.ctx, ssf.PageRequest{Limit: 1})).Items[0]
}

func foreignToken(w *world) {
	results := must[[]ssf.IngestResult](w)(w.Ingest(w.ctx, poll(), []ssf.IngestBatch{
		Batch("a", Accepted(SET("b", "x"))), Batch("a", ssf.Delivery{Key: "none"}), Batch("b", Accepted(SET("b", "x"))),
	}))
	if results[0].Err == nil || results[1].Err == nil || results[2].Err != nil {
		w.t.Errorf("got %v, %v, %v, want errors for the first two", results[0].Err, results[1].Err, results[2].Err)
	}
}

func wakes(w *world) {
	log, stop := w.Watch(ssf.Topic{Kind: ssf.TopicLog})
	other, stopOther := w.Watch(ssf.Topic{Kind: ssf.TopicTransmitter, ID: "b"})
	defer stopOther()
	w.ingest("a", Accepted(SET("a", "1")))
	w.ingest("a", Accepted(SET("a", "2")))
	select {
	case <-log:
	default:
		w.t.Error("no wake after a commit")
	}
	select {
	case <-log:
		w.t.Error("two commits gave two wakes, want one")
	case <-other:
		w.t.Error("the watcher of b was woken by a")
	default:
	}
	stop()
	w.ingest("a", Accepted(SET("a", "3")))
	select {
	case <-log:
		w.t.Error("woken after the watch ended")
	default:
	}
}

func oneEntry(w *world) {
	before := w.entries()
	w.ingest("a", Accepted(SET("a", "1")), Accepted(SET("a", "1")), Rejected("2"), Undecided("3"), Accepted(SET("a", "4", OfType(payload.Verification))))
	if got := w.entries() - before; got != 1 {
		w.t.Fatalf("got %d audit entries, want 1", got)
	}
	e := w.lastEntry()
	for _, part := range []string{"2 accepted", "1 duplicates", "1 rejected", "1 undecided", "events 1 to 2"} {
		if !strings.Contains(e.Detail, part) {
			w.t.Errorf("entry %q lacks %q", e.Detail, part)
		}
	}
	if e.Actor.Name != "poller" || e.Object != "transmitter/a" || e.Result != "done" || !e.At.Equal(start()) {
		w.t.Errorf("got entry %+v", e)
	}
}

func stateTravels(w *world) {
	st := ssf.TransmitterState{Poll: ssf.PollState{Failures: 3, LastAt: start()}}
	b := Batch("a")
	b.State = &st
	before := w.entries()
	must[[]ssf.IngestResult](w)(w.Ingest(w.ctx, poll(), []ssf.IngestBatch{b}))
	w.reopen()
	st.ID = "a"
	if d := diff(st, must[ssf.TransmitterState](w)(w.TransmitterState(w.ctx, "a"))); d != "" {
		w.t.Errorf("state:\n%s", d)
	}
	if got := must[ssf.TransmitterState](w)(w.TransmitterState(w.ctx, "new")); got.ID != "new" {
		w.t.Errorf("state of a new transmitter: got %+v, want the zero state with its id", got)
	}
	if w.entries() != before {
		w.t.Error("bookkeeping was audited")
	}
}
