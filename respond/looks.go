package respond

import (
	"context"
	"fmt"
	"sync"
	"time"

	"harken/respond/connector"
	"harken/ssf"
)

const (
	lookTimeout = 3 * time.Second // for screens: a slow system must not delay the page
	lookFresh   = 2 * time.Second // how long a reading serves again
	maxLooks    = 2000
)

type lookKey struct {
	connector ssf.ConnectorID
	account   string
}

// looks remembers the last good reading of each account, so that a page can show it with its age when a system is down.
type looks struct {
	now func() time.Time
	mu  sync.Mutex
	m   map[lookKey]Reading
}

func newLooks(now func() time.Time) *looks { return &looks{now: now, m: map[lookKey]Reading{}} }

func (l *looks) get(k lookKey) (Reading, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.m[k]
	return r, ok
}

func (l *looks) put(k lookKey, r Reading) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.m[k]; !ok && len(l.m) >= maxLooks {
		for old := range l.m { // any one: it is a memory of convenience
			delete(l.m, old)
			break
		}
	}
	l.m[k] = r
}

// drop forgets a reading: a call is about to change it.
func (l *looks) drop(k lookKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.m, k)
}

// look reads an account for a screen: at most lookFresh old, within lookTimeout. After a failure it is the last known
// reading, with its age and the trouble.
func (s *Service) look(ctx context.Context, c ssf.Connector, in connector.Inputs) Reading {
	key := lookKey{connector: c.Spec.ID, account: in.Account.ID}
	last, known := s.looks.get(key)
	if known && s.cfg.Now().Sub(last.At) < lookFresh {
		return last
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	r, _ := s.read(ctx, c, in)
	if r.Trouble != "" && known {
		last.Trouble = r.Trouble
		return last
	}
	return r
}

// clock is the system's own clock minus ours, as its last answer told; it is known only where the answer had a date.
type clock struct {
	ahead time.Duration
	known bool
}

// read reads an account and its sessions now.
func (s *Service) read(ctx context.Context, c ssf.Connector, in connector.Inputs) (Reading, clock) {
	able := s.systems.of(c).able
	r := Reading{At: s.cfg.Now(), CanReadAccount: able.ReadsAccount, CanReadSessions: able.ReadsSessions}
	if !able.ReadsAccount && !able.ReadsSessions {
		return r, clock{}
	}
	engine, err := s.systems.engine(ctx, c)
	if err != nil {
		r.Trouble = err.Error()
		return r, clock{}
	}
	var account, sessions connector.Result
	var wg sync.WaitGroup
	if able.ReadsAccount {
		wg.Go(func() { account = engine.Do(ctx, ssf.OpGetAccount, in) })
	}
	if able.ReadsSessions {
		wg.Go(func() { sessions = engine.Do(ctx, ssf.OpListSessions, in) })
	}
	wg.Wait()
	var theirs clock
	for _, res := range []connector.Result{account, sessions} {
		if !res.ServerTime.IsZero() {
			theirs = clock{ahead: res.ServerTime.Sub(r.At), known: true}
		}
		if res.Status == 401 {
			s.systems.forget(c.Spec.ID)
		}
	}
	r.take(able, account, sessions)
	if r.Trouble == "" {
		s.looks.put(lookKey{connector: c.Spec.ID, account: in.Account.ID}, r)
	}
	return r, theirs
}

// take fills the reading from the two answers.
func (r *Reading) take(able connector.Capabilities, account, sessions connector.Result) {
	r.Missing = able.ReadsAccount && account.Meaning == ssf.AnswerNotFound
	switch {
	case !able.ReadsAccount || r.Missing:
	case account.Meaning == ssf.AnswerSuccess && account.Account != nil:
		r.Enabled = account.Account.Enabled
	default:
		r.Trouble = trouble("the account", account)
	}
	switch {
	case !able.ReadsSessions || r.Missing:
	case sessions.Meaning == ssf.AnswerSuccess && sessions.Listed:
		r.Sessions, r.Listed = sessions.Sessions, true
	case sessions.Meaning == ssf.AnswerNotFound && !able.ReadsAccount:
		r.Missing = true
	case r.Trouble == "":
		r.Trouble = trouble("its sessions", sessions)
	}
}

func trouble(what string, res connector.Result) string {
	detail := res.Detail
	if detail == "" {
		detail = string(res.Meaning)
	}
	return fmt.Sprintf("could not read %s: %s", what, detail)
}
