package poller_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"harken/poller"
	"harken/poller/pollertest"
	"harken/ssf"
)

// mortal is the real store up to the n-th call that matters. That call, and all after it, fail: the process is as good
// as dead. With done set the n-th call still has its effect, as when the machine stops right after the commit.
type mortal struct {
	poller.Store
	done bool

	mu   sync.Mutex
	left int
}

// alive counts a call; run says whether it is still carried out, and dead whether it fails.
func (m *mortal) alive() (run, dead bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left--
	return m.left > 0 || (m.left == 0 && m.done), m.left <= 0
}

func (m *mortal) reached() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left <= 0
}

var errDead = fmt.Errorf("the process is dead: %w", ssf.ErrUnavailable)

func (m *mortal) Ingest(ctx context.Context, actor ssf.Actor, b []ssf.IngestBatch) (res []ssf.IngestResult, err error) {
	run, dead := m.alive()
	if run {
		res, err = m.Store.Ingest(ctx, actor, b)
	}
	if dead {
		return nil, errDead
	}
	return res, err
}

func (m *mortal) PutTransmitterState(ctx context.Context, a ssf.Actor, epoch uint64, st ssf.TransmitterState, c ssf.Change) (err error) {
	run, dead := m.alive()
	if run {
		err = m.Store.PutTransmitterState(ctx, a, epoch, st, c)
	}
	if dead {
		return errDead
	}
	return err
}

func (m *mortal) Replies(ctx context.Context, id ssf.TransmitterID, limit int) (r ssf.Replies, err error) {
	if _, dead := m.alive(); dead {
		return r, errDead
	}
	return m.Store.Replies(ctx, id, limit)
}

func (m *mortal) AckUndecided(ctx context.Context, a ssf.Actor, id ssf.TransmitterID, before time.Time) (n int, err error) {
	run, dead := m.alive()
	if run {
		n, err = m.Store.AckUndecided(ctx, a, id, before)
	}
	if dead {
		return 0, errDead
	}
	return n, err
}

// TestCrashBetweenAnyTwoSteps kills the process at each call to the store in turn, before it and after it, and goes on
// from the file. Nothing acknowledged is missing, nothing is stored twice, and all of it arrives.
func TestCrashBetweenAnyTwoSteps(t *testing.T) {
	for _, done := range []bool{false, true} {
		for n := 1; ; n++ {
			finished := false
			t.Run(fmt.Sprintf("call%d,done=%v", n, done), func(t *testing.T) {
				virtual(t, func(t *testing.T) { finished = crashOnce(t, n, done) })
			})
			if finished || t.Failed() {
				break
			}
			if n > 200 {
				t.Fatal("the script never ends")
			}
		}
	}
}

// crashOnce reports whether the script ended before the n-th call.
func crashOnce(t *testing.T, n int, done bool) bool {
	l := newLab(t)
	tr := l.peer("idp", func(c *pollertest.Config, _ *ssf.TransmitterSpec) { c.MaxPerPoll, c.ResignEachPoll = 3, true })
	var m *mortal
	l.wrap = func(s poller.Store) poller.Store {
		m = &mortal{Store: s, left: n, done: done}
		return m
	}
	l.start()
	wait(time.Second)
	var names []string
	if len(tr.Streams()) > 0 {
		names = send(t, tr, 7)
		if err := tr.SendRaw(tr.Streams()[0].ID, "junk", "junk"); err != nil {
			t.Fatal(err)
		}
	}
	wait(30 * time.Second)
	crashed := m.reached()
	l.stop()
	l.wrap = nil

	l.open()
	stored := make(map[string]bool)
	for _, e := range l.events("idp") {
		stored[e.JTI] = true
	}
	for _, jti := range tr.Ledger().Acked("") {
		if e, _ := tr.Ledger().Event(jti); !stored[jti] && e.Type == pollertest.TypeSessionRevoked {
			t.Errorf("%s is acknowledged and not in the file", jti)
		}
	}
	l.start()
	wait(2 * time.Minute)
	if len(names) == 0 {
		names = send(t, tr, 7)
	}
	wait(10 * time.Minute)
	l.wantWhole("idp", tr, names)
	if got := len(tr.Streams()); got != 1 {
		t.Errorf("got %d streams, want 1", got)
	}
	return !crashed
}
