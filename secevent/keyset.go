package secevent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"harken/ssf"
)

// KeySetConfig configures a KeySet. URL, Fetch and Now are needed; a zero duration stands for its default.
type KeySetConfig struct {
	// URL is the transmitter's jwks_uri (SSF §7.1).
	URL string
	// Fetch gets the document. maxAge is what Cache-Control allows, zero if it says nothing. It must return when ctx ends.
	Fetch func(ctx context.Context, url string) (body []byte, maxAge time.Duration, err error)
	Now   func() time.Time
	// MinRefresh is the least time between the starts of two fetches; 60 s.
	MinRefresh time.Duration
	// MinAge and MaxAge clamp how long a set is used before it is fetched again; 5 min and 1 h.
	MinAge, MaxAge time.Duration
	// MaxStale is how long the last good set serves while fetching fails; 24 h.
	MaxStale time.Duration
	// Forget is how long a key id that a fetch did not bring is not asked for again; 5 min.
	Forget time.Duration
	// Timeout bounds one fetch, 30 s; MaxWait how long a token waits for one at most, 10 s.
	Timeout, MaxWait time.Duration
}

// KeySetState is a snapshot for the status page and for those who wait for keys.
type KeySetState struct {
	// Usable counts the keys that may verify; Generation grows with each successful fetch, and is zero before the first.
	Usable     int
	Generation uint64
	// FetchedAt is the last success, NextAt when the set is due to be fetched again (on the next use after it).
	FetchedAt, NextAt time.Time
	// Error is why the last fetch failed; empty after a success. Since is when the trouble began.
	Error string
	Since time.Time
	// Alarms are the keys of the present set that are not used.
	Alarms []KeyAlarm
}

// maxMisses bounds the memory of unknown key ids.
const maxMisses = 1000

// KeySet is the cached public key set of one transmitter. It fetches when it is used: on first use, when its set is due,
// for an unknown key id, and on Refresh; never more often than MinRefresh, and one fetch serves everybody who waits. It is
// safe for concurrent use.
type KeySet struct {
	cfg KeySetConfig

	mu        sync.Mutex
	current   keys
	alarms    []KeyAlarm
	gen       uint64
	fetchedAt time.Time
	nextAt    time.Time
	triedAt   time.Time
	since     time.Time
	err       error
	misses    map[string]time.Time // key id → until when it is not asked for again
	flight    *flight              // nil while no fetch runs
}

// flight is one running fetch.
type flight struct {
	done  chan struct{} // closed when it ends
	began time.Time
	// doubtful is set when the fetch before failed.
	doubtful bool
}

var _ KeySource = (*KeySet)(nil)

// NewKeySet returns a set that has fetched nothing yet.
func NewKeySet(cfg KeySetConfig) (*KeySet, error) {
	if cfg.URL == "" || cfg.Fetch == nil || cfg.Now == nil {
		return nil, errors.New("key set: address, fetch function and clock are needed")
	}
	for _, d := range []struct {
		into *time.Duration
		std  time.Duration
	}{
		{&cfg.MinRefresh, time.Minute},
		{&cfg.MinAge, 5 * time.Minute},
		{&cfg.MaxAge, time.Hour},
		{&cfg.MaxStale, 24 * time.Hour},
		{&cfg.Forget, 5 * time.Minute},
		{&cfg.Timeout, 30 * time.Second},
		{&cfg.MaxWait, 10 * time.Second},
	} {
		if *d.into == 0 {
			*d.into = d.std
		}
	}
	return &KeySet{cfg: cfg, misses: map[string]time.Time{}}, nil
}

// Keys implements KeySource.
func (s *KeySet) Keys(ctx context.Context, kid, alg string) ([]Key, error) {
	s.mu.Lock()
	var flight *flight
	if !s.cfg.Now().Before(s.nextAt) {
		flight = s.fetchLocked(ctx)
	}
	good := s.gen > 0
	s.mu.Unlock()
	if err := s.wait(ctx, flight, good); err != nil { // a set that is merely due serves meanwhile
		return nil, err
	}
	found, err := s.find(kid, alg)
	if !errors.Is(err, ErrUnknownKey) {
		return found, err
	}
	if flight == nil {
		flight = s.ask(ctx, kid)
	}
	if flight == nil {
		return nil, err
	}
	if err := s.wait(ctx, flight, false); err != nil {
		return nil, err
	}
	if found, err = s.find(kid, alg); errors.Is(err, ErrUnknownKey) {
		s.miss(kid)
	}
	return found, err
}

// Renew implements KeySource.
func (s *KeySet) Renew(ctx context.Context, used Key) bool {
	s.mu.Lock()
	var flight *flight
	if s.gen == used.set {
		flight = s.fetchLocked(ctx)
	}
	s.mu.Unlock()
	if s.wait(ctx, flight, false) != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gen != used.set
}

// Refresh fetches the set now, unless the last fetch began less than MinRefresh ago, and returns how the last fetch went:
// nil, or an error that wraps ssf.ErrKeysUnavailable.
func (s *KeySet) Refresh(ctx context.Context) error {
	s.mu.Lock()
	flight := s.fetchLocked(ctx)
	s.mu.Unlock()
	if flight != nil {
		select {
		case <-flight.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return fmt.Errorf("%w: %w", ssf.ErrKeysUnavailable, s.err)
	}
	return nil
}

// State returns a snapshot.
func (s *KeySet) State() KeySetState {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := KeySetState{
		Usable: len(s.current.all), Generation: s.gen, FetchedAt: s.fetchedAt, NextAt: s.nextAt, Since: s.since,
		Alarms: append([]KeyAlarm(nil), s.alarms...),
	}
	if s.err != nil {
		st.Error = s.err.Error()
	}
	return st
}

// find looks the key up in the present set, if that is still good.
func (s *KeySet) find(kid, alg string) ([]Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.gen == 0 && s.err != nil:
		return nil, fmt.Errorf("%w: %w", ssf.ErrKeysUnavailable, s.err)
	case s.gen == 0:
		return nil, fmt.Errorf("%w: first fetch still runs", ssf.ErrKeysUnavailable)
	case s.cfg.Now().Sub(s.fetchedAt) > s.cfg.MaxStale:
		return nil, fmt.Errorf("%w: last good set is older than %s", ssf.ErrKeysUnavailable, s.cfg.MaxStale)
	}
	return s.current.find(kid, alg)
}

// ask starts or joins a fetch for an unknown key id; nil if that may not be asked for now.
func (s *KeySet) ask(ctx context.Context, kid string) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until, missed := s.misses[kid]; missed && s.cfg.Now().Before(until) {
		return nil
	}
	return s.fetchLocked(ctx)
}

// miss remembers that a fetch did not bring kid.
func (s *KeySet) miss(kid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	if until, missed := s.misses[kid]; missed && now.Before(until) {
		return // not longer because it is asked for again and again
	}
	if len(s.misses) >= maxMisses {
		for id, until := range s.misses {
			if !now.Before(until) {
				delete(s.misses, id)
			}
		}
	}
	if len(s.misses) < maxMisses {
		s.misses[kid] = now.Add(s.cfg.Forget)
	}
}

// wait waits for a fetch, but not beyond MaxWait after its beginning, and a tenth of that where waiting is brief or the
// fetch before has failed: one that hangs must not hold up the tokens of others, which share the workers. It returns the
// context's error alone.
func (s *KeySet) wait(ctx context.Context, flight *flight, brief bool) error {
	if flight == nil {
		return ctx.Err()
	}
	limit := s.cfg.MaxWait
	if brief || flight.doubtful {
		limit /= 10
	}
	timer := time.NewTimer(limit - s.cfg.Now().Sub(flight.began))
	defer timer.Stop()
	select {
	case <-flight.done:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetchLocked returns the running fetch, or starts one if MinRefresh allows; else nil. The fetch outlives ctx, because
// others may wait for it too.
func (s *KeySet) fetchLocked(ctx context.Context) *flight {
	if s.flight != nil {
		return s.flight
	}
	now := s.cfg.Now()
	if !s.triedAt.IsZero() && now.Sub(s.triedAt) < s.cfg.MinRefresh {
		return nil
	}
	s.triedAt = now
	started := &flight{done: make(chan struct{}), began: now, doubtful: s.err != nil}
	s.flight = started
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Timeout)
		defer cancel()
		all, alarms, maxAge, err := s.get(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settleLocked(all, alarms, maxAge, err)
		s.flight = nil
		close(started.done)
	}()
	return started
}

func (s *KeySet) get(ctx context.Context) ([]Key, []KeyAlarm, time.Duration, error) {
	body, maxAge, err := s.cfg.Fetch(ctx, s.cfg.URL)
	if err != nil {
		return nil, nil, 0, err
	}
	all, alarms, err := parseKeySet(body)
	return all, alarms, maxAge, err
}

// settleLocked takes over what a fetch brought. After a failure the last good set stays.
func (s *KeySet) settleLocked(all []Key, alarms []KeyAlarm, maxAge time.Duration, err error) {
	now := s.cfg.Now()
	if err != nil {
		if s.err == nil {
			s.since = now
		}
		s.err = err
		s.nextAt = now.Add(s.cfg.MinRefresh)
		return
	}
	s.gen++
	for i := range all {
		all[i].set = s.gen
	}
	s.current, s.alarms = keys{all}, alarms
	s.fetchedAt, s.nextAt = now, now.Add(min(max(maxAge, s.cfg.MinAge), s.cfg.MaxAge))
	s.err, s.since = nil, time.Time{}
	for _, k := range all {
		delete(s.misses, k.ID)
	}
}
