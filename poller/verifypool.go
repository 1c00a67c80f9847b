package poller

import (
	"context"
	"sync"
	"time"
)

// parkAfter is how long a verification may hold its slot. A signature takes less than a millisecond: whoever needs longer
// waits for a key set, and others must not wait with it.
const parkAfter = 50 * time.Millisecond

// verifyPool shares the processors among all who verify. Waiters get slots in the order of asking, and each submission
// asks for a few at a time only, so a flood from one transmitter does not hold up another.
type verifyPool struct {
	slots   chan struct{}
	workers int
}

func newVerifyPool(workers int) *verifyPool {
	return &verifyPool{slots: make(chan struct{}, workers), workers: workers}
}

// each calls f for 0 … n-1, several at a time, and returns when all calls have ended. When ctx ends, calls not yet begun
// are left out and its error is returned. f must not panic.
func (p *verifyPool) each(ctx context.Context, n int, f func(i int)) error {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		next  int
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next >= n || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	for range min(p.workers, n) {
		group.Go(func() {
			for {
				i, ok := take()
				if !ok || !p.hold(ctx, func() { f(i) }) {
					return
				}
			}
		})
	}
	group.Wait()
	return ctx.Err()
}

// hold calls f with a slot, which goes back early if f takes long. It reports false when ctx ended first.
func (p *verifyPool) hold(ctx context.Context, f func()) bool {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	var once sync.Once
	give := func() { once.Do(func() { <-p.slots }) }
	timer := time.AfterFunc(parkAfter, give)
	defer func() {
		timer.Stop()
		give()
	}()
	f()
	return true
}
