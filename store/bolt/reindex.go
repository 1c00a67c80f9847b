package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"harken/ssf"
	"harken/store"
)

// reindexChunk is how many records one transaction indexes.
const reindexChunk = 2000

// reindexRecord marks an unfinished Reindex: which bucket it is in, and the last key done.
type reindexRecord struct {
	Step int    `json:"step"`
	Key  []byte `json:"key,omitempty"`
	Done int    `json:"done"`
}

// reindexStep makes what one kind of record implies.
type reindexStep struct {
	b   bucket
	one func(m *mutation, key, value []byte) error
}

func implies[T any](b bucket, imply func(m *mutation, key []byte, rec T) error) reindexStep {
	return reindexStep{b: b, one: func(m *mutation, key, value []byte) error {
		var rec T
		err := store.Decode(string(b), key, value, &rec)
		if errors.Is(err, store.ErrDamaged) {
			return nil // Check names it; nothing can be made from it
		}
		if err != nil {
			return err
		}
		return imply(m, key, rec)
	}}
}

func reindexSteps() []reindexStep {
	return []reindexStep{
		implies(bEvents, func(m *mutation, _ []byte, ev ssf.Event) error { return m.apply(facts{}, eventFacts(ev)) }),
		implies(bStates, reindexState),
		implies(bRuns, reindexRun),
		implies(bUndecided, func(m *mutation, _ []byte, t ssf.UndecidedToken) error {
			m.counts[weight(t.Transmitter, undecidedQueue)] += heavy(t.Key, t.Raw)
			return m.apply(facts{}, undecidedFacts(t))
		}),
		implies(bRejected, func(m *mutation, _ []byte, t ssf.RejectedToken) error {
			m.counts[weight(t.Transmitter, rejectedQueue)] += heavy(t.Key, t.Raw)
			return m.apply(facts{}, rejectedFacts(t))
		}),
		implies(bReplies, func(m *mutation, key []byte, r replyRecord) error {
			id, rest, err := store.CutText(key)
			if err != nil {
				return err
			}
			n, _, err := store.CutUint(rest)
			if err != nil {
				return err
			}
			return m.apply(facts{}, replyFacts(ssf.TransmitterID(id), n, r))
		}),
		implies(bAccounts, func(m *mutation, _ []byte, a ssf.Account) error { return m.apply(facts{}, accountFacts(a)) }),
		implies(bIdentities, func(m *mutation, _ []byte, r identityRecord) error { return m.apply(facts{}, identityFacts(r)) }),
		implies(bUsers, func(m *mutation, _ []byte, u ssf.User) error { return m.apply(facts{}, userFacts(u)) }),
		implies(bSessions, func(m *mutation, _ []byte, s ssf.Session) error { return m.apply(facts{}, sessionFacts(s)) }),
		implies(bTokens, func(m *mutation, _ []byte, t ssf.APIToken) error { return m.apply(facts{}, tokenFacts(t)) }),
		implies(bThrottle, func(m *mutation, _ []byte, t ssf.Throttle) error { return m.apply(facts{}, throttleFacts(t)) }),
		implies(bJobs, func(m *mutation, _ []byte, r ssf.JobRun) error {
			m.counts[countKey{bCounts, "jobs/" + string(r.Job)}]++
			return nil
		}),
	}
}

// reindexState empties the summary of runs, which the runs fill again, and applies the rule of the inbox anew.
func reindexState(m *mutation, _ []byte, st ssf.EventState) error {
	ev, err := m.event(st.Seq)
	if err != nil {
		return ignoreMissing(err)
	}
	if open := isOpen(ev, st); len(st.Runs) > 0 || st.Open != open {
		st.Runs, st.Open = nil, open
		if err := put(m, bStates, seqKey(st.Seq), st); err != nil {
			return err
		}
	}
	return m.apply(facts{}, stateFacts(ev, st))
}

func reindexRun(m *mutation, _ []byte, r runRecord) error {
	if err := m.apply(facts{}, runFacts(r)); err != nil {
		return err
	}
	return m.summarise(ssf.Run{}, r.Run)
}

// Reindex makes every index, counter and summary anew from the records, in several transactions, and reports progress
// after each. It wants a store that nobody else uses. Broken off, it goes on when the store is opened the next time.
func (db *DB) Reindex(ctx context.Context, progress func(done, total int)) error {
	if db.cfg.ReadOnly {
		return errReadOnly
	}
	err := db.mutate(ctx, ssf.System("store"), func(m *mutation) error {
		for _, b := range indexes() {
			if err := m.tx.DeleteBucket([]byte(b)); err != nil {
				return fmt.Errorf("drop index %s: %w", b, err)
			}
			if _, err := m.tx.CreateBucket([]byte(b)); err != nil {
				return fmt.Errorf("make index %s: %w", b, err)
			}
			delete(m.buckets, b)
		}
		if err := put(m, bMeta, reindexKey(), reindexRecord{}); err != nil {
			return err
		}
		return m.audit(ssf.AuditEntry{Action: "store.reindexed", Object: "store"})
	})
	if err != nil {
		return err
	}
	return db.reindexOn(ctx, progress)
}

func (db *DB) reindexOn(ctx context.Context, progress func(done, total int)) error {
	if progress == nil {
		progress = func(int, int) {}
	}
	total := 0
	if err := db.view(ctx, func(v *view) error {
		for _, s := range reindexSteps() {
			total += v.bucket(s.b).Stats().KeyN
		}
		return nil
	}); err != nil {
		return err
	}
	for more := true; more; {
		done := 0
		err := db.mutate(ctx, ssf.System("store"), func(m *mutation) (err error) {
			m.bookkeeping()
			more, done, err = m.reindexChunk()
			return err
		})
		if err != nil {
			return fmt.Errorf("reindex: %w", err)
		}
		progress(min(done, total), total)
	}
	return nil
}

// reindexChunk goes on from where the mark stands, and moves it.
func (m *mutation) reindexChunk() (more bool, done int, err error) {
	at, found, err := get[reindexRecord](&m.view, bMeta, reindexKey())
	if err != nil || !found {
		return false, 0, err
	}
	steps := reindexSteps()
	s := steps[at.Step]
	keys := m.keysAfter(s.b, at.Key, reindexChunk)
	for _, k := range keys {
		if err := s.one(m, k, bytes.Clone(m.bucket(s.b).Get(k))); err != nil {
			return false, at.Done, fmt.Errorf("%s/%x: %w", s.b, k, err)
		}
	}
	at.Done += len(keys)
	switch {
	case len(keys) > 0:
		at.Key = keys[len(keys)-1]
	case at.Step+1 < len(steps):
		at.Step, at.Key = at.Step+1, nil
	default:
		return false, at.Done, m.del(bMeta, reindexKey())
	}
	return true, at.Done, put(m, bMeta, reindexKey(), at)
}

// keysAfter copies at most n keys behind after.
func (v *view) keysAfter(b bucket, after []byte, n int) (keys [][]byte) {
	c := v.bucket(b).Cursor()
	for k, _ := c.Seek(after); k != nil && len(keys) < n; k, _ = c.Next() {
		if !bytes.Equal(k, after) {
			keys = append(keys, bytes.Clone(k))
		}
	}
	return keys
}

// resumeReindex finishes, while the store is being opened, a Reindex that was broken off.
func (db *DB) resumeReindex() error {
	if db.cfg.ReadOnly {
		return nil
	}
	unfinished := false
	err := db.bb.View(func(tx *bbolt.Tx) error {
		unfinished = tx.Bucket([]byte(bMeta)).Get(reindexKey()) != nil
		return nil
	})
	for err == nil && unfinished {
		err = db.bb.Update(func(tx *bbolt.Tx) (err error) {
			m := db.bare(tx)
			if unfinished, _, err = m.reindexChunk(); err != nil {
				return err
			}
			return m.flushCounts()
		})
	}
	return err
}
