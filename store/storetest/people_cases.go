package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"harken/ssf"
)

func peopleCases() []testCase {
	return []testCase{
		{"accounts, their identity and how they are found", accountsFound},
		{"an identity is made of its accounts, the first source first", identityDerived},
		{"a removed account matches nothing and comes back as the same person", removedAccount},
		{"identities are listed by name and by prefix", identitiesListed},
		{"a sync is fenced and audited", syncFenced},
		{"a bad step changes nothing", badStep},
	}
}

func account(src ssf.SourceID, id, name, email string, who ssf.IdentityID) ssf.AccountChange {
	return ssf.AccountChange{Mint: true, Account: ssf.Account{
		Ref: ssf.AccountRef{Source: src, ID: id}, Identity: who, Name: name, Email: email, EmailKey: email, Active: true, LinkedBy: "new",
	}}
}

// sync applies one final step.
func (w *world) sync(src ssf.SourceID, changes ...ssf.AccountChange) {
	w.t.Helper()
	w.ok(w.ApplySync(w.ctx, ssf.System("correlate"), ssf.Sync{
		Source: src, Changes: changes, Final: &ssf.SourceState{LastOK: w.clock.Now(), Accounts: len(changes)},
	}))
}

func accountsFound(w *world) {
	w.sync("hr", account("hr", "100", "Ann Lee", "ann@example.com", "i1"), account("hr", "1\x00é", "Bob", "bob@example.com", "i2"),
		account("hr", "2", "No Mail", "", "i3"))
	w.reopen()
	for _, id := range []string{"100", "1\x00é", "2"} {
		if a := must[ssf.Account](w)(w.Account(w.ctx, ssf.AccountRef{Source: "hr", ID: id})); a.Ref.ID != id {
			w.t.Errorf("got account %q, want %q", a.Ref.ID, id)
		}
	}
	for _, ref := range []ssf.AccountRef{{Source: "hr", ID: "1"}, {Source: "h", ID: "100"}, {}} {
		if _, err := w.Account(w.ctx, ref); !errors.Is(err, ssf.ErrNotFound) {
			w.t.Errorf("account %q: got %v, want ErrNotFound", ref, err)
		}
	}
	if got := must[[]ssf.Account](w)(w.AccountsByEmail(w.ctx, "ann@example.com")); len(got) != 1 || got[0].Identity != "i1" {
		w.t.Errorf("by e-mail: got %+v", got)
	}
	for _, key := range []string{"ann@example.co", "", "Ann@example.com"} {
		if got := must[[]ssf.Account](w)(w.AccountsByEmail(w.ctx, key)); len(got) != 0 {
			w.t.Errorf("by e-mail %q: got %+v, want none", key, got)
		}
	}
	near := func(prefix string, limit int) (ids []string) {
		for _, a := range must[[]ssf.Account](w)(w.NearAccounts(w.ctx, prefix, limit)) {
			ids = append(ids, a.Ref.ID)
		}
		slices.Sort(ids)
		return ids
	}
	for prefix, want := range map[string][]string{"ann": {"100"}, "ANN": {"100"}, "1": {"1\x00é", "100"}, "zz": nil, "": nil} {
		if d := diff(want, near(prefix, 5)); d != "" {
			w.t.Errorf("near %q:\n%s", prefix, d)
		}
	}
	if got := near("1", 1); len(got) != 1 {
		w.t.Errorf("near with limit 1: got %d", len(got))
	}
	var order []string
	for after := ""; ; {
		page := must[[]ssf.Account](w)(w.SourceAccounts(w.ctx, "hr", after, 2))
		if len(page) == 0 {
			break
		}
		for _, a := range page {
			order = append(order, a.Ref.ID)
		}
		after = order[len(order)-1]
	}
	if d := diff([]string{"1\x00é", "100", "2"}, order); d != "" {
		w.t.Errorf("source accounts:\n%s", d)
	}
}

func identityDerived(w *world) {
	w.ok(w.ApplyConfig(w.ctx, ssf.Actor{Kind: ssf.ActorConfig}, ssf.Objects{
		Sources: []ssf.SourceSpec{{ID: "main", Kind: "csv"}, {ID: "aux", Kind: "csv"}},
	}))
	aux := account("aux", "7", "A. Lee", "lee@aux.example", "i1")
	aux.Account.Labels, aux.Account.Title, aux.Account.Active = []string{ssf.LabelPrivileged}, "Boss", false
	w.sync("aux", aux)
	if id := must[ssf.Identity](w)(w.Identity(w.ctx, "i1")); id.Name != "A. Lee" || id.Active {
		w.t.Errorf("from one account: got %+v", id)
	}
	first := account("main", "1", "Ann Lee", "ann@example.com", "i1")
	first.Mint, first.Account.Department, first.Account.Labels = false, "Sales", []string{"vip"}
	w.sync("main", first)
	view := must[ssf.IdentityView](w)(w.IdentityView(w.ctx, "i1"))
	id := view.Identity
	if id.Name != "Ann Lee" || id.Email != "ann@example.com" || id.Title != "Boss" || id.Group != "Sales" || !id.Active ||
		!equal(id.Labels, []string{"vip", ssf.LabelPrivileged}) {
		w.t.Errorf("got %+v, want the first source's name and all labels", id)
	}
	if len(view.Accounts) != 2 || view.Accounts[0].Ref.Source != "main" {
		w.t.Errorf("got accounts %+v, want main first", view.Accounts)
	}
	if n := must[int](w)(w.CountIdentities(w.ctx)); n != 1 {
		w.t.Errorf("got %d identities, want 1", n)
	}
	w.ingest("a", Accepted(SET("a", "1")))
	w.match(1, ssf.SeverityHigh, "i1")
	if v := must[ssf.EventView](w)(w.EventView(w.ctx, 1)); v.IdentityName != "Ann Lee" || !v.Privileged || v.Protected {
		w.t.Errorf("event view: got %q %v %v", v.IdentityName, v.Privileged, v.Protected)
	}
}

func removedAccount(w *world) {
	w.sync("hr", account("hr", "1", "Ann", "ann@example.com", "i1"))
	gone := account("hr", "1", "Ann", "ann@example.com", "i1")
	gone.Mint, gone.Account.Removed = false, start()
	w.sync("hr", gone)
	if _, err := w.Account(w.ctx, ssf.AccountRef{Source: "hr", ID: "1"}); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("removed account: got %v, want ErrNotFound", err)
	}
	if got := must[[]ssf.Account](w)(w.AccountsByEmail(w.ctx, "ann@example.com")); len(got) != 0 {
		w.t.Errorf("by e-mail: got %+v, want none", got)
	}
	if got := must[[]ssf.Account](w)(w.SourceAccounts(w.ctx, "hr", "", 10)); len(got) != 0 {
		w.t.Errorf("listed: got %+v, want none", got)
	}
	view := must[ssf.IdentityView](w)(w.IdentityView(w.ctx, "i1"))
	if view.Identity.Name != "Ann" || view.Identity.Active || len(view.Accounts) != 0 {
		w.t.Errorf("identity without accounts: got %+v", view)
	}
	w.sync("hr", account("hr", "1", "Ann", "ann@example.com", "i-new"))
	if a := must[ssf.Account](w)(w.Account(w.ctx, ssf.AccountRef{Source: "hr", ID: "1"})); a.Identity != "i1" {
		w.t.Errorf("came back as %s, want i1", a.Identity)
	}
	if n := must[int](w)(w.CountIdentities(w.ctx)); n != 1 {
		w.t.Errorf("got %d identities, want 1", n)
	}
}

// people lists identities page by page.
func (w *world) people(prefix string, limit int) (out []ssf.IdentityID) {
	w.t.Helper()
	for req := (ssf.PageRequest{Limit: limit}); ; {
		list := must[ssf.List[ssf.IdentityView]](w)(w.Identities(w.ctx, ssf.IdentityFilter{Prefix: prefix}, req))
		for _, v := range list.Items {
			out = append(out, v.Identity.ID)
		}
		if list.Next == "" {
			return out
		}
		req.Cursor = list.Next
	}
}

func identitiesListed(w *world) {
	names := []string{"Lee Ann", "lee Bob", "Lee", "Zoë Lee", "Max Weber", "Élodie"}
	var changes []ssf.AccountChange
	for i, name := range names {
		changes = append(changes, account("hr", fmt.Sprint("lee", i), name, fmt.Sprintf("p%d@example.com", i), ssf.IdentityID(fmt.Sprint("i", i))))
	}
	w.sync("hr", changes...)
	for _, limit := range []int{1, 2, 50} {
		if d := diff([]ssf.IdentityID{"i2", "i0", "i1", "i4", "i3", "i5"}, w.people("", limit)); d != "" {
			w.t.Errorf("all, pages of %d:\n%s", limit, d)
		}
		got := w.people("LEE", limit)
		slices.Sort(got)
		if d := diff([]ssf.IdentityID{"i0", "i1", "i2", "i3", "i4", "i5"}, got); d != "" {
			w.t.Errorf("LEE, pages of %d:\n%s", limit, d)
		}
	}
	for prefix, want := range map[string][]ssf.IdentityID{
		"p3@": {"i3"}, "lee a": {"i0"}, "web": {"i4"}, "lee5": {"i5"}, "nobody": nil, "éL": {"i5"},
	} {
		if d := diff(want, w.people(prefix, 50)); d != "" {
			w.t.Errorf("prefix %q:\n%s", prefix, d)
		}
	}
	renamed := account("hr", "lee4", "Anna Weber", "p4@example.com", "i4")
	renamed.Mint = false
	w.sync("hr", renamed)
	if got := w.people("max", 50); len(got) != 0 {
		w.t.Errorf("old name: got %v, want none", got)
	}
}

func syncFenced(w *world) {
	old := must[ssf.Lease](w)(w.Lease(w.ctx, "sync:hr", "one", time.Minute))
	w.clock.Advance(time.Hour)
	lease := must[ssf.Lease](w)(w.Lease(w.ctx, "sync:hr", "two", time.Minute))
	step := ssf.Sync{Source: "hr", Epoch: old.Epoch, Changes: []ssf.AccountChange{account("hr", "1", "Ann", "", "i1")}}
	if err := w.ApplySync(w.ctx, ssf.System("correlate"), step); !errors.Is(err, ssf.ErrFenced) {
		w.t.Errorf("old epoch: got %v, want ErrFenced", err)
	}
	step.Epoch = lease.Epoch
	before := w.entries()
	wake, stop := w.Watch(ssf.Topic{Kind: ssf.TopicIdentity, ID: "i1"})
	defer stop()
	w.ok(w.ApplySync(w.ctx, ssf.System("correlate"), step))
	if e := w.lastEntry(); w.entries() != before+1 || e.Action != "source.synced" || e.Detail != "1 added, 0 changed, 0 removed" {
		w.t.Errorf("got entry %+v", e)
	}
	select {
	case <-wake:
	default:
		w.t.Error("the identity's watcher was not woken")
	}
	state := ssf.SourceState{LastAt: start(), Error: "row 3 is broken", Held: "6 of 10 accounts would be removed"}
	w.ok(w.PutSourceState(w.ctx, ssf.System("correlate"), "hr", state, ssf.Change{Action: "source.held"}))
	w.ok(w.ApplyConfig(w.ctx, ssf.Actor{Kind: ssf.ActorConfig}, ssf.Objects{Sources: []ssf.SourceSpec{{ID: "hr", Kind: "csv"}}}))
	if got := must[[]ssf.Source](w)(w.Sources(w.ctx)); len(got) != 1 || !equal(got[0].State, state) {
		w.t.Errorf("got sources %+v, want the state kept", got)
	}
}

func badStep(w *world) {
	w.sync("hr", account("hr", "1", "Ann", "ann@example.com", "i1"))
	for name, change := range map[string]ssf.AccountChange{
		"another source":     account("crm", "1", "Eve", "", "i9"),
		"no native id":       account("hr", "", "Eve", "", "i9"),
		"unknown identity":   {Account: account("hr", "2", "Eve", "", "i9").Account},
		"no identity at all": {Account: account("hr", "2", "Eve", "", "").Account},
	} {
		err := w.ApplySync(w.ctx, ssf.System("correlate"), ssf.Sync{
			Source: "hr", Changes: []ssf.AccountChange{account("hr", "3", "Kim", "kim@example.com", "i3"), change},
		})
		if err == nil {
			w.t.Errorf("%s: got no error", name)
		}
	}
	if got := must[[]ssf.Account](w)(w.AccountsByEmail(w.ctx, "kim@example.com")); len(got) != 0 {
		w.t.Errorf("a refused step left %+v", got)
	}
}
