package outbound

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
)

// call is one Do under way.
type call struct {
	client  *Client
	request *Request
	op      string
	url     *url.URL
	origin  string
}

func (l *call) fail(kind Kind, err error) *Error {
	return &Error{Kind: kind, Op: l.op, Origin: l.origin, Err: err}
}

func (l *call) headerTimeout() time.Duration {
	if l.request.HeaderTimeout > 0 {
		return l.request.HeaderTimeout
	}
	return DefaultHeaderTimeout
}

// longPoll reports whether the peer may think for longer than usual.
func (l *call) longPoll() bool { return l.headerTimeout() > DefaultHeaderTimeout }

func (l *call) timeout() time.Duration {
	t := l.request.Timeout
	if t <= 0 {
		t = DefaultTimeout
	}
	if l.longPoll() {
		t = max(t, l.headerTimeout())
	}
	return t
}

// send makes one round trip, credential included, and reads the answer to its end.
func (l *call) send(parent context.Context) (*Response, *http.Request, error) {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	w := &watch{cancel: cancel}
	defer w.stop()

	req, err := l.client.build(ctx, l.request, l.url)
	if err != nil {
		return nil, nil, l.fail(KindRequest, err)
	}
	if auth := l.request.Auth; auth != nil {
		if err := auth.Authorize(ctx, req); err != nil {
			return nil, nil, l.fail(l.authKind(ctx, err), err)
		}
	}
	res, err := l.roundTrip(ctx, req, w)
	if err != nil {
		kind, cause := kindOf(ctx, err)
		return nil, nil, l.fail(kind, cause)
	}
	defer func() { _ = res.Body.Close() }()
	if redirects(res.StatusCode) {
		return nil, nil, l.redirect(req, res)
	}
	resp := &Response{Status: res.StatusCode, Header: res.Header}
	limit := l.request.MaxBody
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	limit = min(limit, maxMaxBody)
	if !l.longPoll() {
		w.bodyBegins()
	}
	resp.Body, err = readBody(res, limit, w)
	if err != nil {
		if errors.Is(err, errTooLarge) {
			return nil, nil, l.fail(KindTooLarge, fmt.Errorf("more than %d bytes", limit))
		}
		kind, cause := kindOf(ctx, err)
		return nil, nil, l.fail(kind, cause)
	}
	return resp, req, nil
}

// authKind keeps the caller's giving up apart from trouble with tokens.
func (l *call) authKind(ctx context.Context, err error) Kind {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return KindCanceled
	}
	return KindToken
}

func (l *call) roundTrip(ctx context.Context, req *http.Request, w *watch) (*http.Response, error) {
	rt := l.client.secure
	if req.URL.Scheme == "http" {
		rt = l.client.plain
	}
	if l.client.seam {
		w.arm(l.headerTimeout(), errHeaderTimeout)
	}
	arm := func() { w.arm(l.headerTimeout(), errHeaderTimeout) }
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { arm() },
		WroteRequest: func(httptrace.WroteRequestInfo) { arm() },
	}))
	return rt.RoundTrip(req)
}

// redirects reports whether a status sends the client elsewhere (RFC 9110 §15.4). 304 does not.
func redirects(status int) bool {
	return status >= 300 && status < 400 && status != http.StatusNotModified
}

func (l *call) redirect(req *http.Request, res *http.Response) *Error {
	e := l.fail(KindRedirect, nil)
	e.Status = res.StatusCode
	if loc, err := req.URL.Parse(res.Header.Get("Location")); err == nil && res.Header.Get("Location") != "" {
		loc.User = nil
		e.Target, _ = Origin(loc.String())
	}
	where := e.Target
	if where == "" {
		where = "an address that cannot be read"
	}
	e.Err = fmt.Errorf("status %d points to %s; redirects are never followed", res.StatusCode, where)
	return e
}
