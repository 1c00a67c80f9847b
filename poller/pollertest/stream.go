package pollertest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const methodPoll = "urn:ietf:rfc:8936"

// The states of a stream (SSF §8.1.2).
const (
	StatusEnabled  = "enabled"
	StatusPaused   = "paused"
	StatusDisabled = "disabled"
)

// Stream is a stream's description for Config.Streams and Streams.
type Stream struct {
	ID string `json:"id"`
	// Client owns the stream.
	Client string `json:"client"`
	// Audience is the "aud" of its SETs. Empty is the client's.
	Audience string `json:"audience"`
	// EventsRequested, and the status (enabled when empty) with its reason.
	EventsRequested []string `json:"events_requested,omitempty"`
	Description     string   `json:"description,omitempty"`
	Status          string   `json:"status"`
	Reason          string   `json:"reason,omitempty"`
	// Subjects are those added to the stream, in canonical JSON.
	Subjects []string `json:"subjects,omitempty"`
}

// stream is a live stream. pending holds the entries that may still be offered, oldest first.
type stream struct {
	Stream
	pending  []*entry
	byJTI    map[string]*entry
	verified time.Time // last verification request
}

// supported are the event types on offer.
var supported = [...]string{
	TypeSessionRevoked, TypeCredentialChange,
	caepBase + "token-claims-change", caepBase + "assurance-level-change", caepBase + "device-compliance-change",
	caepBase + "session-established", caepBase + "session-presented", caepBase + "risk-level-change",
}

func (t *Transmitter) preset(s Stream) error {
	c := t.clients[s.Client]
	switch {
	case c == nil:
		return fmt.Errorf("transmitter: stream %q: client %q is not registered", s.ID, s.Client)
	case s.ID == "" || t.streams[s.ID] != nil:
		return fmt.Errorf("transmitter: stream id %q is empty or not unique", s.ID)
	case t.streamOf(s.Client) != nil:
		return fmt.Errorf("transmitter: client %q has two streams", s.Client)
	}
	if s.Audience == "" {
		s.Audience = c.Audience
	}
	if s.Status == "" {
		s.Status = StatusEnabled
	}
	t.streams[s.ID] = &stream{Stream: s, byJTI: map[string]*entry{}}
	return nil
}

// streamOf returns the client's stream, or nil.
func (t *Transmitter) streamOf(client string) *stream {
	for _, s := range t.streams {
		if s.Client == client {
			return s
		}
	}
	return nil
}

// Streams returns the streams that exist, by id.
func (t *Transmitter) Streams() []Stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Stream, 0, len(t.streams))
	for _, s := range t.streams {
		one := s.Stream
		one.EventsRequested, one.Subjects = slices.Clone(s.EventsRequested), slices.Clone(s.Subjects)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Stream) int { return compare(a.ID, b.ID) })
	return all
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// configuration is the stream configuration object (SSF §8.1.1).
func (t *Transmitter) configuration(s *stream) map[string]any {
	delivered := []string{}
	for _, e := range s.EventsRequested {
		if slices.Contains(supported[:], e) {
			delivered = append(delivered, e)
		}
	}
	c := map[string]any{
		"stream_id": s.ID, "iss": t.cfg.Issuer, "aud": s.Audience,
		"events_supported": supported[:], "events_requested": s.EventsRequested, "events_delivered": delivered,
		"delivery": map[string]any{"method": methodPoll, "endpoint_url": t.PollURL(s.ID)},
	}
	if s.EventsRequested == nil {
		delete(c, "events_requested")
	}
	if s.Description != "" {
		c["description"] = s.Description
	}
	if t.cfg.InactivityTimeout > 0 {
		c["inactivity_timeout"] = int(t.cfg.InactivityTimeout / time.Second)
	}
	if t.cfg.MinVerification > 0 {
		c["min_verification_interval"] = int(t.cfg.MinVerification / time.Second)
	}
	return c
}

// serveStreams is the configuration endpoint (SSF §8.1.1.1 to §8.1.1.5).
func (t *Transmitter) serveStreams(w http.ResponseWriter, r *http.Request) {
	scopes := []string{ScopeManage}
	if r.Method == http.MethodGet {
		scopes = []string{ScopeRead, ScopeManage}
	}
	c, ok := t.authorize(w, r, scopes...)
	if !ok {
		return
	}
	switch r.Method {
	case http.MethodGet:
		t.readStreams(w, r, c)
	case http.MethodPost:
		t.createStream(w, r, c)
	case http.MethodPatch, http.MethodPut:
		t.changeStream(w, r, c)
	case http.MethodDelete:
		t.deleteStream(w, r, c)
	default:
		w.Header().Set("Allow", "GET, POST, PATCH, PUT, DELETE")
		fail(w, http.StatusMethodNotAllowed, "invalid_request", "method not offered")
	}
}

func (t *Transmitter) readStreams(w http.ResponseWriter, r *http.Request, c *client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.URL.Query().Has("stream_id") {
		s := t.owned(r.URL.Query().Get("stream_id"), c)
		if s == nil {
			fail(w, http.StatusNotFound, "not_found", "no such stream")
			return
		}
		reply(w, http.StatusOK, t.configuration(s))
		return
	}
	all := []any{}
	if s := t.streamOf(c.ID); s != nil {
		all = append(all, t.configuration(s))
	}
	reply(w, http.StatusOK, all)
}

// owned returns the client's stream of that id, or nil. The lock is held.
func (t *Transmitter) owned(id string, c *client) *stream {
	if s := t.streams[id]; s != nil && s.Client == c.ID {
		return s
	}
	return nil
}

func (t *Transmitter) createStream(w http.ResponseWriter, r *http.Request, c *client) {
	members, err := readObject(r)
	if err == nil {
		for _, name := range []string{"stream_id", "iss", "aud", "events_supported", "events_delivered", "min_verification_interval", "inactivity_timeout"} {
			if _, ok := members[name]; ok {
				err = fmt.Errorf("member %q is the transmitter's", name)
			}
		}
	}
	s := &stream{Stream: Stream{Client: c.ID, Audience: c.Audience, Status: StatusEnabled}, byJTI: map[string]*entry{}}
	if err == nil {
		err = s.apply(members, t.PollURL(""))
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.streamOf(c.ID) != nil {
		fail(w, http.StatusConflict, "conflict", "the receiver has a stream already")
		return
	}
	s.ID = t.random()
	if err := t.journal.write(line{Op: opStream, StreamDoc: &s.Stream}); err != nil {
		fail(w, http.StatusInternalServerError, "server_error", "cannot store the stream")
		return
	}
	t.streams[s.ID] = s
	t.wake()
	reply(w, http.StatusCreated, t.configuration(s))
}

// apply sets the receiver's members that are present.
func (s *stream) apply(members map[string]jsontext.Value, pollURL string) error {
	var delivery struct {
		Method string `json:"method"`
		URL    string `json:"endpoint_url"`
	}
	if err := take(members, "delivery", &delivery); err != nil {
		return err
	}
	if _, ok := members["delivery"]; ok && delivery.Method != methodPoll {
		return errors.New("delivery method must be poll")
	}
	if delivery.URL != "" && delivery.URL != pollURL {
		return errors.New("the poll endpoint is the transmitter's")
	}
	if err := take(members, "events_requested", &s.EventsRequested); err != nil {
		return err
	}
	return take(members, "description", &s.Description)
}

// changeStream is update (PATCH) and replace (PUT).
func (t *Transmitter) changeStream(w http.ResponseWriter, r *http.Request, c *client) {
	members, err := readObject(r)
	var id string
	if err == nil {
		err = take(members, "stream_id", &id)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.owned(id, c)
	if s == nil {
		fail(w, http.StatusNotFound, "not_found", "no such stream")
		return
	}
	changed := *s
	if r.Method == http.MethodPut {
		changed.EventsRequested, changed.Description = nil, ""
		if _, ok := members["delivery"]; !ok {
			err = errors.New("a replacement without delivery takes it away")
		}
	}
	err = errors.Join(err, t.sameAsOurs(s, members), changed.apply(members, t.PollURL(id)))
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	if err := t.journal.write(line{Op: opStream, StreamDoc: &changed.Stream}); err != nil {
		fail(w, http.StatusInternalServerError, "server_error", "cannot store the stream")
		return
	}
	*s = changed
	reply(w, http.StatusOK, t.configuration(s))
}

// sameAsOurs refuses members of the transmitter whose values are not its own (SSF §8.1.1.3).
func (t *Transmitter) sameAsOurs(s *stream, members map[string]jsontext.Value) error {
	ours := t.configuration(s)
	for _, name := range []string{"iss", "aud", "events_supported", "events_delivered", "min_verification_interval"} {
		got, ok := members[name]
		if !ok {
			continue
		}
		want, err := json.Marshal(ours[name])
		if err != nil || canonical(got) != canonical(want) {
			return fmt.Errorf("member %q is the transmitter's and differs", name)
		}
	}
	return nil
}

// canonical is the comparable form of a JSON text (RFC 8785), the text itself where it has none.
func canonical(v jsontext.Value) string {
	c := v.Clone()
	if err := c.Canonicalize(); err != nil {
		return string(v)
	}
	return string(c)
}

func (t *Transmitter) deleteStream(w http.ResponseWriter, r *http.Request, c *client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.owned(r.URL.Query().Get("stream_id"), c)
	if s == nil {
		fail(w, http.StatusNotFound, "not_found", "no such stream")
		return
	}
	if err := t.journal.write(line{Op: opDelete, Stream: s.ID}); err != nil {
		fail(w, http.StatusInternalServerError, "server_error", "cannot store the change")
		return
	}
	t.forget(s)
	t.wake()
	w.WriteHeader(http.StatusNoContent)
}

// forget ends a stream; what was still open is dropped.
func (t *Transmitter) forget(s *stream) {
	s.drop()
	delete(t.streams, s.ID)
}

// drop gives up every pending SET but notices about the stream itself.
func (s *stream) drop() {
	for _, e := range s.pending {
		e.Dropped = e.Dropped || !e.notice
	}
	s.prune()
}
