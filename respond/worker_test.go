package respond_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"harken/respond"
	"harken/respond/respondtest"
	"harken/ssf"
)

func TestOneClickEndsAllSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindTerminateSessions, id, "1")
		time.Sleep(time.Second)
		run = w.expect(run.ID, ssf.RunConfirmed)
		if n := len(w.crm.Sessions(account)); n != 0 {
			t.Errorf("%d sessions left, want 0", n)
		}
		if a, err := w.crm.Account(account); err != nil || !a.Enabled {
			t.Errorf("account enabled %t, %v, want it enabled still", a.Enabled, err)
		}
		if run.Detail != "0 sessions left" || len(run.Attempts) != 1 || len(run.Observations) != 2 || run.Due != (time.Time{}) {
			t.Errorf("got %s", show(run))
		}
		if before := run.Observations[0]; before.Proves || before.Sessions == nil || *before.Sessions != 3 {
			t.Errorf("before the call: got %s, want 3 sessions", show(before))
		}
	})
}

func TestDisableAndTerminateInThisOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindDisableAndTerminate, id, "1")
		time.Sleep(time.Second)
		run = w.expect(run.ID, ssf.RunConfirmed)
		want := []string{"POST /api/accounts/" + account + "/disable", "DELETE /api/accounts/" + account + "/sessions"}
		if got := w.writes(); !slices.Equal(got, want) {
			t.Errorf("the CRM saw %v, want %v", got, want)
		}
		log := w.crm.Log()
		if last := log[len(log)-1]; last.Method != http.MethodGet {
			t.Errorf("last call: got %s %s, want an observation", last.Method, last.Path)
		}
		if want := []ssf.OperationName{ssf.OpDisableAccount, ssf.OpTerminateSessions}; !slices.Equal(run.Progress, want) {
			t.Errorf("progress: got %v, want %v", run.Progress, want)
		}
		if !strings.Contains(run.Detail, "disabled") || !strings.Contains(run.Detail, "0 sessions") {
			t.Errorf("detail: got %q", run.Detail)
		}
	})
}

// What was so before is not claimed, and not asked for again.
func TestAlreadySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		first := w.ask(ssf.KindDisableAccount, id, "1")
		time.Sleep(time.Second)
		w.expect(first.ID, ssf.RunConfirmed)
		again := w.ask(ssf.KindDisableAccount, id, "2")
		time.Sleep(time.Second)
		run := w.expect(again.ID, ssf.RunSkipped)
		if len(run.Attempts) != 0 || !strings.Contains(run.Detail, "already") {
			t.Errorf("got %s, want nothing sent", show(run))
		}
		both := w.ask(ssf.KindDisableAndTerminate, id, "3")
		time.Sleep(time.Second)
		w.expect(both.ID, ssf.RunConfirmed)
		l := w.crm.Ledger()
		if n := l.CallsTo(respondtest.OpDisable, account); n != 1 {
			t.Errorf("%d calls to disable, want 1", n)
		}
		if n := len(w.crm.Sessions(account)); n != 0 {
			t.Errorf("%d sessions left, want 0", n)
		}
	})
}

func TestUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, _ := w.person(respondtest.BusyEmail)
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		runs, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{
			Kind: ssf.KindDisableAccount, Identity: id, Intent: "intent-1", Hold: 5 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		if _, err := w.db.CancelRun(t.Context(), w.lena, runs[0].ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.expect(runs[0].ID, ssf.RunCancelled)
		if got := w.writes(); len(got) != 0 {
			t.Errorf("the CRM saw %v, want nothing", got)
		}
		runs, err = w.svc.Ask(t.Context(), w.lena, respond.Ask{
			Kind: ssf.KindDisableAccount, Identity: id, Intent: "intent-2", Hold: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.HurryRun(t.Context(), w.lena, runs[0].ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		w.expect(runs[0].ID, ssf.RunConfirmed)
	})
}

// A system that says yes and does nothing never gets a green tick.
func TestPromiseWithoutEffectStaysAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOf(t, func(s *ssf.ConnectorSpec) { s.Document.Residual = ssf.Duration(10 * time.Minute) })
		id, account := w.person(respondtest.BusyEmail)
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultNoEffect, Op: respondtest.OpTerminateSessions})
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		start := time.Now()
		run := w.ask(ssf.KindTerminateSessions, id, "1")
		time.Sleep(5 * time.Second)
		if got := w.expect(run.ID, ssf.RunAccepted); !got.Open() || len(got.Observations) != 2 {
			t.Errorf("after 5 s: got %s, want one observation after the call, and more to come", show(got))
		}
		time.Sleep(time.Hour)
		got := w.expect(run.ID, ssf.RunAccepted)
		if got.Open() || !strings.Contains(got.Detail, "still 3 sessions listed at ") {
			t.Errorf("got %s, want it over, saying what is left", show(got))
		}
		var at []time.Duration
		for _, o := range got.Observations[1:] {
			at = append(at, o.At.Sub(start).Round(time.Second))
		}
		if want := []time.Duration{0, 10 * time.Second, time.Minute, 10 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("observed at %v, want %v", at, want)
		}
		if n := w.crm.Ledger().CallsTo(respondtest.OpTerminateSessions, account); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestLateEffectIsConfirmedByTheNextLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, _ := w.person(respondtest.BusyEmail)
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultAsync, Delay: 5 * time.Second})
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindDisableAndTerminate, id, "1")
		time.Sleep(4 * time.Second)
		w.expect(run.ID, ssf.RunAccepted)
		time.Sleep(8 * time.Second)
		w.expect(run.ID, ssf.RunConfirmed)
	})
}

func TestNewSignInDoesNotHideTheProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultAsync, Delay: 2 * time.Second})
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindTerminateSessions, id, "1")
		time.Sleep(5 * time.Second)
		if _, err := w.crm.SignIn(account, respondtest.Devices()[0]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		got := w.expect(run.ID, ssf.RunConfirmed)
		if !strings.Contains(got.Detail, "1 session began since") {
			t.Errorf("detail: got %q", got.Detail)
		}
	})
}

// Whoever slipped in while the disabling was on its way must not be left there.
func TestDisabledWithANewSessionIsNotConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultAsync, Op: respondtest.OpDisable, Delay: 20 * time.Second})
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindDisableAndTerminate, id, "1")
		time.Sleep(15 * time.Second)
		if _, err := w.crm.SignIn(account, respondtest.Devices()[0]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		got := w.expect(run.ID, ssf.RunAccepted)
		if !strings.Contains(got.Detail, "disabled, still 1 session listed") {
			t.Errorf("detail: got %q", got.Detail)
		}
	})
}

// An answer 500 may hide an effect: what is read as done then is not called "already so".
func TestEffectBehindAnErrorIsOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		w.wire.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				w.crm.ServeHTTP(rw, r)
				return
			}
			w.crm.ServeHTTP(httptest.NewRecorder(), r)
			rw.WriteHeader(http.StatusBadGateway)
		})
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindTerminateSessions, id, "1")
		time.Sleep(time.Minute)
		w.expect(run.ID, ssf.RunConfirmed)
		if n := w.crm.Ledger().CallsTo(respondtest.OpTerminateSessions, account); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

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

func TestUnknownAccountIsACorrelationError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, _ := w.person(respondtest.BusyEmail)
		w.sync("crm", []ssf.AccountChange{{Account: ssf.Account{Ref: ssf.AccountRef{Source: "crm", ID: "C-none"}, Identity: id, Active: true}}})
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		runs, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{
			Kind: ssf.KindTerminateSessions, Identity: id, Intent: "intent-1", Accounts: []ssf.AccountRef{{Source: "crm", ID: "C-none"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		got := w.expect(runs[0].ID, ssf.RunFailed)
		if !strings.Contains(got.Detail, "no account C-none") || len(w.writes()) != 0 {
			t.Errorf("got %q, the CRM saw %v", got.Detail, w.writes())
		}
	})
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

func TestWithoutReadNothingIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOf(t, func(s *ssf.ConnectorSpec) {
			s.Preset = ""
			s.Document.Operations = map[ssf.OperationName]ssf.Operation{ssf.OpDisableAccount: {Requests: []ssf.OperationRequest{{
				Method: "POST", Path: []string{"api", "accounts", "${account.id}", "disable"},
				Answers: []ssf.OperationAnswer{{Meaning: ssf.AnswerSuccess}},
			}}}}
		})
		id, account := w.person(respondtest.BusyEmail)
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindDisableAccount, id, "1")
		time.Sleep(time.Second)
		if got := w.expect(run.ID, ssf.RunAccepted); got.Open() || !strings.Contains(got.Detail, "cannot be confirmed") {
			t.Errorf("got %s", show(got))
		}
		// Not idempotent and unreadable: after a lost answer a person decides.
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultEffectThenReset, Op: respondtest.OpDisable, Times: 1})
		lost := w.ask(ssf.KindDisableAccount, id, "2")
		time.Sleep(5 * time.Minute)
		w.expect(lost.ID, ssf.RunHeld)
		if n := w.crm.Ledger().CallsTo(respondtest.OpDisable, account); n != 2 {
			t.Errorf("%d calls, want 2: none repeated", n)
		}
	})
}

// Target down for an hour with many queued: all done within five minutes of its recovery, each effect once, and the target
// is not hammered meanwhile.
func TestRecoveryOfATargetThatWasDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.wire.down.Store(true)
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		var runs []ssf.RunID
		for n := 0; len(runs) < 500; n++ {
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
