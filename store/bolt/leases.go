package bolt

import (
	"context"
	"fmt"
	"time"

	"harken/ssf"
)

// leaseRecord is what the file holds of a lease. The epoch outlives its holders.
type leaseRecord struct {
	Holder string    `json:"holder,omitempty"`
	Epoch  uint64    `json:"epoch"`
	Until  time.Time `json:"until,omitzero"`
}

// Lease acquires or renews a lease. One process has the file, so a lease that was not taken since Open is nobody's.
func (db *DB) Lease(ctx context.Context, name, holder string, ttl time.Duration) (ssf.Lease, error) {
	if name == "" || holder == "" || ttl <= 0 {
		return ssf.Lease{}, fmt.Errorf("lease %q: name, holder and a time are needed", name)
	}
	var out ssf.Lease
	err := db.mutate(ctx, ssf.System("lease"), func(m *mutation) error {
		m.bookkeeping()
		rec, _, err := get[leaseRecord](&m.view, bLeases, []byte(name))
		if err != nil {
			return err
		}
		ours := rec.Holder != "" && db.known(name, rec.Holder)
		switch {
		case ours && rec.Holder == holder:
		case ours && rec.Until.After(m.now):
			return fmt.Errorf("lease %s is held by %s: %w", name, rec.Holder, ssf.ErrConflict)
		default:
			rec.Epoch++
		}
		rec.Holder, rec.Until = holder, m.now.Add(ttl)
		out = ssf.Lease{Name: name, Holder: holder, Epoch: rec.Epoch, Until: rec.Until}
		// Before the commit, while no other can look: after it, the next one could take the lease for an old process's.
		db.remember(name, holder)
		return put(m, bLeases, []byte(name), rec)
	})
	if err != nil {
		return ssf.Lease{}, err
	}
	return out, nil
}

// Release gives a lease up. The epoch stays, so that writes under it are fenced.
func (db *DB) Release(ctx context.Context, lease ssf.Lease) error {
	return db.mutate(ctx, ssf.System("lease"), func(m *mutation) error {
		m.bookkeeping()
		rec, found, err := get[leaseRecord](&m.view, bLeases, []byte(lease.Name))
		if err != nil || !found || rec.Holder != lease.Holder || rec.Epoch != lease.Epoch {
			return err
		}
		rec.Holder, rec.Until = "", time.Time{}
		return put(m, bLeases, []byte(lease.Name), rec)
	})
}

// checkEpoch is ssf.ErrFenced unless epoch is that of the lease's present holder. Work that nobody ever leased is done
// under epoch zero.
func (v *view) checkEpoch(name string, epoch uint64) error {
	rec, found, err := get[leaseRecord](v, bLeases, []byte(name))
	switch {
	case err != nil:
		return err
	case !found && epoch == 0:
		return nil
	case !found || rec.Epoch != epoch || rec.Holder == "":
		return fmt.Errorf("lease %s, epoch %d: %w", name, epoch, ssf.ErrFenced)
	}
	return nil
}

func (db *DB) known(name, holder string) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	_, ok := db.acquired[name+"\x00"+holder]
	return ok
}

func (db *DB) remember(name, holder string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.acquired[name+"\x00"+holder] = struct{}{}
}
