package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"harken/ssf"
)

func runCases() []testCase {
	return []testCase{
		{"equal effects are one run", oneEffect},
		{"a request needs an event that exists, or an intent", needsCause},
		{"a run's way from pending to confirmed", wholeWay},
		{"undo, hurry, retry", undoHurryRetry},
		{"held from the start", heldFromStart},
		{"claims are exclusive and run out", claimsRunOut},
		{"a claim of the time before a restart is nobody's", claimRestart},
		{"what was executing is in doubt after a restart", inDoubt},
		{"runs are listed newest first", runsListed},
		{"attempts and observations are bounded", boundedHistory},
		{"due time decides what the worker sees", dueDecides},
	}
}

func ask(event ssf.Seq, n int) ssf.RunRequest {
	return ssf.RunRequest{
		Kind: ssf.KindTerminateSessions, Connector: "crm", Account: ssf.AccountRef{Source: "hr", ID: fmt.Sprint(n)},
		Identity: ssf.IdentityID(fmt.Sprint("i", n)), Event: event, Reason: "because",
	}
}

func ann() ssf.Actor { return person("ann", ssf.RoleResponder) }

func worker() ssf.Actor { return ssf.System("worker") }

func (w *world) create(asks ...ssf.RunRequest) []ssf.Run {
	w.t.Helper()
	return must[[]ssf.Run](w)(w.CreateRuns(w.ctx, ann(), asks))
}

func (w *world) claim(n int) []ssf.RunClaim {
	w.t.Helper()
	return must[[]ssf.RunClaim](w)(w.ClaimRuns(w.ctx, "worker", n, time.Minute))
}

func oneEffect(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	first := w.create(ask(1, 1), ask(1, 2))
	again := w.create(ask(1, 1))
	if again[0].ID != first[0].ID || len(again[0].AskedBy) != 1 {
		w.t.Errorf("asked twice by one: got %+v", again[0])
	}
	bob := must[[]ssf.Run](w)(w.CreateRuns(w.ctx, person("bob", ssf.RoleAdmin), []ssf.RunRequest{ask(1, 1)}))
	if bob[0].ID != first[0].ID || len(bob[0].AskedBy) != 2 || bob[0].Revision != 2 {
		w.t.Errorf("asked by another: got %+v, want the same run with two askers", bob[0])
	}
	if got := must[ssf.Run](w)(w.Run(w.ctx, first[0].ID)); !equal(got, bob[0]) {
		w.t.Errorf("returned and stored differ:\n%s", diff(bob[0], got))
	}
	list := must[ssf.List[ssf.Run]](w)(w.Runs(w.ctx, ssf.RunFilter{}, ssf.PageRequest{}))
	if len(list.Items) != 2 {
		w.t.Errorf("got %d runs, want 2", len(list.Items))
	}
	if st := must[ssf.EventView](w)(w.EventView(w.ctx, 1)).State; st.Runs[ssf.RunPending] != 2 {
		w.t.Errorf("event's summary: got %v, want 2 pending", st.Runs)
	}
	if got := must[ssf.StoreStats](w)(w.Stats(w.ctx)); got.Runs[ssf.RunPending] != 2 || got.Events != 1 || !got.OldestDue.Equal(start()) {
		w.t.Errorf("stats: got %+v", got)
	}
}

func needsCause(w *world) {
	if _, err := w.CreateRuns(w.ctx, ann(), []ssf.RunRequest{ask(5, 1)}); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("unknown event: got %v, want ErrNotFound", err)
	}
	if _, err := w.CreateRuns(w.ctx, ann(), []ssf.RunRequest{ask(0, 1)}); err == nil {
		w.t.Error("neither event nor intent: got no error")
	}
	r := ask(0, 1)
	r.Intent = "intent-1"
	w.create(r)
	if _, err := w.Run(w.ctx, "nothing"); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("unknown run: got %v, want ErrNotFound", err)
	}
}

func wholeWay(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	w.match(1, ssf.SeverityHigh, "i1")
	id := w.create(ask(1, 1))[0].ID
	claim := w.claim(5)
	if len(claim) != 1 || claim[0].Run.ID != id || len(w.claim(5)) != 0 {
		w.t.Fatalf("got %d claims, want the run once", len(claim))
	}
	run := must[ssf.Run](w)(w.Begin(w.ctx, worker(), id, claim[0].Token))
	if run.State != ssf.RunExecuting || !run.BegunAt.Equal(start()) {
		w.t.Fatalf("begun: got %+v", run)
	}
	due := start().Add(2 * time.Second)
	run = must[ssf.Run](w)(w.Update(w.ctx, worker(), ssf.RunUpdate{
		ID: id, Claim: claim[0].Token, State: ssf.RunAccepted, Detail: "taken", Due: due, Keep: true,
		Progress: []ssf.OperationName{ssf.OpTerminateSessions},
		Attempt:  &ssf.Attempt{At: start(), Operation: ssf.OpTerminateSessions, Meaning: ssf.AnswerSuccess, Status: 204},
	}))
	if run.State != ssf.RunAccepted || len(run.Attempts) != 1 || !run.DoneAt.IsZero() {
		w.t.Fatalf("accepted: got %+v", run)
	}
	none := 0
	before := w.entries()
	run = must[ssf.Run](w)(w.Update(w.ctx, worker(), ssf.RunUpdate{
		ID: id, Claim: claim[0].Token, State: ssf.RunConfirmed, Detail: "0 sessions left",
		Observation: &ssf.Observation{At: start(), Readable: true, Sessions: &none, Proves: true},
	}))
	if run.State != ssf.RunConfirmed || !run.DoneAt.Equal(start()) || !run.Due.IsZero() || len(run.Observations) != 1 {
		w.t.Errorf("confirmed: got %+v", run)
	}
	if e := w.lastEntry(); w.entries() != before+1 || e.Action != "run.confirmed" || e.Run != id || e.Identity != "i1" || e.Event != 1 {
		w.t.Errorf("got entry %+v", e)
	}
	w.reopen()
	if got := must[ssf.Run](w)(w.Run(w.ctx, id)); !equal(got, run) {
		w.t.Errorf("stored differs:\n%s", diff(run, got))
	}
	if st := must[ssf.EventView](w)(w.EventView(w.ctx, 1)).State; !equal(st.Runs, map[ssf.RunState]int{ssf.RunConfirmed: 1}) {
		w.t.Errorf("event's summary: got %v", st.Runs)
	}
	if _, err := w.Update(w.ctx, worker(), ssf.RunUpdate{ID: id, Claim: claim[0].Token, State: ssf.RunFailed}); !errors.Is(err, ssf.ErrFenced) {
		w.t.Errorf("after the claim ended: got %v, want ErrFenced", err)
	}
	if at := must[time.Time](w)(w.NextRunDue(w.ctx)); !at.IsZero() {
		w.t.Errorf("next due: got %v, want none", at)
	}
}

func undoHurryRetry(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	r := ask(1, 1)
	r.NotBefore = start().Add(5 * time.Second)
	id := w.create(r)[0].ID
	if at := must[time.Time](w)(w.NextRunDue(w.ctx)); !at.Equal(r.NotBefore) || len(w.claim(1)) != 0 {
		w.t.Errorf("within the undo time: next due %v, want %v and no claim", at, r.NotBefore)
	}
	w.ok(errOf(w.HurryRun(w.ctx, ann(), id)))
	claims := w.claim(1)
	if len(claims) != 1 {
		w.t.Fatal("hurried, and not claimed")
	}
	cancelled := must[ssf.Run](w)(w.CancelRun(w.ctx, ann(), id))
	if cancelled.State != ssf.RunCancelled || !cancelled.Due.IsZero() {
		w.t.Errorf("cancelled: got %+v", cancelled)
	}
	if _, err := w.Begin(w.ctx, worker(), id, claims[0].Token); err == nil {
		w.t.Error("a cancelled run began")
	}
	for name, do := range map[string]func() error{
		"cancel again": func() error { return errOf(w.CancelRun(w.ctx, ann(), id)) },
		"hurry":        func() error { return errOf(w.HurryRun(w.ctx, ann(), id)) },
		"retry":        func() error { return errOf(w.RetryRun(w.ctx, ann(), id)) },
	} {
		if err := do(); !errors.Is(err, ssf.ErrConflict) {
			w.t.Errorf("%s a cancelled run: got %v, want ErrConflict", name, err)
		}
	}
	w.create(ask(1, 2))
	claim := w.claim(1)[0]
	w.ok(errOf(w.Begin(w.ctx, worker(), claim.Run.ID, claim.Token)))
	if err := errOf(w.CancelRun(w.ctx, ann(), claim.Run.ID)); !errors.Is(err, ssf.ErrConflict) {
		w.t.Errorf("cancel what has begun: got %v, want ErrConflict", err)
	}
	w.ok(errOf(w.Update(w.ctx, worker(), ssf.RunUpdate{
		ID: claim.Run.ID, Claim: claim.Token, State: ssf.RunFailed, Failures: 4, Progress: []ssf.OperationName{ssf.OpDisableAccount},
	})))
	again := must[ssf.Run](w)(w.RetryRun(w.ctx, ann(), claim.Run.ID))
	if again.State != ssf.RunPending || again.Failures != 0 || len(again.Progress) != 1 || !again.Due.Equal(start()) || !again.DoneAt.IsZero() {
		w.t.Errorf("retried: got %+v", again)
	}
}

func errOf[T any](_ T, err error) error { return err }

func heldFromStart(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	r := ask(1, 1)
	r.Held = "nobody said how to act there"
	run := w.create(r)[0]
	if run.State != ssf.RunHeld || run.Detail != r.Held || len(w.claim(1)) != 0 {
		w.t.Fatalf("got %+v, want held and never claimed", run)
	}
	w.ok(errOf(w.RetryRun(w.ctx, ann(), run.ID)))
	if len(w.claim(1)) != 1 {
		w.t.Error("released, and not claimed")
	}
}

func claimsRunOut(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	for i := range 3 {
		w.create(ask(1, i))
		w.clock.Advance(time.Second)
	}
	first := w.claim(2)
	if len(first) != 2 || first[0].Run.Account.ID != "0" {
		w.t.Fatalf("got %+v, want the two that wait longest", first)
	}
	if rest := w.claim(5); len(rest) != 1 {
		w.t.Fatalf("got %d, want the third alone", len(rest))
	}
	if at := must[time.Time](w)(w.NextRunDue(w.ctx)); !at.IsZero() {
		w.t.Errorf("all are claimed: next due %v, want none", at)
	}
	w.clock.Advance(2 * time.Minute)
	second := w.claim(5)
	if len(second) != 3 {
		w.t.Fatalf("after the claims ran out: got %d, want 3", len(second))
	}
	if err := errOf(w.Begin(w.ctx, worker(), first[0].Run.ID, first[0].Token)); !errors.Is(err, ssf.ErrFenced) {
		w.t.Errorf("begin under an old claim: got %v, want ErrFenced", err)
	}
	if err := errOf(w.Begin(w.ctx, worker(), first[0].Run.ID, "")); !errors.Is(err, ssf.ErrFenced) {
		w.t.Errorf("begin without a claim: got %v, want ErrFenced", err)
	}
}

func claimRestart(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	w.create(ask(1, 1))
	w.claim(1)
	w.reopen()
	if got := w.claim(1); len(got) != 1 {
		w.t.Errorf("got %d claims after a restart, want 1", len(got))
	}
}

func inDoubt(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	w.create(ask(1, 1), ask(1, 2))
	claim := w.claim(1)[0]
	w.ok(errOf(w.Begin(w.ctx, worker(), claim.Run.ID, claim.Token)))
	w.reopen()
	if n := must[int](w)(w.MarkInDoubt(w.ctx, ssf.System("start"))); n != 1 {
		w.t.Fatalf("marked %d, want 1", n)
	}
	if n := must[int](w)(w.MarkInDoubt(w.ctx, ssf.System("start"))); n != 0 {
		w.t.Errorf("marked %d again, want 0", n)
	}
	run := must[ssf.Run](w)(w.Run(w.ctx, claim.Run.ID))
	if run.State != ssf.RunInDoubt || !run.Due.Equal(start()) || run.BegunAt.IsZero() {
		w.t.Errorf("got %+v", run)
	}
	claims := w.claim(5)
	if len(claims) != 2 {
		w.t.Fatalf("got %d claims, want both", len(claims))
	}
	i := slices.IndexFunc(claims, func(c ssf.RunClaim) bool { return c.Run.ID == run.ID })
	w.ok(errOf(w.Begin(w.ctx, worker(), run.ID, claims[i].Token)))
}

func runsListed(w *world) {
	w.ingest("a", Accepted(SET("a", "1")), Accepted(SET("a", "2")))
	for i := range 10 {
		w.create(ask(ssf.Seq(i%2+1), i%5))
	}
	held := ask(1, 77)
	held.Held, held.Identity = "held", "i1"
	w.create(held)
	list := func(f ssf.RunFilter, limit int) (out []ssf.Run) {
		for req := (ssf.PageRequest{Limit: limit}); ; {
			page := must[ssf.List[ssf.Run]](w)(w.Runs(w.ctx, f, req))
			out = append(out, page.Items...)
			if page.Next == "" {
				return out
			}
			req.Cursor = page.Next
		}
	}
	all := list(ssf.RunFilter{}, 3)
	if len(all) != 11 || all[0].State != ssf.RunHeld || all[10].Account.ID != "0" {
		w.t.Fatalf("got %d runs, want 11, newest first", len(all))
	}
	for _, f := range []ssf.RunFilter{
		{Event: 1},
		{Identity: "i1"},
		{States: []ssf.RunState{ssf.RunHeld}},
		{Event: 1, Identity: "i1"},
		{Identity: "i1", States: []ssf.RunState{ssf.RunPending, ssf.RunHeld}},
		{Event: 9},
	} {
		var want []ssf.RunID
		for _, r := range all {
			if (f.Event == 0 || r.Event == f.Event) && (f.Identity == "" || r.Identity == f.Identity) &&
				(len(f.States) == 0 || slices.Contains(f.States, r.State)) {
				want = append(want, r.ID)
			}
		}
		var got []ssf.RunID
		for _, r := range list(f, 2) {
			got = append(got, r.ID)
		}
		if d := diff(want, got); d != "" {
			w.t.Errorf("filter %+v:\n%s", f, d)
		}
	}
}

func boundedHistory(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	w.create(ask(1, 1))
	claim := w.claim(1)[0]
	long := make([]byte, 2000)
	for i := range long {
		long[i] = 'x'
	}
	for i := range 60 {
		w.ok(errOf(w.Update(w.ctx, worker(), ssf.RunUpdate{
			ID: claim.Run.ID, Claim: claim.Token, State: ssf.RunExecuting, Due: start(), Keep: true, Failures: i,
			Attempt: &ssf.Attempt{Status: i, Detail: string(long)}, Observation: &ssf.Observation{Detail: fmt.Sprint(i)},
		})))
	}
	run := must[ssf.Run](w)(w.Run(w.ctx, claim.Run.ID))
	if len(run.Attempts) != 50 || run.Attempts[49].Status != 59 || len(run.Attempts[0].Detail) != 512 ||
		len(run.Observations) != 20 || run.Observations[19].Detail != "59" || run.Failures != 59 {
		w.t.Errorf("got %d attempts and %d observations, want the last 50 and 20", len(run.Attempts), len(run.Observations))
	}
}

func dueDecides(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	for i, state := range []ssf.RunState{ssf.RunAccepted, ssf.RunPartial, ssf.RunInDoubt, ssf.RunPending} {
		w.create(ask(1, i))
		claim := w.claim(1)[0]
		due := start().Add(time.Hour)
		run := must[ssf.Run](w)(w.Update(w.ctx, worker(), ssf.RunUpdate{ID: claim.Run.ID, Claim: claim.Token, State: state, Due: due}))
		if !run.DoneAt.IsZero() {
			w.t.Errorf("%s with a due time: done at %v, want not done", state, run.DoneAt)
		}
		if at := must[time.Time](w)(w.NextRunDue(w.ctx)); !at.Equal(due) {
			w.t.Errorf("%s: next due %v, want %v", state, at, due)
		}
	}
	w.clock.Advance(time.Hour)
	claims := w.claim(10)
	if len(claims) != 4 {
		w.t.Fatalf("got %d claims, want 4", len(claims))
	}
	run := must[ssf.Run](w)(w.Update(w.ctx, worker(), ssf.RunUpdate{ID: claims[0].Run.ID, Claim: claims[0].Token, State: ssf.RunAccepted}))
	if run.DoneAt.IsZero() || run.State != ssf.RunAccepted {
		w.t.Errorf("accepted without a due time: got %+v, want done", run)
	}
}
