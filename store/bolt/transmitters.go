package bolt

import (
	"context"
	"time"

	"harken/ssf"
	"harken/store"
)

// TransmitterState returns the runtime state; the zero state with its ID when there is none.
func (db *DB) TransmitterState(ctx context.Context, id ssf.TransmitterID) (st ssf.TransmitterState, err error) {
	err = db.view(ctx, func(v *view) error {
		st, _, err = get[ssf.TransmitterState](v, bTxState, []byte(id))
		st.ID = id
		return err
	})
	return st, err
}

// PutTransmitterState replaces the runtime state under the epoch of the poll lease.
func (db *DB) PutTransmitterState(ctx context.Context, actor ssf.Actor, epoch uint64, st ssf.TransmitterState, change ssf.Change) error {
	return db.mutate(ctx, actor, func(m *mutation) error {
		if err := m.checkEpoch(PollLease(st.ID), epoch); err != nil {
			return err
		}
		if err := m.auditChange(change, "transmitter/"+string(st.ID)); err != nil {
			return err
		}
		m.fire(ssf.TopicTransmitter, string(st.ID))
		return put(m, bTxState, []byte(st.ID), st)
	})
}

// auditChange writes an entry for a change that is more than bookkeeping.
func (m *mutation) auditChange(change ssf.Change, object string) error {
	if change == (ssf.Change{}) {
		m.bookkeeping()
		return nil
	}
	return m.audit(ssf.AuditEntry{Action: change.Action, Object: object, Detail: change.Detail})
}

// TransmitterStats returns figures for the status page.
func (db *DB) TransmitterStats(ctx context.Context, id ssf.TransmitterID) (out ssf.TransmitterStats, err error) {
	out.UndecidedReasons = map[ssf.UndecidedReason]int{}
	err = db.view(ctx, func(v *view) error {
		out.Undecided = v.counted(bCounts, txCount(id, "undecided"))
		for name, n := range v.countsBelow(txCount(id, "undecided/")) {
			out.UndecidedReasons[ssf.UndecidedReason(name)] = n
		}
		out.Rejected = v.counted(bCounts, txCount(id, "rejected"))
		out.RepliesWaiting = v.counted(bCounts, txCount(id, "replies"))
		out.ConflictsN = v.counted(bCounts, txCount(id, "conflicts"))
		out.AcceptedToday = v.counted(bDays, string(dayKey(id, v.now.UTC().Truncate(24*time.Hour))))
		n, _, ok := newWalk(v, filter{{iTx, store.Key{}.Text(string(id))}}, ^uint64(0)).next()
		if !ok {
			return nil
		}
		ev, err := v.event(ssf.Seq(n))
		out.LastEvent, out.LastEventAt = ev.Seq, ev.ReceivedAt
		return err
	})
	return out, err
}
