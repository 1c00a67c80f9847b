package pollertest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Endpoint names a part of the transmitter.
type Endpoint string

// The endpoints. EndpointAll stands for each one that has no mode of its own.
const (
	EndpointAll       Endpoint = "all"
	EndpointDiscovery Endpoint = "discovery"
	EndpointMetadata  Endpoint = "metadata" // of the authorization server and the protected resource
	EndpointKeys      Endpoint = "jwks"
	EndpointToken     Endpoint = "token"
	EndpointStreams   Endpoint = "streams"
	EndpointStatus    Endpoint = "status"
	EndpointSubjects  Endpoint = "subjects"
	EndpointVerify    Endpoint = "verify"
	EndpointPoll      Endpoint = "poll"
)

// Kind is a way to misbehave.
type Kind string

// The kinds. Those from WrongIssuer on concern what a poll delivers, so they only act at the poll endpoint.
const (
	Healthy       Kind = ""
	StatusCode    Kind = "status"         // Mode.Status (500 if zero) with an optional Retry-After
	HTML          Kind = "html"           // 200 and a page
	EmptyBody     Kind = "empty_body"     // 200 and nothing
	Truncated     Kind = "truncated"      // 200 and half a JSON document
	TooLarge      Kind = "too_large"      // 200 and Mode.Bytes (16 MiB if zero) of valid JSON
	Nested        Kind = "nested"         // 200 and JSON 100,000 levels deep
	GzipBomb      Kind = "gzip_bomb"      // 512 MiB of valid JSON, half a megabyte on the wire
	Endless       Kind = "endless"        // a body that never ends
	Drip          Kind = "drip"           // a byte a second, for ever
	HangBefore    Kind = "hang_before"    // no answer at all
	HangAfter     Kind = "hang_after"     // header, then nothing
	Reset         Kind = "reset"          // the connection is cut before the header
	ResetMiddle   Kind = "reset_middle"   // and within the body
	Redirect      Kind = "redirect"       // 307 to Mode.Location
	RawBody       Kind = "body"           // Mode.Status (200 if zero), Mode.ContentType and Mode.Body as they are
	EmptyMore     Kind = "empty_more"     // no SETs, moreAvailable true
	BadAgain      Kind = "bad_again"      // the same SET with a bad signature at every poll, whatever is reported
	WrongIssuer   Kind = "wrong_issuer"   // SETs signed in a foreign issuer's name
	WrongAudience Kind = "wrong_audience" // SETs for somebody else
	WrongKey      Kind = "wrong_key"      // SETs signed by a key that is not the published one of that id
)

// Mode is one misbehaviour. The zero value is none.
type Mode struct {
	Kind   Kind `json:"kind"`
	Status int  `json:"status,omitzero"`
	// RetryAfter in seconds goes with StatusCode; RetryAfterDate writes it as a date.
	RetryAfter     int    `json:"retry_after,omitzero"`
	RetryAfterDate bool   `json:"retry_after_date,omitzero"`
	Location       string `json:"location,omitzero"`
	Body           string `json:"body,omitzero"`
	ContentType    string `json:"content_type,omitzero"`
	Bytes          int    `json:"bytes,omitzero"`
	// Times is for how many requests the mode holds. Zero is until it is changed.
	Times int `json:"times,omitzero"`
	// AfterProcessing lets a poll's acknowledgements and reports count before the answer is spoilt.
	AfterProcessing bool `json:"after_processing,omitzero"`
}

// delivers reports whether the mode leaves the answer whole and spoils what is delivered.
func (m Mode) delivers() bool {
	return m.Kind == WrongIssuer || m.Kind == WrongAudience || m.Kind == WrongKey
}

// SetMode changes the behaviour of an endpoint from its next request on; polls already held finish as they began. The
// zero Mode heals it; EndpointAll with the zero Mode heals every endpoint.
func (t *Transmitter) SetMode(e Endpoint, m Mode) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case m.Kind != Healthy:
		t.modes[e] = m
	case e == EndpointAll:
		clear(t.modes)
	default:
		delete(t.modes, e)
	}
	t.wake()
}

// takeMode returns the mode for one request and uses it up.
func (t *Transmitter) takeMode(e Endpoint) Mode {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests[e]++
	for _, key := range []Endpoint{e, EndpointAll} {
		m, ok := t.modes[key]
		if !ok {
			continue
		}
		if m.Times == 1 {
			delete(t.modes, key)
		} else if m.Times > 1 {
			left := m
			left.Times--
			t.modes[key] = left
		}
		return m
	}
	return Mode{}
}

// endpoint counts requests and applies the mode.
func (t *Transmitter) endpoint(e Endpoint, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := t.takeMode(e); m.Kind != Healthy && !m.delivers() {
			t.spoil(w, r, m)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// spoil answers in the manner of m.
func (t *Transmitter) spoil(w http.ResponseWriter, r *http.Request, m Mode) {
	switch m.Kind {
	case HangBefore:
		// net/http notices that a client left only once the request's body has been read.
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20))
		<-r.Context().Done()
		return
	case Reset:
		panic(http.ErrAbortHandler)
	case Redirect:
		w.Header().Set("Location", m.Location)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	case StatusCode:
		t.spoilStatus(w, m)
		return
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		write(w, "<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>")
		return
	case RawBody:
		w.Header().Set("Content-Type", m.ContentType)
		if m.Status != 0 {
			w.WriteHeader(m.Status)
		}
		write(w, m.Body)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch m.Kind {
	case EmptyBody:
		w.WriteHeader(http.StatusOK)
	case Truncated:
		write(w, `{"sets":{"cut-off":"eyJhbGciOiJSUzI1NiIs`)
	case TooLarge:
		spoilLarge(w, m)
	case Nested:
		const depth = 100_000
		write(w, `{"sets":{},"x":`+strings.Repeat(`{"x":`, depth)+"1"+strings.Repeat("}", depth)+"}")
	case GzipBomb:
		spoilBomb(w)
	case Endless:
		spoilEndless(w, r)
	case Drip:
		spoilDrip(w, r)
	case HangAfter:
		flush(w)
		<-r.Context().Done()
	case ResetMiddle:
		write(w, `{"sets":{`)
		flush(w)
		panic(http.ErrAbortHandler)
	case EmptyMore:
		write(w, `{"sets":{},"moreAvailable":true}`)
	case BadAgain:
		write(w, `{"sets":{"bad-set":"eyJhbGciOiJSUzI1NiIsInR5cCI6InNlY2V2ZW50K2p3dCJ9.e30.AAAA"}}`)
	default:
		http.Error(w, "unknown mode", http.StatusInternalServerError)
	}
}

func (t *Transmitter) spoilStatus(w http.ResponseWriter, m Mode) {
	switch {
	case m.RetryAfter > 0 && m.RetryAfterDate:
		at := t.cfg.Now().Add(time.Duration(m.RetryAfter) * time.Second)
		w.Header().Set("Retry-After", at.UTC().Format(http.TimeFormat))
	case m.RetryAfter > 0:
		w.Header().Set("Retry-After", strconv.Itoa(m.RetryAfter))
	}
	status := m.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	write(w, http.StatusText(status))
}

func spoilLarge(w http.ResponseWriter, m Mode) {
	size := m.Bytes
	if size == 0 {
		size = 16 << 20
	}
	write(w, `{"sets":{},"padding":"`)
	chunk := strings.Repeat("x", 1<<16)
	for size > 0 {
		n := min(size, len(chunk))
		if _, err := io.WriteString(w, chunk[:n]); err != nil {
			return
		}
		size -= n
	}
	write(w, `"}`)
}

// spoilBomb sends one gzip member again and again: a gzip file may have many (RFC 1952 §2.2).
func spoilBomb(w http.ResponseWriter) {
	w.Header().Set("Content-Encoding", "gzip")
	member := func(text []byte) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(text) // a bytes.Buffer takes everything
		_ = z.Close()
		return b.Bytes()
	}
	spaces := member(bytes.Repeat([]byte(" "), 1<<20))
	if _, err := w.Write(member([]byte(`{"sets":{},"padding":`))); err != nil {
		return
	}
	for range 512 {
		if _, err := w.Write(spaces); err != nil {
			return
		}
	}
	_, _ = w.Write(member([]byte(`1}`)))
}

func spoilEndless(w http.ResponseWriter, r *http.Request) {
	write(w, `{"sets":{},"padding":"`)
	chunk := strings.Repeat("x", 1<<16)
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, chunk); err != nil {
			return
		}
	}
}

func spoilDrip(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(w, " "); err != nil {
			return
		}
		flush(w)
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// write sends text. That the client went away is not the transmitter's concern.
func write(w io.Writer, text string) { _, _ = io.WriteString(w, text) }

// flush sends the header and what is written so far.
func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
