package pollertest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"harken/secevent/seceventtest"
)

var errNoStream = errors.New("transmitter: no such stream")

// ErrDuplicate is returned for a jti that the stream has seen already.
var ErrDuplicate = errors.New("jti was used on this stream before")

// entry is one SET on one stream. claims is nil for SETs sent raw, else the claims without "iat"; compact is the signed
// token, unless each poll signs anew.
type entry struct {
	LedgerEvent
	claims  jsontext.Value
	compact string
	notice  bool // stream-updated: delivered whatever the stream's status
}

// Send turns an event into a SET on every stream, or on the one it names, and returns its jti. A stream that is disabled
// drops it, a paused one holds it; one that covers only added subjects leaves others out. Without any stream it fails.
// Types that the receiver did not request are sent all the same.
func (t *Transmitter) Send(e Event) (jti string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.JTI == "" {
		e.JTI = t.random()
	}
	if e.TXN == "" {
		e.TXN = t.random()
	}
	streams, err := t.targets(e.Stream)
	if err != nil {
		return "", err
	}
	for _, s := range streams {
		if t.cfg.DefaultSubjects == "NONE" && !slices.Contains(s.Subjects, canonical(e.Subject)) {
			continue
		}
		if _, err := t.enqueue(s, e); err != nil {
			return "", err
		}
	}
	return e.JTI, nil
}

// targets returns the named stream or all, in a fixed order. The lock is held.
func (t *Transmitter) targets(id string) ([]*stream, error) {
	if id != "" {
		s := t.streams[id]
		if s == nil {
			return nil, errNoStream
		}
		return []*stream{s}, nil
	}
	if len(t.streams) == 0 {
		return nil, errNoStream
	}
	var all []*stream
	for _, name := range slices.Sorted(maps.Keys(t.streams)) {
		all = append(all, t.streams[name])
	}
	return all, nil
}

// enqueue builds and signs the SET of one stream. The lock is held.
func (t *Transmitter) enqueue(s *stream, e Event) (string, error) {
	if e.JTI == "" {
		e.JTI = t.random()
	}
	if e.TXN == "" {
		e.TXN = t.random()
	}
	now := t.cfg.Now()
	claims, err := e.claims(now)
	if err != nil {
		return "", err
	}
	claims["iss"], claims["aud"] = t.cfg.Issuer, s.Audience
	setClaims(claims, e.Claims)
	text, err := json.Marshal(claims, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("encode claims of %s: %w", e.JTI, err)
	}
	uri := e.Type
	if !strings.Contains(uri, ":") {
		uri = caepBase + uri
	}
	entry := &entry{claims: text, notice: e.Type == TypeStreamUpdated, LedgerEvent: LedgerEvent{
		Stream: s.ID, JTI: e.JTI, Type: uri, Sent: now, Visible: now.Add(e.Delay),
	}}
	return e.JTI, t.offer(s, entry)
}

// SendSET signs exactly these claims (as JSON text, []byte or jsontext.Value, or a value to encode) for a stream, with the
// "iat" set if there is none, and returns the jti. An empty stream means every stream.
func (t *Transmitter) SendSET(stream string, claims any) (jti string, err error) {
	text, err := claimsText(claims)
	if err != nil {
		return "", err
	}
	members := map[string]jsontext.Value{}
	if err := json.Unmarshal(text, &members); err != nil {
		return "", fmt.Errorf("send SET: %w", err)
	}
	if err := json.Unmarshal(members["jti"], &jti); err != nil {
		return "", fmt.Errorf("send SET: jti: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.cfg.Now()
	return jti, t.offerAll(stream, func() *entry {
		return &entry{claims: text, LedgerEvent: LedgerEvent{JTI: jti, Sent: now, Visible: now}}
	})
}

func claimsText(claims any) (jsontext.Value, error) {
	switch c := claims.(type) {
	case []byte:
		return c, nil
	case jsontext.Value:
		return c, nil
	}
	text, err := json.Marshal(claims, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("send SET: encode claims: %w", err)
	}
	return text, nil
}

// SendRaw offers any text under a name, on a stream or, when empty, on every one.
func (t *Transmitter) SendRaw(stream, jti, compact string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.cfg.Now()
	return t.offerAll(stream, func() *entry {
		return &entry{compact: compact, LedgerEvent: LedgerEvent{JTI: jti, Sent: now, Visible: now}}
	})
}

func (t *Transmitter) offerAll(stream string, make func() *entry) error {
	streams, err := t.targets(stream)
	if err != nil {
		return err
	}
	for _, s := range streams {
		e := make()
		e.Stream = s.ID
		if err := t.offer(s, e); err != nil {
			return err
		}
	}
	return nil
}

// offer signs where that is done once, journals and queues. The lock is held.
func (t *Transmitter) offer(s *stream, e *entry) error {
	if s.byJTI[e.JTI] != nil {
		return fmt.Errorf("send %s: %w", e.JTI, ErrDuplicate)
	}
	if e.claims != nil && !t.cfg.ResignEachPoll {
		var err error
		if e.compact, err = t.signEntry(e, Healthy); err != nil {
			return err
		}
	}
	if s.Status == StatusDisabled && !e.notice {
		e.Dropped = true
	}
	err := t.journal.write(line{Op: opSend, Event: &e.LedgerEvent, Claims: e.claims, Compact: e.compact, Notice: e.notice})
	if err != nil {
		return err
	}
	t.add(s, e)
	t.wake()
	return nil
}

// add puts an entry where it belongs. The lock is held.
func (t *Transmitter) add(s *stream, e *entry) {
	t.sent = append(t.sent, e)
	s.byJTI[e.JTI] = e
	if !e.Done() {
		s.pending = append(s.pending, e)
	}
}

// signEntry signs the entry's claims now, in the manner of kind. The lock is held.
func (t *Transmitter) signEntry(e *entry, kind Kind) (string, error) {
	members := map[string]jsontext.Value{}
	if err := json.Unmarshal(e.claims, &members); err != nil {
		return "", fmt.Errorf("sign %s: %w", e.JTI, err)
	}
	claims := make(map[string]any, len(members)+1)
	for name, value := range members {
		claims[name] = value
	}
	if _, given := claims["iat"]; !given {
		claims["iat"] = t.cfg.Now().Unix()
	}
	key := t.signing
	switch kind {
	case WrongIssuer:
		claims["iss"] = "https://somebody-else.example"
	case WrongAudience:
		claims["aud"] = "https://somebody-else.example/receiver"
	case WrongKey:
		forged, err := seceventtest.NewKey(key.Alg, key.ID)
		if err != nil {
			return "", err
		}
		key = forged
	}
	return seceventtest.SignClaims(key, claims)
}

// prune drops finished entries from the queue. The lock is held.
func (s *stream) prune() {
	s.pending = slices.DeleteFunc(s.pending, func(e *entry) bool { return e.Done() })
}
