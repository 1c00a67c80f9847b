package bolt

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"harken/ssf"
	"harken/store"
)

const (
	maxAttempts     = 50
	maxObservations = 20
)

// random returns n random bytes in hexadecimal digits.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// claimed reports whether a worker of this process has the run now. A claim given before Open is nobody's.
func (db *DB) claimed(r runRecord, now time.Time) bool {
	return r.Claim.Token != "" && r.Claim.Until.After(now) && strings.HasPrefix(r.Claim.Token, db.life)
}

// due goes through the runs that wait for the worker, the longest due first, until visit returns false.
func (v *view) due(visit func(due time.Time, r runRecord) (more bool, err error)) error {
	c := v.bucket(iRunDue).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		at, rest, err := store.CutUint(k)
		if err != nil {
			return err
		}
		r, err := need[runRecord](v, bRuns, rest, "run")
		if errors.Is(err, store.ErrDamaged) || errors.Is(err, ssf.ErrNotFound) {
			v.damage(err)
			continue // never executed
		}
		if err != nil {
			return err
		}
		if more, err := visit(store.KeyTime(at), r); err != nil || !more {
			return err
		}
	}
	return nil
}

// nextDue returns when the first run of those that fit falls due.
func (v *view) nextDue(fits func(runRecord) bool) (at time.Time, err error) {
	err = v.due(func(due time.Time, r runRecord) (bool, error) {
		if !fits(r) {
			return true, nil
		}
		if at = due; at.IsZero() {
			at = r.Run.CreatedAt
		}
		return false, nil
	})
	return at, err
}

// NextRunDue returns when the next run that is not claimed falls due; the zero time when none waits.
func (db *DB) NextRunDue(ctx context.Context) (at time.Time, err error) {
	err = db.view(ctx, func(v *view) error {
		at, err = v.nextDue(func(r runRecord) bool { return !db.claimed(r, v.now) })
		return err
	})
	return at, err
}

// ClaimRuns claims at most n runs that are due. A run whose record is damaged is never given out.
func (db *DB) ClaimRuns(ctx context.Context, holder string, n int, ttl time.Duration) (out []ssf.RunClaim, err error) {
	err = db.mutate(ctx, ssf.System("worker"), func(m *mutation) error {
		m.bookkeeping()
		var found []runRecord
		err := m.due(func(due time.Time, r runRecord) (bool, error) {
			if due.After(m.now) || len(found) >= n {
				return false, nil
			}
			if !db.claimed(r, m.now) {
				found = append(found, r)
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		for _, r := range found {
			r.Claim = runHolder{Token: db.life + random(16), Holder: holder, Until: m.now.Add(ttl)}
			if err := put(m, bRuns, runKey(r.N), r); err != nil {
				return err
			}
			out = append(out, ssf.RunClaim{Run: r.Run, Token: r.Claim.Token, Until: r.Claim.Until})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// owned returns the run if the claim is its present one.
func (m *mutation) owned(id ssf.RunID, claim string) (runRecord, error) {
	r, err := m.runByID(id)
	if err == nil && (claim == "" || r.Claim.Token != claim) {
		err = fmt.Errorf("run %.12s: claim: %w", id, ssf.ErrFenced)
	}
	return r, err
}

// Begin counts the run against the caps and makes it executing, in one step. Over a cap the run is held, and that is
// committed, audited and returned as *ssf.RefusedError. A run that no longer may begin is ssf.ErrConflict.
func (db *DB) Begin(ctx context.Context, actor ssf.Actor, id ssf.RunID, claim string) (out ssf.Run, err error) {
	err = db.mutate(ctx, actor, func(m *mutation) error {
		old, err := m.owned(id, claim)
		if err != nil {
			return err
		}
		out = old.Run
		switch old.Run.State {
		case ssf.RunPending, ssf.RunPartial, ssf.RunInDoubt, ssf.RunAccepted, ssf.RunExecuting:
		default:
			return fmt.Errorf("run is %s: %w", old.Run.State, ssf.ErrConflict)
		}
		rec := old
		why, err := db.mayBegin(m, rec.Run)
		if err != nil {
			return err
		}
		if why != nil {
			rec.Run.State, rec.Run.Detail = ssf.RunHeld, why.Reason
			rec.Run.Due, rec.Run.DoneAt, rec.Claim = time.Time{}, m.now, runHolder{}
			if out, err = m.wrote(old, rec); err != nil {
				return err
			}
			entry := store.Refusal("run.begun", "run/"+string(id), why)
			entry.Identity, entry.Event, entry.Run = rec.Run.Identity, rec.Run.Event, id
			return m.refuse(entry, why)
		}
		rec.Run.State = ssf.RunExecuting
		if rec.Run.BegunAt.IsZero() {
			rec.Run.BegunAt = m.now
		}
		if err := m.auditRun("run.begun", rec.Run, string(rec.Run.Kind)); err != nil {
			return err
		}
		out, err = m.wrote(old, rec)
		return err
	})
	return out, err
}

// Update writes what a worker found out, under its claim.
func (db *DB) Update(ctx context.Context, actor ssf.Actor, up ssf.RunUpdate) (out ssf.Run, err error) {
	err = db.mutate(ctx, actor, func(m *mutation) error {
		old, err := m.owned(up.ID, up.Claim)
		if err != nil {
			return err
		}
		rec := old
		updateRun(&rec, up, m.now)
		m.bookkeeping()
		if rec.Run.State != old.Run.State || up.Attempt != nil {
			detail := up.Detail
			if up.Attempt != nil {
				detail = fmt.Sprintf("%s: %s, status %d; %s", up.Attempt.Operation, up.Attempt.Meaning, up.Attempt.Status, up.Detail)
			}
			if err := m.auditRun("run."+string(rec.Run.State), rec.Run, detail); err != nil {
				return err
			}
		}
		out, err = m.wrote(old, rec)
		return err
	})
	return out, err
}

func updateRun(rec *runRecord, up ssf.RunUpdate, now time.Time) {
	r := &rec.Run
	if up.State != "" {
		r.State = up.State
	}
	r.Detail, r.Due, r.Failures = up.Detail, up.Due, up.Failures
	r.Progress = append(append([]ssf.OperationName(nil), r.Progress...), up.Progress...)
	if up.Attempt != nil {
		a := *up.Attempt
		if len(a.Detail) > 512 {
			a.Detail = string(bytes.ToValidUTF8([]byte(a.Detail[:512]), nil))
		}
		r.Attempts = newest(append(append([]ssf.Attempt(nil), r.Attempts...), a), maxAttempts)
	}
	if up.Observation != nil {
		r.Observations = newest(append(append([]ssf.Observation(nil), r.Observations...), *up.Observation), maxObservations)
	}
	switch {
	case !r.Due.IsZero():
		r.DoneAt = time.Time{}
	case r.DoneAt.IsZero():
		r.DoneAt = now
	}
	if !up.Keep {
		rec.Claim = runHolder{}
	}
}

func newest[T any](all []T, n int) []T {
	if len(all) > n {
		return all[len(all)-n:]
	}
	return all
}

// MarkInDoubt turns runs that were executing when the process ended into in_doubt, due at once.
func (db *DB) MarkInDoubt(ctx context.Context, actor ssf.Actor) (n int, err error) {
	err = db.mutate(ctx, actor, func(m *mutation) error {
		n = 0
		var found []runRecord
		w := newWalk(&m.view, filter{{iRunState, store.Key{}.Text(string(ssf.RunExecuting))}}, ^uint64(0))
		for number, _, ok := w.next(); ok; number, _, ok = w.next() {
			r, err := need[runRecord](&m.view, bRuns, runKey(number), "run")
			if errors.Is(err, store.ErrDamaged) {
				continue
			}
			if err != nil {
				return err
			}
			found = append(found, r)
		}
		for _, old := range found {
			rec := old
			rec.Run.State, rec.Run.Due, rec.Claim = ssf.RunInDoubt, m.now, runHolder{}
			rec.Run.Detail = "the process ended during the call; what became of it is being observed"
			if err := m.auditRun("run.in_doubt", rec.Run, ""); err != nil {
				return err
			}
			if err := m.putRun(old, withNext(rec)); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func withNext(r runRecord) runRecord {
	r.Run.Revision++
	return r
}
