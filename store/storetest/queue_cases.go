package storetest

import (
	"fmt"
	"strings"
	"time"

	"harken/ssf"
)

func queueCases() []testCase {
	return []testCase{
		{"replies wait until they are confirmed", repliesWait},
		{"a confirmation of another kind drops nothing", confirmKinds},
		{"an ack and an error never stand side by side", neverBoth},
		{"replies are limited and oldest first", repliesInOrder},
		{"an undecided token waits once", undecidedOnce},
		{"an undecided token that is judged keeps its first time", undecidedJudged},
		{"acknowledged undecided tokens are never reported", undecidedAcked},
		{"a full queue leaves tokens with the transmitter", undecidedFull},
		{"rejected tokens take no more room than is theirs", rejectedBound},
		{"replies are read without reading all that wait", repliesBounded},
	}
}

func (w *world) replies(tx ssf.TransmitterID) ssf.Replies {
	w.t.Helper()
	return must[ssf.Replies](w)(w.Replies(w.ctx, tx, 1000))
}

func (w *world) confirm(tx ssf.TransmitterID, r ssf.Replies) {
	w.t.Helper()
	results := must[[]ssf.IngestResult](w)(w.Ingest(w.ctx, poll(), []ssf.IngestBatch{{Transmitter: tx, Confirmed: r}}))
	w.ok(results[0].Err)
}

func (w *world) confirmAll(tx ssf.TransmitterID) {
	w.t.Helper()
	w.confirm(tx, w.replies(tx))
}

func repliesWait(w *world) {
	w.ingest("a", Accepted(SET("a", "1")), Accepted(SET("a", "2")), Rejected("3"))
	w.reopen()
	got := w.replies("a")
	if !equal(got.Acks, []string{"1", "2"}) || len(got.Errs) != 1 {
		w.t.Fatalf("got %+v, want two acks and an error", got)
	}
	w.confirm("a", ssf.Replies{Acks: []string{"1", "unknown"}})
	if got := w.replies("a"); !equal(got.Acks, []string{"2"}) || len(got.Errs) != 1 {
		w.t.Errorf("got %+v, want the rest", got)
	}
	w.confirmAll("a")
	w.reopen()
	if got := w.replies("a"); !got.Empty() {
		w.t.Errorf("got %+v, want none", got)
	}
	if st := must[ssf.TransmitterStats](w)(w.TransmitterStats(w.ctx, "a")); st.RepliesWaiting != 0 {
		w.t.Errorf("stats: got %d replies waiting, want 0", st.RepliesWaiting)
	}
}

func confirmKinds(w *world) {
	w.ingest("a", Accepted(SET("a", "1")), Rejected("2"))
	w.confirm("a", ssf.Replies{Acks: []string{"2"}, Errs: []ssf.ReplyError{{Key: "1"}}})
	if got := w.replies("a"); len(got.Acks) != 1 || len(got.Errs) != 1 {
		w.t.Errorf("got %+v, want both still waiting", got)
	}
}

func neverBoth(w *world) {
	w.ingest("a", Rejected("k"))
	good := Accepted(SET("a", "k"))
	w.ingest("a", good)
	if got := w.replies("a"); !equal(got.Acks, []string{"k"}) || len(got.Errs) != 0 {
		w.t.Errorf("bad, then good: got %+v, want the ack alone", got)
	}
	w.ingest("a", Rejected("k"))
	if got := w.replies("a"); !equal(got.Acks, []string{"k"}) || len(got.Errs) != 0 {
		w.t.Errorf("good, then bad: got %+v, want the ack alone", got)
	}
}

func repliesInOrder(w *world) {
	for i := range 12 {
		w.ingest("a", Accepted(SET("a", fmt.Sprint("j", i))), Rejected(fmt.Sprint("r", i)))
	}
	w.ingest("ab", Accepted(SET("ab", "other")))
	got := must[ssf.Replies](w)(w.Replies(w.ctx, "a", 5))
	if !equal(got.Acks, []string{"j0", "j1", "j2", "j3", "j4"}) || len(got.Errs) != 5 || got.Errs[4].Key != "r4" {
		w.t.Errorf("got %+v, want the five oldest of each", got)
	}
}

func undecidedOnce(w *world) {
	w.ingest("a", Undecided("u"), Undecided("u"))
	later := Undecided("u")
	later.ReceivedAt = start().Add(time.Hour)
	later.Undecided = &ssf.UndecidedError{Reason: ssf.UndecidedNoKeys, Code: ssf.RejectInvalidKey}
	w.ingest("a", later)
	w.reopen()
	got := must[[]ssf.UndecidedToken](w)(w.Undecided(w.ctx, "a", 0, 10))
	if len(got) != 1 || got[0].Reason != ssf.UndecidedNoKeys || !got[0].ReceivedAt.Equal(start()) {
		w.t.Fatalf("got %+v, want one with the new reason and the first time", got)
	}
	if !w.replies("a").Empty() {
		w.t.Error("an undecided token was answered")
	}
	st := must[ssf.TransmitterStats](w)(w.TransmitterStats(w.ctx, "a"))
	if st.Undecided != 1 || st.UndecidedReasons[ssf.UndecidedNoKeys] != 1 || len(st.UndecidedReasons) != 1 {
		w.t.Errorf("stats: got %d %v, want one", st.Undecided, st.UndecidedReasons)
	}
}

func undecidedJudged(w *world) {
	w.ingest("a", Undecided("u"), Undecided("v"))
	queue := must[[]ssf.UndecidedToken](w)(w.Undecided(w.ctx, "a", 0, 10))
	again := Accepted(SET("a", "u"))
	again.ReceivedAt, again.Queued, again.Raw = start().Add(time.Hour), queue[0].N, queue[0].Raw
	bad := Rejected("v")
	bad.Queued, bad.Raw = queue[1].N, queue[1].Raw
	vs := w.ingest("a", again, bad)
	if vs[0].Outcome != ssf.OutcomeAccepted || vs[1].Outcome != ssf.OutcomeRejected {
		w.t.Fatalf("got %v", outcomes(vs))
	}
	if ev := must[ssf.EventView](w)(w.EventView(w.ctx, vs[0].Seq)).Event; !ev.ReceivedAt.Equal(start()) {
		w.t.Errorf("received: got %v, want the first time %v", ev.ReceivedAt, start())
	}
	if got := must[[]ssf.UndecidedToken](w)(w.Undecided(w.ctx, "a", 0, 10)); len(got) != 0 {
		w.t.Errorf("still queued: %+v", got)
	}
	if got := w.replies("a"); !equal(got.Acks, []string{"u"}) || len(got.Errs) != 1 {
		w.t.Errorf("got replies %+v, want one of each", got)
	}
	if vs := w.ingest("a", again); vs[0].Outcome != ssf.OutcomeDuplicate {
		w.t.Errorf("judged twice: got %s, want duplicate", vs[0].Outcome)
	}
}

func undecidedAcked(w *world) {
	w.ingest("a", Undecided("u"), Undecided("v"))
	before := w.entries()
	if n := must[int](w)(w.AckUndecided(w.ctx, poll(), "a", start())); n != 0 || w.entries() != before {
		w.t.Errorf("too early: acked %d", n)
	}
	if n := must[int](w)(w.AckUndecided(w.ctx, poll(), "a", start().Add(time.Second))); n != 2 {
		w.t.Errorf("acked %d, want 2", n)
	}
	if n := must[int](w)(w.AckUndecided(w.ctx, poll(), "a", start().Add(time.Second))); n != 0 {
		w.t.Errorf("acked again: %d", n)
	}
	if got := w.replies("a"); !equal(got.Acks, []string{"u", "v"}) {
		w.t.Fatalf("got %+v, want both acks", got)
	}
	w.confirmAll("a")
	w.ingest("a", Undecided("u"))
	if got := w.replies("a"); !equal(got.Acks, []string{"u"}) {
		w.t.Errorf("delivered again after its ack: got %+v, want another ack", got)
	}
	w.confirmAll("a")
	bad := Rejected("v")
	queue := must[[]ssf.UndecidedToken](w)(w.Undecided(w.ctx, "a", 0, 10))
	bad.Queued, bad.Raw = queue[1].N, queue[1].Raw
	w.ingest("a", bad)
	if got := w.replies("a"); !got.Empty() {
		w.t.Errorf("bad after its ack: got %+v, want nothing reported", got)
	}
	if list := must[ssf.List[ssf.RejectedToken]](w)(w.Rejected(w.ctx, "a", ssf.PageRequest{})); len(list.Items) != 1 {
		w.t.Errorf("got %d rejected, want the record all the same", len(list.Items))
	}
	for range 2 { // its ack was lost
		bad.Queued = 0
		w.ingest("a", bad)
		if got := w.replies("a"); !equal(got.Acks, []string{"v"}) || len(got.Errs) != 0 {
			w.t.Errorf("bad, delivered again after its ack: got %+v, want the ack again", got)
		}
		w.confirmAll("a")
	}
}

func undecidedFull(w *world) {
	big := strings.Repeat("x", 1<<20)
	full := 0
	for i := range 66 {
		d := Undecided(fmt.Sprint("u", i))
		d.Raw = big + fmt.Sprint(i)
		if w.ingest("a", d)[0].Full {
			full++
		}
	}
	if full != 3 {
		w.t.Errorf("got %d refused of 66 MiB, want 3 above the 64 MiB", full)
	}
	if v := w.ingest("b", Undecided("u"))[0]; v.Full {
		w.t.Error("one transmitter's queue filled another's")
	}
}

func rejectedBound(w *world) {
	big := strings.Repeat("x", 8<<20)
	for i := range 10 {
		d := Rejected(fmt.Sprint("r", i))
		d.Raw = big + fmt.Sprint(i)
		w.ingest("a", d)
	}
	list := must[ssf.List[ssf.RejectedToken]](w)(w.Rejected(w.ctx, "a", ssf.PageRequest{}))
	if len(list.Items) != 7 || list.Items[0].Key != "r9" {
		w.t.Errorf("got %d tokens of 8 MiB kept, want the newest 7, below 64 MiB", len(list.Items))
	}
	if got := w.replies("a"); len(got.Errs) != 10 {
		w.t.Errorf("got %d reports, want all 10", len(got.Errs))
	}
}

func repliesBounded(w *world) {
	for range 3 {
		w.ingest("a", Rejected(fmt.Sprint("first", w.entries())))
	}
	for i := range 30 {
		w.ingest("a", Accepted(SET("a", fmt.Sprint("j", i))))
	}
	got := must[ssf.Replies](w)(w.Replies(w.ctx, "a", 2))
	if len(got.Errs) != 2 || len(got.Acks) != 1 {
		w.t.Errorf("got %+v, want what the four oldest hold", got)
	}
	for rounds := 0; ; rounds++ {
		if got = must[ssf.Replies](w)(w.Replies(w.ctx, "a", 2)); got.Empty() {
			break
		}
		if w.confirm("a", got); rounds > 40 {
			w.t.Fatalf("still waiting after %d rounds: %+v", rounds, got)
		}
	}
}
