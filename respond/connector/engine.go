package connector

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"harken/outbound"
	"harken/ssf"
)

// Engine carries out the operations of a Program. It is safe for concurrent use.
type Engine struct {
	*Program
	client *outbound.Client
	auth   outbound.Authorizer
}

// Engine binds the program to a way out. client must allow the program's origin and should allow no other; a nil auth
// sends no credential.
func (p *Program) Engine(client *outbound.Client, auth outbound.Authorizer) (*Engine, error) {
	if err := client.Allowed(p.base); err != nil {
		return nil, fmt.Errorf("connector %s: %w", p.id, err)
	}
	return &Engine{Program: p, client: client, auth: auth}, nil
}

// Close ends idle connections.
func (e *Engine) Close() { e.client.Close() }

// Result is the outcome of an operation.
type Result struct {
	// Meaning is empty where there was no usable answer. What the system then did is unknown if Sent is set.
	Meaning ssf.AnswerMeaning
	// Status is the HTTP status of the last answer; zero when there was none.
	Status int
	// Sent is set when a request may have reached the system.
	Sent bool
	// Other is set when the answer was about another account: an alarm, never a success.
	Other bool
	// Detail explains everything but a plain success; it may hold up to 512 bytes of the answer.
	Detail string
	// RetryAfter is what the system asked for; zero when nothing.
	RetryAfter time.Duration
	// ServerTime is the system's own clock at its last answer; zero when it did not tell.
	ServerTime time.Time
	// Account is what the answer told of the account; nil when nothing.
	Account *AccountState
	// Sessions are those listed; Listed tells an empty list from none read.
	Sessions []SessionState
	Listed   bool
	// Of counts the sessions that an operation for each session found, Done those that it ended.
	Done, Of int
	// Err is what kept an answer from coming; nil when there was one.
	Err error
}

// Took reports whether the system took the operation on: it did it, had it already, or promised to.
func (r Result) Took() bool {
	return r.Meaning == ssf.AnswerSuccess || r.Meaning == ssf.AnswerAlready || r.Meaning == ssf.AnswerAccepted
}

// AccountState is an account as the system tells of it.
type AccountState struct {
	ID      string
	Name    string
	Enabled *bool // nil where the system does not tell
}

// SessionState is an open session as the system tells of it. Times are zero where it does not tell.
type SessionState struct {
	ID                string
	Device, Place     string
	Started, LastSeen time.Time
}

// ErrNoOperation is the error of an operation that the document does not declare.
var ErrNoOperation = errors.New("the connector has no such operation")

// Do carries out one operation. It repeats nothing. A for-each operation lists first and goes on over sessions that are
// gone or refused; it stops where the system does not answer or asks to wait.
func (e *Engine) Do(ctx context.Context, op ssf.OperationName, in Inputs) Result {
	o := e.operations[op]
	if o == nil {
		return Result{Meaning: ssf.AnswerRefused, Detail: fmt.Sprintf("%s: %v", op, ErrNoOperation), Err: ErrNoOperation}
	}
	in.System.ID = string(e.id)
	wanted := in.Account.ID
	if op == ssf.OpFindAccount {
		wanted = ""
	}
	if o.forEach {
		return e.forEach(ctx, o, in, wanted)
	}
	return e.all(ctx, o, in, wanted)
}

// all makes the requests of an operation in their order and stops at the first that is not taken.
func (e *Engine) all(ctx context.Context, o *operation, in Inputs, wanted string) Result {
	var last Result
	sent, accepted, did := false, false, false
	for _, r := range o.requests {
		last = e.one(ctx, r, in, wanted)
		last.Sent = last.Sent || sent
		sent = last.Sent
		if !last.Took() {
			return last
		}
		accepted = accepted || last.Meaning == ssf.AnswerAccepted
		did = did || last.Meaning == ssf.AnswerSuccess
	}
	switch { // several requests: the weakest promise counts, and "already" only if all say so
	case accepted:
		last.Meaning = ssf.AnswerAccepted
	case did:
		last.Meaning = ssf.AnswerSuccess
	}
	return last
}

func (e *Engine) forEach(ctx context.Context, o *operation, in Inputs, wanted string) Result {
	list := e.Do(ctx, ssf.OpListSessions, in)
	if list.Meaning != ssf.AnswerSuccess || !list.Listed {
		list.Sent = false // only a read went out
		return list
	}
	total := Result{Meaning: ssf.AnswerSuccess, Of: len(list.Sessions), ServerTime: list.ServerTime}
	if total.Of == 0 {
		total.Meaning, total.Status, total.Detail = ssf.AnswerAlready, list.Status, "no session was listed"
		return total
	}
	var failed Result
	for _, s := range list.Sessions {
		in.Session.ID = s.ID
		r := e.all(ctx, o, in, wanted)
		total.Sent, total.Status = total.Sent || r.Sent, r.Status
		if r.Took() || r.Meaning == ssf.AnswerNotFound { // it was just listed, so not found means gone since
			total.Done++
			if r.Meaning == ssf.AnswerAccepted && total.Meaning == ssf.AnswerSuccess {
				total.Meaning = ssf.AnswerAccepted
			}
			continue
		}
		failed = r
		if r.Meaning != ssf.AnswerRefused || r.Other {
			break
		}
	}
	if total.Done == total.Of {
		total.Detail = fmt.Sprintf("%d sessions, one call each", total.Of)
		return total
	}
	failed.Sent, failed.Done, failed.Of = total.Sent, total.Done, total.Of
	failed.Detail = fmt.Sprintf("%d of %d sessions: %s", total.Done, total.Of, failed.Detail)
	return failed
}

// one makes one request and reads its answer.
func (e *Engine) one(ctx context.Context, r *request, in Inputs, wanted string) Result {
	out, err := r.build(ctx, e.base, in.activation())
	if err != nil {
		return Result{Meaning: ssf.AnswerRefused, Detail: "not sent: " + err.Error(), Err: err}
	}
	out.Auth = e.auth
	resp, err := e.client.Do(ctx, out)
	if err != nil {
		return unanswered(err)
	}
	result := Result{Status: resp.Status, Sent: true, RetryAfter: e.client.RetryAfter(resp)}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		result.ServerTime = at
	}
	b := &body{raw: resp.Body}
	for _, a := range r.answers {
		if !a.fits(ctx, resp.Status, b) {
			continue
		}
		result.Meaning = a.meaning
		switch err := a.read(ctx, resp.Status, b, wanted, &result); {
		case errors.Is(err, errOther):
			result.Meaning, result.Other, result.Detail, result.Err = ssf.AnswerRefused, true, errOther.Error(), err
		case err != nil:
			// It answered, but not in a way that says what it did.
			result.Meaning, result.Err = "", err
			result.Detail = fmt.Sprintf("status %d, and the answer cannot be read: %v", resp.Status, err)
		case !result.Took():
			result.Detail = explain(resp)
		}
		return result
	}
	result.Meaning, result.Detail = ssf.AnswerRefused, explain(resp)
	switch c := outbound.ClassifyStatus(resp.Status); {
	case c.Temporary(), c == outbound.ClassUnauthorized:
		result.Meaning = ssf.AnswerRetry // a credential is repaired, and then the intent must still be there
	case c.Succeeded():
		result.Detail += ", which the connector's document does not expect"
	}
	return result
}

// unanswered is the result of a call without an answer.
func unanswered(err error) Result {
	r := Result{Err: err, Detail: shorten(err.Error(), 400)}
	switch outbound.KindOf(err) {
	case outbound.KindRequest, outbound.KindOrigin, outbound.KindAddress, outbound.KindRedirect:
		// A redirect is an answer: nothing was done, and nothing will be done until somebody changes the address.
		r.Meaning = ssf.AnswerRefused
	case outbound.KindDNS, outbound.KindConnect, outbound.KindTLS, outbound.KindToken:
		r.Meaning = ssf.AnswerRetry
		if te, ok := errors.AsType[*outbound.TokenError](err); ok {
			r.RetryAfter = te.RetryAfter
		}
	default:
		r.Sent = true
	}
	return r
}

func explain(resp *outbound.Response) string {
	text := fmt.Sprintf("status %d", resp.Status)
	if excerpt := resp.Excerpt(); excerpt != "" {
		text += ": " + shorten(excerpt, 400)
	}
	return text
}
