package poller_test

import (
	"testing"
	"time"

	"harken/poller/pollertest"
	"harken/ssf"
)

// TestStopFlushesAcks stops in the middle of a long poll that has just brought an event.
func TestStopFlushesAcks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(_ *pollertest.Config, s *ssf.TransmitterSpec) { s.Poll.LongPoll = ssf.Duration(30 * time.Second) })
		l.start()
		wait(time.Minute)
		begun := time.Now()
		names := send(t, tr, 1)
		l.halt() // at once: the answer may still be in flight
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("the stop took %v, want at most 10 s", took)
		}
		l.wantWhole("idp", tr, names)
	})
}

// TestStopWhileEverythingHangs stops beside transmitters that answer nothing at all.
func TestStopWhileEverythingHangs(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		for _, e := range []pollertest.Endpoint{
			pollertest.EndpointDiscovery, pollertest.EndpointKeys, pollertest.EndpointStreams, pollertest.EndpointStatus,
			pollertest.EndpointPoll,
		} {
			tr := l.peer(string(e), func(_ *pollertest.Config, s *ssf.TransmitterSpec) { s.Poll.LongPoll = ssf.Duration(time.Minute) })
			tr.SetMode(e, pollertest.Mode{Kind: pollertest.HangBefore})
		}
		l.start()
		wait(3 * time.Second)
		begun := time.Now()
		l.halt()
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("the stop took %v, want at most 10 s", took)
		}
	})
}

// TestTransmittersComeAndGo retires one and adds another while everything runs.
func TestTransmittersComeAndGo(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		first := l.peer("first", nil)
		l.start()
		wait(time.Minute)
		second := l.peer("second", nil)
		l.specs = l.specs[1:]
		l.apply()
		wait(time.Second)
		polls := first.Ledger().Polls
		names := send(t, second, 2)
		wait(time.Minute)
		l.wantWhole("second", second, names)
		if got := first.Ledger().Polls - polls; got != 0 {
			t.Errorf("got %d polls of the retired transmitter, want none", got)
		}
		if _, ok := l.svc.Status("first"); ok {
			t.Error("the retired transmitter still has a status")
		}
	})
}

// TestStrictErrors reports what is our own fault at once, and an unknown key after a quarter of an hour.
func TestStrictErrors(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", func(_ *pollertest.Config, s *ssf.TransmitterSpec) { s.Errors = "strict" })
		l.start()
		wait(time.Second)
		tr.Rotate(keyRing()[1])
		tr.Withdraw("second")
		name := send(t, tr, 1)[0]
		wait(10 * time.Minute)
		if e, _ := tr.Ledger().Event(name); e.Err != "" || e.Acks > 0 {
			t.Errorf("got error %q and %d acks after 10 minutes, want neither", e.Err, e.Acks)
		}
		wait(20 * time.Minute)
		if e, _ := tr.Ledger().Event(name); e.Err != string(ssf.RejectInvalidKey) || e.Acks > 0 {
			t.Errorf("got error %q and %d acks after half an hour, want invalid_key and no ack", e.Err, e.Acks)
		}
	})
}

// TestQuietHourWritesLittle lets a healthy transmitter be silent: empty answers cost no transactions of their own.
func TestQuietHourWritesLittle(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		l.peer("idp", nil)
		l.start()
		wait(30 * time.Minute)
		stored, err := l.db.TransmitterState(t.Context(), "idp")
		if err != nil {
			t.Fatal(err)
		}
		live := l.status("idp").Poll
		if live.LastOK.Sub(stored.Poll.LastOK) < 0 || time.Since(live.LastOK) > 15*time.Second {
			t.Errorf("got last ok %v live, %v stored, want the live one within 15 s", live.LastOK, stored.Poll.LastOK)
		}
		if time.Since(stored.Poll.LastOK) > 6*time.Minute {
			t.Errorf("got last ok %v stored, want it within the status interval", stored.Poll.LastOK)
		}
	})
}

// TestTwoReplicas runs two services over one file: one polls, and the other takes over when it is gone.
func TestTwoReplicas(t *testing.T) {
	virtual(t, func(t *testing.T) {
		l := newLab(t)
		tr := l.peer("idp", nil)
		l.start()
		wait(time.Minute)
		other := *l
		other.holder = "other"
		other.cancel = nil
		other.start()
		defer other.halt()
		wait(30 * time.Minute)
		if polls := tr.Ledger().Polls; polls > 200 {
			t.Errorf("got %d polls in half an hour, want one replica's pace of 180 and a few", polls)
		}
		if !other.status("idp").Elsewhere {
			t.Error("the second replica does not know that the first one polls")
		}
		l.halt()
		wait(time.Second)
		names := send(t, tr, 3)
		wait(5 * time.Minute)
		l.wantWhole("idp", tr, names)
		if got := len(other.status("idp").Stream.Pending); got < 3 {
			t.Errorf("got %d verification requests known after the change, want those of the first replica too", got)
		}
	})
}
