package pollertest

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// pollRequest is a decoded poll (RFC 8936 §2.2).
type pollRequest struct {
	maxEvents *int
	immediate bool
	acks      []string
	errs      map[string]setError
}

// setError is the report on one SET (RFC 8936 §2.6).
type setError struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// statusWriter remembers the status for the record.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap serves http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// servePoll is the poll endpoint. Every request is recorded, before anything can go wrong with it.
func (t *Transmitter) servePoll(w http.ResponseWriter, r *http.Request) {
	mode := t.takeMode(EndpointPoll)
	rec := &PollRecord{At: t.cfg.Now(), Stream: r.PathValue("stream"), MaxEvents: -1, Mode: mode.Kind}
	t.mu.Lock()
	t.polls++
	t.records = append(t.records, rec)
	if len(t.records) > maxRecords {
		t.records = t.records[len(t.records)-maxRecords:]
	}
	t.wake()
	t.mu.Unlock()
	out := &statusWriter{ResponseWriter: w}
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		rec.Status = out.status
		t.wake()
	}()
	if mode.Kind != Healthy && !mode.delivers() && !mode.AfterProcessing {
		t.spoil(out, r, mode)
		return
	}
	t.poll(out, r, rec, mode)
}

// poll is a poll that is understood: acknowledge, then collect or wait.
func (t *Transmitter) poll(w http.ResponseWriter, r *http.Request, rec *PollRecord, mode Mode) {
	c, ok := t.authorize(w, r, ScopeRead, ScopeManage)
	if !ok {
		return
	}
	req, err := t.readPoll(r)
	if err != nil {
		t.mu.Lock()
		t.violations = append(t.violations, "poll request: "+err.Error())
		t.mu.Unlock()
		fail(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	t.mu.Lock()
	req.record(rec)
	s := t.owned(rec.Stream, c)
	if s == nil {
		t.mu.Unlock()
		fail(w, http.StatusNotFound, "not_found", "no such stream")
		return
	}
	err = t.acknowledge(s, req)
	t.mu.Unlock()
	switch {
	case err != nil:
		fail(w, http.StatusInternalServerError, "server_error", "cannot store the acknowledgements")
	case mode.Kind != Healthy && !mode.delivers():
		t.spoil(w, r, mode)
	default:
		t.deliver(w, r, s, req, rec, mode.Kind)
	}
}

// readPoll decodes and checks the request (RFC 8936 §2.2).
func (t *Transmitter) readPoll(r *http.Request) (pollRequest, error) {
	var req pollRequest
	members, err := readObject(r)
	if err != nil {
		return req, err
	}
	err = errors.Join(take(members, "maxEvents", &req.maxEvents), take(members, "returnImmediately", &req.immediate),
		take(members, "ack", &req.acks), take(members, "setErrs", &req.errs))
	if err != nil {
		return req, err
	}
	if req.maxEvents != nil && *req.maxEvents < 0 {
		return req, errors.New("maxEvents is negative")
	}
	for jti, report := range req.errs {
		if report.Err == "" {
			return req, fmt.Errorf("setErrs %q has no err", jti)
		}
	}
	if len(req.errs) > 0 && r.Header.Get("Content-Language") == "" {
		return req, errors.New("setErrs without Content-Language")
	}
	for _, jti := range req.acks {
		if _, both := req.errs[jti]; both {
			return req, fmt.Errorf("%q is acknowledged and reported at once", jti)
		}
	}
	return req, nil
}

func (req pollRequest) record(rec *PollRecord) {
	if req.maxEvents != nil {
		rec.MaxEvents = *req.maxEvents
	}
	rec.ReturnImmediately = req.immediate
	rec.Acks, rec.Errs = len(req.acks), len(req.errs)
}

// acknowledge books acknowledgements and reports (RFC 8936 §2.4). The lock is held.
func (t *Transmitter) acknowledge(s *stream, req pollRequest) error {
	if len(req.acks)+len(req.errs) == 0 {
		return nil
	}
	now := t.cfg.Now()
	if err := t.journal.write(line{Op: opAck, At: now, Stream: s.ID, JTIs: req.acks, Errs: req.errs}); err != nil {
		return err
	}
	t.book(s, now, req.acks, req.errs)
	t.wake()
	return nil
}

func (t *Transmitter) book(s *stream, now time.Time, acks []string, errs map[string]setError) {
	for _, jti := range acks {
		e := s.byJTI[jti]
		if e == nil || e.Delivered == 0 {
			t.unknownAcks = append(t.unknownAcks, jti)
			continue
		}
		if e.Err != "" && e.Acked.IsZero() {
			t.violations = append(t.violations, "acknowledged after an error report: "+jti)
		}
		e.Acks++
		if e.Acked.IsZero() {
			e.Acked = now
		}
	}
	for jti, report := range errs {
		e := s.byJTI[jti]
		if e == nil || e.Delivered == 0 {
			t.unknownAcks = append(t.unknownAcks, jti)
			continue
		}
		if !e.Acked.IsZero() {
			t.violations = append(t.violations, "reported after an acknowledgement: "+jti)
		}
		e.Err, e.Description = report.Err, report.Description
		if e.Reported.IsZero() {
			e.Reported = now
		}
	}
	s.prune()
}

// deliver answers with what is due, at once or when something comes (RFC 8936 §2.4: long polling).
func (t *Transmitter) deliver(w http.ResponseWriter, r *http.Request, s *stream, req pollRequest, rec *PollRecord, kind Kind) {
	hold := t.cfg.LongPoll
	if req.immediate || hold < 0 || req.maxEvents != nil && *req.maxEvents == 0 {
		hold = 0
	}
	limit := time.NewTimer(hold)
	defer limit.Stop()
	expired := hold == 0
	for {
		t.mu.Lock()
		if t.streams[s.ID] != s {
			t.mu.Unlock()
			fail(w, http.StatusNotFound, "not_found", "no such stream")
			return
		}
		batch, more, next := t.collect(s, req)
		if len(batch) > 0 || expired {
			sets, err := t.handOut(s, batch, kind)
			if err == nil {
				rec.Sets, rec.More = len(sets), more
			}
			t.mu.Unlock()
			if err != nil {
				fail(w, http.StatusInternalServerError, "server_error", "cannot offer SETs")
				return
			}
			answer := map[string]any{"sets": sets}
			if more {
				answer["moreAvailable"] = true
			}
			reply(w, http.StatusOK, answer)
			return
		}
		change, due := t.change(), nextDue(t.cfg.Now(), next)
		t.mu.Unlock()
		select {
		case <-change:
		case <-due.C:
		case <-limit.C:
			expired = true
		case <-r.Context().Done():
			due.Stop()
			return
		}
		due.Stop()
	}
}

// nextDue is a timer for when a SET becomes visible or may be offered again. A zero next never comes.
func nextDue(now, next time.Time) *time.Timer {
	if next.IsZero() {
		return time.NewTimer(24 * time.Hour)
	}
	return time.NewTimer(max(next.Sub(now), time.Millisecond))
}

// collect chooses what to offer now, whether more is waiting, and when the next one becomes due. The lock is held.
func (t *Transmitter) collect(s *stream, req pollRequest) (batch []*entry, more bool, next time.Time) {
	limit := t.cfg.MaxPerPoll
	if req.maxEvents != nil {
		limit = min(limit, *req.maxEvents)
		if *req.maxEvents == 0 && t.cfg.AnswerAckOnly {
			limit = 1
		}
	}
	now := t.cfg.Now()
	for _, e := range s.pending {
		due := e.Visible
		if e.Delivered > 0 && e.Last.Add(t.cfg.Redeliver).After(due) {
			due = e.Last.Add(t.cfg.Redeliver)
		}
		switch {
		case s.Status != StatusEnabled && !e.notice:
		case due.After(now):
			if next.IsZero() || due.Before(next) {
				next = due
			}
		case len(batch) == limit:
			return batch, true, next
		default:
			batch = append(batch, e)
		}
	}
	return batch, false, next
}

// handOut signs where needed and books the delivery. The lock is held.
func (t *Transmitter) handOut(s *stream, batch []*entry, kind Kind) (map[string]string, error) {
	sets := make(map[string]string, len(batch))
	names := make([]string, 0, len(batch))
	for _, e := range batch {
		compact := e.compact
		if e.claims != nil && (t.cfg.ResignEachPoll || kind != Healthy) {
			var err error
			if compact, err = t.signEntry(e, kind); err != nil {
				return nil, err
			}
		}
		sets[e.JTI] = compact
		names = append(names, e.JTI)
	}
	if len(names) == 0 {
		return sets, nil
	}
	now := t.cfg.Now()
	if err := t.journal.write(line{Op: opDeliver, At: now, Stream: s.ID, JTIs: names}); err != nil {
		return nil, err
	}
	for _, e := range batch {
		e.delivered(now)
	}
	t.wake()
	return sets, nil
}

func (e *entry) delivered(at time.Time) {
	e.Delivered++
	e.Last = at
	if e.First.IsZero() {
		e.First = at
	}
}
