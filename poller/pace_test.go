package poller_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"harken/poller/pollertest"
	"harken/ssf"
)

// gaps are the pauses between the polls of a transmitter.
func gaps(tr *pollertest.Transmitter) (out []time.Duration) {
	records := tr.Ledger().Records
	for i := 1; i < len(records); i++ {
		out = append(out, records[i].At.Sub(records[i-1].At))
	}
	return out
}

func TestShortPollsDoNotStayInStep(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		l.start()
		wait(time.Hour)
		var least, most, sum time.Duration = time.Hour, 0, 0
		all := gaps(tr)
		for _, g := range all {
			if g < time.Second {
				continue // an acknowledgement follows at once
			}
			least, most, sum = min(least, g), max(most, g), sum+g
		}
		if least < 8*time.Second || most > 12*time.Second || least > 9*time.Second || most < 11*time.Second {
			t.Errorf("got pauses between %v and %v, want them spread over 8 to 12 s", least, most)
		}
		if mean := sum / time.Duration(len(all)); mean < 9*time.Second || mean > 11*time.Second {
			t.Errorf("got %v on the average, want about 10 s", mean)
		}
	})
}

// TestInactivityTimeout has a schedule so slow that the transmitter would give the stream up.
func TestInactivityTimeout(t *testing.T) {
	for _, schedule := range []string{"@every 2h", "0 3 * * *"} {
		virtual(t, func(t *testing.T) {
			l := newLab(t)
			tr := l.peer("idp", func(c *pollertest.Config, s *ssf.TransmitterSpec) {
				c.InactivityTimeout = 30 * time.Minute
				s.Poll.Schedule = schedule
			})
			l.start()
			wait(3 * time.Hour)
			all := gaps(tr)
			if len(all) < 10 || len(all) > 40 {
				t.Errorf("%s: got %d polls in three hours, want one every ten minutes and some acks", schedule, len(all))
			}
			for _, g := range all {
				if g > 15*time.Minute {
					t.Errorf("%s: got a pause of %v, want less than half of 30 min", schedule, g)
				}
			}
		})
	}
}

// TestCatchingUpTakesMore finds many events: requests grow as long as there is more, unless the operator set their size.
func TestCatchingUpTakesMore(t *testing.T) {
	for configured, want := range map[int]int{0: 1000, 20: 20} {
		virtual(t, func(t *testing.T) {
			l := newLab(t)
			tr := l.peer("idp", func(c *pollertest.Config, s *ssf.TransmitterSpec) {
				c.MaxPerPoll = 1000
				s.Poll.MaxEvents = configured
			})
			l.start()
			wait(time.Second)
			names := send(t, tr, 150)
			wait(time.Minute)
			most := 0
			for _, r := range tr.Ledger().Records {
				most = max(most, r.MaxEvents)
			}
			if most != want {
				t.Errorf("configured %d: got requests for up to %d events, want %d", configured, most, want)
			}
			l.wantWhole("idp", tr, names)
		})
	}
}

// TestCutBatchCostsNothing leaves a stream quiet whose batch was halved: its empty answers are not written either.
func TestCutBatchCostsNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		l.peer("idp", nil)
		l.open()
		lease, err := l.db.Lease(t.Context(), "poll:idp", "test", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		st := ssf.TransmitterState{ID: "idp", Poll: ssf.PollState{MaxEvents: 5}}
		if err := l.db.PutTransmitterState(t.Context(), ssf.System("test"), lease.Epoch, st, ssf.Change{}); err != nil {
			t.Fatal(err)
		}
		l.start()
		wait(4 * time.Minute) // the answers to verification are past, and the next is far
		if st := l.status("idp").Poll; st.MaxEvents == 0 {
			t.Fatal("the batch was not cut")
		}
		changed, stop := l.db.Watch(ssf.Topic{Kind: ssf.TopicTransmitter})
		defer stop()
		writes := 0
		for range 24 {
			wait(10 * time.Second)
			select {
			case <-changed:
				writes++
			default:
			}
		}
		if writes > 4 {
			t.Errorf("got %d writes in four quiet minutes, want those of the other jobs only", writes)
		}
	})
}

func TestJumpOfTheClockIsAudited(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		l.peer("idp", nil)
		begun := time.Now()
		var behind atomic.Int64 // how far the time that really passed lies behind the wall clock
		l.elapsed = func() time.Duration { return time.Since(begun) - time.Duration(behind.Load()) }
		l.start()
		for _, jump := range []time.Duration{50 * time.Second, 365 * 24 * time.Hour, -2 * time.Hour} {
			behind.Add(int64(jump))
			wait(2 * time.Minute)
		}
		list, err := l.db.Audit(t.Context(), ssf.PageRequest{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range list.Items {
			if e.Action == "clock.jumped" {
				got = append(got, e.Detail)
			}
		}
		if len(got) != 2 || !strings.Contains(got[1], " 8760h0m0s") || !strings.Contains(got[0], " -2h0m0s") {
			t.Errorf("got entries %q, want those of the year and of the two hours", got)
		}
	})
}
