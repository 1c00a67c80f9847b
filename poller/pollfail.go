package poller

import (
	"context"
	"errors"
	"fmt"

	"harken/outbound"
	"harken/ssf"
)

// nothingNew says in words why an answer with tokens was no progress.
func nothingNew(l *link, verdicts []ssf.Verdict) *StepError {
	count := make(map[ssf.Outcome]int)
	full := false
	for _, v := range verdicts {
		count[v.Outcome]++
		full = full || v.Full
	}
	switch {
	case full:
		return fail(StepPoll, "find out why tokens cannot be judged: nothing more is taken until then", "the queue of undecided tokens is full")
	case count[ssf.OutcomeRejected] > 0:
		return fail(StepPoll, "look at the rejected tokens: the transmitter sends what cannot be accepted", "nothing new: %d tokens rejected, %d seen before", count[ssf.OutcomeRejected], len(verdicts)-count[ssf.OutcomeRejected])
	case count[ssf.OutcomeUndecided] > 0:
		if s := l.keys.Status(); s.Error != "" {
			return fail(StepKeys, "the key set cannot be read: tokens are kept and judged once it can", "key set: %s", s.Error)
		}
		return fail(StepPoll, "check issuer, audience and algorithms, and that the key set has the keys that sign", "%d tokens cannot be judged yet", count[ssf.OutcomeUndecided])
	case count[ssf.OutcomeConflict] > 0:
		return fail(StepPoll, "two different tokens under one name: ask the transmitter's operator", "nothing new: %d tokens contradict earlier ones", count[ssf.OutcomeConflict])
	}
	e := fail(StepPoll, "the transmitter does not take note of acknowledgements", "nothing new: %d tokens seen before", len(verdicts))
	e.onceFine = true // the last acknowledgement was lost, with a connection or with an earlier life
	return e
}

// unanswered explains a request without answer.
func (f *feed) unanswered(l *link, ask asking, err error) error {
	if outbound.KindOf(err) == outbound.KindTooLarge {
		return f.halve("the answer is larger than 8 MiB")
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	e := explainError(StepPoll, "poll", l.name(), err)
	if e.Step == StepToken {
		f.again() // the secret, or the server, may be another
	}
	if ask.wait > 0 && outbound.KindOf(err) == outbound.KindTimeout {
		e.Advice = "the transmitter holds long polls for longer than poll.long_poll: raise that"
		e.onceFine = true
	}
	return e
}

// unreadable explains an answer that is not what RFC 8936 §2.3 wants.
func (f *feed) unreadable(resp *outbound.Response, err error) error {
	if errors.Is(err, errTooMany) {
		return f.halve(fmt.Sprintf("the answer has more than %d SETs", maxPollSETs))
	}
	what := "the answer is not acceptable JSON"
	if isHTML(resp) {
		what = "the answer is an HTML page"
	}
	return fail(StepPoll, "check that the poll address is the stream's, and no proxy or sign-in page is in between", "%s: %w", what, err)
}

// halve cuts the batch, down to one SET, so that big ones never block a stream.
func (f *feed) halve(why string) error {
	f.mu.Lock()
	size := f.st.Poll.MaxEvents
	if size == 0 {
		if size = f.spec.Spec.Poll.MaxEvents; size <= 0 {
			size = defaultBatch
		}
	}
	f.st.Poll.MaxEvents = max(size/2, 1)
	size = f.st.Poll.MaxEvents
	f.mu.Unlock()
	return fail(StepPoll, fmt.Sprintf("Harken asks for at most %d SETs now", size), "%s", why)
}

// refused explains a status that is no success, after looking at what may be behind it.
func (f *feed) refused(ctx context.Context, l *link, resp *outbound.Response) error {
	e := explain(StepPoll, "poll", l.client, l.name(), resp, nil)
	class := outbound.Classify(resp, nil)
	if class == outbound.ClassTooLarge {
		f.mu.Lock()
		f.acks = max(f.acks/2, 1)
		f.mu.Unlock()
	}
	switch class {
	case outbound.ClassForbidden, outbound.ClassNotFound, outbound.ClassConflict:
		// A stream that is not enabled may be answered so: look before blaming the credential.
		if err := f.readStatus(ctx, l); err != nil {
			f.log.Warn("stream status not read", "err", err)
		}
		if st := f.snapshot().Stream; st.Status == statusPaused || st.Status == statusDisabled {
			e.Advice = fmt.Sprintf("the transmitter has set the stream to %s: enable it there", st.Status)
		}
		if class == outbound.ClassNotFound {
			f.again() // the address, or the stream, may be another
		}
	case outbound.ClassUnauthorized:
		f.again() // the secret may have been replaced
	}
	return e
}
