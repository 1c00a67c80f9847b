package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"harken/ssf"
	"harken/store"
	"harken/store/bolt"
	"harken/store/storetest"
)

func TestMigrations(t *testing.T) {
	db := storetest.Open(t)
	type put = func(key, value string) error
	fail := errors.New("disk on fire")
	steps := map[uint32]func(put) error{
		bolt.Format:     func(p put) error { return p("first", "x") },
		bolt.Format + 1: func(p put) error { return errors.Join(p("second", "x"), fail) },
	}
	if err := db.EnsureFormat(bolt.Format+2, steps); !errors.Is(err, fail) {
		t.Fatalf("got %v, want the step's error", err)
	}
	if got := db.StoredFormat(); got != bolt.Format+1 || !db.HasRecord("first") || db.HasRecord("second") {
		t.Errorf("after a failed step: format %d, want the step before whole and this one undone", got)
	}
	steps[bolt.Format+1] = func(p put) error { return p("third", "x") }
	if err := db.EnsureFormat(bolt.Format+2, steps); err != nil || db.StoredFormat() != bolt.Format+2 || !db.HasRecord("third") {
		t.Errorf("resumed: format %d, %v", db.StoredFormat(), err)
	}
	if err := db.EnsureFormat(bolt.Format+3, steps); err == nil {
		t.Error("no step for a format: got no error")
	}
	if err := db.EnsureFormat(bolt.Format, nil); !errors.Is(err, ssf.ErrNewer) {
		t.Errorf("an older program: got %v, want ErrNewer", err)
	}
	list, err := db.Audit(t.Context(), ssf.PageRequest{})
	if err != nil || list.Items[0].Action != "store.migrated" {
		t.Errorf("got entry %+v, %v", list.Items[0], err)
	}
}

func TestSealedSecrets(t *testing.T) {
	keys := t.TempDir()
	master, err := store.NewMasterKey(keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.NewMasterKey(keys); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second key in its place: got %v, want ErrExist", err)
	}
	db := storetest.Open(t)
	if _, err := db.PutSecret(t.Context(), ssf.System("test"), "crm", ssf.NewSecret("x")); !errors.Is(err, store.ErrMasterKey) {
		t.Errorf("without a master key: got %v, want ErrMasterKey", err)
	}
	db = storetest.Reopen(t, db, storetest.WithMaster(master))
	ref, err := db.PutSecret(t.Context(), ssf.System("test"), "crm", ssf.NewSecret("very secret"))
	if err != nil || ref != "${sealed:crm}" {
		t.Fatalf("got %q, %v", ref, err)
	}
	if _, err := db.PutSecret(t.Context(), ssf.System("test"), "other", ssf.NewSecret("second")); err != nil {
		t.Fatal(err)
	}
	again, err := store.LoadMasterKey(keys)
	if err != nil {
		t.Fatal(err)
	}
	db = storetest.Reopen(t, db, storetest.WithMaster(again))
	if s, err := db.Secret(t.Context(), ref); err != nil || s.Reveal() != "very secret" {
		t.Errorf("got %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(db.Path())
	if err != nil || bytes.Contains(content, []byte("very secret")) {
		t.Errorf("the file holds the secret in clear (%v)", err)
	}
	wrong, err := store.NewMasterKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	before := hashFile(t, db.Path())
	for name, key := range map[string]*store.MasterKey{"no": nil, "another": wrong} {
		if _, err := bolt.Open(bolt.Config{Dir: filepath.Dir(db.Path()), Master: key}); !errors.Is(err, store.ErrMasterKey) {
			t.Errorf("%s master key: got %v, want ErrMasterKey", name, err)
		}
	}
	if hashFile(t, db.Path()) != before {
		t.Error("the file was changed")
	}
}

func TestFileAndDashboardClash(t *testing.T) {
	db := storetest.Open(t)
	made := struct {
		Spec     ssf.SourceSpec `json:"spec"`
		Origin   ssf.Origin     `json:"origin"`
		Revision uint64         `json:"revision"`
	}{ssf.SourceSpec{ID: "hr", Kind: "csv"}, ssf.OriginDashboard, 1}
	record, err := store.Encode("sources", []byte("hr"), made)
	if err := errors.Join(err, db.Put("sources", []byte("hr"), record)); err != nil {
		t.Fatal(err)
	}
	err = db.ApplyConfig(t.Context(), ssf.Actor{Kind: ssf.ActorConfig}, ssf.Objects{
		Transmitters: []ssf.TransmitterSpec{{ID: "a"}}, Sources: []ssf.SourceSpec{{ID: "hr", Kind: "csv"}},
	})
	var clash *bolt.ClashError
	if !errors.As(err, &clash) || clash.What != "source" || clash.ID != "hr" {
		t.Errorf("got %v, want a ClashError that names the source", err)
	}
	if txs, _ := db.Transmitters(t.Context()); len(txs) != 0 {
		t.Error("the refused configuration was taken over in part")
	}
	if err := db.ApplyConfig(t.Context(), ssf.Actor{Kind: ssf.ActorConfig}, ssf.Objects{}); err != nil {
		t.Errorf("without the clash: %v", err)
	}
	if srcs, _ := db.Sources(t.Context()); len(srcs) != 1 || srcs[0].Retired {
		t.Errorf("got %+v, want the dashboard's source untouched", srcs)
	}
}

func TestThrottleIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("writes many records")
	}
	clock := storetest.NewClock(time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC))
	db := storetest.Open(t, storetest.WithNow(clock.Now))
	for i := range 10_002 {
		clock.Advance(time.Second)
		th := ssf.Throttle{Key: fmt.Sprint(i), Failures: 1, LastAt: clock.Now()}
		if err := db.PutThrottle(t.Context(), th); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string]int{"0": 0, "1": 0, "2": 1, "10001": 1} {
		if th, err := db.Throttle(t.Context(), key); err != nil || th.Failures != want {
			t.Errorf("key %s: got %d failures (%v), want %d", key, th.Failures, err, want)
		}
	}
}
