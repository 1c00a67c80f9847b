package correlate_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"harken/correlate"
	"harken/ssf"
	"harken/ssf/payload"
	"harken/ssf/subject"
	"harken/store/bolt"
	"harken/store/storetest"
)

const issuer = "https://id.example.com"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a store with one transmitter for each Subject ID, a directory and an application.
type fixture struct {
	t      *testing.T
	dir    string
	db     *bolt.DB
	cfg    correlate.Config
	syncer *correlate.Syncer
	corr   *correlate.Correlator
	epoch  map[ssf.TransmitterID]uint64
	n      int
}

func newFixture(t *testing.T, now func() time.Time) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir(), epoch: map[ssf.TransmitterID]uint64{}}
	f.db = storetest.Open(t, storetest.WithNow(now))
	f.apply(issuer)
	minted := 0
	cfg := correlate.Config{Holder: "test", Now: now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Mint: func() ssf.IdentityID {
		minted++
		return ssf.IdentityID(fmt.Sprintf("id-%d", minted))
	}}
	var err error
	if f.syncer, err = correlate.NewSyncer(cfg, f.db); err != nil {
		t.Fatal(err)
	}
	f.cfg = cfg
	f.open(f.db)
	return f
}

// open makes the correlator work on that view of the store.
func (f *fixture) open(store correlate.Store) {
	f.t.Helper()
	var err error
	if f.corr, err = correlate.New(f.cfg, store); err != nil {
		f.t.Fatal(err)
	}
}

// apply takes a configuration over in which by-account speaks for the given issuers.
func (f *fixture) apply(issuers ...string) {
	f.t.Helper()
	transmitter := func(id ssf.TransmitterID) ssf.TransmitterSpec {
		return ssf.TransmitterSpec{ID: id, Issuer: issuer, Audience: []string{string(id)}}
	}
	byAccount := transmitter("by-account")
	byAccount.SubjectID.Account = "people"
	byAccount.SubjectIssuers = issuers
	err := f.db.ApplyConfig(f.t.Context(), ssf.System("test"), ssf.Objects{
		Transmitters: []ssf.TransmitterSpec{transmitter("by-email"), byAccount},
		Sources: []ssf.SourceSpec{
			{ID: "people", Kind: "csv", Path: filepath.Join(f.dir, "people.csv")},
			{ID: "crm", Kind: "csv", Path: filepath.Join(f.dir, "crm.csv")},
		},
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) write(name string, rows ...string) {
	f.t.Helper()
	text := "id,email,name,labels\n" + strings.Join(rows, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(f.dir, name+".csv"), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) sync(id ssf.SourceID) int {
	f.t.Helper()
	n, err := f.syncer.Sync(f.t.Context(), id)
	if err != nil {
		f.t.Fatalf("sync %s: %v", id, err)
	}
	return n
}

func (f *fixture) source(id ssf.SourceID) ssf.SourceState {
	f.t.Helper()
	all, err := f.db.Sources(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range all {
		if s.Spec.ID == id {
			return s.State
		}
	}
	f.t.Fatalf("no source %s", id)
	return ssf.SourceState{}
}

// signal stores a verified event and returns its number.
func (f *fixture) signal(tx ssf.TransmitterID, typ string, p payload.Fields, id subject.Identifier) ssf.Seq {
	f.t.Helper()
	f.n++
	set := storetest.SET(tx, fmt.Sprintf("j-%d", f.n), func(s *ssf.SETFields) {
		s.Claims.Issuer, s.Claims.Type, s.Claims.Payload, s.Claims.Subject = issuer, typ, p, id
	})
	if f.epoch[tx] == 0 {
		lease, err := f.db.Lease(f.t.Context(), "poll:"+string(tx), "test", time.Hour)
		if err != nil {
			f.t.Fatal(err)
		}
		f.epoch[tx] = lease.Epoch
	}
	results, err := f.db.Ingest(f.t.Context(), ssf.System("test"), []ssf.IngestBatch{{
		Transmitter: tx, Epoch: f.epoch[tx], Deliveries: []ssf.Delivery{storetest.Accepted(set)},
	}})
	if err != nil || results[0].Err != nil || results[0].Verdicts[0].Outcome != ssf.OutcomeAccepted {
		f.t.Fatalf("ingest: %v %+v", err, results)
	}
	return results[0].Verdicts[0].Seq
}

func (f *fixture) view(seq ssf.Seq) ssf.EventView {
	f.t.Helper()
	v, err := f.db.EventView(f.t.Context(), seq)
	if err != nil {
		f.t.Fatal(err)
	}
	return v
}

func email(address string) subject.Identifier {
	return subject.Identifier{Format: subject.Email, Email: address, Raw: `{"format":"email"}`}
}

func issSub(iss, sub string) subject.Identifier {
	return subject.Identifier{Format: subject.IssSub, Issuer: iss, Subject: sub, Raw: `{"format":"iss_sub"}`}
}

// run starts the correlator and returns a function that ends it.
func (f *fixture) run() (stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan error, 1)
	go func() { done <- f.corr.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Errorf("run: %v", err)
		}
	}
}
