package pollertest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"harken/secevent/seceventtest"
)

// The kinds of journal lines.
const (
	opStream  = "stream"
	opDelete  = "delete"
	opSend    = "send"
	opDeliver = "deliver"
	opAck     = "ack"
)

// line is one line of the journal.
type line struct {
	Op     string    `json:"op"`
	At     time.Time `json:"at,omitzero"`
	Stream string    `json:"stream,omitzero"`
	// StreamDoc is the whole stream after the change.
	StreamDoc *Stream `json:"stream_doc,omitzero"`
	// Event, Claims, Compact and Notice are a SET as it was sent.
	Event   *LedgerEvent   `json:"event,omitzero"`
	Claims  jsontext.Value `json:"claims,omitzero"`
	Compact string         `json:"compact,omitzero"`
	Notice  bool           `json:"notice,omitzero"`
	// JTIs are those delivered or acknowledged, Errs those reported.
	JTIs []string            `json:"jtis,omitempty"`
	Errs map[string]setError `json:"errs,omitempty"`
}

// journal appends lines to a file. A nil journal takes everything and keeps nothing.
type journal struct{ file *os.File }

// write appends one line in one call: a killed process leaves whole lines and at most one cut one. It does not wait for
// the disk; a power cut is not among the things this kit must survive.
func (j *journal) write(l line) error {
	if j == nil {
		return nil
	}
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err := j.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	if err := j.file.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// openJournal applies what the file holds, cuts off an unfinished last line and opens the file for more.
func (t *Transmitter) openJournal(path string) (*journal, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("journal: %w", err)
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	for number, text := range bytes.Split(data[:whole], []byte("\n")) {
		if len(text) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("journal %s: line %d: %w", path, number+1, err)
		}
		if err := t.replay(l); err != nil {
			return nil, fmt.Errorf("journal %s: line %d: %w", path, number+1, err)
		}
	}
	for _, s := range t.streams {
		s.prune()
		if err := t.signLost(s); err != nil {
			return nil, fmt.Errorf("journal %s: %w", path, err)
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := file.Truncate(int64(whole)); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("journal: %w", err)
	}
	return &journal{file: file}, nil
}

// signLost signs anew what was signed with a key that is gone, for instance one that Rotate brought in the last life.
func (t *Transmitter) signLost(s *stream) error {
	for _, e := range s.pending {
		text, _, _ := strings.Cut(e.compact, ".")
		header, err := base64.RawURLEncoding.DecodeString(text)
		var h struct {
			KID string `json:"kid"`
		}
		if e.claims == nil || e.compact == "" || err != nil || json.Unmarshal(header, &h) != nil {
			continue
		}
		if slices.ContainsFunc(t.keys, func(k *seceventtest.Key) bool { return k.ID == h.KID }) {
			continue
		}
		if e.compact, err = t.signEntry(e, Healthy); err != nil {
			return err
		}
	}
	return nil
}

// replay applies one line.
func (t *Transmitter) replay(l line) error {
	if l.Op == opStream {
		if l.StreamDoc == nil {
			return errors.New("no stream")
		}
		if s := t.streams[l.StreamDoc.ID]; s != nil {
			s.Stream = *l.StreamDoc
		} else {
			t.streams[l.StreamDoc.ID] = &stream{Stream: *l.StreamDoc, byJTI: map[string]*entry{}}
		}
		if s := t.streams[l.StreamDoc.ID]; s.Status == StatusDisabled {
			s.drop()
		}
		return nil
	}
	id := l.Stream
	if l.Op == opSend && l.Event != nil {
		id = l.Event.Stream
	}
	s := t.streams[id]
	if s == nil {
		return fmt.Errorf("stream %q is unknown", id)
	}
	switch l.Op {
	case opDelete:
		t.forget(s)
	case opSend:
		if l.Event == nil {
			return errors.New("no event")
		}
		t.add(s, &entry{LedgerEvent: *l.Event, claims: l.Claims, compact: l.Compact, notice: l.Notice})
	case opDeliver:
		for _, jti := range l.JTIs {
			if e := s.byJTI[jti]; e != nil {
				e.delivered(l.At)
			}
		}
	case opAck:
		t.book(s, l.At, l.JTIs, l.Errs)
	default:
		return fmt.Errorf("unknown op %q", l.Op)
	}
	return nil
}
