package poller

import (
	"context"

	"harken/ssf"
)

// withoutReplies asks again after a 400 to a request with replies. The body of a 400 says nothing reliable (RFC
// 8936), and the replies are the one thing that can be left out. If that helps, fewer go next time, until the one that the
// transmitter does not take stands alone: it is given up, so that it does not hold up the rest. A token whose reply is
// given up comes again, or not, as the transmitter likes; it is stored.
func (f *feed) withoutReplies(ctx context.Context, l *link, ask asking, refused ssf.Replies) (received, error) {
	f.log.Warn("request refused, trying once without replies", "acks", len(refused.Acks), "errors", len(refused.Errs))
	f.setBarred(true)
	got, err := f.exchange(ctx, l, ask)
	if f.barred() {
		return got, err // it was not the replies
	}
	if f.fewer(refused) {
		return got, err
	}
	drop := ssf.Replies{Errs: refused.Errs} // first these: an ack is worth more
	if len(drop.Errs) == 0 {
		drop = refused
	}
	f.log.Error("a reply that the transmitter refuses is given up", "acks", drop.Acks, "errors", len(drop.Errs))
	b := Batch{Transmitter: f.id, Epoch: f.epoch(), Confirmed: drop}
	if _, derr := f.svc.intake.Submit(context.WithoutCancel(ctx), b); derr != nil {
		f.log.Warn("refused reply not dropped", "err", derr)
	}
	return got, err
}

// fewer halves the number of replies that a request carries; false if there is nothing to halve.
func (f *feed) fewer(refused ssf.Replies) bool {
	n := max(len(refused.Acks), len(refused.Errs))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acks = max(min(f.acks, n)/2, 1)
	return n > 1
}

func (f *feed) barred() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bare
}

func (f *feed) setBarred(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bare = on
}
