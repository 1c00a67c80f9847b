package correlate_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"harken/ssf"
	"harken/ssf/payload"
	"harken/ssf/subject"
	"harken/store/bolt"
)

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

// What contradicts an earlier token, or is about somebody in a way that is not fully understood, finds nobody: nothing can
// follow from it.
func TestFaultsOfTheSubjectBarAMatch(t *testing.T) {
	f := newFixture(t, time.Now)
	f.write("people", "d-1,ada@example.com,Ada,")
	f.sync("people")
	event := f.view(f.signal("by-email", payload.CredentialChange, payload.Fields{}, email("ada@example.com"))).Event
	fault := func(layer ssf.Layer, code ssf.RejectCode) func(*ssf.Event) {
		return func(e *ssf.Event) { e.Faults = []ssf.Fault{{Layer: layer, Code: code, Message: "broken"}} }
	}
	for _, tt := range []struct {
		name   string
		change func(*ssf.Event)
		want   ssf.MatchReason
	}{
		{"nothing wrong", func(*ssf.Event) {}, ""},
		{"payload", fault(ssf.LayerPayload, ssf.RejectInvalidRequest), ""},
		{"conflict", func(e *ssf.Event) { e.Outcome, e.ConflictWith = ssf.OutcomeConflict, 1 }, ssf.ReasonConflict},
		{"critical member", fault(ssf.LayerSemantic, ssf.RejectInvalidRequest), ssf.ReasonCritical},
		{"subject", fault(ssf.LayerSubject, ssf.RejectInvalidRequest), ssf.ReasonFormat},
	} {
		e := event
		tt.change(&e)
		results, err := f.corr.Match(t.Context(), []ssf.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		if m := results[0].Match; m.Reason != tt.want || (m.State == ssf.MatchFound) != (tt.want == "") || tt.want != "" && len(m.Tries) != 1 {
			t.Errorf("%s: got %s %q %+v, want reason %q", tt.name, m.State, m.Reason, m.Tries, tt.want)
		}
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

// damaged is a store in which the record of one identity cannot be read.
type damaged struct {
	*bolt.DB
	id ssf.IdentityID
}

func (d damaged) Identity(ctx context.Context, id ssf.IdentityID) (ssf.Identity, error) {
	if id == d.id {
		return ssf.Identity{}, errors.New("record damaged")
	}
	return d.DB.Identity(ctx, id)
}

func TestADamagedRecordHoldsUpNoOtherEvent(t *testing.T) {
	f := newFixture(t, time.Now)
	f.write("people", "d-1,ada@example.com,Ada,", "d-2,ben@example.com,Ben,")
	f.sync("people")
	ada, err := f.db.Account(t.Context(), ssf.AccountRef{Source: "people", ID: "d-1"})
	if err != nil {
		t.Fatal(err)
	}
	f.open(damaged{f.db, ada.Identity})
	var events []ssf.Event
	for _, id := range []string{"d-1", "d-2"} {
		seq := f.signal("by-account", payload.SessionRevoked, payload.Fields{InitiatingEntity: "admin"}, issSub(issuer, id))
		events = append(events, f.view(seq).Event)
	}
	results, err := f.corr.Match(t.Context(), events)
	if err != nil || len(results) != 2 {
		t.Fatalf("got %d results, %v; want 2", len(results), err)
	}
	if m := results[0].Match; m.State != ssf.MatchNone || m.Reason != ssf.ReasonUnreadable {
		t.Errorf("the damaged one: got %s %s, want uncorrelated, unreadable", m.State, m.Reason)
	}
	if m := results[1].Match; m.State != ssf.MatchFound {
		t.Errorf("the other: got %s %s, want matched", m.State, m.Reason)
	}
}
