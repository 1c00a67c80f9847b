package storetest

import (
	"errors"
	"fmt"
	"time"

	"harken/ssf"
)

func guardCases() []testCase {
	return []testCase{
		{"nobody acts on, cancels or closes what is about themselves", conflictOfInterest},
		{"nobody becomes somebody else while something about them is open", noDisguise},
		{"viewers execute nothing", viewers},
		{"a run that only its subject asked for never begins", onlySubject},
		{"disables stop at the cap, and stay stopped", disableCap},
		{"the cap of one system", connectorCap},
		{"one person again and again is one", onePersonOnce},
		{"the hour passes, jumps of the clock do not", hourPasses},
	}
}

// refused is the guard that said no.
func (w *world) refused(err error) string {
	w.t.Helper()
	var r *ssf.RefusedError
	if !errors.As(err, &r) {
		w.t.Errorf("got %v, want a refusal", err)
		return ""
	}
	if e := w.lastEntry(); e.Result != "refused" {
		w.t.Errorf("the refusal was not audited: last entry %+v", e)
	}
	return r.Guard
}

func conflictOfInterest(w *world) {
	w.sync("hr", account("hr", "1", "Eve", "eve@example.com", "i1"), account("hr", "2", "Ann", "ann@example.com", "i2"))
	w.ok(w.PutUser(w.ctx, ssf.System("test"), ssf.User{ID: "eve", Name: "eve", Role: ssf.RoleAdmin, Email: "Eve@example.com"}))
	w.ingest("a", Accepted(SET("a", "1")))
	w.match(1, ssf.SeverityHigh, "i1")
	named := person("eve", ssf.RoleAdmin) // resolved through her user's address
	direct := ssf.Actor{Kind: ssf.ActorToken, Name: "script", Role: ssf.RoleAdmin, Identity: "i1"}
	runs := 0
	for _, self := range []ssf.Actor{named, direct} {
		for _, wrong := range []ssf.IdentityID{"", "i2"} { // the account tells whom it is about all the same
			r := ask(1, 1)
			r.Identity = wrong
			_, err := w.CreateRuns(w.ctx, self, []ssf.RunRequest{r})
			if g := w.refused(err); g != "conflict_of_interest" {
				w.t.Errorf("create by %s under identity %q: guard %q", self.Name, wrong, g)
			}
		}
		_, err := w.CreateRuns(w.ctx, self, []ssf.RunRequest{ask(1, 2), ask(1, 1)})
		if g := w.refused(err); g != "conflict_of_interest" {
			w.t.Errorf("create by %s: guard %q", self.Name, g)
		}
		list := must[ssf.List[ssf.Run]](w)(w.Runs(w.ctx, ssf.RunFilter{}, ssf.PageRequest{}))
		if len(list.Items) != runs {
			w.t.Fatalf("a refused request left %d runs, want %d", len(list.Items), runs)
		}
		r := ask(1, 1)
		r.NotBefore = start().Add(time.Minute)
		id := w.create(r)[0].ID
		runs = 1
		for name, do := range map[string]func() error{
			"cancel": func() error { return errOf(w.CancelRun(w.ctx, self, id)) },
			"hurry":  func() error { return errOf(w.HurryRun(w.ctx, self, id)) },
			"retry":  func() error { return errOf(w.RetryRun(w.ctx, self, id)) },
			"close":  func() error { return w.SetTriage(w.ctx, self, []ssf.Seq{1}, ssf.TriageClosed, ssf.CloseExpected, "") },
		} {
			if g := w.refused(do()); g != "conflict_of_interest" {
				w.t.Errorf("%s by %s: guard %q", name, self.Name, g)
			}
		}
		if got := must[ssf.Run](w)(w.Run(w.ctx, id)); got.State != ssf.RunPending {
			w.t.Errorf("the run is %s, want pending", got.State)
		}
	}
	if st := must[ssf.EventView](w)(w.EventView(w.ctx, 1)).State; !st.Open {
		w.t.Error("the event was closed")
	}
}

func noDisguise(w *world) {
	w.sync("hr", account("hr", "1", "Eve", "eve@example.com", "i1"), account("hr", "2", "Ann", "ann@example.com", "i2"))
	eve := ssf.User{ID: "eve", Name: "eve", Role: ssf.RoleAdmin, Email: "eve@example.com"}
	w.ok(w.PutUser(w.ctx, ssf.System("test"), eve))
	w.ingest("a", Accepted(SET("a", "1")))
	w.match(1, ssf.SeverityHigh, "i1")
	self := person("eve", ssf.RoleAdmin)
	for _, address := range []string{"", "ann@example.com"} {
		changed := eve
		changed.Email = address
		if g := w.refused(w.PutUser(w.ctx, self, changed)); g != "conflict_of_interest" {
			w.t.Errorf("address %q: guard %q", address, g)
		}
	}
	if got := must[ssf.User](w)(w.User(w.ctx, "eve")); got.Email != eve.Email {
		w.t.Errorf("the address is %q after a refusal", got.Email)
	}
	eve.ShortcutsOff = true
	w.ok(w.PutUser(w.ctx, self, eve)) // who she is stays
	w.ok(w.SetTriage(w.ctx, ann(), []ssf.Seq{1}, ssf.TriageClosed, ssf.CloseExpected, ""))
	run := w.create(ask(1, 1))[0]
	eve.Email = ""
	if g := w.refused(w.PutUser(w.ctx, self, eve)); g != "conflict_of_interest" {
		w.t.Errorf("with an unfinished run: guard %q", g)
	}
	must[ssf.Run](w)(w.CancelRun(w.ctx, ann(), run.ID))
	w.ok(w.PutUser(w.ctx, self, eve)) // nothing is open any more
}

func viewers(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	_, err := w.CreateRuns(w.ctx, person("vic", ssf.RoleViewer), []ssf.RunRequest{ask(1, 1)})
	if g := w.refused(err); g != "role" {
		w.t.Errorf("guard %q, want role", g)
	}
	_, err = w.CreateRuns(w.ctx, person("odd", "superuser"), []ssf.RunRequest{ask(1, 1)})
	if g := w.refused(err); g != "role" {
		w.t.Errorf("unknown role: guard %q, want role", g)
	}
}

func onlySubject(w *world) {
	w.ingest("a", Accepted(SET("a", "1")))
	w.ok(w.PutUser(w.ctx, ssf.System("test"), ssf.User{ID: "eve", Name: "eve", Role: ssf.RoleAdmin, Email: "eve@example.com"}))
	// Nobody knows yet that eve is i1; the directory tells before the worker comes.
	nameless := ask(1, 1)
	nameless.Identity, nameless.Kind = "", ssf.KindDisableAccount
	must[[]ssf.Run](w)(w.CreateRuns(w.ctx, person("eve", ssf.RoleAdmin), []ssf.RunRequest{ask(1, 1), nameless}))
	w.sync("hr", account("hr", "1", "Eve", "eve@example.com", "i1"))
	for _, claim := range w.claim(2) {
		_, err := w.Begin(w.ctx, worker(), claim.Run.ID, claim.Token)
		if g := w.refused(err); g != "conflict_of_interest" {
			w.t.Errorf("guard %q", g)
		}
		if got := must[ssf.Run](w)(w.Run(w.ctx, claim.Run.ID)); got.State != ssf.RunHeld {
			w.t.Errorf("the run is %s, want held", got.State)
		}
	}
}

// beginAll creates and begins n disables, and returns how many were held.
func (w *world) beginAll(from, n int, kind ssf.Kind, connector ssf.ConnectorID) (held int) {
	w.t.Helper()
	for i := range n {
		r := ask(1, from+i)
		r.Kind, r.Connector = kind, connector
		w.create(r)
	}
	for {
		claims := w.claim(20)
		if len(claims) == 0 {
			return held
		}
		for _, c := range claims {
			run, err := w.Begin(w.ctx, worker(), c.Run.ID, c.Token)
			if err != nil {
				if g := w.refused(err); g != "blast_radius" {
					w.t.Fatalf("guard %q: %v", g, err)
				}
				if run.State != ssf.RunHeld || run.Detail == "" {
					w.t.Fatalf("over the cap: got %+v, want held with its reason", run)
				}
				held++
				continue
			}
			w.ok(errOf(w.Update(w.ctx, worker(), ssf.RunUpdate{ID: c.Run.ID, Claim: c.Token, State: ssf.RunConfirmed})))
		}
	}
}

func roomy() ssf.Limits {
	l := ssf.DefaultLimits()
	l.ConnectorMin = 1000
	return l
}

func disableCap(w *world) {
	w = w.with(Setup{Limits: roomy()})
	w.ingest("a", Accepted(SET("a", "1")))
	if held := w.beginAll(0, 60, ssf.KindDisableAccount, "crm"); held != 10 {
		w.t.Fatalf("held %d of 60, want 10: exactly 50 disabled", held)
	}
	w.reopen()
	if held := w.beginAll(100, 3, ssf.KindDisableAndTerminate, "other"); held != 3 {
		w.t.Errorf("after a restart: held %d of 3, want all", held)
	}
	if held := w.beginAll(200, 3, ssf.KindTerminateSessions, "crm"); held != 0 {
		w.t.Errorf("terminations: held %d of 3, want none", held)
	}
	w.clock.Advance(30 * time.Minute)
	if held := w.beginAll(300, 2, ssf.KindDisableAccount, "crm"); held != 2 {
		w.t.Errorf("half an hour later: held %d of 2, want all", held)
	}
	w.clock.Advance(31 * time.Minute)
	if held := w.beginAll(400, 50, ssf.KindDisableAccount, "crm"); held != 0 {
		w.t.Errorf("an hour later: held %d of 50, want none", held)
	}
}

func connectorCap(w *world) {
	w.ok(w.ApplyConfig(w.ctx, ssf.Actor{Kind: ssf.ActorConfig}, ssf.Objects{
		Sources:    []ssf.SourceSpec{{ID: "hr", Kind: "csv"}},
		Connectors: []ssf.ConnectorSpec{{ID: "crm", Source: "hr"}, {ID: "small", Source: "none"}},
	}))
	var changes []ssf.AccountChange
	for i := range 160 {
		c := account("hr", fmt.Sprint("n", i), "", "", ssf.IdentityID(fmt.Sprint("x", i)))
		c.Account.Active = i < 150
		changes = append(changes, c)
	}
	w.sync("hr", changes...)
	w.ingest("a", Accepted(SET("a", "1")))
	if held := w.beginAll(0, 10, ssf.KindDisableAccount, "crm"); held != 3 {
		w.t.Errorf("held %d of 10, want 3: 5 %% of 150 enabled accounts are 7", held)
	}
	if held := w.beginAll(100, 10, ssf.KindDisableAccount, "small"); held != 5 {
		w.t.Errorf("held %d of 10, want 5: at least 5 are allowed", held)
	}
}

func onePersonOnce(w *world) {
	w = w.with(Setup{Limits: ssf.Limits{TotalDisables: 2, TotalTerminations: 2, ConnectorMin: 100}})
	for i := range 6 {
		w.ingest("a", Accepted(SET("a", fmt.Sprint(i))))
	}
	for i := range 6 {
		r := ask(ssf.Seq(i+1), 1)
		r.Kind = ssf.KindDisableAndTerminate
		w.create(r)
	}
	if held := w.beginAll(50, 0, "", ""); held != 0 {
		w.t.Errorf("one person six times: held %d, want none", held)
	}
	if held := w.beginAll(60, 2, ssf.KindDisableAndTerminate, "crm"); held != 1 {
		w.t.Errorf("two others: held %d, want 1", held)
	}
}

func hourPasses(w *world) {
	w = w.with(Setup{Limits: ssf.Limits{TotalDisables: 1, TotalTerminations: 1, ConnectorMin: 100}})
	w.ingest("a", Accepted(SET("a", "1")))
	if held := w.beginAll(0, 1, ssf.KindDisableAccount, "crm"); held != 0 {
		w.t.Fatal("the first was held")
	}
	next := 10
	full := func(when string) {
		w.t.Helper()
		if held := w.beginAll(next, 1, ssf.KindDisableAccount, "crm"); held != 1 {
			w.t.Errorf("%s: began, want held", when)
		}
		next++
	}
	full("at once")
	w.clock.Advance(366 * 24 * time.Hour)
	full("the clock jumped a year ahead")
	w.clock.Advance(-2 * 366 * 24 * time.Hour)
	full("the clock jumped two years back")
	w.reopen()
	full("after a restart")
	w.clock.Advance(-time.Hour)
	w.reopen()
	full("an hour back over a restart")
	w.clock.Advance(61 * time.Minute)
	if held := w.beginAll(next, 1, ssf.KindDisableAccount, "crm"); held != 0 {
		w.t.Error("an hour later: held, want begun")
	}
}
