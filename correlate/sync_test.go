package correlate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"harken/ssf"
)

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
