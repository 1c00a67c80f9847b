package respond_test

import (
	"net/http"
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

func TestOneSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		list, err := w.svc.Sessions(t.Context(), id)
		if err != nil || len(list) != 1 || len(list[0].Reading.Sessions) != 3 || !list[0].EndsOne {
			t.Fatalf("sessions: got %s, %v", show(list), err)
		}
		victim := list[0].Reading.Sessions[1].ID
		runs, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{
			Kind: ssf.KindTerminateSession, Identity: id, Intent: "intent-1", Session: victim,
			Connectors: []ssf.ConnectorID{"crm"}, Accounts: []ssf.AccountRef{{Source: "crm", ID: account}},
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.expect(runs[0].ID, ssf.RunConfirmed)
		left := w.crm.Sessions(account)
		if len(left) != 2 || left[0].ID == victim || left[1].ID == victim {
			t.Errorf("got sessions %s, want the two others", show(left))
		}
		// The page must not show the session that the run has just ended.
		if list, err = w.svc.Sessions(t.Context(), id); err != nil || len(list[0].Reading.Sessions) != 2 {
			t.Errorf("sessions after it: got %s, %v", show(list), err)
		}
	})
}

// A system that ends single sessions only: one call each, and what fails is retried without those that are gone.
func TestEndingSessionsOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		presets, err := respond.Presets()
		if err != nil {
			t.Fatal(err)
		}
		w := newWorldOf(t, func(s *ssf.ConnectorSpec) {
			s.Preset, s.Document = "", presets["acme-crm"]
			delete(s.Document.Operations, ssf.OpTerminateSessions)
		})
		id, account := w.person(respondtest.BusyEmail)
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultEffectThenReset, Op: respondtest.OpTerminateSession, Times: 1})
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		run := w.ask(ssf.KindTerminateSessions, id, "1")
		time.Sleep(time.Minute)
		w.expect(run.ID, ssf.RunConfirmed)
		effects := w.crm.Ledger().EffectsOn(respondtest.OpTerminateSession, account)
		if len(effects) != 3 || len(w.crm.Sessions(account)) != 0 {
			t.Errorf("got %d effects, %d sessions left, want 3 and 0", len(effects), len(w.crm.Sessions(account)))
		}
		if got := w.writes(); len(got) != 3 {
			t.Errorf("the CRM saw %v, want one call for each session", got)
		}
	})
}

func TestEnableAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		w.ask(ssf.KindDisableAccount, id, "1")
		time.Sleep(time.Second)
		run := w.ask(ssf.KindEnableAccount, id, "2")
		time.Sleep(time.Second)
		w.expect(run.ID, ssf.RunConfirmed)
		if a, err := w.crm.Account(account); err != nil || !a.Enabled {
			t.Errorf("enabled %t, %v, want it enabled", a.Enabled, err)
		}
	})
}
