package bolt

import (
	"errors"
	"fmt"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"harken/ssf"
)

// mapRead maps errors of the engine that a reader may see.
func (db *DB) mapRead(err error) error {
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return fmt.Errorf("store closed: %w", ssf.ErrUnavailable)
	}
	return err
}

// mapWrite maps errors before the commit: nothing was changed.
func (db *DB) mapWrite(err error) error {
	if noSpace(err) {
		return fmt.Errorf("%w: %w", ssf.ErrUnavailable, err)
	}
	return db.mapRead(err)
}

func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		errors.Is(err, berrors.ErrMaxSizeReached)
}

// commitFailed judges a failed commit. A lack of space is harmless when the file still ends with the transaction before:
// nothing was changed. Everything else is unsure, and a failed sync must not be tried again in place: from then on the
// store writes nothing, and Failed tells the process to end.
func (db *DB) commitFailed(id int, err error) error {
	if noSpace(err) {
		last := -1
		_ = db.bb.View(func(tx *bbolt.Tx) error { last = tx.ID(); return nil })
		if last >= 0 && last < id {
			return fmt.Errorf("%w: %w", ssf.ErrUnavailable, err)
		}
	}
	db.failOnce.Do(func() { close(db.fail) })
	return fmt.Errorf("%w: %w", ssf.ErrUnsure, err)
}

func (db *DB) failed() bool {
	select {
	case <-db.fail:
		return true
	default:
		return false
	}
}

// Failed is closed when a commit failed in a way that leaves the file's content in doubt. The process must end and start
// from the disk again.
func (db *DB) Failed() <-chan struct{} { return db.fail }
