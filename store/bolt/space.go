package bolt

import (
	"fmt"
	"time"

	"harken/ssf"
)

// freeSpace remembers when the volume was looked at last. It is guarded by DB.mu.
type freeSpace struct {
	at   time.Time
	free uint64
	all  uint64
}

// lowShare and lowCeiling: below five per cent of the volume, unless that is more than 5 GiB, nothing more is ingested.
const (
	lowShare   = 0.05
	lowCeiling = 5 << 30
)

// roomForMore refuses events while the volume is nearly full, so that sign-in, audit and actions still have room. What is
// not taken stays with the transmitter, which has no acknowledgement of it.
func (db *DB) roomForMore(batches []ssf.IngestBatch) error {
	arriving := false
	for _, b := range batches {
		arriving = arriving || len(b.Deliveries) > 0
	}
	if !arriving || db.cfg.MinFree < 0 {
		return nil
	}
	now := db.now()
	db.mu.Lock()
	defer db.mu.Unlock()
	if age := now.Sub(db.free.at); db.free.at.IsZero() || age < 0 || age > time.Second {
		db.free.at = now
		db.free.free, db.free.all = volume(db.cfg.Dir)
	}
	if why := db.lowSpace(db.free.free, db.free.all); why != "" {
		return fmt.Errorf("%s: %w", why, ssf.ErrUnavailable)
	}
	return nil
}

func (db *DB) lowSpace(free, all uint64) string {
	if all == 0 || db.cfg.MinFree < 0 {
		return ""
	}
	if free >= uint64(db.cfg.MinFree) && (float64(free) >= lowShare*float64(all) || free >= lowCeiling) {
		return ""
	}
	return fmt.Sprintf("the volume of %s has only %d MiB free", db.cfg.Dir, free>>20)
}

// trouble says what keeps the store from taking events; empty while nothing does.
func (db *DB) trouble(free, all uint64) string {
	if db.failed() {
		return "a write to the data file failed; Harken must start again"
	}
	if why := db.lowSpace(free, all); why != "" {
		return why + "; no events are taken until there is room"
	}
	return ""
}
