package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// Kind says what kind of trouble kept a request from being answered. The zero value is KindUnknown.
type Kind int

// The kinds of trouble.
const (
	KindUnknown  Kind = iota
	KindRequest       // the request could not be made: bad URL, scheme or header
	KindOrigin        // the client may not call this origin
	KindAddress       // the resolved address is not one that connections may use
	KindDNS           // the name does not resolve
	KindConnect       // nobody accepts the connection
	KindTLS           // handshake or certificate trouble
	KindTimeout       // no answer in time
	KindReset         // the connection ended in mid-answer
	KindProtocol      // the answer is not proper HTTP, or its encoding is broken
	KindTooLarge      // the body is larger than the request allows
	KindRedirect      // the answer was a redirect, and none is followed
	KindSlow          // the body came in more slowly than 1 KiB/s
	KindCanceled      // the caller gave up
	KindToken         // no access token could be had; Err holds a *TokenError or the trouble on the way to it
	KindAnswer        // the body is not the JSON that was expected
)

var kindText = [...]string{
	"unknown trouble", "bad request", "origin not allowed", "address not allowed", "name resolution", "connect", "tls",
	"timeout", "connection lost", "malformed answer", "answer too large", "redirect", "answer too slow", "canceled",
	"access token", "unexpected answer",
}

// String returns the kind in words, in lower case.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindText) {
		return kindText[KindUnknown]
	}
	return kindText[k]
}

// Error is every failure of a Client: a request that brought no usable answer. Its text has no query, no user info and
// at most a few hundred bytes of what the peer said.
type Error struct {
	Kind   Kind
	Op     string // what was tried, in lower case: "get", "post", "token"
	Origin string // scheme, host and port that were called; empty if the URL was unusable
	Target string // KindRedirect: the origin that the answer points to; empty if that is unreadable
	Status int    // KindRedirect and KindAnswer: the HTTP status; otherwise 0
	Err    error  // the cause; may be nil
}

// Error returns "op origin: kind: cause".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Origin != "" {
		b.WriteString(" " + e.Origin)
	}
	b.WriteString(": " + e.Kind.String())
	if e.Err != nil {
		b.WriteString(": " + excerpt(e.Err.Error(), maxErrorText))
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the outermost *Error in err's chain, KindUnknown if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindUnknown
}

var (
	errHeaderTimeout = errors.New("the answer did not begin in time")
	errTotalTimeout  = errors.New("the whole answer took too long")
	errTooSlow       = errors.New("less than 1 KiB/s")
	errBlocked       = errors.New("connections to it are not allowed")
)

// kindOf tells what went wrong from the error of a round trip or a body read.
func kindOf(ctx context.Context, err error) (Kind, error) {
	if ctx.Err() != nil {
		switch cause := context.Cause(ctx); cause {
		case errTooSlow:
			return KindSlow, cause
		case errHeaderTimeout, errTotalTimeout, context.DeadlineExceeded:
			return KindTimeout, cause
		default:
			return KindCanceled, cause
		}
	}
	if errors.Is(err, errBlocked) || errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedNetwork) {
		return KindAddress, err
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return KindDNS, err
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return KindTimeout, err
	}
	if isTLS(err) {
		return KindTLS, err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return KindConnect, err
	}
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return KindReset, err
	}
	return KindProtocol, err
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return true
	}
	// Several handshake failures of crypto/tls have no type of their own.
	return strings.HasPrefix(err.Error(), "tls: ") || strings.HasPrefix(err.Error(), "remote error: tls: ")
}
