package outbound

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Class says what an answer means for the next step. It is the same for every peer; what to do about it is the
// caller's.
type Class int

// The classes of answers.
const (
	ClassNetwork      Class = iota // no usable answer: an *Error, or none of the others
	ClassOK                        // 2xx, also 304
	ClassAccepted                  // 202: taken, not done
	ClassRedirect                  // a redirect, never followed
	ClassBadRequest                // 400 and every 4xx without a class of its own
	ClassUnauthorized              // 401, or the token endpoint refused our client for good
	ClassForbidden                 // 403
	ClassNotFound                  // 404, 410
	ClassNotOffered                // 405
	ClassConflict                  // 409
	ClassTooLarge                  // 413, 414, 431: the request was too large
	ClassThrottled                 // 429
	ClassServer                    // 5xx, also 408 and 425
)

var classText = [...]string{
	"network", "ok", "accepted", "redirect", "bad request", "unauthorized", "forbidden", "not found", "not offered",
	"conflict", "too large", "throttled", "server",
}

// String returns the class in words.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classText) {
		return classText[ClassNetwork]
	}
	return classText[c]
}

// Succeeded reports whether the peer did, or took on, what was asked.
func (c Class) Succeeded() bool { return c == ClassOK || c == ClassAccepted }

// Temporary reports whether the same request may succeed later without anybody changing anything.
func (c Class) Temporary() bool { return c == ClassNetwork || c == ClassThrottled || c == ClassServer }

// Classify tells what the outcome of Client.Do means. It is pure. Trouble at the token endpoint has the class of the
// answer there, with ClassUnauthorized for what an operator must fix.
func Classify(resp *Response, err error) Class {
	if err != nil {
		return classifyError(err)
	}
	if resp == nil {
		return ClassNetwork
	}
	return ClassifyStatus(resp.Status)
}

func classifyError(err error) Class {
	if te, ok := errors.AsType[*TokenError](err); ok {
		switch {
		case te.Permanent():
			return ClassUnauthorized
		case te.Status == http.StatusTooManyRequests:
			return ClassThrottled
		case te.Status >= 500:
			return ClassServer
		}
		return ClassNetwork
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && e.Kind == KindRedirect:
		return ClassRedirect
	case ok && e.Kind == KindToken && e.Err != nil:
		return classifyError(e.Err)
	}
	return ClassNetwork
}

// ClassifyStatus tells what an HTTP status means (RFC 9110 §15).
func ClassifyStatus(status int) Class {
	switch status {
	case http.StatusAccepted:
		return ClassAccepted
	case http.StatusNotModified:
		return ClassOK
	case http.StatusUnauthorized:
		return ClassUnauthorized
	case http.StatusForbidden:
		return ClassForbidden
	case http.StatusNotFound, http.StatusGone:
		return ClassNotFound
	case http.StatusMethodNotAllowed:
		return ClassNotOffered
	case http.StatusConflict:
		return ClassConflict
	case http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge:
		return ClassTooLarge
	case http.StatusTooManyRequests:
		return ClassThrottled
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return ClassServer
	}
	switch status / 100 {
	case 2:
		return ClassOK
	case 3:
		return ClassRedirect
	case 4:
		return ClassBadRequest
	case 5:
		return ClassServer
	}
	return ClassNetwork
}

// MaxRetryAfter is the longest wait that a peer can ask for.
const MaxRetryAfter = time.Hour

// RetryAfter reads the Retry-After header, seconds or an HTTP date (RFC 9110 §10.2.3), clamped to 0 … MaxRetryAfter.
// Absent or unreadable is 0.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(MaxRetryAfter/time.Second) {
			return MaxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}
