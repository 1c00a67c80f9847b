package respond_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"harken/respond"
	"harken/respond/respondtest"
	"harken/ssf"
	"harken/store/storetest"
)

func TestSystemThatHangsDoesNotDelayAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := w.spec
		slow.ID, slow.URL = "slow", "https://slow.example.com"
		w.more = []ssf.ConnectorSpec{slow}
		w.configure()
		w.wire.sees = func(r *http.Request) {
			if r.URL.Host == "slow.example.com" {
				<-r.Context().Done()
			}
		}
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		for i, p := range respondtest.People() {
			if p.Account == "" || p.Email == respondtest.SharedEmail || p.Email == respondtest.BusyEmail {
				continue
			}
			_, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{
				Kind: ssf.KindTerminateSessions, Identity: ssf.IdentityID("id-" + p.ID), Intent: "intent-slow",
				Connectors: []ssf.ConnectorID{"slow"},
			})
			if err != nil {
				t.Fatalf("person %d: %v", i, err)
			}
		}
		time.Sleep(10 * time.Second)
		id, _ := w.person(respondtest.BusyEmail)
		runs, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{
			Kind: ssf.KindTerminateSessions, Identity: id, Intent: "intent-1", Connectors: []ssf.ConnectorID{"crm"},
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		w.expect(runs[0].ID, ssf.RunConfirmed)
	})
}

func TestConnectorThatWasRemovedHoldsItsRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, _ := w.person(respondtest.BusyEmail)
		run := w.ask(ssf.KindDisableAccount, id, "1")
		keep := w.spec
		w.spec.ID = "another"
		w.configure()
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		time.Sleep(time.Second)
		got := w.expect(run.ID, ssf.RunHeld)
		if !strings.Contains(got.Detail, "removed") || len(w.writes()) != 0 {
			t.Errorf("got %q, the CRM saw %v", got.Detail, w.writes())
		}
		w.spec = keep
		w.configure()
		if _, err := w.db.RetryRun(t.Context(), w.lena, run.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.expect(run.ID, ssf.RunConfirmed)
	})
}

func TestOverTheCapIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		limits := ssf.DefaultLimits()
		limits.TotalDisables = 2
		w.db = storetest.Reopen(t, w.db, secrets(), storetest.WithLimits(limits))
		w.svc = w.service()
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		states := map[ssf.RunState]int{}
		for _, email := range []string{respondtest.BusyEmail, respondtest.LeakedEmail, respondtest.PrivilegedEmail} {
			id, _ := w.person(email)
			run := w.ask(ssf.KindDisableAccount, id, email[:4]+"-cap")
			time.Sleep(time.Second)
			states[w.run(run.ID).State]++
		}
		time.Sleep(10 * time.Minute)
		if states[ssf.RunConfirmed] != 2 || states[ssf.RunHeld] != 1 || len(w.writes()) != 2 {
			t.Errorf("got %v, the CRM saw %v, want two confirmed and one held", states, w.writes())
		}
	})
}

// Each way in which the CRM can fail: the effect comes once, and the run says what is known.
func TestFaults(t *testing.T) {
	type fault = respondtest.Fault
	for _, c := range []struct {
		name  string
		fault fault
		after time.Duration
		want  ssf.RunState
		calls int
		// on is the operation that fails; terminate_sessions if empty.
		on respondtest.Operation
	}{
		{name: "500 twice", fault: fault{Kind: respondtest.FaultStatus, Times: 2}, after: time.Minute, want: ssf.RunConfirmed, calls: 3},
		{name: "429", fault: fault{Kind: respondtest.FaultStatus, Status: 429, RetryAfter: 30, Times: 1}, after: time.Minute, want: ssf.RunConfirmed, calls: 2},
		{name: "403", fault: fault{Kind: respondtest.FaultStatus, Status: 403, Times: 1}, after: time.Minute, want: ssf.RunFailed, calls: 1},
		{name: "401 once", fault: fault{Kind: respondtest.FaultStatus, Status: 401, Times: 1}, after: time.Minute, want: ssf.RunConfirmed, calls: 2},
		{name: "404 though the account is there", fault: fault{Kind: respondtest.FaultStatus, Status: 404, Times: 1}, after: 5 * time.Minute, want: ssf.RunAccepted, calls: 1},
		{name: "hangs", fault: fault{Kind: respondtest.FaultHang, Times: 1}, after: 2 * time.Minute, want: ssf.RunConfirmed, calls: 2},
		{name: "cut off before", fault: fault{Kind: respondtest.FaultReset, Times: 1}, after: time.Minute, want: ssf.RunConfirmed, calls: 2},
		{name: "cut off after", fault: fault{Kind: respondtest.FaultEffectThenReset, Times: 1}, after: time.Minute, want: ssf.RunConfirmed, calls: 1},
		{name: "hangs after", fault: fault{Kind: respondtest.FaultEffectThenHang, Times: 1}, after: 2 * time.Minute, want: ssf.RunConfirmed, calls: 1},
		{name: "reading is broken", fault: fault{Kind: respondtest.FaultStatus, Status: 403}, on: respondtest.OpListSessions, after: 5 * time.Minute, want: ssf.RunAccepted, calls: 1},
		{name: "reading is broken at first", fault: fault{Kind: respondtest.FaultStatus, Times: 2}, on: respondtest.OpListSessions, after: time.Minute, want: ssf.RunConfirmed, calls: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				id, account := w.person(respondtest.BusyEmail)
				if c.fault.Op = c.on; c.on == "" {
					c.fault.Op = respondtest.OpTerminateSessions
				}
				w.crm.AddFault(c.fault)
				stop := w.work(respond.WorkerConfig{})
				defer stop()
				run := w.ask(ssf.KindTerminateSessions, id, "1")
				time.Sleep(c.after)
				got := w.expect(run.ID, c.want)
				l := w.crm.Ledger()
				if n := l.CallsTo(respondtest.OpTerminateSessions, account); n != c.calls {
					t.Errorf("%d calls, want %d; %s", n, c.calls, show(got))
				}
				if n := len(l.EffectsOn(respondtest.OpTerminateSessions, account)); n > 1 {
					t.Errorf("%d effects, want at most 1", n)
				}
				if got.Detail == "" {
					t.Error("the run says nothing")
				}
			})
		})
	}
}

func TestPartialSuccessIsRetriedUntilWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultStatus, Status: 503, Op: respondtest.OpTerminateSessions})
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindDisableAndTerminate, id, "1")
		time.Sleep(30 * time.Second)
		if got := w.expect(run.ID, ssf.RunPartial); !got.Open() || !slices.Equal(got.Progress, []ssf.OperationName{ssf.OpDisableAccount}) {
			t.Errorf("got %s, want the disabling done and the rest retried", show(got))
		}
		w.crm.ClearFaults()
		time.Sleep(5 * time.Minute)
		w.expect(run.ID, ssf.RunConfirmed)
		if n := w.crm.Ledger().CallsTo(respondtest.OpDisable, account); n != 1 {
			t.Errorf("%d calls to disable, want 1", n)
		}
	})
}

func TestGivenUpAfterADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, _ := w.person(respondtest.BusyEmail)
		w.wire.down.Store(true)
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindTerminateSessions, id, "1")
		time.Sleep(23 * time.Hour)
		w.expect(run.ID, ssf.RunPending)
		time.Sleep(2 * time.Hour)
		if got := w.expect(run.ID, ssf.RunFailed); !strings.Contains(got.Detail, "given up") || got.Open() {
			t.Errorf("got %s", show(got))
		}
		w.wire.down.Store(false)
		if _, err := w.db.RetryRun(t.Context(), w.lena, run.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		w.expect(run.ID, ssf.RunConfirmed)
	})
}

// Target down for an hour with many queued: all done within five minutes of its recovery, each effect once, and the target
// is not hammered meanwhile.
func TestRecoveryOfATargetThatWasDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.wire.down.Store(true)
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		var runs []ssf.RunID
		for n := 0; len(runs) < 150; n++ {
			for _, p := range respondtest.People() {
				if p.Account == "" || p.Email == respondtest.SharedEmail || len(w.crm.Sessions(p.Account)) == 0 {
					continue
				}
				// Several intents each: the first ends the sessions, the others then find nothing to do.
				id, _ := w.person(p.Email)
				runs = append(runs, w.ask(ssf.KindTerminateSessions, id, fmt.Sprintf("%s-%d", p.Account, n)).ID)
			}
		}
		time.Sleep(time.Hour)
		if n := w.wire.refused.Load(); n < 50 || n > 400 {
			t.Errorf("%d connections tried in an hour of outage, want 50 to 400 for %d runs", n, len(runs))
		}
		w.wire.down.Store(false)
		time.Sleep(5 * time.Minute)
		confirmed := 0
		for _, id := range runs {
			switch run := w.run(id); run.State {
			case ssf.RunConfirmed:
				confirmed++
			case ssf.RunSkipped:
			default:
				t.Errorf("run is %s (%s) five minutes after the recovery", run.State, run.Detail)
			}
		}
		if confirmed == 0 {
			t.Error("no run confirmed")
		}
		for _, e := range w.crm.Ledger().Effects {
			if n := len(w.crm.Ledger().EffectsOn(e.Op, e.Account)); n != 1 {
				t.Errorf("%s on %s: %d effects, want 1", e.Op, e.Account, n)
			}
		}
	})
}

func TestStoppingFinishesCallsAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultEffectThenHang, Op: respondtest.OpTerminateSessions, Times: 1})
		stop := w.work(respond.WorkerConfig{})
		run := w.ask(ssf.KindTerminateSessions, id, "1")
		time.Sleep(time.Second)
		start := time.Now()
		stop()
		if took := time.Since(start); took > 8*time.Second {
			t.Errorf("stopping took %s, want at most 5 s and a little", took)
		}
		w.expect(run.ID, ssf.RunInDoubt)
		defer w.work(respond.WorkerConfig{})()
		time.Sleep(10 * time.Second)
		w.expect(run.ID, ssf.RunConfirmed)
		if n := w.crm.Ledger().CallsTo(respondtest.OpTerminateSessions, account); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}
