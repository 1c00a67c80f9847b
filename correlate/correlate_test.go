package correlate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
	if f.corr, err = correlate.New(cfg, f.db); err != nil {
		t.Fatal(err)
	}
	return f
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
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	set, err := ssf.NewVerifiedSET(ssf.SETFields{
		Transmitter: tx, Raw: "a.b.c",
		Claims: ssf.Claims{
			Issuer: issuer, JTI: fmt.Sprintf("j-%d", f.n), Audience: []string{string(tx)}, IssuedAt: now, Subject: id, Type: typ,
			Payload: p, PayloadRaw: "{}", Digest: fmt.Sprintf("%064d", f.n),
		},
		Evidence: ssf.Evidence{Algorithm: "ES256", Thumbprint: "x"},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	if f.epoch[tx] == 0 {
		lease, err := f.db.Lease(f.t.Context(), "poll:"+string(tx), "test", time.Hour)
		if err != nil {
			f.t.Fatal(err)
		}
		f.epoch[tx] = lease.Epoch
	}
	results, err := f.db.Ingest(f.t.Context(), ssf.System("test"), []ssf.IngestBatch{{
		Transmitter: tx, Epoch: f.epoch[tx],
		Deliveries: []ssf.Delivery{{Key: set.Claims().JTI, Raw: "a.b.c", SET: set, ReceivedAt: now}},
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

func TestMatching(t *testing.T) {
	f := newFixture(t, time.Now)
	f.write("people", "d-1,ada@example.com,Ada,", "d-2,ben@example.com,Ben,privileged", "d-3,desk@example.com,Cleo,", "d-4,desk@example.com,Dan,")
	f.write("crm", "C-1,Ada@EXAMPLE.com,Ada L.,", "C-9,eve@example.com,Eve,")
	f.sync("people")
	f.sync("crm")
	complexOf := func(members ...subject.Member) subject.Identifier {
		return subject.Identifier{Format: subject.Complex, Members: members}
	}
	opaque := subject.Identifier{Format: subject.Opaque, ID: "s-1"}
	for _, tt := range []struct {
		name    string
		tx      ssf.TransmitterID
		subject subject.Identifier
		state   ssf.MatchState
		person  string
		reason  ssf.MatchReason
		rule    string
	}{
		{"e-mail", "by-email", email("ada@example.com"), ssf.MatchFound, "Ada", "", "email"},
		{"e-mail in other letters", "by-email", email(" ADA@Example.Com "), ssf.MatchFound, "Ada", "", "email"},
		{"e-mail of the application only", "by-email", email("eve@example.com"), ssf.MatchFound, "Eve", "", "email"},
		{"nobody", "by-email", email("nobody@example.com"), ssf.MatchNone, "", ssf.ReasonNotFound, "email"},
		{"a similar domain is nobody", "by-email", email("ada@examp1e.com"), ssf.MatchNone, "", ssf.ReasonNotFound, "email"},
		{"a look-alike letter is nobody", "by-email", email("аda@example.com"), ssf.MatchNone, "", ssf.ReasonNotFound, "email"},
		{"two people", "by-email", email("desk@example.com"), ssf.MatchNone, "", ssf.ReasonAmbiguous, "email"},
		{"account id", "by-account", issSub(issuer, "d-2"), ssf.MatchFound, "Ben", "", "account"},
		{"account id of another source", "by-account", issSub(issuer, "C-1"), ssf.MatchNone, "", ssf.ReasonNotFound, "account"},
		{"account id in other letters", "by-account", issSub(issuer, "D-2"), ssf.MatchNone, "", ssf.ReasonNotFound, "account"},
		{"foreign issuer", "by-account", issSub(issuer+"/", "d-2"), ssf.MatchNone, "", ssf.ReasonForeignIssuer, "account"},
		{"account id where e-mail is configured", "by-email", issSub(issuer, "d-2"), ssf.MatchNone, "", ssf.ReasonFormat, "account"},
		{"opaque", "by-account", opaque, ssf.MatchNone, "", ssf.ReasonFormat, "opaque"},
		{"no subject", "by-account", subject.Identifier{}, ssf.MatchNone, "", ssf.ReasonNoSubject, ""},
		{"complex", "by-account", complexOf(subject.Member{Name: "session", Identifier: opaque}, subject.Member{Name: "user", Identifier: issSub(issuer, "d-1")}), ssf.MatchFound, "Ada", "", "user.account"},
		{"complex without user", "by-account", complexOf(subject.Member{Name: "session", Identifier: opaque}), ssf.MatchNone, "", ssf.ReasonFormat, "session"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seq := f.signal(tt.tx, payload.SessionRevoked, payload.Fields{}, tt.subject)
			results, err := f.corr.Match(t.Context(), []ssf.Event{f.view(seq).Event})
			if err != nil {
				t.Fatal(err)
			}
			m := results[0].Match
			if m.State != tt.state || m.Reason != tt.reason {
				t.Fatalf("got %s %s, want %s %s (%+v)", m.State, m.Reason, tt.state, tt.reason, m.Tries)
			}
			if tt.rule != "" && (len(m.Tries) == 0 || m.Tries[0].Rule != tt.rule) {
				t.Errorf("tries %+v, want rule %s first", m.Tries, tt.rule)
			}
			if tt.person == "" {
				return
			}
			id, err := f.db.IdentityView(t.Context(), m.Identity)
			if err != nil || id.Identity.Name != tt.person {
				t.Errorf("got %q, %v; want %s", id.Identity.Name, err, tt.person)
			}
		})
	}
}

func TestNearCandidatesExplainAndNeverMatch(t *testing.T) {
	f := newFixture(t, time.Now)
	f.write("people", "d-1,ada@example.com,Ada,", "d-2,adam@example.com,Adam,")
	f.sync("people")
	seq := f.signal("by-email", payload.SessionRevoked, payload.Fields{}, email("ada@other.example"))
	results, err := f.corr.Match(t.Context(), []ssf.Event{f.view(seq).Event})
	if err != nil {
		t.Fatal(err)
	}
	try := results[0].Match.Tries[0]
	if results[0].Match.State != ssf.MatchNone || try.Hits != 0 || len(try.Candidates) == 0 {
		t.Fatalf("got %+v, want nobody with near candidates", results[0].Match)
	}
	if c := try.Candidates[0]; c.Name != "Ada" || c.Why != "the same name at example.com" {
		t.Errorf("got %+v, want Ada at example.com first", c)
	}
}

func TestSeverityAndTheOpenInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, time.Now)
		f.write("people", "d-1,ada@example.com,Ada,", "d-2,ben@example.com,Ben,privileged")
		f.sync("people")
		stop := f.run()
		defer stop()
		admin, user := payload.Fields{InitiatingEntity: "admin"}, payload.Fields{InitiatingEntity: "user"}
		for _, tt := range []struct {
			name     string
			typ      string
			payload  payload.Fields
			sub      string
			severity ssf.Severity
			open     bool
		}{
			{"log-out", payload.SessionRevoked, user, "d-1", ssf.SeverityRoutine, false},
			{"log-out of a privileged person", payload.SessionRevoked, user, "d-2", ssf.SeverityLow, true},
			{"by an administrator", payload.SessionRevoked, admin, "d-1", ssf.SeverityMedium, true},
			{"the same, privileged", payload.SessionRevoked, admin, "d-2", ssf.SeverityHigh, true},
			{"compromise", payload.RISCBase + "credential-compromise", payload.Fields{}, "d-1", ssf.SeverityCritical, true},
			{"about the stream", payload.Verification, payload.Fields{}, "d-1", ssf.SeverityRoutine, false},
		} {
			seq := f.signal("by-account", tt.typ, tt.payload, issSub(issuer, tt.sub))
			synctest.Wait()
			v := f.view(seq)
			if v.State.Severity != tt.severity || v.State.Open != tt.open {
				t.Errorf("%s: got %s, open %v; want %s, %v", tt.name, v.State.Severity, v.State.Open, tt.severity, tt.open)
			}
		}
	})
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

func TestNewPeopleAndAChangedTransmitterJudgeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, time.Now)
		f.write("people", "d-1,ada@example.com,Ada,")
		f.sync("people")
		stop := f.run()
		defer stop()
		late := f.signal("by-account", payload.SessionRevoked, payload.Fields{}, issSub(issuer, "d-7"))
		foreign := f.signal("by-account", payload.SessionRevoked, payload.Fields{}, issSub("https://old.example.com", "d-1"))
		synctest.Wait()
		if got := f.view(late).State.Match.Reason; got != ssf.ReasonNotFound {
			t.Fatalf("before the sync: %s, want not_found", got)
		}
		if got := f.view(foreign).State.Match.Reason; got != ssf.ReasonForeignIssuer {
			t.Fatalf("before the change: %s, want foreign_issuer", got)
		}
		f.write("people", "d-1,ada@example.com,Ada,", "d-7,gus@example.com,Gus,")
		f.sync("people")
		f.apply(issuer, "https://old.example.com")
		synctest.Wait()
		for seq, want := range map[ssf.Seq]string{late: "Gus", foreign: "Ada"} {
			if v := f.view(seq); v.State.Match.State != ssf.MatchFound || v.IdentityName != want {
				t.Errorf("event %s: %s %q, want %s", seq, v.State.Match.State, v.IdentityName, want)
			}
		}
	})
}

func TestACrashMeansTheSameWorkAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, time.Now)
		f.write("people", "d-1,ada@example.com,Ada,")
		f.sync("people")
		first := f.signal("by-account", payload.SessionRevoked, payload.Fields{}, issSub(issuer, "d-1"))
		stop := f.run()
		synctest.Wait()
		stop()
		second := f.signal("by-account", payload.SessionRevoked, payload.Fields{}, issSub(issuer, "d-1"))
		stop = f.run()
		defer stop()
		synctest.Wait()
		for _, seq := range []ssf.Seq{first, second} {
			if got := f.view(seq).State.Match.State; got != ssf.MatchFound {
				t.Errorf("event %s: %s, want matched", seq, got)
			}
		}
	})
}

func TestAccountsJoinByEmailAcrossSourcesOnly(t *testing.T) {
	f := newFixture(t, time.Now)
	f.write("people", "d-1,ada@example.com,Ada,", "d-3,desk@example.com,Cleo,", "d-4,desk@example.com,Dan,")
	f.write("crm", "C-1,ada@example.com,Ada L.,", "C-2,desk@example.com,Front desk,", "C-3,,No address,")
	if n := f.sync("people"); n != 3 {
		t.Errorf("first sync changed %d accounts, want 3", n)
	}
	f.sync("crm")
	identity := func(source ssf.SourceID, id string) ssf.IdentityID {
		a, err := f.db.Account(t.Context(), ssf.AccountRef{Source: source, ID: id})
		if err != nil {
			t.Fatal(err)
		}
		return a.Identity
	}
	if identity("people", "d-1") != identity("crm", "C-1") {
		t.Error("the same address in two sources gave two identities")
	}
	if identity("people", "d-3") == identity("people", "d-4") {
		t.Error("two people of one source with one address became one identity")
	}
	for _, other := range []string{"d-3", "d-4"} {
		if identity("crm", "C-2") == identity("people", other) {
			t.Error("an address of two people was given to one of them")
		}
	}
	if n := f.sync("people"); n != 0 {
		t.Errorf("an unchanged file changed %d accounts", n)
	}
	before := identity("people", "d-1")
	f.write("people", "d-1,ada.new@example.com,Ada N.,", "d-3,desk@example.com,Cleo,", "d-4,desk@example.com,Dan,")
	if n := f.sync("people"); n != 1 || identity("people", "d-1") != before {
		t.Errorf("a new address changed %d accounts and gave identity %s, want 1 and %s", n, identity("people", "d-1"), before)
	}
}

// Two sources read at the same moment for the first time must not make two identities of one person.
func TestSyncsAtTheSameTimeJoinAllTheSame(t *testing.T) {
	f := newFixture(t, time.Now)
	var people, accounts []string
	for i := range 200 {
		people = append(people, fmt.Sprintf("d-%03d,p%d@example.com,P%d,", i, i, i))
		accounts = append(accounts, fmt.Sprintf("C-%03d,p%d@example.com,P%d,", i, i, i))
	}
	f.write("people", people...)
	f.write("crm", accounts...)
	var both sync.WaitGroup
	for _, id := range []ssf.SourceID{"people", "crm"} {
		both.Go(func() {
			if _, err := f.syncer.Sync(t.Context(), id); err != nil {
				t.Errorf("sync %s: %v", id, err)
			}
		})
	}
	both.Wait()
	if n, err := f.db.CountIdentities(t.Context()); err != nil || n != 200 {
		t.Errorf("got %d identities, %v; want 200", n, err)
	}
}

func TestAnAccountThatComesBackIsTheSamePerson(t *testing.T) {
	f := newFixture(t, time.Now)
	f.write("people", "d-1,ada@example.com,Ada,", "d-2,,Ben,")
	f.sync("people")
	ref := ssf.AccountRef{Source: "people", ID: "d-1"}
	before, err := f.db.Account(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	f.write("people", "d-2,,Ben,")
	f.sync("people")
	if _, err := f.db.Account(t.Context(), ref); !errors.Is(err, ssf.ErrNotFound) {
		t.Errorf("a removed account is still found: %v", err)
	}
	f.write("people", "d-1,ada@example.com,Ada,", "d-2,,Ben,")
	f.sync("people")
	after, err := f.db.Account(t.Context(), ref)
	if err != nil || after.Identity != before.Identity {
		t.Errorf("got identity %s, %v; want %s", after.Identity, err, before.Identity)
	}
}

func TestABrokenRowKeepsItsAccountAndTheRest(t *testing.T) {
	f := newFixture(t, time.Now)
	f.write("people", "d-1,ada@example.com,Ada,", "d-2,,Ben,")
	f.sync("people")
	f.write("people", "d-1,not an address,Ada,", "d-3,,Cleo,")
	f.sync("people")
	st := f.source("people")
	if st.RowErrorCount != 1 || st.RowErrors[0].Row != 2 {
		t.Errorf("row errors %+v, want row 2", st.RowErrors)
	}
	for id, want := range map[string]bool{"d-1": true, "d-2": false, "d-3": true} {
		_, err := f.db.Account(t.Context(), ssf.AccountRef{Source: "people", ID: id})
		if got := err == nil; got != want {
			t.Errorf("account %s listed: %v (%v), want %v", id, got, err, want)
		}
	}
	f.write("people", "\"d-1,ada@example.com,Ada,", "d-3,,Cleo,")
	f.sync("people")
	if _, err := f.db.Account(t.Context(), ssf.AccountRef{Source: "people", ID: "d-3"}); err != nil {
		t.Errorf("a file that cannot be read to its end removed an account: %v", err)
	}
}

func TestALargeRemovalWaitsForAPerson(t *testing.T) {
	f := newFixture(t, time.Now)
	var rows []string
	for i := range 30 {
		rows = append(rows, fmt.Sprintf("d-%02d,,P%02d,", i, i))
	}
	f.write("people", rows...)
	f.sync("people")
	f.write("people", rows[:23]...)
	if _, err := f.syncer.Sync(t.Context(), "people"); err == nil || !strings.Contains(err.Error(), "7 of 30") {
		t.Fatalf("got %v, want it to be held", err)
	}
	st := f.source("people")
	if st.Held == "" || st.Accounts != 30 {
		t.Errorf("state %+v, want held with 30 accounts", st)
	}
	actor := ssf.Actor{Kind: ssf.ActorPerson, Name: "admin", Role: ssf.RoleAdmin}
	if err := f.syncer.Release(t.Context(), actor, "people", "other"); !errors.Is(err, ssf.ErrConflict) {
		t.Errorf("releasing other content: %v, want a conflict", err)
	}
	if err := f.syncer.Release(t.Context(), actor, "people", st.HeldDigest); err != nil {
		t.Fatal(err)
	}
	f.sync("people")
	if st := f.source("people"); st.Held != "" || st.Accounts != 23 || st.Removed != 7 {
		t.Errorf("after the release: %+v, want 23 accounts", st)
	}
}

func TestAMissingFileKeepsEverybody(t *testing.T) {
	f := newFixture(t, time.Now)
	f.write("people", "d-1,ada@example.com,Ada,")
	f.sync("people")
	if err := os.Remove(filepath.Join(f.dir, "people.csv")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.syncer.Sync(t.Context(), "people"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want not exist", err)
	}
	if st := f.source("people"); st.Error == "" || st.Accounts != 1 {
		t.Errorf("state %+v, want the error and 1 account", st)
	}
	f.write("people", "d-1,ada@example.com,Ada,")
	f.sync("people")
	if st := f.source("people"); st.Error != "" {
		t.Errorf("the error stays after a good sync: %s", st.Error)
	}
}
