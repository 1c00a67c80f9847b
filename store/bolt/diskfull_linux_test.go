package bolt_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"harken/ssf"
	"harken/store/bolt"
	"harken/store/storetest"
)

// A full disk changes nothing, and the store goes on without a restart as soon as there is room.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=6m,mode=0700"); err != nil {
		t.Skipf("a small disk can only be mounted by root: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2_500_000), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(bolt.Config{Dir: filepath.Join(disk, "data"), MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ingest := func(i int) error {
		_, err := db.Ingest(t.Context(), ssf.System("test"), []ssf.IngestBatch{
			storetest.Batch("a", storetest.Accepted(storetest.SET("a", fmt.Sprint(i)))),
		})
		return err
	}
	n := 0
	for err == nil && n < 100_000 {
		if err = ingest(n); err == nil {
			n++
		}
	}
	if !errors.Is(err, ssf.ErrUnavailable) || errors.Is(err, ssf.ErrUnsure) {
		t.Fatalf("full disk: got %v, want ErrUnavailable alone", err)
	}
	if counts, err := db.EventCounts(t.Context()); err != nil || counts.Last != ssf.Seq(n) {
		t.Errorf("got event %d last (%v), want %d", counts.Last, err, n)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := ingest(n + i); err != nil {
			t.Fatalf("with room again: %v", err)
		}
	}
	if got := problems(t, db); len(got) > 0 {
		t.Errorf("check: %q", got)
	}
}
