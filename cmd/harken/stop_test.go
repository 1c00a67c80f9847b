package main_test

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/poller/pollertest"
	"harken/respond/respondtest"
	"harken/ssf/apiv1"
)

// A stop takes 10 s at most also when polls and a call to an application hang at once: their times must not add up.
func TestStopsInTimeWhileEverythingHangs(t *testing.T) {
	o := newOutside(t)
	c := o.startHarken(t)
	o.waitReady(t, c)
	seq, account := o.matchedEvent(t)
	o.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultHang, Op: respondtest.OpTerminateSessions})
	status, body := o.try(t.Context(), http.MethodPost, "/api/v1/runs", map[string]any{"kind": "terminate_sessions", "event": seq})
	if status/100 != 2 {
		t.Fatalf("ask: status %d: %s", status, body)
	}
	until(t, "the application hangs", 20*time.Second, func() bool {
		return o.crm.Ledger().CallsTo(respondtest.OpTerminateSessions, account) > 0
	})
	o.transmitter.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.HangAfter})
	polls := o.transmitter.Ledger().Requests[pollertest.EndpointPoll]
	until(t, "the polls hang", 20*time.Second, func() bool {
		return o.transmitter.Ledger().Requests[pollertest.EndpointPoll] >= polls+2
	})

	begin := time.Now()
	if code := c.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, c.out.String())
	}
	took := time.Since(begin)
	t.Logf("stopped after %v", took.Round(time.Millisecond))
	if took > 7*time.Second { // 5 s for the call, 3 s for the polls, side by side
		t.Errorf("it stopped after %v, want 5 s and a little", took)
	}
}

// matchedEvent sends a signal about somebody with sessions and waits until it is matched.
func (o *outside) matchedEvent(t *testing.T) (seq uint64, account string) {
	t.Helper()
	for _, p := range o.people {
		if p.Account == "" || p.Inactive {
			continue
		}
		if _, err := o.crm.SignIn(p.Account, respondtest.Devices()[0]); err != nil {
			t.Fatal(err)
		}
		until(t, "two streams", 20*time.Second, func() bool { return len(o.transmitter.Streams()) == 2 })
		e := pollertest.SessionRevoked(pollertest.IssSub(o.transmitter.Issuer(), p.ID))
		e.Initiator = "admin"
		if _, err := o.transmitter.Send(e); err != nil {
			t.Fatal(err)
		}
		account = p.Account
		break
	}
	until(t, "the event is matched", 20*time.Second, func() bool {
		status, body := o.try(t.Context(), http.MethodGet, "/api/v1/events?limit=10", nil)
		var page apiv1.List[apiv1.Event]
		if status != http.StatusOK || json.Unmarshal(body, &page) != nil {
			return false
		}
		for _, e := range page.Items {
			if e.Match.State == "matched" {
				seq = uint64(e.Seq)
			}
		}
		return seq != 0
	})
	return seq, account
}
