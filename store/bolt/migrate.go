package bolt

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"harken/ssf"
	"harken/store"
)

// format is the version of the file that this program writes.
const format = 1

// migration brings a file from one format to the next, in one transaction. It writes its own audit entry.
type migration struct {
	from uint32
	step func(*mutation) error
}

// migrations is the table of all, oldest first. Format 1 is the first; there is none before it.
func migrations() []migration { return nil }

func formatKey() []byte    { return []byte("format") }
func reindexKey() []byte   { return []byte("reindex") }
func guardKey() []byte     { return []byte("guard_clock") }
func sealingKey() []byte   { return []byte("sealing_keys") }
func setupCodeKey() []byte { return []byte("setup_code") }

// prepare makes a new file ours, or brings an existing one up to date, and opens the seal.
func (db *DB) prepare() error {
	if err := db.ensureFormat(format, migrations()); err != nil {
		return err
	}
	if err := db.openSeal(); err != nil {
		return err
	}
	return db.resumeReindex()
}

// ensureFormat checks the file's format against want and runs the migrations in between.
func (db *DB) ensureFormat(want uint32, table []migration) error {
	have, empty, err := db.readFormat()
	switch {
	case err != nil:
		return err
	case empty && !db.cfg.ReadOnly:
		return db.create(want)
	case have == 0:
		return &FileError{Path: db.path, Reason: "is a database of another program"}
	case have > want:
		return fmt.Errorf("format %d, this program knows up to %d: %w", have, want, ssf.ErrNewer)
	case have < want && db.cfg.ReadOnly:
		return fmt.Errorf("format %d must first be brought to %d by opening it for writing", have, want)
	}
	for ; have < want; have++ {
		if err := db.migrate(have, table); err != nil {
			return fmt.Errorf("migrate format %d to %d: %w", have, have+1, err)
		}
	}
	if db.cfg.ReadOnly {
		return nil
	}
	return db.addBuckets()
}

// readFormat returns zero for a database without our meta bucket, and empty for one without any bucket.
func (db *DB) readFormat() (have uint32, empty bool, err error) {
	err = db.bb.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte(bMeta))
		if meta == nil {
			k, _ := tx.Cursor().First()
			empty = k == nil
			return nil
		}
		value := meta.Get(formatKey())
		if value == nil {
			return nil
		}
		body, err := store.DecodeBytes(string(bMeta), formatKey(), value)
		if err != nil || len(body) != 4 {
			return &FileError{Path: db.path, Reason: "holds no readable format number"}
		}
		have = binary.BigEndian.Uint32(body)
		return nil
	})
	return have, empty, err
}

func (db *DB) create(version uint32) error {
	return db.bb.Update(func(tx *bbolt.Tx) error {
		if err := makeBuckets(tx); err != nil {
			return err
		}
		m := db.bare(tx)
		if err := m.setFormat(version); err != nil {
			return err
		}
		return m.audit(ssf.AuditEntry{Action: "store.created", Object: "store", Detail: fmt.Sprintf("format %d", version)})
	})
}

// addBuckets creates what is missing: indexes that a newer program of the same format added.
func (db *DB) addBuckets() error {
	missing := false
	err := db.bb.View(func(tx *bbolt.Tx) error {
		for _, b := range append(records(), indexes()...) {
			missing = missing || tx.Bucket([]byte(b)) == nil
		}
		return nil
	})
	if err != nil || !missing {
		return err
	}
	return db.bb.Update(makeBuckets)
}

func makeBuckets(tx *bbolt.Tx) error {
	for _, b := range append(records(), indexes()...) {
		if _, err := tx.CreateBucketIfNotExists([]byte(b)); err != nil {
			return fmt.Errorf("create bucket %s: %w", b, err)
		}
	}
	return nil
}

func (db *DB) migrate(from uint32, table []migration) error {
	for _, step := range table {
		if step.from != from {
			continue
		}
		return db.bb.Update(func(tx *bbolt.Tx) error {
			m := db.bare(tx)
			if err := step.step(m); err != nil {
				return err
			}
			if err := m.audit(ssf.AuditEntry{
				Action: "store.migrated", Object: "store", Detail: fmt.Sprintf("format %d to %d", from, from+1),
			}); err != nil {
				return err
			}
			return m.setFormat(from + 1)
		})
	}
	return fmt.Errorf("this program knows no way from format %d", from)
}

func (m *mutation) setFormat(version uint32) error {
	value := store.EncodeBytes(string(bMeta), formatKey(), binary.BigEndian.AppendUint32(nil, version))
	return m.putRaw(bMeta, formatKey(), value)
}

// bare is a mutation of the program itself, outside mutate: at opening.
func (db *DB) bare(tx *bbolt.Tx) *mutation {
	return &mutation{
		view: db.newView(tx, db.now().UTC().Round(0), true), actor: ssf.System("store"),
		topics: map[ssf.Topic]struct{}{}, counts: map[countKey]int64{},
	}
}
