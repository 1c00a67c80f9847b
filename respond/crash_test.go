package respond_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"harken/respond"
	"harken/respond/respondtest"
	"harken/ssf"
	"harken/store/bolt"
	"harken/store/storetest"
)

// mortal is the real store and the real wire of a process that dies at its n-th step: from then on nothing is committed and
// nothing leaves.
type mortal struct {
	*bolt.DB
	wire http.RoundTripper
	left atomic.Int64 // steps to live
	// after: the step itself still happens, only its result is lost.
	after bool
	dead  atomic.Bool
}

var errDead = fmt.Errorf("%w: the process is dead", ssf.ErrUnavailable)

// step reports whether the step at hand may happen.
func (m *mortal) step() bool {
	if m.dead.Load() {
		return false
	}
	if m.left.Add(-1) > 0 {
		return true
	}
	m.dead.Store(true)
	return m.after
}

func (m *mortal) ClaimRuns(ctx context.Context, holder string, n int, ttl time.Duration) (out []ssf.RunClaim, err error) {
	if m.step() {
		out, err = m.DB.ClaimRuns(ctx, holder, n, ttl)
	}
	if m.dead.Load() {
		return nil, errDead
	}
	return out, err
}

func (m *mortal) Begin(ctx context.Context, actor ssf.Actor, id ssf.RunID, claim string) (out ssf.Run, err error) {
	if m.step() {
		out, err = m.DB.Begin(ctx, actor, id, claim)
	}
	if m.dead.Load() {
		return ssf.Run{}, errDead
	}
	return out, err
}

func (m *mortal) Update(ctx context.Context, actor ssf.Actor, up ssf.RunUpdate) (out ssf.Run, err error) {
	if m.step() {
		out, err = m.DB.Update(ctx, actor, up)
	}
	if m.dead.Load() {
		return ssf.Run{}, errDead
	}
	return out, err
}

func (m *mortal) RoundTrip(r *http.Request) (res *http.Response, err error) {
	if m.step() {
		res, err = m.wire.RoundTrip(r)
	}
	if m.dead.Load() {
		return nil, errDead
	}
	return res, err
}

// The process dies between each two steps of a run; the next one ends it with each effect once.
func TestDeathBetweenAnyTwoSteps(t *testing.T) {
	const steps = 12 // claim, 2 reads, begin, disable, update, terminate, update, 2 reads, update, and one more
	for n := int64(1); n <= steps; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("step %d done %t", n, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { dieAndLiveAgain(t, n, after) })
			})
		}
	}
}

func dieAndLiveAgain(t *testing.T, n int64, after bool) {
	w := newWorld(t)
	id, account := w.person(respondtest.BusyEmail)
	run := w.ask(ssf.KindDisableAndTerminate, id, "1")

	m := &mortal{DB: w.db, wire: w.wire, after: after}
	m.left.Store(n)
	svc, err := respond.New(respond.Config{Outbound: outboundOver(m), Now: time.Now}, m)
	if err != nil {
		t.Fatal(err)
	}
	first := *w
	first.svc = svc
	stop := first.work(respond.WorkerConfig{})
	time.Sleep(3 * time.Second)
	stop()

	w.db = storetest.Reopen(t, w.db, secrets())
	w.svc = w.service()
	stop = w.work(respond.WorkerConfig{})
	time.Sleep(3 * time.Minute)
	stop()
	got := w.expect(run.ID, ssf.RunConfirmed)
	l := w.crm.Ledger()
	for _, op := range []respondtest.Operation{respondtest.OpDisable, respondtest.OpTerminateSessions} {
		if calls, effects := l.CallsTo(op, account), len(l.EffectsOn(op, account)); calls != 1 || effects != 1 {
			t.Errorf("%s: %d calls, %d effects, want one of each; %s", op, calls, effects, show(got))
		}
	}
}
