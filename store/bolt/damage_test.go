package bolt_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"harken/ssf"
	"harken/store"
	"harken/store/bolt"
	"harken/store/storetest"
)

func problems(t *testing.T, db *bolt.DB) []string {
	t.Helper()
	report, err := db.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report.Problems
}

// raw opens a store that the kit does not check at the end.
func raw(t *testing.T) *bolt.DB {
	t.Helper()
	db := storetest.Open(t)
	fill(t, db)
	dir := db.Path()[:strings.LastIndexByte(db.Path(), '/')]
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(bolt.Config{Dir: dir, NoSync: true, MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Every flipped bit in a record is found by Check.
func TestCheckFindsFlips(t *testing.T) {
	db := raw(t)
	rng := rand.New(rand.NewPCG(3, 4))
	buckets := []string{
		"events", "raw", "state", "replies", "undecided", "rejected", "sources", "connectors", "leases", "cursors", "accounts",
		"identities", "runs", "begins", "users", "sessions", "tokens", "jobs", "audit",
	}
	for range 200 {
		name := buckets[rng.IntN(len(buckets))]
		var before []byte
		n, bit := rng.IntN(3), rng.Uint64()
		flipped := db.Edit(name, n, func(value []byte) []byte {
			before = append([]byte(nil), value...)
			bit %= uint64(len(value)) * 8
			value[bit/8] ^= 1 << (bit % 8)
			return value
		})
		if !flipped {
			continue
		}
		if len(problems(t, db)) == 0 {
			t.Fatalf("a flip of bit %d in %s record %d was not found", bit, name, n)
		}
		db.Edit(name, n, func([]byte) []byte { return before })
	}
	if got := problems(t, db); len(got) != 0 {
		t.Errorf("mended, and still: %q", got)
	}
}

// Check finds every index entry that is missing or too many, and every counter that is wrong; Reindex mends them all.
func TestReindex(t *testing.T) {
	db := raw(t)
	spoiled := 0
	for _, name := range bolt.Indexes() {
		for _, spoil := range []func() bool{
			func() bool { return db.Edit(name, 0, func([]byte) []byte { return nil }) },
			func() bool { return db.Edit(name, 0, func(v []byte) []byte { v[len(v)-1] ^= 3; return v }) },
			func() bool { return db.Put(name, []byte("\x01foreign"), []byte{0, 0, 0, 0, 0, 0, 0, 1}) == nil },
		} {
			if !spoil() {
				t.Errorf("index %s is empty: the test proves nothing for it", name)
				continue
			}
			spoiled++
			if len(problems(t, db)) == 0 {
				t.Errorf("index %s: Check did not find what is wrong", name)
			}
			last := -1
			if err := db.Reindex(t.Context(), func(done, total int) {
				if done < last || done > total {
					t.Errorf("progress went from %d to %d of %d", last, done, total)
				}
				last = done
			}); err != nil {
				t.Fatal(err)
			}
			if got := problems(t, db); len(got) != 0 {
				t.Fatalf("index %s after Reindex: %q", name, got)
			}
		}
	}
	if spoiled == 0 {
		t.Error("nothing was tested")
	}
}

func TestReindexGoesOnAfterABreak(t *testing.T) {
	db := raw(t)
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	err := db.Reindex(ctx, func(int, int) {
		if steps++; steps == 4 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want it cancelled", err)
	}
	if len(problems(t, db)) == 0 {
		t.Fatal("half an index, and Check found nothing")
	}
	db = storetest.Reopen(t, db)
	if got := problems(t, db); len(got) != 0 {
		t.Errorf("opened again: %q", got)
	}
}

func flip(v []byte) []byte { v[len(v)-1] ^= 1; return v }

// Damaged records are never used, and stop nothing else.
func TestDamagedRecordsAreQuarantined(t *testing.T) {
	db := raw(t)
	ctx, sys := t.Context(), ssf.System("test")
	for _, name := range []string{"events", "raw", "runs", "replies", "users", "undecided"} {
		if !db.Edit(name, 0, flip) {
			t.Fatalf("%s is empty", name)
		}
	}
	list, err := db.Events(ctx, ssf.EventFilter{}, ssf.PageRequest{})
	if err != nil || len(list.Items) != 6 {
		t.Fatalf("events: got %d rows, %v", len(list.Items), err)
	}
	if ev := list.Items[5].Event; ev.Seq != 1 || len(ev.Faults) != 1 || ev.Faults[0].Layer != bolt.DamagedLayer {
		t.Errorf("got %+v, want the mark of a damaged record", ev)
	}
	if _, err := db.RawToken(ctx, 1); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("raw token: got %v, want ErrDamaged", err)
	}
	claims, err := db.ClaimRuns(ctx, "w", 10, time.Minute)
	if err != nil || len(claims) != 1 {
		t.Errorf("got %d claims, %v; want the whole run alone", len(claims), err)
	}
	runs, err := db.Runs(ctx, ssf.RunFilter{}, ssf.PageRequest{})
	if err != nil || len(runs.Items) != 2 || runs.Items[1].State != ssf.RunHeld {
		t.Errorf("runs: got %+v, %v", runs.Items, err)
	}
	if _, err := db.SessionByHash(ctx, "h"); err == nil {
		t.Error("a damaged user opened a session")
	}
	replies, err := db.Replies(ctx, "a", 100)
	if err != nil || len(replies.Acks) != 4 {
		t.Errorf("replies: got %+v, %v; want all but the damaged one", replies, err)
	}
	again := storetest.Accepted(storetest.SET("a", "1"))
	results, err := db.Ingest(ctx, sys, []ssf.IngestBatch{storetest.Batch("a", again, storetest.Undecided("u"))})
	if err != nil || results[0].Verdicts[0].Outcome != ssf.OutcomeDuplicate {
		t.Fatalf("delivered again: got %+v, %v", results, err)
	}
	if replies, err = db.Replies(ctx, "a", 100); err != nil || len(replies.Acks) != 5 {
		t.Errorf("replies: got %+v, %v; want the ack again", replies, err)
	}
}

// A damaged record among the rejected tokens does not keep the next ones from coming.
func TestDamagedRejectedToken(t *testing.T) {
	db := raw(t)
	big := func(name string) ssf.Delivery {
		d := storetest.Rejected(name)
		d.Raw = name + strings.Repeat("x", 9<<20)
		return d
	}
	for i := range 12 {
		if i == 6 && !db.Edit("rejected", 0, flip) {
			t.Fatal("no rejected tokens")
		}
		_, err := db.Ingest(t.Context(), ssf.System("test"), []ssf.IngestBatch{storetest.Batch("0", big(string(rune('a'+i))))})
		if err != nil {
			t.Fatalf("token %d: %v", i, err)
		}
	}
}
