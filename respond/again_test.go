package respond_test

import (
	"testing"
	"testing/synctest"
	"time"

	"harken/respond"
	"harken/respond/respondtest"
	"harken/ssf"
)

// Whoever signs in again after an event was answered can be thrown out again because of it, once for each form.
func TestDoingItAgainIsAnActionOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		seq := w.event(id, "j-1")
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		ask := func(again bool, intent ssf.IntentID) ssf.RunID {
			t.Helper()
			runs, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{Kind: ssf.KindTerminateSessions, Event: seq, Again: again, Intent: intent, Hold: time.Second})
			if err != nil || len(runs) != 1 {
				t.Fatalf("ask: got %d runs, %v", len(runs), err)
			}
			return runs[0].ID
		}
		preview := func() (respond.KindPreview, ssf.IntentID) {
			t.Helper()
			p, err := w.svc.Preview(t.Context(), w.lena, respond.PreviewRequest{Event: seq})
			if err != nil {
				t.Fatal(err)
			}
			k, _ := p.Kind(ssf.KindTerminateSessions)
			return k, p.Intent
		}
		if k, _ := preview(); k.Again {
			t.Error("the panel offers to do again what was never done")
		}
		first := ask(false, "")
		if k, _ := preview(); k.Again {
			t.Error("the panel offers to do again what is under way")
		}
		time.Sleep(10 * time.Second)
		w.expect(first, ssf.RunConfirmed)
		if _, err := w.crm.SignIn(account, respondtest.Devices()[0]); err != nil {
			t.Fatal(err)
		}
		if got := ask(false, ""); got != first {
			t.Errorf("asking for the same effect made another run %s", got)
		}
		k, intent := preview()
		if !k.Again {
			t.Fatal("the panel does not offer to do it again")
		}
		second := ask(true, intent)
		if second == first {
			t.Fatal("doing it again returned the first run")
		}
		if got := ask(true, intent); got != second {
			t.Errorf("the same form sent twice made another run %s", got)
		}
		time.Sleep(10 * time.Second)
		if run := w.expect(second, ssf.RunConfirmed); run.Event != seq {
			t.Errorf("the repetition lost its event: got %s", run.Event)
		}
		if n := len(w.crm.Sessions(account)); n != 0 {
			t.Errorf("%d sessions left, want 0", n)
		}
	})
}
