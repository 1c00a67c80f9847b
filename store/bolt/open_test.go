package bolt_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"harken/ssf"
	"harken/store/bolt"
	"harken/store/storetest"
)

// fill puts a little of everything into a store.
func fill(t *testing.T, db *bolt.DB) {
	t.Helper()
	ctx, sys := t.Context(), ssf.System("test")
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var ds []ssf.Delivery
	for _, jti := range []string{"1", "2", "3", "4", "5"} {
		ds = append(ds, storetest.Accepted(storetest.SET("a", jti)))
	}
	ds = append(ds, storetest.Rejected("r"), storetest.Undecided("u"), storetest.Accepted(storetest.SET("a", "1", storetest.WithPayload(`{"x":1}`))))
	_, err := db.Ingest(ctx, sys, []ssf.IngestBatch{storetest.Batch("a", ds...)})
	ok(err)
	ok(db.ApplyConfig(ctx, sys, ssf.Objects{
		Sources:    []ssf.SourceSpec{{ID: "hr", Kind: "csv"}},
		Connectors: []ssf.ConnectorSpec{{ID: "crm", Source: "hr"}},
	}))
	ok(db.ApplySync(ctx, sys, ssf.Sync{Source: "hr", Final: &ssf.SourceState{Accounts: 1}, Changes: []ssf.AccountChange{{
		Mint: true, Account: ssf.Account{
			Ref: ssf.AccountRef{Source: "hr", ID: "1"}, Identity: "i1", Name: "Ann", EmailKey: "ann@example.com", Active: true,
		},
	}}}))
	lease, err := db.Lease(ctx, "correlate", "test", time.Minute)
	ok(err)
	ok(db.PutMatches(ctx, sys, lease, []ssf.MatchResult{
		{Seq: 1, Match: ssf.Match{State: ssf.MatchFound, Identity: "i1"}, Severity: ssf.SeverityHigh},
		{Seq: 2, Match: ssf.Match{State: ssf.MatchNone}, Severity: ssf.SeverityLow},
		{Seq: 3, Match: ssf.Match{State: ssf.MatchNone}, Severity: ssf.SeverityRoutine},
	}, 3))
	ok(db.SetTriage(ctx, sys, []ssf.Seq{2}, ssf.TriageClosed, ssf.CloseHandled, ""))
	_, err = db.CreateRuns(ctx, sys, []ssf.RunRequest{
		{Kind: ssf.KindDisableAccount, Connector: "crm", Account: ssf.AccountRef{Source: "hr", ID: "1"}, Identity: "i1", Event: 1},
		{Kind: ssf.KindTerminateSessions, Connector: "crm", Account: ssf.AccountRef{Source: "hr", ID: "1"}, Identity: "i1", Event: 1},
	})
	ok(err)
	claims, err := db.ClaimRuns(ctx, "w", 1, time.Minute)
	ok(err)
	_, err = db.Begin(ctx, sys, claims[0].Run.ID, claims[0].Token)
	ok(err)
	ok(db.PutUser(ctx, sys, ssf.User{ID: "ann", Name: "ann", Role: ssf.RoleAdmin}))
	ok(db.PutSession(ctx, sys, ssf.Session{Handle: "s", Hash: "h", User: "ann"}))
	ok(db.PutToken(ctx, sys, ssf.APIToken{ID: "t", Hash: "h", Owner: "ann", Role: ssf.RoleViewer}))
	ok(db.PutThrottle(ctx, ssf.Throttle{Key: "name:ann", Failures: 2, LastAt: time.Now().UTC()}))
	ok(db.PutJobRuns(ctx, []ssf.JobRun{{Job: "poll:a", OK: true}}))
}

func hashFile(t *testing.T, path string) [32]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

// closed makes a filled store and closes it.
func closed(t *testing.T) (dir, path string) {
	t.Helper()
	db := storetest.Open(t)
	fill(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(db.Path()), db.Path()
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir, path string)
		want  func(error) bool
	}{
		{"a folder that others may enter", chmodDir(0o750), isAccess},
		{"a file that others may read", chmodFile(0o640), isAccess},
		{"a newer format", func(t *testing.T, dir, _ string) {
			db := storetest.Open(t, storetest.WithDir(dir))
			if err := errors.Join(db.SetFormat(bolt.Format+1), db.Close()); err != nil {
				t.Fatal(err)
			}
		}, func(err error) bool { return errors.Is(err, ssf.ErrNewer) }},
		{"a truncated file", truncate(0.5), isFile},
		{"a file cut to its first page", truncate(0.001), isFile},
		{"a file of another kind", overwrite(bytes.Repeat([]byte("no database "), 1000)), isFile},
		{"a text file", overwrite([]byte("hello")), isFile},
		{"a database of another program", foreign, isFile},
		{"a folder in the file's place", func(t *testing.T, _, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, isAccess},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, path := closed(t)
			test.spoil(t, dir, path)
			before := [32]byte{}
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				before = hashFile(t, path)
			}
			db, err := bolt.Open(bolt.Config{Dir: dir})
			if err == nil {
				_ = db.Close()
			}
			if !test.want(err) {
				t.Errorf("got error %v", err)
			}
			if before != [32]byte{} && hashFile(t, path) != before {
				t.Error("the file was changed")
			}
		})
	}
}

func isAccess(err error) bool {
	var e *bolt.AccessError
	return errors.As(err, &e)
}

func isFile(err error) bool {
	var e *bolt.FileError
	return errors.As(err, &e)
}

func chmodDir(mode os.FileMode) func(*testing.T, string, string) {
	return func(t *testing.T, dir, _ string) {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
}

func chmodFile(mode os.FileMode) func(*testing.T, string, string) {
	return func(t *testing.T, _, path string) {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
}

func truncate(share float64) func(*testing.T, string, string) {
	return func(t *testing.T, _, path string) {
		info, err := os.Stat(path)
		if err == nil {
			err = os.Truncate(path, int64(float64(info.Size())*share)+1)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func overwrite(with []byte) func(*testing.T, string, string) {
	return func(t *testing.T, _, path string) {
		if err := os.WriteFile(path, with, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func foreign(t *testing.T, _, path string) {
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	bb, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = bb.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	if err := errors.Join(err, bb.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenBadFolders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "a", "b"), file} {
		if _, err := bolt.Open(bolt.Config{Dir: dir}); !isAccess(err) {
			t.Errorf("folder %q: got %v, want AccessError", dir, err)
		}
	}
}

func TestSecondInstance(t *testing.T) {
	db := storetest.Open(t)
	begun := time.Now()
	_, err := bolt.Open(bolt.Config{Dir: filepath.Dir(db.Path())})
	if !errors.Is(err, ssf.ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("took %v, want at most 2 s", took)
	}
}

func TestOpenKeepsModes(t *testing.T) {
	_, path := closed(t)
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(p)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got mode %v (%v), want %v", filepath.Base(p), info.Mode().Perm(), err, want)
		}
	}
}

func TestReadOnly(t *testing.T) {
	dir, path := closed(t)
	before := hashFile(t, path)
	db, err := bolt.Open(bolt.Config{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	report, err := db.Check(t.Context())
	if err != nil || len(report.Problems) > 0 || report.Events != 6 {
		t.Errorf("check: got %+v, %v", report, err)
	}
	if err := db.PutUser(t.Context(), ssf.System("test"), ssf.User{ID: "x", Name: "x"}); !errors.Is(err, ssf.ErrUnavailable) {
		t.Errorf("write: got %v, want ErrUnavailable", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if hashFile(t, path) != before {
		t.Error("the file was changed")
	}
	if _, err := bolt.Open(bolt.Config{Dir: t.TempDir(), ReadOnly: true}); err == nil {
		t.Error("opened what is not there")
	}
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	db := storetest.Open(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.EventCounts(t.Context()); !errors.Is(err, ssf.ErrUnavailable) {
		t.Errorf("read: got %v, want ErrUnavailable", err)
	}
	if err := db.PutUser(t.Context(), ssf.System("test"), ssf.User{ID: "x", Name: "x"}); !errors.Is(err, ssf.ErrUnavailable) {
		t.Errorf("write: got %v, want ErrUnavailable", err)
	}
}

func TestNothingIsWrittenWithoutItsAuditEntry(t *testing.T) {
	db := storetest.Open(t)
	if err := db.WriteUnaudited(t.Context()); err == nil {
		t.Error("got no error")
	}
	if has, _ := db.HasAdmin(t.Context()); has {
		t.Error("the change was committed")
	}
}

func TestFailedCommits(t *testing.T) {
	db := storetest.Open(t)
	fill(t, db)
	if err := db.CommitFailed(syscall.ENOSPC); !errors.Is(err, ssf.ErrUnsure) {
		// Transaction 1 is long past, so this file ends with a later one: nobody knows what was written.
		t.Errorf("no space, commit seen: got %v, want ErrUnsure", err)
	}
	select {
	case <-db.Failed():
	default:
		t.Error("Failed is not closed")
	}
	if err := db.PutUser(t.Context(), ssf.System("test"), ssf.User{ID: "x", Name: "x"}); !errors.Is(err, ssf.ErrUnavailable) {
		t.Errorf("write after a failed sync: got %v, want ErrUnavailable", err)
	}
	if st, err := db.Stats(t.Context()); err != nil || st.Trouble == "" {
		t.Errorf("stats: got trouble %q, %v", st.Trouble, err)
	}
	other := storetest.Open(t)
	if err := other.CommitFailed(io.ErrShortWrite); !errors.Is(err, ssf.ErrUnsure) {
		t.Errorf("short write: got %v, want ErrUnsure", err)
	}
}

func TestFullFile(t *testing.T) {
	db := storetest.Open(t, func(c *bolt.Config) { c.MaxBytes = 2 << 20 })
	n, big := 0, string(bytes.Repeat([]byte("x"), 100_000))
	for ; n < 100; n++ {
		d := storetest.Rejected(string(rune('a'+n%26)) + string(rune('a'+n/26)))
		d.Raw = big
		_, err := db.Ingest(t.Context(), ssf.System("test"), []ssf.IngestBatch{storetest.Batch("a", d)})
		if err != nil {
			if !errors.Is(err, ssf.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
			break
		}
	}
	list, err := db.Rejected(t.Context(), "a", ssf.PageRequest{Limit: 200})
	if err != nil || n == 100 || len(list.Items) != n {
		t.Errorf("got %d records after %d commits (%v)", len(list.Items), n, err)
	}
	if _, err := db.EventCounts(t.Context()); err != nil {
		t.Errorf("read from a full file: %v", err)
	}
}

func TestLowSpaceTakesNoEvents(t *testing.T) {
	db := storetest.Open(t, func(c *bolt.Config) { c.MinFree = 1 << 60 })
	batch := storetest.Batch("a", storetest.Accepted(storetest.SET("a", "1")))
	if _, err := db.Ingest(t.Context(), ssf.System("test"), []ssf.IngestBatch{batch}); !errors.Is(err, ssf.ErrUnavailable) {
		t.Errorf("ingest: got %v, want ErrUnavailable", err)
	}
	if err := db.PutUser(t.Context(), ssf.System("test"), ssf.User{ID: "x", Name: "x"}); err != nil {
		t.Errorf("everything else goes on: got %v", err)
	}
	if st, err := db.Stats(t.Context()); err != nil || st.Trouble == "" {
		t.Errorf("stats: got trouble %q, %v", st.Trouble, err)
	}
}
