package respond

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"harken/outbound"
	"harken/respond/connector"
	"harken/ssf"
)

// job is one claimed run with all that its work needs.
type job struct {
	w         *Worker
	claim     ssf.RunClaim
	run       ssf.Run
	connector ssf.Connector
	system    *system
	able      connector.Ability
	in        connector.Inputs
	// doubt: a call may have left and its outcome is unknown.
	doubt   bool
	outcome outcome
}

// execute works on one claimed run until it waits for something or is done.
func (w *Worker) execute(ctx context.Context, c ssf.RunClaim) (o outcome) {
	ctx, cancel := context.WithTimeout(ctx, max(c.Until.Sub(w.now())-claimMargin, time.Second))
	defer cancel()
	j := &job{w: w, claim: c, run: c.Run}
	defer func() {
		// One answer that breaks an expression must not end the process. The run stays as committed: its claim runs out,
		// and it is in doubt then.
		if p := recover(); p != nil {
			w.log.Error("run panicked", "run", c.Run.ID, "panic", p, "stack", string(debug.Stack()))
		}
		o = j.outcome
	}()
	err := j.load(ctx)
	if err == nil {
		err = j.work(ctx)
	}
	refused, isRefused := errors.AsType[*ssf.RefusedError](err)
	switch {
	case err == nil || errors.Is(err, ssf.ErrFenced) || errors.Is(err, errHeld):
	case isRefused:
		w.log.Warn("run refused", "run", c.Run.ID, "guard", refused.Guard) // the store holds it
	default:
		w.log.Warn("run", "run", c.Run.ID, "err", err)
		j.release(ctx)
	}
	return j.outcome
}

// release gives a run back whose work our own store interrupted. If that fails too, the claim runs out by itself.
func (j *job) release(ctx context.Context) {
	up := ssf.RunUpdate{State: j.run.State, Detail: j.run.Detail, Due: j.w.now().Add(passOn), Failures: j.run.Failures}
	if err := j.update(ctx, up); err != nil && !errors.Is(err, ssf.ErrFenced) {
		j.w.log.Warn("release run", "run", j.run.ID, "err", err)
	}
}

// errHeld: the run was held or failed while loading; nothing more is to do.
var errHeld = errors.New("held")

func (j *job) load(ctx context.Context) error {
	c, err := j.w.store.Connector(ctx, j.run.Connector)
	switch {
	case notFound(err) || err == nil && c.Retired:
		return j.hold(ctx, "the connector was removed")
	case err != nil:
		return err
	}
	j.connector, j.system = c, j.w.svc.systems.of(c)
	p := place{connector: c, system: j.system}
	if j.able = p.ability(j.run.Kind); j.able.Support == connector.Unsupported {
		return j.hold(ctx, j.able.Reason)
	}
	if c.Spec.Source != j.run.Account.Source {
		return j.hold(ctx, "the connector understands the account ids of another source now")
	}
	account := ssf.Account{Ref: j.run.Account}
	view, err := j.w.store.IdentityView(ctx, j.run.Identity)
	if err != nil && !notFound(err) {
		return err
	}
	for _, a := range view.Accounts {
		if a.Ref == j.run.Account {
			account = a
		}
	}
	var event ssf.EventView
	if j.run.Event != 0 {
		if event, err = j.w.store.EventView(ctx, j.run.Event); err != nil && !notFound(err) {
			return err
		}
	}
	j.in = inputs(account, event.Event)
	j.in.Session.ID = j.run.Session
	j.doubt = j.run.State == ssf.RunInDoubt || j.run.State == ssf.RunExecuting
	return nil
}

func (j *job) work(ctx context.Context) error {
	if j.run.State == ssf.RunAccepted {
		return j.observe(ctx)
	}
	// What is wanted may be there already: by somebody else, or by a call whose answer was lost.
	before, theirs := j.read(ctx)
	seen := judge(j.run, before, j.cut(theirs))
	switch {
	case seen.missing:
		return j.end(ctx, ssf.RunFailed, seen.detail+": its account id is not what the source says", seen.observation(before))
	case seen.proves && maybeOurs(j.run, j.doubt):
		detail := seen.detail
		if j.doubt {
			detail += "; read after the answer to the call was lost, without a second call"
		}
		return j.end(ctx, ssf.RunConfirmed, detail, seen.observation(before))
	case seen.proves:
		return j.end(ctx, ssf.RunSkipped, "already so, nothing was sent: "+seen.detail, seen.observation(before))
	}
	if j.run.Kind == ssf.KindTerminateSession && j.system.able.ReadsSessions && !before.Listed {
		return j.unread(ctx, before, seen)
	}
	steps := remaining(j.able, j.run)
	if j.doubt && len(steps) > 0 && !j.system.program.Idempotent(steps[0]) {
		return j.standBy(ctx, seen, before)
	}
	run, err := j.w.store.Begin(store(ctx), j.w.actor, j.run.ID, j.claim.Token)
	if err != nil {
		return err
	}
	j.run = run
	seen.detail = "before the call: " + seen.detail
	first := seen.observation(before)
	for _, op := range steps {
		if op == ssf.OpDisableAccount && before.Enabled != nil && !*before.Enabled {
			continue // somebody did it before
		}
		if done, err := j.step(ctx, op, first); done || err != nil {
			return err
		}
		first = nil
	}
	return j.observe(ctx)
}

// unread is for one session whose account could not be read. The call would name the session alone: without the listing
// it is not known to be of the account that the run is about, and may be somebody else's. It waits for a reading.
func (j *job) unread(ctx context.Context, r Reading, seen judgement) error {
	failures := j.run.Failures + 1
	up := ssf.RunUpdate{
		State: j.run.State, Failures: failures, Due: j.w.now().Add(waitFor(j.w.backoff(failures), 0)), Observation: seen.observation(r),
		Detail: "not sent: whose session it is could not be read. " + seen.detail,
	}
	if tired(j.run, failures, j.w.now()) {
		up.State, up.Due = ssf.RunHeld, time.Time{}
	}
	j.outcome.silent = true
	return j.update(ctx, up)
}

// standBy is for a call that may have had its effect, is not seen to have, and must not be repeated: it is observed on the
// usual schedule, then held.
func (j *job) standBy(ctx context.Context, seen judgement, r Reading) error {
	called := calledAt(j.run, true)
	at, more := nextLook(j.w.now().Sub(called), 0)
	if !more || !j.system.able.ReadsAccount && !j.system.able.ReadsSessions {
		return j.end(ctx, ssf.RunHeld, "it is not known whether the call took effect, and repeating it may do harm: "+seen.detail, seen.observation(r))
	}
	return j.update(ctx, ssf.RunUpdate{
		State: ssf.RunInDoubt, Detail: "the answer was lost; " + seen.detail, Due: called.Add(at), Failures: j.run.Failures,
		Observation: seen.observation(r),
	})
}

// step carries one operation out and commits what came of it. done means that the run waits or has ended.
func (j *job) step(ctx context.Context, op ssf.OperationName, before *ssf.Observation) (done bool, err error) {
	started := j.w.now()
	var res connector.Result
	engine, err := j.w.svc.systems.engine(ctx, j.connector)
	if err != nil {
		// The credential cannot be had, or the address is not allowed: somebody repairs it, and the intent must be there.
		res = connector.Result{Meaning: ssf.AnswerRetry, Detail: err.Error()}
	} else {
		j.w.svc.looks.drop(lookKey{connector: j.run.Connector, account: j.run.Account.ID})
		res = engine.Do(ctx, op, j.in)
		j.listen(res)
	}
	attempt := &ssf.Attempt{
		At: started, Operation: op, Meaning: res.Meaning, Status: res.Status, Detail: clip(res.Detail, 512),
		Took: ssf.Duration(max(j.w.now().Sub(started), 0)),
	}
	// Due with the end of the claim: should this process be unable to go on, the run is looked at again.
	up := ssf.RunUpdate{State: ssf.RunExecuting, Attempt: attempt, Observation: before, Due: j.claim.Until, Keep: true}
	switch {
	case res.Took():
		up.Progress = []ssf.OperationName{op}
		return false, j.update(ctx, up)
	case res.Meaning == ssf.AnswerNotFound:
		return j.notThere(ctx, op, up)
	case res.Meaning == ssf.AnswerRefused:
		return true, j.refused(ctx, op, up, res)
	}
	return true, j.again(ctx, op, up, res)
}

// listen learns from a call how the system does.
func (j *job) listen(res connector.Result) {
	if res.Status == 401 {
		j.w.svc.systems.forget(j.run.Connector)
	}
	class := outbound.ClassifyStatus(res.Status)
	switch {
	case res.Status == 0 && res.Meaning == ssf.AnswerRefused: // nothing was called
	case res.Status == 0 || class.Temporary():
		j.outcome.silent = true
	default:
		j.outcome.answered = true
	}
	j.outcome.retryAfter = max(j.outcome.retryAfter, res.RetryAfter)
}

// notThere reads the account after a "not found": where it exists nothing is left to do, where it does not the account ids
// are wrong.
func (j *job) notThere(ctx context.Context, op ssf.OperationName, up ssf.RunUpdate) (done bool, err error) {
	r, _ := j.read(ctx)
	switch {
	case r.Missing:
		up.State, up.Due, up.Keep = j.failedOrPartial(), time.Time{}, false
		up.Detail = "the system has no account " + j.run.Account.ID + ": its account id is not what the source says"
		return true, j.update(ctx, up)
	case r.Enabled != nil || r.Listed:
		up.Progress = []ssf.OperationName{op}
		return false, j.update(ctx, up)
	case r.Trouble != "":
		return true, j.again(ctx, op, up, connector.Result{Detail: "answered not found, and " + r.Trouble, Meaning: ssf.AnswerRetry})
	}
	up.State, up.Due, up.Keep = j.failedOrPartial(), time.Time{}, false
	up.Detail = "the system answered not found, and offers no read that tells why"
	return true, j.update(ctx, up)
}

func (j *job) refused(ctx context.Context, op ssf.OperationName, up ssf.RunUpdate, res connector.Result) error {
	up.State, up.Due, up.Keep = j.failedOrPartial(), time.Time{}, false
	if res.Done > 0 {
		up.State = ssf.RunPartial
	}
	up.Detail = fmt.Sprintf("%s refused: %s", op, res.Detail)
	return j.update(ctx, up)
}

// again plans the next try after a failure that may pass, or gives up after a day.
func (j *job) again(ctx context.Context, op ssf.OperationName, up ssf.RunUpdate, res connector.Result) error {
	now := j.w.now()
	up.Keep, up.Due, up.Failures = false, time.Time{}, j.run.Failures+1
	lost := res.Sent && (res.Meaning == "" || res.Status >= 500 && !j.system.program.Idempotent(op))
	switch {
	case lost:
		up.State = ssf.RunInDoubt
	case len(j.run.Progress) > 0 || res.Done > 0:
		up.State = ssf.RunPartial
	default:
		up.State = ssf.RunPending
	}
	if tired(j.run, up.Failures, now) {
		if up.State = j.failedOrPartial(); lost {
			up.State = ssf.RunHeld
		}
		up.Detail = fmt.Sprintf("given up after %d failures in a day: %s", up.Failures, res.Detail)
		return j.update(ctx, up)
	}
	wait := waitFor(j.w.backoff(up.Failures), res.RetryAfter)
	if outbound.KindOf(res.Err) == outbound.KindCanceled {
		wait = 0 // we stopped, not the system
	}
	up.Due = now.Add(wait)
	up.Detail = res.Detail
	if lost {
		up.Detail = "no answer: whether it took effect is not known. " + res.Detail
	}
	return j.update(ctx, up)
}

// failedOrPartial is the final state of a run whose rest will not be done.
func (j *job) failedOrPartial() ssf.RunState {
	if len(j.run.Progress) > 0 {
		return ssf.RunPartial
	}
	return ssf.RunFailed
}

// observe reads whether what the target took has come true, and plans the next look if not.
func (j *job) observe(ctx context.Context) error {
	if !j.able.Confirms {
		return j.end(ctx, ssf.RunAccepted, "accepted, cannot be confirmed: the system offers no way to read it back", nil)
	}
	r, theirs := j.read(ctx)
	seen := judge(j.run, r, j.cut(theirs))
	switch {
	case seen.proves:
		return j.end(ctx, ssf.RunConfirmed, seen.detail, seen.observation(r))
	case seen.missing:
		return j.end(ctx, ssf.RunAccepted, "accepted; "+seen.detail+" any more", seen.observation(r))
	}
	up := ssf.RunUpdate{
		State: ssf.RunAccepted, Detail: fmt.Sprintf("accepted; %s at %s UTC", seen.detail, r.At.UTC().Format(time.TimeOnly)),
		Observation: seen.observation(r),
	}
	called := calledAt(j.run, true)
	if at, more := nextLook(j.w.now().Sub(called), j.system.able.Residual); more {
		up.Due = called.Add(at)
	}
	return j.update(ctx, up)
}

// cut is the time of the run's call by the system's clock. It is zero when nothing was called, and when the system does
// not tell its time: then no session can be shown to be newer than the call, and every one counts.
func (j *job) cut(theirs clock) time.Time {
	at := calledAt(j.run, j.doubt)
	if at.IsZero() || !theirs.known {
		return time.Time{}
	}
	return at.Add(theirs.ahead)
}

func (j *job) read(ctx context.Context) (Reading, clock) {
	ctx, cancel := context.WithTimeout(ctx, 2*lookTimeout)
	defer cancel()
	return j.w.svc.read(ctx, j.connector, j.in)
}

func (j *job) hold(ctx context.Context, why string) error {
	if err := j.end(ctx, ssf.RunHeld, why, nil); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", errHeld, why)
}

// end writes a state after which nothing happens by itself.
func (j *job) end(ctx context.Context, state ssf.RunState, detail string, o *ssf.Observation) error {
	return j.update(ctx, ssf.RunUpdate{State: state, Detail: detail, Observation: o})
}

func (j *job) update(ctx context.Context, up ssf.RunUpdate) error {
	up.ID, up.Claim, up.Detail = j.run.ID, j.claim.Token, clip(up.Detail, 700)
	run, err := j.w.store.Update(store(ctx), j.w.actor, up)
	if err == nil {
		j.run = run
	}
	return err
}

// store is the context of a write: a result that is known must be kept, also while everything stops.
func store(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }
