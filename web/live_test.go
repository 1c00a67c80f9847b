package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"harken/ssf"
)

// stream is an open connection to /live.
type stream struct {
	code  int
	lines chan string // closed when the stream ends
	close func()
}

func (b *browser) live(topics string) *stream {
	b.w.t.Helper()
	ctx, cancel := context.WithCancel(b.w.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.w.base+"/live?topics="+url.QueryEscape(topics), nil)
	if err != nil {
		b.w.t.Fatal(err)
	}
	client := *b.http
	client.Timeout = 0
	res, err := client.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	s := &stream{code: res.StatusCode, lines: make(chan string, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(s.lines)
		for in := bufio.NewScanner(res.Body); in.Scan(); {
			if in.Text() != "" {
				s.lines <- in.Text()
			}
		}
	}()
	s.close = func() { cancel(); res.Body.Close(); <-done }
	b.w.t.Cleanup(s.close)
	return s
}

// next waits for a line; "" when the stream has ended.
func (s *stream) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-s.lines:
		return line
	case <-time.After(5 * time.Second):
		t.Fatal("the stream is silent")
		return ""
	}
}

func TestLiveSignals(t *testing.T) {
	w := newWorld(t)
	w.configure()
	seq := w.event("", "one")
	b := w.browser().demo(ssf.RoleResponder)
	s := b.live("event-" + seq.String() + ",nonsense,event-x,identity-a\nb")
	if s.code != http.StatusOK || s.next(t) != ": open" {
		t.Fatalf("live: got %d, want an open stream", s.code)
	}
	b.post("/events/triage", url.Values{"csrf": {b.session().CSRF}, "id": {seq.String()}, "to": {"acknowledged"}})
	if got, data := s.next(t), s.next(t); got != "event: ev-event-"+seq.String() || data != "data: {}" {
		t.Errorf("signal: got %q %q, want the event's, without content", got, data)
	}
	inbox := b.live("inbox")
	inbox.next(t)
	w.event("", "two")
	if got := inbox.next(t); got != "event: ev-inbox" {
		t.Errorf("after a new event: got %q, want ev-inbox", got)
	}
}

func TestLiveEndsWithItsSession(t *testing.T) {
	w := newWorld(t)
	b := w.browser().demo(ssf.RoleResponder)
	s := b.live("inbox")
	s.next(t)
	began := time.Now()
	if err := w.db.DeleteSession(t.Context(), ssf.System("test"), b.session().Handle); err != nil {
		t.Fatal(err)
	}
	if got, data := s.next(t), s.next(t); got != "event: ev-inbox" || data != "data: {}" {
		t.Errorf("after the end of the session: got %q, want a last signal, so that the page asks and is led to the sign-in", got)
	}
	if got := s.next(t); got != "" {
		t.Errorf("after the last signal: got %q, want the end of the stream", got)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the stream outlived its session by %s, want at most 1 s", took)
	}
}

func TestLiveIsBounded(t *testing.T) {
	w := newWorld(t)
	b := w.browser().demo(ssf.RoleResponder)
	var open []*stream
	for range 4 {
		s := b.live("inbox")
		s.next(t)
		open = append(open, s)
	}
	if s := b.live("inbox"); s.code != http.StatusNoContent {
		t.Errorf("fifth stream of a session: got %d, want 204", s.code)
	}
	if s := w.browser().demo(ssf.RoleAdmin).live("inbox"); s.code != http.StatusOK {
		t.Errorf("another session: got %d, want 200", s.code)
	}
	if s := b.live("nothing,known"); s.code != http.StatusNoContent {
		t.Errorf("no topic: got %d, want 204", s.code)
	}
	open[0].close()
	for range 100 { // the place is free once the server has noticed
		s := b.live("inbox")
		if s.code == http.StatusOK {
			return
		}
	}
	t.Error("a place that was given back stays taken")
}

// TestStopEndsStreams stops the server with an open stream.
func TestStopEndsStreams(t *testing.T) {
	w := newWorld(t)
	s := w.browser().demo(ssf.RoleResponder).live("inbox,jobs,runs")
	s.next(t)
	began := time.Now()
	w.stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("stop took %s with an open stream, want next to nothing", took)
	}
	if got := s.next(t); got != "" {
		t.Errorf("after the stop: got %q, want the end", got)
	}
}

// TestLiveKeepsNoSessionAlive leaves a stream open over the idle time.
func TestLiveKeepsNoSessionAlive(t *testing.T) {
	w := newWorld(t)
	b := w.browser().demo(ssf.RoleResponder)
	s := b.live("inbox")
	s.next(t)
	w.clock.Advance(16 * time.Minute)
	if a := b.get("/"); a.code != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/login") {
		t.Errorf("after 16 min with an open stream: got %d, want the sign-in page", a.code)
	}
	for line := s.next(t); line != ""; line = s.next(t) { // the last signal
	}
}
