package respond_test

import (
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

// A system that does not tell its time may be ahead of us: a session that looks newer than the call proves nothing.
func TestWithoutTheSystemsClockEverySessionCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.wire.timeless.Store(true)
		id, account := w.person(respondtest.BusyEmail)
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultAsync, Op: respondtest.OpTerminateSessions, Delay: time.Second})
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindTerminateSessions, id, "1")
		time.Sleep(5 * time.Second)
		if _, err := w.crm.SignIn(account, respondtest.Devices()[0]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := w.expect(run.ID, ssf.RunAccepted); !strings.Contains(got.Detail, "1 session") {
			t.Errorf("detail: got %q, want the session that is left", got.Detail)
		}
	})
}

// A session is ended only once it is seen to be of the account that the run is about: the call names the session alone.
func TestASessionOfAnotherAccountIsNeverEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		var other respondtest.Session
		for _, a := range w.crm.Accounts() {
			if open := w.crm.Sessions(a.ID); a.ID != account && len(open) > 0 {
				other = open[0]
			}
		}
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultStatus, Op: respondtest.OpListSessions})
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		runs, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{
			Kind: ssf.KindTerminateSession, Identity: id, Intent: "intent-1", Session: other.ID,
			Connectors: []ssf.ConnectorID{"crm"}, Accounts: []ssf.AccountRef{{Source: "crm", ID: account}},
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := w.expect(runs[0].ID, ssf.RunPending); !strings.Contains(got.Detail, "not sent") {
			t.Errorf("while the listing fails: got %s, want nothing sent", show(got))
		}
		w.crm.ClearFaults()
		time.Sleep(10 * time.Minute)
		w.expect(runs[0].ID, ssf.RunSkipped)
		if n := w.crm.Ledger().CallsTo(respondtest.OpTerminateSession, other.ID); n != 0 {
			t.Errorf("%d calls on the session of another account, want 0", n)
		}
	})
}
