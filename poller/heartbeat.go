package poller

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"harken/outbound"
	"harken/ssf"
)

const (
	verifyEvery  = 10 * time.Minute
	verifyLimit  = 5 * time.Minute // a verification event not back by then is an alarm
	verifyKept   = 24 * time.Hour  // how long a request that was answered stays known: its event may be sent again
	verifyAtMost = 200
)

// refreshKeys is the key job: it fetches the key set when its age demands it.
func (f *feed) refreshKeys(ctx context.Context) (int, error) {
	l := f.current()
	if l == nil || !f.mine() {
		return 0, nil
	}
	if s := l.keys.Status(); f.now().Before(s.RefreshAt) && s.Error == "" {
		f.step(StepKeys, nil)
		return s.Count, f.rejudgeIfNews(ctx, l)
	}
	err := l.keys.Refresh(ctx)
	s := l.keys.Status()
	if err == nil && s.Count == 0 {
		err = fail(StepKeys, "the transmitter publishes no key that can sign: tell its operator", "the key set holds no usable key")
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	f.step(StepKeys, err)
	if err != nil {
		return s.Count, err
	}
	return s.Count, f.rejudgeIfNews(ctx, l)
}

// checkStatus is the status job: what the transmitter says about the stream, and an error while it sends nothing.
func (f *feed) checkStatus(ctx context.Context) (int, error) {
	l := f.current()
	if l == nil || !f.mine() {
		return 0, nil
	}
	if held := f.snapshot().Stream.Held; held != "" {
		return 0, fail(StepStream, "confirm the new addresses if they are right", "the stream is held: %s", held)
	}
	if err := f.readStatus(ctx, l); err != nil {
		return 0, err
	}
	switch st := f.snapshot().Stream; st.Status {
	case statusPaused, statusDisabled:
		err := fail(StepStream, "enable the stream at the transmitter", "the transmitter has set the stream to %s (%s)", st.Status, firstOf(st.StatusReason, "no reason given"))
		f.step(StepStream, err)
		return 0, err
	case statusLost:
		f.again()
		err := fail(StepStream, "the stream is gone there: Harken looks for it, and makes a new one where stream.manage is create", "the transmitter does not know the stream any more")
		f.step(StepStream, err)
		return 0, err
	}
	f.step(StepStream, nil)
	return 1, nil
}

// heartbeat is the verification job (SSF §8.1.4): it asks for an event every ten minutes, and fails while one is overdue.
// A transmitter that answers polls but drops events shows by that alone.
func (f *feed) heartbeat(ctx context.Context) (int, error) {
	l := f.current()
	if mine, err := f.claim(ctx); err != nil || !mine || l == nil {
		return 0, err
	}
	st := f.snapshot()
	asked := 0
	if f.mayVerify(l, st) {
		n, err := f.verify(ctx, l)
		if err != nil {
			f.step(StepVerification, err)
			return 0, err
		}
		asked, st = n, f.snapshot()
	}
	if late, since := overdue(st.Stream, f.now()); late {
		err := fail(StepVerification, "the stream answers, but events do not arrive: see its state at the transmitter, and that no second receiver polls it",
			"the verification event asked for at %s has not come", since.UTC().Format(time.RFC3339))
		f.step(StepVerification, err)
		return asked, err
	}
	if !st.Stream.VerifiedAt.IsZero() {
		f.step(StepVerification, nil)
	}
	return asked, nil
}

// mayVerify reports whether it is time to ask.
func (f *feed) mayVerify(l *link, st ssf.TransmitterState) bool {
	s := st.Stream
	if l.meta.VerificationEndpoint == "" || s.ID == "" || s.Held != "" || st.Poll.Failures > 0 || st.Poll.LastOK.IsZero() {
		return false
	}
	if s.Status != "" && s.Status != statusEnabled {
		return false
	}
	f.mu.Lock()
	after := f.verifyAfter
	f.mu.Unlock()
	now := f.now()
	if now.Before(after) {
		return false
	}
	if n := len(s.Pending); n > 0 && !s.Pending[n-1].AskedAt.After(now) {
		return !now.Before(s.Pending[n-1].AskedAt.Add(max(verifyEvery, s.MinVerificationInterval.D())))
	}
	return true
}

// overdue reports the oldest request of late that has no event, unless a later one was answered.
func overdue(s ssf.StreamState, now time.Time) (bool, time.Time) {
	if s.Status != "" && s.Status != statusEnabled {
		return false, time.Time{}
	}
	var since time.Time
	for _, p := range s.Pending {
		switch {
		case !p.SeenAt.IsZero():
			since = time.Time{}
		case since.IsZero() && now.Sub(p.AskedAt) > verifyLimit:
			since = p.AskedAt
		}
	}
	return !since.IsZero(), since
}

// verify asks for one event. The state is stored before the request leaves: the event may be quicker than the answer.
func (f *feed) verify(ctx context.Context, l *link) (int, error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return 0, fmt.Errorf("random state: %w", err)
	}
	state, now := base64.RawURLEncoding.EncodeToString(random[:]), f.now()
	err := f.update(ctx, ssf.Change{}, func(st *ssf.TransmitterState) {
		st.Stream.Pending = append(prune(st.Stream.Pending, now), ssf.PendingVerification{State: state, AskedAt: now})
	})
	if err != nil {
		return 0, err
	}
	body := verificationRequest{StreamID: f.snapshot().Stream.ID, State: state}
	resp, err := l.client.PostJSON(ctx, outbound.Request{URL: l.meta.VerificationEndpoint, Auth: l.cred}, body, nil)
	class := outbound.Classify(resp, err)
	if class.Succeeded() {
		return 1, nil
	}
	// Whether the event comes is unknown where there was no answer, and excluded where there was: only then forget it.
	if err == nil {
		uerr := f.update(ctx, ssf.Change{}, func(st *ssf.TransmitterState) {
			st.Stream.Pending = slices.DeleteFunc(st.Stream.Pending, func(p ssf.PendingVerification) bool { return p.State == state })
		})
		if uerr != nil {
			return 0, uerr
		}
	}
	if ctx.Err() != nil {
		return 0, errors.Join(ctx.Err(), err)
	}
	e := explain(StepVerification, "ask for verification", l.client, l.name(), resp, err)
	wait := max(verifyEvery, e.RetryAfter)
	if class == outbound.ClassThrottled {
		wait = max(time.Minute, e.RetryAfter, f.snapshot().Stream.MinVerificationInterval.D())
	}
	f.mu.Lock()
	f.verifyAfter = now.Add(wait)
	f.mu.Unlock()
	if class == outbound.ClassThrottled || class == outbound.ClassNotOffered {
		f.log.Info("verification not possible now", "err", e)
		return 0, nil
	}
	return 0, e
}

// prune drops requests that are long past. Those that were answered stay for a while, since a redelivered answer must
// still be known.
func prune(pending []ssf.PendingVerification, now time.Time) []ssf.PendingVerification {
	pending = slices.DeleteFunc(slices.Clone(pending), func(p ssf.PendingVerification) bool { return now.Sub(p.AskedAt) > verifyKept })
	return pending[max(len(pending)-verifyAtMost, 0):]
}

type verificationRequest struct {
	StreamID string `json:"stream_id"`
	State    string `json:"state,omitempty"`
}

// flush sends what is left to acknowledge, after the poll in flight has ended, with one request that asks for nothing.
func (f *feed) flush(ctx context.Context) {
	if take(ctx, f.line) != nil {
		return
	}
	defer func() { <-f.line }()
	l := f.current()
	if l == nil || !f.mine() || f.snapshot().Poll.Failures > 0 || !f.repliesWait(ctx) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	if _, err := f.exchange(ctx, l, asking{ackOnly: true}); err != nil {
		f.log.Warn("last acknowledgements not sent", "err", err)
	}
}
