package bolt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"harken/ssf"
	"harken/store"
)

// view is one transaction as the methods of this package see it. What it returns never points into the file.
type view struct {
	tx      *bbolt.Tx
	now     time.Time
	buckets map[bucket]*bbolt.Bucket
	write   bool
	damage  func(error)
}

func (db *DB) newView(tx *bbolt.Tx, now time.Time, write bool) view {
	return view{tx: tx, now: now, buckets: map[bucket]*bbolt.Bucket{}, write: write, damage: db.noteDamage}
}

func (v *view) bucket(b bucket) *bbolt.Bucket {
	bb := v.buckets[b]
	if bb == nil {
		bb = v.tx.Bucket([]byte(b))
		if v.write {
			bb.FillPercent = b.fill()
		}
		v.buckets[b] = bb
	}
	return bb
}

// has reports whether an index holds key.
func (v *view) has(b bucket, key []byte) bool { return v.bucket(b).Get(key) != nil }

// get reads a record; found is false when there is none.
func get[T any](v *view, b bucket, key []byte) (rec T, found bool, err error) {
	value := v.bucket(b).Get(key)
	if value == nil {
		return rec, false, nil
	}
	if err := store.Decode(string(b), key, value, &rec); err != nil {
		var zero T
		return zero, true, err
	}
	return rec, true, nil
}

// need is get for a record that must exist; what names it for people.
func need[T any](v *view, b bucket, key []byte, what string) (T, error) {
	rec, found, err := get[T](v, b, key)
	if err == nil && !found {
		err = fmt.Errorf("%s: %w", what, ssf.ErrNotFound)
	}
	return rec, err
}

// mutation is a transaction that writes. Its work is committed only together with its audit entries.
type mutation struct {
	view
	actor   ssf.Actor
	topics  map[ssf.Topic]struct{}
	counts  map[countKey]int64
	audited bool
	dirty   bool
	refused *ssf.RefusedError
}

type countKey struct {
	b   bucket
	key string
}

var (
	errUnaudited = errors.New("bug: a change without its audit entry")
	errReadOnly  = fmt.Errorf("opened read-only: %w", ssf.ErrUnavailable)
)

func (m *mutation) putRaw(b bucket, key, value []byte) error {
	m.dirty = true
	if err := m.bucket(b).Put(key, value); err != nil {
		return fmt.Errorf("write %s: %w", b, err)
	}
	return nil
}

func (m *mutation) del(b bucket, key []byte) error {
	m.dirty = true
	if err := m.bucket(b).Delete(key); err != nil {
		return fmt.Errorf("delete %s: %w", b, err)
	}
	return nil
}

// put writes a record.
func put[T any](m *mutation, b bucket, key []byte, rec T) error {
	value, err := store.Encode(string(b), key, rec)
	if err != nil {
		return err
	}
	return m.putRaw(b, key, value)
}

// next returns the next number of a bucket, from 1, without gaps.
func (m *mutation) next(b bucket) (uint64, error) {
	m.dirty = true
	n, err := m.bucket(b).NextSequence()
	if err != nil {
		return 0, fmt.Errorf("number in %s: %w", b, err)
	}
	return n, nil
}

// fire notes a topic whose watchers are woken after the commit.
func (m *mutation) fire(kind ssf.TopicKind, id string) {
	m.topics[ssf.Topic{Kind: kind, ID: id}] = struct{}{}
}

// audit writes an entry in this transaction. Empty members are filled in.
func (m *mutation) audit(e ssf.AuditEntry) error {
	n, err := m.next(bAudit)
	if err != nil {
		return err
	}
	e.N, e.At, e.Actor, e.Detail = n, m.now, m.actor, store.Line(e.Detail)
	if e.Result == "" {
		e.Result = store.Done
	}
	m.audited = true
	return put(m, bAudit, store.Key{}.Uint(n), e)
}

// bookkeeping says that this change is none that an auditor asks for: a heartbeat, a counter, a history.
func (m *mutation) bookkeeping() { m.audited = true }

// refuse makes a guard's no the outcome: what was written so far is committed with the entry, then why is returned.
func (m *mutation) refuse(e ssf.AuditEntry, why *ssf.RefusedError) error {
	m.refused = why
	return m.audit(e)
}

// view runs a reading transaction.
func (db *DB) view(ctx context.Context, fn func(*view) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	begun := db.now()
	err := db.bb.View(func(tx *bbolt.Tx) error {
		v := db.newView(tx, begun, false)
		return fn(&v)
	})
	if took := db.now().Sub(begun); took > slowRead {
		db.log.Warn("a read kept its transaction open for long", "took", took)
	}
	return db.mapRead(err)
}

// slowRead is how long a reading transaction may last before it is worth a warning: as long, the file only grows.
const slowRead = 5 * time.Second

// mutate is the one door to writing. It commits what fn did together with its audit entries, fires the topics and maps
// errors. An error of fn changes nothing; a refusal is committed and returned. fn must not begin another transaction.
func (db *DB) mutate(ctx context.Context, actor ssf.Actor, fn func(*mutation) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if db.cfg.ReadOnly {
		return errReadOnly
	}
	if db.failed() {
		return fmt.Errorf("an earlier write failed: %w", ssf.ErrUnavailable)
	}
	tx, err := db.bb.Begin(true)
	if err != nil {
		return db.mapRead(err)
	}
	defer func() { _ = tx.Rollback() }()
	m := &mutation{
		view: db.newView(tx, db.now().UTC().Round(0), true), actor: actor,
		topics: map[ssf.Topic]struct{}{}, counts: map[countKey]int64{},
	}
	if err := fn(m); err != nil {
		return db.mapWrite(err)
	}
	if !m.dirty {
		return nil
	}
	if !m.audited {
		return errUnaudited
	}
	if err := m.flushCounts(); err != nil {
		return db.mapWrite(err)
	}
	before := tx.ID()
	if err := tx.Commit(); err != nil {
		return db.commitFailed(before, err)
	}
	db.watch.fire(m.topics)
	if m.refused != nil {
		return m.refused
	}
	return nil
}
