package bolt

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"

	"harken/ssf"
)

// Format is the format that this program writes.
const Format = format

// Indexes lists the names of the buckets that Reindex makes.
func Indexes() (out []string) {
	for _, b := range indexes() {
		out = append(out, string(b))
	}
	return out
}

// SetFormat changes the file's format number.
func (db *DB) SetFormat(version uint32) error {
	return db.bb.Update(func(tx *bbolt.Tx) error { return db.bare(tx).setFormat(version) })
}

// EnsureFormat runs migrations as Open does; each step writes one record.
func (db *DB) EnsureFormat(want uint32, steps map[uint32]func(put func(key, value string) error) error) error {
	var table []migration
	for from, step := range steps {
		table = append(table, migration{from: from, step: func(m *mutation) error {
			return step(func(key, value string) error { return put(m, bSrcState, []byte(key), ssf.SourceState{Digest: value}) })
		}})
	}
	return db.ensureFormat(want, table)
}

// HasRecord reports whether a migration step left its record.
func (db *DB) HasRecord(key string) (has bool) {
	_ = db.bb.View(func(tx *bbolt.Tx) error {
		has = tx.Bucket([]byte(bSrcState)).Get([]byte(key)) != nil
		return nil
	})
	return has
}

// StoredFormat is the file's format number.
func (db *DB) StoredFormat() uint32 {
	have, _, _ := db.readFormat()
	return have
}

// Edit changes the bytes of entry n of a bucket behind the store's back; change returns nil to delete it. It returns false
// when the bucket has fewer entries.
func (db *DB) Edit(name string, n int, change func(value []byte) []byte) (edited bool) {
	_ = db.bb.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(name))
		c := b.Cursor()
		k, value := c.First()
		for ; k != nil && n > 0; n-- {
			k, value = c.Next()
		}
		if k == nil {
			return nil
		}
		edited = true
		key := bytes.Clone(k)
		if next := change(bytes.Clone(value)); next != nil {
			return b.Put(key, next)
		}
		return b.Delete(key)
	})
	return edited
}

// Put writes a foreign entry behind the store's back.
func (db *DB) Put(name string, key, value []byte) error {
	return db.bb.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(name)).Put(key, value) })
}

// WriteUnaudited tries to change something without an audit entry.
func (db *DB) WriteUnaudited(ctx context.Context) error {
	return db.mutate(ctx, ssf.System("test"), func(m *mutation) error {
		return put(m, bUsers, []byte("eve"), ssf.User{ID: "eve", Role: ssf.RoleAdmin})
	})
}

// CommitFailed is what happens when a commit returns err.
func (db *DB) CommitFailed(err error) error { return db.commitFailed(1, err) }
