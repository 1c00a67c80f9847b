package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"harken/ssf"
)

func contextWithCancel(w *world) (context.Context, context.CancelFunc) {
	return context.WithCancel(w.ctx)
}

func concurrencyCases() []testCase {
	return []testCase{
		{"two ingests of the same SET", sameSETTwice},
		{"a hundred equal requests are one run", hundredRequests},
		{"two claimers never share a run", twoClaimers},
		{"two holders never share an epoch", twoHolders},
		{"pages under concurrent writes", pagesUnderWrites},
	}
}

// together runs n functions at once.
func together(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

func sameSETTwice(w *world) {
	var mu sync.Mutex
	counts := map[ssf.Outcome]int{}
	together(8, func(i int) {
		for n := range 20 {
			results, err := w.Ingest(w.ctx, poll(), []ssf.IngestBatch{Batch("a", Accepted(SET("a", fmt.Sprint(n))))})
			if err != nil {
				w.t.Errorf("ingest: %v", err)
				return
			}
			mu.Lock()
			counts[results[0].Verdicts[0].Outcome]++
			mu.Unlock()
		}
	})
	if counts[ssf.OutcomeAccepted] != 20 || counts[ssf.OutcomeDuplicate] != 140 {
		w.t.Errorf("got %v, want 20 accepted and 140 duplicates", counts)
	}
}

func hundredRequests(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	together(100, func(i int) {
		if _, err := w.CreateRuns(w.ctx, person(fmt.Sprint("p", i%10), ssf.RoleResponder), []ssf.RunRequest{ask(1, 1)}); err != nil {
			w.t.Errorf("create: %v", err)
		}
	})
	list := must[ssf.List[ssf.Run]](w)(w.Runs(w.ctx, ssf.RunFilter{}, ssf.PageRequest{}))
	if len(list.Items) != 1 || len(list.Items[0].AskedBy) != 10 {
		w.t.Errorf("got %d runs, want one asked for by ten", len(list.Items))
	}
	if got := w.claim(10); len(got) != 1 {
		w.t.Errorf("got %d claims, want 1", len(got))
	}
}

func twoClaimers(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	for i := range 60 {
		w.create(ask(1, i))
	}
	var mu sync.Mutex
	seen := map[ssf.RunID]int{}
	together(4, func(i int) {
		for {
			claims, err := w.ClaimRuns(w.ctx, fmt.Sprint("w", i), 7, time.Minute)
			if err != nil || len(claims) == 0 {
				return
			}
			mu.Lock()
			for _, c := range claims {
				seen[c.Run.ID]++
			}
			mu.Unlock()
		}
	})
	if len(seen) != 60 {
		w.t.Errorf("got %d runs claimed, want 60", len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			w.t.Errorf("run %.12s was claimed %d times", id, n)
		}
	}
}

func twoHolders(w *world) {
	var mu sync.Mutex
	epochs := map[uint64]string{}
	together(4, func(i int) {
		holder := fmt.Sprint("h", i)
		for range 30 {
			lease, err := w.Lease(w.ctx, "l", holder, time.Minute)
			if errors.Is(err, ssf.ErrConflict) {
				continue
			}
			if err != nil {
				w.t.Errorf("lease: %v", err)
				return
			}
			mu.Lock()
			if other, taken := epochs[lease.Epoch]; taken && other != holder {
				w.t.Errorf("epoch %d is %s's and %s's", lease.Epoch, other, holder)
			}
			epochs[lease.Epoch] = holder
			mu.Unlock()
			if err := w.Release(w.ctx, lease); err != nil {
				w.t.Errorf("release: %v", err)
			}
		}
	})
	if len(epochs) == 0 {
		w.t.Error("nobody got the lease")
	}
}

func pagesUnderWrites(w *world) {
	for i := range 200 {
		w.ingest("a", Accepted(SET("a", fmt.Sprint(i))))
	}
	ctx, cancel := contextWithCancel(w)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil && i < 2000; i++ {
			_, _ = w.Ingest(ctx, poll(), []ssf.IngestBatch{Batch("a", Accepted(SET("a", fmt.Sprint("new", i))))})
		}
	})
	for range 3 {
		seen := map[ssf.Seq]int{}
		for _, seq := range w.seqs(ssf.EventFilter{Transmitter: "a"}, 9) {
			seen[seq]++
		}
		for seq := ssf.Seq(1); seq <= 200; seq++ {
			if seen[seq] != 1 {
				w.t.Errorf("event %d was listed %d times, want once", seq, seen[seq])
			}
		}
	}
	cancel()
	wg.Wait()
}
