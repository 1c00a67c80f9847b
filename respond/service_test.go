package respond_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"harken/respond"
	"harken/respond/connector"
	"harken/respond/respondtest"
	"harken/ssf"
)

func TestPreviewSaysWhatRemains(t *testing.T) {
	w := newWorldOf(t, func(s *ssf.ConnectorSpec) { s.Document.Residual = ssf.Duration(time.Hour) })
	id, account := w.person(respondtest.BusyEmail)
	p, err := w.svc.Preview(t.Context(), w.lena, respond.PreviewRequest{Event: w.event(id, "jti-1")})
	if err != nil {
		t.Fatal(err)
	}
	if p.Identity.ID != id || p.Intent == "" || p.Refused != nil || len(p.Targets) != 1 || len(p.Kinds) != 3 {
		t.Fatalf("got %s", show(p))
	}
	target := p.Targets[0]
	if !target.ByEvent || target.Name != "Acme CRM" || target.Account.Ref.ID != account || target.Reading.Trouble != "" ||
		len(target.Reading.Sessions) != 3 || target.Reading.Enabled == nil || !*target.Reading.Enabled {
		t.Errorf("target: got %s", show(target))
	}
	for _, c := range []struct {
		kind             ssf.Kind
		continues, signs respond.Answer
		residual         time.Duration
		disables, ends   bool
	}{
		{ssf.KindTerminateSessions, respond.InPart, respond.Yes, time.Hour, false, true},
		{ssf.KindDisableAccount, respond.Yes, respond.No, 0, true, false},
		{ssf.KindDisableAndTerminate, respond.InPart, respond.No, time.Hour, true, true},
	} {
		k, ok := p.Kind(c.kind)
		if !ok || !k.Possible || len(k.Effects) != 1 {
			t.Errorf("%s: got %s", c.kind, show(k))
			continue
		}
		e := k.Effects[0]
		if k.Continue.Answer != c.continues || k.Continue.Residual != c.residual || k.SignIn.Answer != c.signs ||
			e.Disables != c.disables || e.EndsSessions != c.ends || e.NewerToo != c.ends || e.Sessions != 3 || !e.Confirms ||
			e.Support != connector.Supported || k.Old {
			t.Errorf("%s: got %s", c.kind, show(k))
		}
	}
	if len(p.Uncovered) != 1 || p.Uncovered[0].Ref.Source != "people" {
		t.Errorf("uncovered: got %s, want the directory's account", show(p.Uncovered))
	}
}

func TestPreviewWithoutAnEventMintsAnIntent(t *testing.T) {
	w := newWorld(t)
	id, _ := w.person(respondtest.BusyEmail)
	first, err := w.svc.Preview(t.Context(), w.lena, respond.PreviewRequest{Identity: id})
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.svc.Preview(t.Context(), w.lena, respond.PreviewRequest{Identity: id, Intent: first.Intent})
	if err != nil {
		t.Fatal(err)
	}
	third, err := w.svc.Preview(t.Context(), w.lena, respond.PreviewRequest{Identity: id})
	if err != nil {
		t.Fatal(err)
	}
	if first.Intent == "" || second.Intent != first.Intent || third.Intent == first.Intent {
		t.Errorf("got intents %q, %q, %q, want the first kept and the third new", first.Intent, second.Intent, third.Intent)
	}
	runs, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{Kind: ssf.KindDisableAccount, Identity: id, Intent: first.Intent})
	if err != nil || len(runs) != 1 {
		t.Fatalf("ask: got %d runs, %v", len(runs), err)
	}
}

func TestPreviewExplainsRefusals(t *testing.T) {
	w := newWorld(t)
	id, _ := w.person(respondtest.BusyEmail)
	self, viewer := w.lena, w.lena
	self.Identity = id
	viewer.Role = ssf.RoleViewer
	for _, c := range []struct {
		name  string
		actor ssf.Actor
		guard string
	}{{"oneself", self, "conflict_of_interest"}, {"a viewer", viewer, "role"}} {
		p, err := w.svc.Preview(t.Context(), c.actor, respond.PreviewRequest{Identity: id})
		if err != nil || p.Refused == nil || p.Refused.Guard != c.guard {
			t.Errorf("%s: got %s, %v, want refused by %s", c.name, show(p.Refused), err, c.guard)
		}
		_, err = w.svc.Ask(t.Context(), c.actor, respond.Ask{Kind: ssf.KindDisableAccount, Identity: id, Intent: "intent-1"})
		refused, ok := errors.AsType[*ssf.RefusedError](err)
		if !ok || refused.Guard != c.guard {
			t.Errorf("%s: asking got %v, want refused by %s", c.name, err, c.guard)
		}
	}
	if list, err := w.db.Runs(t.Context(), ssf.RunFilter{}, ssf.PageRequest{}); err != nil || len(list.Items) != 0 {
		t.Errorf("got %d runs, %v, want none", len(list.Items), err)
	}
}

func TestSlowSystemDoesNotDelayThePanel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, _ := w.person(respondtest.BusyEmail)
		if _, err := w.svc.Sessions(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultHang})
		start := time.Now()
		p, err := w.svc.Preview(t.Context(), w.lena, respond.PreviewRequest{Identity: id})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("preview took %s, want at most 3 s", took)
		}
		r := p.Targets[0].Reading
		if k, _ := p.Kind(ssf.KindTerminateSessions); !k.Possible || r.Trouble == "" {
			t.Errorf("got %s, want it offered, with the trouble", show(p))
		}
		list, err := w.svc.Sessions(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		last := list[0].Reading
		if len(last.Sessions) != 3 || last.Trouble == "" || time.Since(last.At) < time.Minute {
			t.Errorf("got %s, want the last known sessions with their age", show(last))
		}
	})
}

func TestAskRefusesWhatASystemCannot(t *testing.T) {
	w := newWorldOf(t, func(s *ssf.ConnectorSpec) {
		s.Preset = ""
		s.Document.Operations = map[ssf.OperationName]ssf.Operation{ssf.OpDisableAccount: {Requests: []ssf.OperationRequest{{
			Method: "POST", Path: []string{"api", "accounts", "${account.id}", "disable"},
			Answers: []ssf.OperationAnswer{{Meaning: ssf.AnswerSuccess}},
		}}}}
	})
	id, _ := w.person(respondtest.BusyEmail)
	for _, connectors := range [][]ssf.ConnectorID{nil, {"crm"}} {
		for _, kind := range []ssf.Kind{ssf.KindTerminateSessions, ssf.KindDisableAndTerminate} {
			_, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{Kind: kind, Identity: id, Intent: "intent-1", Connectors: connectors})
			u := unsupported(err)
			if u == nil || u.Connector != "crm" || !strings.Contains(u.Reason, "ends sessions") {
				t.Errorf("%s in %v: got %v, want it unsupported in crm", kind, connectors, err)
			}
		}
	}
	_, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{Kind: ssf.KindDisableAccount, Identity: id, Intent: "intent-1", Connectors: []ssf.ConnectorID{"other"}})
	if u := unsupported(err); u == nil || u.Connector != "other" {
		t.Errorf("unknown system: got %v", err)
	}
	p, err := w.svc.Preview(t.Context(), w.lena, respond.PreviewRequest{Identity: id})
	if err != nil {
		t.Fatal(err)
	}
	k, _ := p.Kind(ssf.KindDisableAndTerminate)
	if k.Possible || k.Continue.Answer != respond.Yes || k.SignIn.Answer != respond.Yes || k.Effects[0].Reason == "" {
		t.Errorf("got %s, want it impossible with a reason", show(k))
	}
}

func TestAskChecksItsOwnMembers(t *testing.T) {
	w := newWorld(t)
	id, _ := w.person(respondtest.BusyEmail)
	other, _ := w.person(respondtest.LeakedEmail)
	about := w.event(id, "jti-1")
	nobody := w.event("", "jti-2")
	for _, c := range []struct {
		name, path string
		ask        respond.Ask
	}{
		{"no kind", "kind", respond.Ask{Identity: id, Intent: "intent-1"}},
		{"no intent", "intent", respond.Ask{Kind: ssf.KindDisableAccount, Identity: id}},
		{"nobody", "identity", respond.Ask{Kind: ssf.KindDisableAccount, Intent: "intent-1"}},
		{"session with the wrong kind", "session", respond.Ask{Kind: ssf.KindDisableAccount, Event: about, Session: "s"}},
		{"no session", "session", respond.Ask{Kind: ssf.KindTerminateSession, Event: about}},
		{"session nowhere", "connectors", respond.Ask{Kind: ssf.KindTerminateSession, Event: about, Session: "s"}},
		{"hold", "hold", respond.Ask{Kind: ssf.KindDisableAccount, Event: about, Hold: 2 * time.Hour}},
		{"reason", "reason", respond.Ask{Kind: ssf.KindDisableAccount, Event: about, Reason: strings.Repeat("x", 1000)}},
		{"somebody else", "identity", respond.Ask{Kind: ssf.KindDisableAccount, Event: about, Identity: other}},
		{"uncorrelated", "event", respond.Ask{Kind: ssf.KindDisableAccount, Event: nobody}},
	} {
		_, err := w.svc.Ask(t.Context(), w.lena, c.ask)
		bad, ok := errors.AsType[*respond.AskError](err)
		if !ok || bad.Problem.Path != c.path {
			t.Errorf("%s: got %v, want a problem at %s", c.name, err, c.path)
		}
	}
	if _, err := w.svc.Ask(t.Context(), w.lena, respond.Ask{Kind: ssf.KindDisableAccount, Event: 99}); !errors.Is(err, ssf.ErrNotFound) {
		t.Errorf("unknown event: got %v, want not found", err)
	}
}

// Double clicks, tabs and scripts that ask for one effect make one run and one call.
func TestHundredIdenticalAsksAreOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, account := w.person(respondtest.BusyEmail)
		seq := w.event(id, "jti-1")
		stop := w.work(respond.WorkerConfig{})
		defer stop()
		var wg sync.WaitGroup
		ids := make([]ssf.RunID, 100)
		for i := range ids {
			wg.Go(func() {
				actor := w.lena
				actor.User = ssf.UserID([]string{"lena", "omar"}[i%2])
				runs, err := w.svc.Ask(t.Context(), actor, respond.Ask{Kind: ssf.KindTerminateSessions, Event: seq, Identity: id})
				if err != nil || len(runs) != 1 {
					t.Errorf("ask: got %d runs, %v", len(runs), err)
					return
				}
				ids[i] = runs[0].ID
			})
		}
		wg.Wait()
		time.Sleep(time.Minute)
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("got several runs, want one")
			}
		}
		run := w.expect(ids[0], ssf.RunConfirmed)
		if len(run.AskedBy) < 2 {
			t.Errorf("got %s, want both askers on the run", show(run.AskedBy))
		}
		if n := w.crm.Ledger().CallsTo(respondtest.OpTerminateSessions, account); n != 1 {
			t.Errorf("got %d calls, want 1", n)
		}
	})
}

func TestConnectorTest(t *testing.T) {
	for _, c := range []struct {
		name string
		with func(*world)
		last string
		ok   bool
		fix  string
	}{
		{name: "all well", with: func(*world) {}, last: "call", ok: true},
		{name: "forbidden", with: func(w *world) { w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultStatus, Status: 403}) }, last: "call", fix: "right"},
		{name: "unauthorized", with: func(w *world) { w.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultStatus, Status: 401}) }, last: "call", fix: "credential"},
		{name: "down", with: func(w *world) { w.wire.down.Store(true) }, last: "call", fix: "address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.with(w)
			report, err := w.svc.Test(t.Context(), "crm")
			if err != nil {
				t.Fatal(err)
			}
			last := report.Steps[len(report.Steps)-1]
			if report.OK() != c.ok || last.Name != c.last || !strings.Contains(last.Fix, c.fix) {
				t.Errorf("got %s, want ok %t at %s, fix …%s…", show(report), c.ok, c.last, c.fix)
			}
			if len(w.writes()) != 0 {
				t.Errorf("the test changed something: %v", w.writes())
			}
		})
	}
	if _, err := newWorld(t).svc.Test(t.Context(), "other"); !errors.Is(err, ssf.ErrNotFound) {
		t.Errorf("unknown connector: got %v, want not found", err)
	}
}
