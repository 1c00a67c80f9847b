package bolt

import (
	"errors"
	"fmt"

	"harken/ssf"
	"harken/store"
)

// What happens to damaged records (their checksum does not fit): none is executed or believed. An event is listed with a
// fault of layer DamagedLayer and matched like one without a subject; a run is listed as held and never given to a
// worker; a reply is left out, so that the transmitter delivers its token again; a user, session or token opens nothing.
// Everything else returns store.ErrDamaged. Each is logged once and named by Check.

// DamagedLayer is the layer of the fault that marks an event whose record is damaged.
const DamagedLayer ssf.Layer = "store"

// maxDamage is how many damaged records are remembered as logged.
const maxDamage = 1000

// noteDamage logs a damaged record the first time that it is met.
func (db *DB) noteDamage(err error) {
	var damaged *store.DamagedError
	if !errors.As(err, &damaged) {
		return
	}
	name := fmt.Sprintf("%s/%x", damaged.Bucket, damaged.Key)
	db.mu.Lock()
	_, known := db.damaged[name]
	if !known && len(db.damaged) < maxDamage {
		db.damaged[name] = struct{}{}
	}
	db.mu.Unlock()
	if !known {
		db.log.Error("a stored record is damaged: run harken check, restore a backup", "record", name, "error", err)
	}
}

func damagedEvent(seq ssf.Seq, err error) ssf.Event {
	return ssf.Event{
		Seq: seq, Provenance: ssf.ProvenanceSigned, Outcome: ssf.OutcomeConflict,
		Faults: []ssf.Fault{{Layer: DamagedLayer, Message: err.Error()}},
	}
}

// damagedRun stands for a run in lists. Its id is unknown, so that nobody can act on it.
func damagedRun(err error) ssf.Run {
	return ssf.Run{State: ssf.RunHeld, Detail: err.Error()}
}
