package poller_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"harken/poller"
	"harken/poller/pollertest"
	"harken/ssf"
)

// foreignAudience is a stream whose tokens are for somebody else than the specification says.
func foreignAudience(l *lab, hold time.Duration) *pollertest.Transmitter {
	tr := l.peer("idp", func(c *pollertest.Config, s *ssf.TransmitterSpec) {
		c.LongPoll, c.Redeliver, c.KeysMaxAge = hold, 24*time.Hour, time.Hour
		c.Streams = []pollertest.Stream{{ID: "s1", Client: "harken", Audience: "https://right.example"}}
		s.Audience = []string{"https://wrong.example"}
		s.Poll.LongPoll = ssf.Duration(hold)
	})
	l.specs[0].Stream = ssf.StreamSpec{Manage: ssf.ManageUse, ID: "s1", PollURL: tr.PollURL("s1")}
	return tr
}

// TestAudienceCorrectedDuringALongPoll changes the specification while a request is held. What waits is judged by the new
// one, although the answer of that request still comes to the old one.
func TestAudienceCorrectedDuringALongPoll(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := foreignAudience(l, 30*time.Second)
		names := send(t, tr, 5)
		l.start()
		wait(20 * time.Minute) // acknowledged by now, and never sent again
		for _, n := range names {
			if e, _ := tr.Ledger().Event(n); e.Acked.IsZero() {
				t.Fatalf("%s is still with the transmitter, want it acknowledged", n)
			}
		}
		l.specs[0].Audience = []string{"https://right.example"}
		l.apply()
		wait(2 * time.Minute)
		l.wantWhole("idp", tr, names)
	})
}

// forgetful is a store whose undecided queue cannot be read for a while.
type forgetful struct {
	poller.Store
	broken *atomic.Bool
}

func (s forgetful) Undecided(ctx context.Context, id ssf.TransmitterID, after uint64, limit int) ([]ssf.UndecidedToken, error) {
	if s.broken.Load() {
		return nil, fmt.Errorf("disk: %w", ssf.ErrUnavailable)
	}
	return s.Store.Undecided(ctx, id, after, limit)
}

// TestJudgingAgainIsTriedAgain has the queue unreadable at the moment when the configuration becomes right.
func TestJudgingAgainIsTriedAgain(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := foreignAudience(l, -1)
		l.specs[0].Poll.LongPoll = 0
		var broken atomic.Bool
		l.wrap = func(s poller.Store) poller.Store { return forgetful{s, &broken} }
		names := send(t, tr, 5)
		l.start()
		wait(20 * time.Minute)
		broken.Store(true)
		l.specs[0].Audience = []string{"https://right.example"}
		l.apply()
		wait(5 * time.Minute)
		names = append(names, send(t, tr, 1)...)
		wait(time.Minute)
		if got := len(l.events("idp")); got != 1 {
			t.Errorf("got %d events while the queue cannot be read, want the new one", got)
		}
		broken.Store(false)
		wait(5 * time.Minute)
		l.wantWhole("idp", tr, names)
	})
}
