package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/poller/pollertest"
	"harken/respond/respondtest"
	"harken/ssf"
	"harken/ssf/apiv1"
)

// crashRounds is how often harken is killed; HARKEN_CRASH_ROUNDS raises it.
func crashRounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("HARKEN_CRASH_ROUNDS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("HARKEN_CRASH_ROUNDS: %v", err)
	}
	return n
}

// TestCrash kills the real program at random moments while two streams deliver and actions are under way. Transmitter and
// CRM live in this process and keep their own ledgers: what was acknowledged must be in the data, no run may have had two
// effects, the data must check clean, and the program must be ready again soon.
func TestCrash(t *testing.T) {
	o := newOutside(t)
	c := o.startHarken(t)
	o.waitReady(t, c)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if err := o.transmitter.Wait(ctx, func(pollertest.Ledger) bool { return len(o.transmitter.Streams()) == 2 }); err != nil {
		t.Fatal(err)
	}
	var around sync.WaitGroup
	around.Go(func() { o.sendSignals(ctx, t) })
	around.Go(func() { o.act(ctx, t) })

	until(t, "the first action has an effect", 30*time.Second, func() bool { return len(o.crm.Ledger().Effects) > 0 })

	slowest := time.Duration(0)
	rounds := crashRounds(t)
	for range rounds {
		select {
		case <-time.After(time.Duration(20+rand.IntN(900)) * time.Millisecond):
		case <-ctx.Done():
		}
		if code := c.end(syscall.SIGKILL); code != -1 {
			t.Fatalf("harken ended by itself with %d before it was killed\n%s", code, c.out.String())
		}
		c = o.startHarken(t)
		slowest = max(slowest, o.waitReady(t, c))
	}
	stop()
	around.Wait()
	o.settle(t)
	if code := c.end(syscall.SIGTERM); code != 0 {
		t.Errorf("after SIGTERM the exit code is %d, want 0\n%s", code, c.out.String())
	}
	t.Logf("%d kills, slowest start %v", rounds, slowest.Round(time.Millisecond))
	if slowest > 2*time.Second {
		t.Errorf("ready again after %v, want 2 s at most", slowest)
	}
	o.checkLedgers(t)
}

// sendSignals sends signals about everybody, over both streams, until ctx ends.
func (o *outside) sendSignals(ctx context.Context, t *testing.T) {
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p := o.people[n%len(o.people)]
		e := pollertest.SessionRevoked(pollertest.IssSub(o.transmitter.Issuer(), p.ID))
		e.Initiator = "admin"
		if _, err := o.transmitter.Send(e); err != nil {
			t.Errorf("send a signal: %v", err)
			return
		}
	}
}

// signInAfter is when people who were thrown out sign in again. An HTTP date tells a system's clock to the second only, so
// a session begun within two seconds of a call may be taken for an older one and be ended by a repeated call.
const signInAfter = 2500 * time.Millisecond

// act plays an analyst: it answers events by ending sessions, now and then by disabling too, and people sign in again a
// moment after they were thrown out. A second effect of one run would throw them out once more.
func (o *outside) act(ctx context.Context, t *testing.T) {
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	device := respondtest.Devices()[0]
	disables := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		last := map[string]time.Time{}
		for _, e := range o.crm.Ledger().Effects {
			last[e.Account] = e.At
		}
		for _, a := range o.crm.Accounts() {
			if a.Enabled && len(o.crm.Sessions(a.ID)) == 0 && time.Since(last[a.ID]) > signInAfter {
				if _, err := o.crm.SignIn(a.ID, device); err != nil {
					t.Errorf("sign in: %v", err)
				}
			}
		}
		status, body := o.try(ctx, http.MethodGet, "/api/v1/events?limit=5", nil)
		var page apiv1.List[apiv1.Event]
		if status != http.StatusOK || json.Unmarshal(body, &page) != nil {
			continue // killed just now
		}
		for _, e := range page.Items {
			if e.Match.State != "matched" {
				continue
			}
			kind := ssf.KindTerminateSessions
			if disables < 4 && rand.IntN(40) == 0 {
				kind, disables = ssf.KindDisableAndTerminate, disables+1
			}
			o.try(ctx, http.MethodPost, "/api/v1/runs", map[string]any{"kind": kind, "event": e.Seq})
		}
	}
}

// settle waits until every SET is answered for and every run has come to its end.
func (o *outside) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if err := o.transmitter.Wait(ctx, func(l pollertest.Ledger) bool { return len(l.Open("")) == 0 }); err != nil {
		t.Fatalf("%d SETs are not acknowledged: %v", len(o.transmitter.Ledger().Open("")), err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		open := -1
		status, body := o.try(ctx, http.MethodGet, "/api/v1/runs?state=pending&state=executing&state=in_doubt&limit=200", nil)
		var page apiv1.List[apiv1.Run]
		if status == http.StatusOK && json.Unmarshal(body, &page) == nil {
			open = len(page.Items)
		}
		if open == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%d runs are still under way (status %d): %.2000s", open, status, body)
		case <-tick.C:
		}
	}
}

// checkLedgers compares what the outside remembers with what harken holds.
func (o *outside) checkLedgers(t *testing.T) {
	t.Helper()
	db := o.open(t)
	defer db.Close()
	report, err := db.Check(t.Context())
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("check: %v, problems %v, want none", err, report.Problems)
	}
	stored := map[string]int{}
	page := ssf.PageRequest{Limit: ssf.MaxLimit}
	for {
		list, err := db.Events(t.Context(), ssf.EventFilter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list.Items {
			stored[string(v.Event.Transmitter)+" "+v.Event.JTI]++
		}
		if page.Cursor = list.Next; list.Next == "" {
			break
		}
	}
	o.checkAcked(t, stored)
	o.checkEffects(t, runsByAccount(t, db.Runs))
}

func (o *outside) checkAcked(t *testing.T, stored map[string]int) {
	t.Helper()
	ledger := o.transmitter.Ledger()
	if len(ledger.Violations) > 0 {
		t.Errorf("breaches of RFC 8936: %v", ledger.Violations)
	}
	owner := map[string]string{}
	for _, s := range o.transmitter.Streams() {
		owner[s.ID] = s.Client
	}
	acked, lost := 0, 0
	for _, e := range ledger.Events {
		if e.Acked.IsZero() {
			continue
		}
		acked++
		if n := stored[owner[e.Stream]+" "+e.JTI]; n != 1 {
			lost++
			t.Errorf("acknowledged SET %s of %s is stored %d times, want once", e.JTI, e.Stream, n)
		}
		if e.Err != "" {
			t.Errorf("a good SET was reported as %s: %s", e.Err, e.Description)
		}
	}
	t.Logf("%d SETs acknowledged, %d lost, %d events stored", acked, lost, len(stored))
	if acked == 0 {
		t.Error("nothing was acknowledged: the test proves nothing")
	}
}

// runsByAccount counts the runs of each account that ever began, by kind.
func runsByAccount(t *testing.T, runs func(context.Context, ssf.RunFilter, ssf.PageRequest) (ssf.List[ssf.Run], error)) map[string]int {
	t.Helper()
	out := map[string]int{}
	page := ssf.PageRequest{Limit: ssf.MaxLimit}
	for {
		list, err := runs(t.Context(), ssf.RunFilter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.Items {
			if !r.BegunAt.IsZero() {
				out[fmt.Sprintf("%s %s", r.Kind, r.Account.ID)]++
			}
		}
		if page.Cursor = list.Next; list.Next == "" {
			return out
		}
	}
}

func (o *outside) checkEffects(t *testing.T, begun map[string]int) {
	t.Helper()
	ledger := o.crm.Ledger()
	total := 0
	for _, a := range o.crm.Accounts() {
		ends := len(ledger.EffectsOn(respondtest.OpTerminateSessions, a.ID))
		both := begun[fmt.Sprintf("%s %s", ssf.KindDisableAndTerminate, a.ID)]
		if most := begun[fmt.Sprintf("%s %s", ssf.KindTerminateSessions, a.ID)] + both; ends > most {
			t.Errorf("%s: sessions were ended %d times by %d runs", a.ID, ends, most)
		}
		if n := len(ledger.EffectsOn(respondtest.OpDisable, a.ID)); n > min(both, 1) {
			t.Errorf("%s: disabled %d times by %d runs", a.ID, n, both)
		}
		total += ends
	}
	t.Logf("%d times sessions ended, by runs on %d accounts", total, len(begun))
	if total == 0 {
		t.Error("no action had an effect: the test proves nothing")
	}
}
