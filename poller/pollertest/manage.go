package pollertest

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// serveStatus reads and changes a stream's status (SSF §8.1.2).
func (t *Transmitter) serveStatus(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		c, ok := t.authorize(w, r, ScopeRead, ScopeManage)
		if !ok {
			return
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		s := t.owned(r.URL.Query().Get("stream_id"), c)
		if s == nil {
			fail(w, http.StatusNotFound, "not_found", "no such stream")
			return
		}
		reply(w, http.StatusOK, s.status())
	case http.MethodPost:
		t.changeStatus(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		fail(w, http.StatusMethodNotAllowed, "invalid_request", "method not offered")
	}
}

func (s *stream) status() map[string]any {
	status := map[string]any{"stream_id": s.ID, "status": s.Status}
	if s.Reason != "" {
		status["reason"] = s.Reason
	}
	return status
}

func (t *Transmitter) changeStatus(w http.ResponseWriter, r *http.Request) {
	var want, reason string
	s, unlock, ok := t.manage(w, r, func(members map[string]jsontext.Value) error {
		err := errors.Join(take(members, "status", &want), take(members, "reason", &reason))
		if err == nil && !slices.Contains([]string{StatusEnabled, StatusPaused, StatusDisabled}, want) {
			err = errors.New("unknown status")
		}
		return err
	})
	if !ok {
		return
	}
	defer unlock()
	if err := t.setStatus(s, want, reason); err != nil {
		fail(w, http.StatusInternalServerError, "server_error", "cannot store the change")
		return
	}
	reply(w, http.StatusOK, s.status())
}

// setStatus changes, journals and applies. The lock is held.
func (t *Transmitter) setStatus(s *stream, status, reason string) error {
	changed := s.Stream
	changed.Status, changed.Reason = status, reason
	if err := t.journal.write(line{Op: opStream, StreamDoc: &changed}); err != nil {
		return err
	}
	s.Stream = changed
	if status == StatusDisabled {
		s.drop()
	}
	t.wake()
	return nil
}

// manage is the common way into a management request about one stream: it authorizes, reads the body, lets parse look at
// it, finds the stream and holds the lock. If ok is false it has answered and holds nothing.
func (t *Transmitter) manage(w http.ResponseWriter, r *http.Request, parse func(map[string]jsontext.Value) error) (s *stream, unlock func(), ok bool) {
	c, ok := t.authorize(w, r, ScopeManage)
	if !ok {
		return nil, nil, false
	}
	members, err := readObject(r)
	var id string
	if err == nil {
		err = errors.Join(take(members, "stream_id", &id), parse(members))
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", err.Error())
		return nil, nil, false
	}
	t.mu.Lock()
	if s = t.owned(id, c); s == nil {
		t.mu.Unlock()
		fail(w, http.StatusNotFound, "not_found", "no such stream")
		return nil, nil, false
	}
	return s, t.mu.Unlock, true
}

// SetStatus changes a stream's status as the transmitter's own decision: a stream-updated event tells the receiver
// (SSF §8.1.5). Disabling drops what is pending.
func (t *Transmitter) SetStatus(id, status, reason string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.streams[id]
	if s == nil {
		return errNoStream
	}
	if err := t.setStatus(s, status, reason); err != nil {
		return err
	}
	payload := map[string]any{"status": status}
	if reason != "" {
		payload["reason"] = reason
	}
	_, err := t.enqueue(s, Event{Type: TypeStreamUpdated, Subject: Opaque(id), Payload: payload})
	return err
}

// serveAddSubject widens a stream (SSF §8.1.3.2).
func (t *Transmitter) serveAddSubject(w http.ResponseWriter, r *http.Request) {
	t.changeSubjects(w, r, http.StatusOK, func(list []string, subject string) []string {
		if slices.Contains(list, subject) {
			return list
		}
		return append(list, subject)
	})
}

// serveRemoveSubject narrows it (SSF §8.1.3.3).
func (t *Transmitter) serveRemoveSubject(w http.ResponseWriter, r *http.Request) {
	t.changeSubjects(w, r, http.StatusNoContent, func(list []string, subject string) []string {
		return slices.DeleteFunc(list, func(s string) bool { return s == subject })
	})
}

func (t *Transmitter) changeSubjects(w http.ResponseWriter, r *http.Request, success int, change func([]string, string) []string) {
	var subject jsontext.Value
	s, unlock, ok := t.manage(w, r, func(members map[string]jsontext.Value) error {
		subject = members["subject"]
		if subject.Kind() != '{' {
			return errors.New("subject must be an object")
		}
		return nil
	})
	if !ok {
		return
	}
	defer unlock()
	changed := s.Stream
	changed.Subjects = change(slices.Clone(s.Subjects), canonical(subject))
	if err := t.journal.write(line{Op: opStream, StreamDoc: &changed}); err != nil {
		fail(w, http.StatusInternalServerError, "server_error", "cannot store the change")
		return
	}
	s.Stream = changed
	w.WriteHeader(success)
}

// serveVerify queues a verification event that echoes the state (SSF §8.1.4).
func (t *Transmitter) serveVerify(w http.ResponseWriter, r *http.Request) {
	var state *string
	s, unlock, ok := t.manage(w, r, func(members map[string]jsontext.Value) error { return take(members, "state", &state) })
	if !ok {
		return
	}
	defer unlock()
	if s.Status != StatusEnabled {
		fail(w, http.StatusBadRequest, "invalid_request", "the stream is not enabled")
		return
	}
	now := t.cfg.Now()
	if wait := t.cfg.MinVerification - now.Sub(s.verified); !s.verified.IsZero() && wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		fail(w, http.StatusTooManyRequests, "too_many_requests", "verification was asked for a moment ago")
		return
	}
	s.verified = now
	e := Event{Type: TypeVerification, Subject: Opaque(s.ID)}
	if state != nil {
		e.Payload = map[string]any{"state": *state}
	}
	if _, err := t.enqueue(s, e); err != nil {
		fail(w, http.StatusInternalServerError, "server_error", "cannot store the event")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Verify sends an unsolicited verification event, which carries no state (SSF §8.1.4.2).
func (t *Transmitter) Verify(stream string) (jti string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.streams[stream]
	if s == nil {
		return "", errNoStream
	}
	return t.enqueue(s, Event{Type: TypeVerification, Subject: Opaque(stream)})
}
