package poller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"harken/outbound"
	"harken/ssf"
)

const (
	maxRounds    = 100              // requests of one run
	maxRoundTime = 10 * time.Second // of one run that goes on because there is more
	shortestHold = time.Second      // an empty long poll that comes back sooner was none
	longMargin   = 15 * time.Second // how much longer than the long poll the answer may take
	stopGrace    = 3 * time.Second  // for the answer in flight when the program stops
	slowPace     = 2 * time.Minute  // between polls of a stream that is not enabled
)

// poll is the poll job: connect if need be, then poll until nothing more is to be had.
func (f *feed) poll(ctx context.Context) (int, error) {
	if err := take(ctx, f.line); err != nil {
		return 0, err
	}
	defer func() { <-f.line }()
	mine, err := f.claim(ctx)
	if err != nil && ctx.Err() != nil {
		return 0, err // we stopped it
	}
	if err != nil {
		return 0, f.failed(ctx, err)
	}
	if !mine {
		return 0, nil
	}
	items, err := f.cycle(ctx)
	if err == nil {
		return items, nil
	}
	if ctx.Err() != nil && (outbound.KindOf(err) == outbound.KindCanceled || errors.Is(err, context.Canceled)) {
		return items, err // we stopped it
	}
	return items, f.failed(ctx, err)
}

// cycle is one run of requests. An error means that the last one made no progress.
func (f *feed) cycle(ctx context.Context) (int, error) {
	l, err := f.connect(ctx)
	if err != nil {
		return 0, err
	}
	f.rejudgeBeside(ctx, l)
	long := l.spec.Poll.LongPoll.D()
	ask := asking{wait: long}
	items := 0
	for start, round := f.now(), 1; ; round++ {
		got, err := f.exchange(ctx, l, ask)
		items += got.stored
		if err != nil {
			return items, err
		}
		f.step(StepToken, nil) // it was accepted
		f.step(StepPoll, nil)
		f.rejudgeBeside(ctx, l)
		if got.notice {
			// What an event says of the status is confirmed at once: the endpoint wins (SSF §8.1.2).
			if err := f.readStatus(ctx, l); err != nil {
				f.log.Warn("stream status not read", "err", err)
			}
		}
		switch goOn := round < maxRounds && f.now().Sub(start) < maxRoundTime; {
		case ctx.Err() != nil:
			return items, nil
		case got.more && goOn:
			ask = asking{catchUp: true} // what is there comes at once
		case got.more:
			f.rearm(f.now().Add(time.Second)) // others get their turn
			return items, nil
		case long > 0:
			f.rearm(f.rearmLong(got))
			return items, nil
		case got.stored > 0 && goOn && f.repliesWait(ctx):
			ask = asking{ackOnly: true}
		default:
			f.rearm(f.next())
			return items, nil
		}
	}
}

func (f *feed) repliesWait(ctx context.Context) bool {
	r, err := f.svc.store.Replies(ctx, f.id, 1)
	return err == nil && !r.Empty()
}

// asking is how one request is made.
type asking struct {
	wait    time.Duration // of a long poll; zero for a short one
	ackOnly bool
	catchUp bool // there is more
	bare    bool // without replies: they may be what was refused
}

// received is what one exchange brought.
type received struct {
	stored int // tokens that were new
	more   bool
	notice bool // an event changed the stream's status
	took   time.Duration
}

// exchange sends one request with the replies that wait, and stores what comes back. An error means no progress; it is
// not written yet.
func (f *feed) exchange(ctx context.Context, l *link, ask asking) (received, error) {
	replies, err := f.replies(ctx)
	if err != nil {
		return received{}, err
	}
	if ask.bare = ask.bare || f.barred(); ask.bare {
		replies = ssf.Replies{}
	}
	resp, err := f.send(ctx, l, ask, replies)
	if err != nil {
		return received{}, f.unanswered(l, ask, err)
	}
	if resp.Status == http.StatusBadRequest && !replies.Empty() {
		return f.withoutReplies(ctx, l, ask, replies)
	}
	got := received{took: resp.Took}
	var answer pollAnswer
	switch {
	case resp.Status == 202 || resp.Status == 204:
	case resp.Status/100 == 2 && len(resp.Body) == 0:
		return got, fail(StepPoll, "the transmitter must answer with a JSON object, {} at least", "the answer is empty")
	case resp.Status/100 == 2:
		if answer, err = parsePoll(resp.Body); err != nil {
			return got, f.unreadable(resp, err)
		}
	default:
		return got, f.refused(ctx, l, resp)
	}
	got.more = answer.more
	f.setBarred(false)
	return f.store(ctx, l, ask, got, answer, replies)
}

// replies reads what waits for the next request from the store: nothing is acknowledged from memory.
func (f *feed) replies(ctx context.Context) (ssf.Replies, error) {
	f.mu.Lock()
	limit := f.acks
	f.mu.Unlock()
	r, err := f.svc.store.Replies(context.WithoutCancel(ctx), f.id, limit)
	if err != nil {
		return ssf.Replies{}, asStep(StepStore, fmt.Errorf("read replies: %w", err))
	}
	return r, nil
}

// send makes the request. When ctx ends while it is under way, the answer gets a moment to arrive: not every transmitter
// sends a SET twice.
func (f *feed) send(ctx context.Context, l *link, ask asking, replies ssf.Replies) (*outbound.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit := f.batchSize(l, ask.catchUp)
	if ask.ackOnly {
		limit = 0
	}
	r := outbound.Request{URL: l.pollURL, Auth: l.cred, MaxBody: maxPollBody}
	if ask.wait > 0 && !ask.ackOnly {
		r.HeaderTimeout = ask.wait + longMargin
		r.Timeout = r.HeaderTimeout + outbound.DefaultTimeout
	}
	if len(replies.Errs) > 0 {
		r.Header = map[string][]string{"Content-Language": {"en"}}
	}
	body := newPollRequest(limit, ask.wait > 0 && !ask.ackOnly, replies)

	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	release := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(stopGrace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-call.Done():
		}
	})
	defer release()
	f.setPolling(true)
	defer f.setPolling(false)
	return l.client.PostJSON(call, r, body, nil)
}

// batchSize is maxEvents of the next request. Where nobody configured it, it grows while there is more to be had.
func (f *feed) batchSize(l *link, catchUp bool) int {
	n := l.spec.Poll.MaxEvents
	switch {
	case n <= 0 && catchUp:
		n = maxPollSETs
	case n <= 0:
		n = defaultBatch
	}
	if cut := f.snapshot().Poll.MaxEvents; cut > 0 {
		n = min(n, cut)
	}
	return n
}

func (f *feed) setPolling(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.polling = on
}

// store commits an answer: tokens, confirmed replies and the new poll state together.
func (f *feed) store(ctx context.Context, l *link, ask asking, got received, a pollAnswer, replies ssf.Replies) (received, error) {
	if err := take(context.WithoutCancel(ctx), f.hold); err != nil {
		return got, err
	}
	defer func() { <-f.hold }()
	now := f.now()
	old := f.snapshot()
	st := clone(old)
	var trouble *StepError
	if len(a.tokens) == 0 && a.more && !ask.ackOnly {
		trouble = fail(StepPoll, "the transmitter promises more and sends nothing", "an empty answer with moreAvailable")
	} else {
		healthy(&st, now)
		f.grow(&st, l, len(a.tokens))
	}
	if len(a.tokens) == 0 && replies.Empty() {
		if trouble == nil && quiet(old) {
			f.keep(st) // an empty healthy answer costs no transaction
			return got, nil
		}
		if trouble != nil {
			return got, trouble
		}
	}
	verdicts, err := f.svc.intake.Submit(context.WithoutCancel(ctx), Batch{
		Transmitter: f.id, Epoch: f.epoch(), Verifier: l.verifier, Strict: l.spec.Errors == "strict", Tolerances: l.spec.Tolerances, Tokens: a.tokens,
		Confirmed: replies, State: &st,
	})
	if err != nil {
		f.fenced(err)
		return got, &StepError{Step: StepStore, Err: err, Advice: "see the state of the database on this page"}
	}
	f.keep(st)
	got.notice = st.Stream.Status != old.Stream.Status
	if !ask.bare {
		f.restoreAcks()
	}
	if trouble != nil {
		return got, trouble
	}
	accepted, fresh := f.progress(verdicts)
	got.stored = accepted + fresh
	if len(a.tokens) == 0 || accepted > 0 || (fresh > 0 && old.Poll.Failures == 0) {
		return got, nil
	}
	// Count the row of failures on from before this answer, which was stored as a good one. New tokens that cannot be
	// judged leave it as long as it was: it takes an event to end it.
	st.Poll.Failures, st.Poll.Since = old.Poll.Failures, old.Poll.Since
	if fresh > 0 {
		st.Poll.Failures--
	}
	f.keep(st)
	return got, nothingNew(l, verdicts)
}
