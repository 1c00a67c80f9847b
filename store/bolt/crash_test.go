package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"harken/ssf"
	"harken/store/bolt"
	"harken/store/storetest"
)

const crashEnv = "HARKEN_STORE_CRASH_DIR"

// TestCrashChild is the process that is killed: it commits, and says so line by line.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashEnv)
	if dir == "" {
		t.Skip("runs as the child of TestKill")
	}
	db, err := bolt.Open(bolt.Config{Dir: dir, MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, sys := context.Background(), ssf.System("child")
	if _, err := db.MarkInDoubt(ctx, sys); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(os.Stdout)
	stamp := time.Now().UnixNano()
	for i := 0; ; i++ {
		batch := ssf.IngestBatch{Transmitter: "a"}
		var names []string
		for j := range 1 + i%30 {
			name := fmt.Sprintf("%d-%d-%d", stamp, i, j)
			names = append(names, name)
			batch.Deliveries = append(batch.Deliveries, storetest.Accepted(storetest.SET("a", name)))
		}
		results, err := db.Ingest(ctx, sys, []ssf.IngestBatch{batch})
		if err != nil {
			t.Fatal(err)
		}
		seq := results[0].Verdicts[0].Seq
		runs, err := db.CreateRuns(ctx, sys, []ssf.RunRequest{{
			Kind: ssf.KindTerminateSessions, Connector: "crm", Account: ssf.AccountRef{Source: "hr", ID: names[0]}, Event: seq,
		}})
		if err != nil {
			t.Fatal(err)
		}
		claims, err := db.ClaimRuns(ctx, "child", 3, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range claims {
			if _, err := db.Begin(ctx, sys, c.Run.ID, c.Token); err == nil {
				_, err = db.Update(ctx, sys, ssf.RunUpdate{ID: c.Run.ID, Claim: c.Token, State: ssf.RunConfirmed})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		_, _ = fmt.Fprintf(out, "done %s run %s\n", strings.Join(names, " "), runs[0].ID)
		_ = out.Flush()
	}
}

// Whatever the child said that it committed is there after kill -9, and every index agrees.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := filepath.Join(t.TempDir(), "data")
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	var names []string
	var runs []ssf.RunID
	for range 6 {
		var out strings.Builder
		child := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
		child.Env = append(os.Environ(), crashEnv+"="+dir)
		child.Stdout = &out
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		wait := time.NewTimer(50*time.Millisecond + time.Duration(rng.IntN(250))*time.Millisecond)
		<-wait.C
		_ = child.Process.Kill()
		_ = child.Wait()
		for _, line := range strings.Split(out.String(), "\n") {
			said, ok := strings.CutPrefix(line, "done ")
			list, id, whole := strings.Cut(said, " run ")
			if ok && whole && len(id) == 64 {
				names, runs = append(names, strings.Fields(list)...), append(runs, ssf.RunID(id))
			}
		}
		if _, err := os.Stat(filepath.Join(dir, bolt.FileName)); err != nil {
			continue
		}
		checkAfterKill(t, dir, names, runs)
	}
	if len(names) == 0 {
		t.Fatal("the children did nothing")
	}
	t.Logf("%d events and %d runs were promised, all are there", len(names), len(runs))
}

func checkAfterKill(t *testing.T, dir string, names []string, runs []ssf.RunID) {
	t.Helper()
	db, err := bolt.Open(bolt.Config{Dir: dir, MinFree: -1, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, p := range problems(t, db) {
		t.Error(p)
	}
	var ds []ssf.Delivery
	for _, name := range names {
		ds = append(ds, storetest.Accepted(storetest.SET("a", name)))
	}
	results, err := db.Ingest(t.Context(), ssf.System("parent"), []ssf.IngestBatch{storetest.Batch("a", ds...)})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range results[0].Verdicts {
		if v.Outcome != ssf.OutcomeDuplicate {
			t.Errorf("event %s was promised and is lost", v.Key)
		}
	}
	for _, id := range runs {
		if _, err := db.Run(t.Context(), id); err != nil {
			t.Errorf("run %.12s was promised: %v", id, err)
		}
	}
}
