package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"harken/ssf"
)

const (
	livePing = 15 * time.Second
	// liveHold is the least time between two bursts of signals to one page: it reads at most once a second anyway.
	liveHold = 200 * time.Millisecond
	// liveWrite is how long one write may take before the stream counts as dead.
	liveWrite = 10 * time.Second
	// livePerSession bounds streams of one session on HTTP/1.1, where browsers open six connections in all.
	livePerSession = 4
	liveTopics     = 8
)

// live keeps count of open streams.
type live struct {
	mu    sync.Mutex
	open  map[ssf.SessionHandle]int
	ended chan struct{}
	once  sync.Once
}

func newLive() *live { return &live{open: map[ssf.SessionHandle]int{}, ended: make(chan struct{})} }

// stop ends all streams at once.
func (l *live) stop() { l.once.Do(func() { close(l.ended) }) }

// enter takes one of at most most places of a session.
func (l *live) enter(h ssf.SessionHandle, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if most > 0 && l.open[h] >= most {
		return false
	}
	l.open[h]++
	return true
}

func (l *live) leave(h ssf.SessionHandle) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[h]--; l.open[h] <= 0 {
		delete(l.open, h)
	}
}

// liveTopic is one thing that a page may follow: the name of its DOM event, and the commits that cause it.
type liveTopic struct {
	name   string
	topics []ssf.Topic
	need   ssf.Role
}

// parseTopics reads "inbox,event-12,identity-x,runs-12,jobs". Unknown and doubled ones are left out: an old page must not
// lose its other topics.
func parseTopics(text string) []liveTopic {
	var out []liveTopic
	seen := map[string]bool{}
	for _, name := range strings.Split(text, ",") {
		if t, ok := parseTopic(name); ok && !seen[name] && len(out) < liveTopics {
			seen[name] = true
			out = append(out, t)
		}
	}
	return out
}

func parseTopic(name string) (liveTopic, bool) {
	t := liveTopic{name: name, need: ssf.RoleViewer}
	kind, id, _ := strings.Cut(name, "-")
	if !plainTopic(name) {
		return t, false
	}
	switch {
	case name == "inbox":
		t.topics = []ssf.Topic{{Kind: ssf.TopicInbox}, {Kind: ssf.TopicLog}}
	case name == "jobs":
		t.topics = []ssf.Topic{{Kind: ssf.TopicJobs}, {Kind: ssf.TopicTransmitter}, {Kind: ssf.TopicSources}}
	case name == "runs":
		t.topics = []ssf.Topic{{Kind: ssf.TopicRuns}}
	case id == "":
		return t, false
	case kind == "event", kind == "runs": // the runs of one event belong to it
		if _, err := ssf.ParseSeq(id); err != nil {
			return t, false
		}
		t.topics = []ssf.Topic{{Kind: ssf.TopicEvent, ID: id}}
	case kind == "identity":
		t.topics = []ssf.Topic{{Kind: ssf.TopicIdentity, ID: id}}
	case kind == "transmitter":
		t.topics = []ssf.Topic{{Kind: ssf.TopicTransmitter, ID: id}}
	default:
		return t, false
	}
	return t, true
}

// plainTopic keeps line breaks and the like out of the stream.
func plainTopic(name string) bool {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.') {
			return false
		}
	}
	return name != "" && len(name) <= 128
}

// getLive streams signals, never content: the page then reads what it may see. It ends with the session.
func (s *Server) getLive(c *gin.Context) {
	p := caller(c)
	most := livePerSession
	if c.Request.ProtoMajor > 1 {
		most = 0
	}
	topics := parseTopics(c.Query("topics"))
	if len(topics) == 0 || s.stopping.Load() || !s.live.enter(p.session.Handle, most) {
		c.Status(http.StatusNoContent) // the page polls instead
		return
	}
	defer s.live.leave(p.session.Handle)
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	signals := make(chan string)
	var group sync.WaitGroup
	for _, t := range topics {
		if p.actor.Role.AtLeast(t.need) {
			s.follow(ctx, &group, t, signals)
		}
	}
	s.follow(ctx, &group, liveTopic{topics: []ssf.Topic{{Kind: ssf.TopicSessions, ID: string(p.session.Handle)}}}, signals)
	defer group.Wait()
	defer cancel()

	h := c.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w := &liveWriter{c: c, rc: http.NewResponseController(c.Writer)}
	if !w.open() || !w.send(": open\n\n") {
		return
	}
	ping := time.NewTicker(livePing)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.live.ended:
			return
		case <-ping.C:
			if !s.stillIn(ctx, p) {
				s.farewell(w, topics)
				return
			}
			if !w.send(": ping\n\n") {
				return
			}
		case name := <-signals:
			if name == "" { // something about the session
				if !s.stillIn(ctx, p) {
					s.farewell(w, topics)
					return
				}
			} else if !w.send(signal(name)) {
				return
			}
		}
	}
}

// farewell makes the page of a session that has ended read something, which leads it to the sign-in page at once.
func (s *Server) farewell(w *liveWriter, topics []liveTopic) {
	for _, t := range topics {
		if !w.send(signal(t.name)) {
			return
		}
	}
}

func signal(topic string) string { return fmt.Sprintf("event: ev-%s\ndata: {}\n\n", topic) }

// follow sends the topic's name after each commit that touches it, until ctx ends.
func (s *Server) follow(ctx context.Context, group *sync.WaitGroup, t liveTopic, to chan<- string) {
	changed, stop := s.store.Watch(t.topics...)
	group.Go(func() {
		defer stop()
		hold := time.NewTimer(liveHold)
		defer hold.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
			select {
			case <-ctx.Done():
				return
			case to <- t.name:
			}
			if t.name == "" {
				continue // the end of a session is told at once
			}
			hold.Reset(liveHold)
			select {
			case <-ctx.Done():
				return
			case <-hold.C:
			}
		}
	})
}

// stillIn reports whether the session lives and may do what it could when the stream began.
func (s *Server) stillIn(ctx context.Context, p *principal) bool {
	now, err := s.store.SessionByHash(ctx, p.session.Hash)
	return err == nil && now.Role == p.session.Role && !expired(now, s.cfg.Now())
}

// liveWriter writes to a stream that outlives the server's limits.
type liveWriter struct {
	c  *gin.Context
	rc *http.ResponseController
}

// open lifts the limits on reading (which end the request's context too) and writing.
func (w *liveWriter) open() bool {
	return w.rc.SetReadDeadline(time.Time{}) == nil && w.rc.SetWriteDeadline(time.Time{}) == nil
}

// send writes and flushes. A peer that takes nothing for liveWrite is cut off, by a deadline long past.
func (w *liveWriter) send(text string) bool {
	late := time.AfterFunc(liveWrite, func() { _ = w.rc.SetWriteDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	if _, err := w.c.Writer.WriteString(text); err != nil {
		return false
	}
	return w.rc.Flush() == nil
}
