package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"harken/ssf"
	"harken/store"
)

// Audit lists audit entries, newest first.
func (db *DB) Audit(ctx context.Context, req ssf.PageRequest) (out ssf.List[ssf.AuditEntry], err error) {
	err = db.view(ctx, func(v *view) error {
		out, err = page(v, "audit", []filter{{{bAudit, nil}}}, req, 0, func(n uint64) (ssf.AuditEntry, error) {
			e, err := need[ssf.AuditEntry](v, bAudit, seqKey(ssf.Seq(n)), fmt.Sprintf("audit entry %d", n))
			if errors.Is(err, store.ErrDamaged) {
				v.damage(err)
				return ssf.AuditEntry{N: n, Action: "damaged", Object: fmt.Sprintf("audit/%d", n), Detail: err.Error()}, nil
			}
			return e, err
		})
		return err
	})
	return out, err
}

// Note audits an attempt that changed nothing. Its actor, result and the rest are the caller's; number and time are not.
func (db *DB) Note(ctx context.Context, entry ssf.AuditEntry) error {
	return db.mutate(ctx, entry.Actor, func(m *mutation) error { return m.audit(entry) })
}

// Stats returns figures for the status page.
func (db *DB) Stats(ctx context.Context) (out ssf.StoreStats, err error) {
	free, all := volume(db.cfg.Dir)
	out = ssf.StoreStats{
		Engine: "bbolt", Path: db.path, Free: free, Format: format, Runs: map[ssf.RunState]int{}, Trouble: db.trouble(free, all),
	}
	err = db.view(ctx, func(v *view) error {
		out.Bytes = v.tx.Size()
		if k, _ := v.bucket(bEvents).Cursor().Last(); k != nil {
			out.Events = ssf.Seq(binary.BigEndian.Uint64(k))
		}
		for state, n := range v.countsBelow("runs/") {
			out.Runs[ssf.RunState(state)] = n
		}
		out.OldestDue, err = v.nextDue(func(runRecord) bool { return true })
		return err
	})
	return out, err
}
