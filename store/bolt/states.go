package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"harken/ssf"
	"harken/store"
)

func ignoreMissing(err error) error {
	if errors.Is(err, ssf.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
		return nil
	}
	return err
}

// stateOrDamaged is state, with a damaged record marked on the event instead of an error.
func (v *view) stateOrDamaged(seq ssf.Seq, ev *ssf.Event) (ssf.EventState, bool, error) {
	st, found, err := v.state(seq)
	if errors.Is(err, store.ErrDamaged) {
		v.damage(err)
		ev.Faults = append(ev.Faults, ssf.Fault{Layer: DamagedLayer, Message: err.Error()})
		return ssf.EventState{Seq: seq}, false, nil
	}
	return st, found, err
}

// EventsAfter returns the events behind the consumer's stored cursor, in log order.
func (db *DB) EventsAfter(ctx context.Context, consumer string, limit int) (out []ssf.Event, err error) {
	err = db.view(ctx, func(v *view) error {
		from, err := v.cursor(consumer)
		if err != nil {
			return err
		}
		c := v.bucket(bEvents).Cursor()
		for k, _ := c.Seek(seqKey(from + 1)); k != nil && len(out) < limit; k, _ = c.Next() {
			ev, err := v.event(ssf.Seq(binary.BigEndian.Uint64(k)))
			if err != nil {
				return err
			}
			out = append(out, ev)
		}
		return nil
	})
	return out, err
}

type cursorRecord struct {
	Seq ssf.Seq `json:"seq"`
}

func (v *view) cursor(consumer string) (ssf.Seq, error) {
	rec, _, err := get[cursorRecord](v, bCursors, []byte(consumer))
	return rec.Seq, err
}

// PutMatches writes matches and moves the cursor of the consumer that the lease is named after.
func (db *DB) PutMatches(ctx context.Context, actor ssf.Actor, lease ssf.Lease, results []ssf.MatchResult, upTo ssf.Seq) error {
	return db.mutate(ctx, actor, func(m *mutation) error {
		if err := m.checkEpoch(lease.Name, lease.Epoch); err != nil {
			return err
		}
		m.bookkeeping()
		found, missed := 0, 0
		for _, r := range results {
			changed, err := m.putMatch(r)
			if err != nil {
				return err
			}
			if changed && r.Match.State == ssf.MatchFound {
				found++
			}
			if changed && r.Match.State == ssf.MatchNone {
				missed++
			}
		}
		if found+missed > 0 {
			if err := m.audit(ssf.AuditEntry{
				Action: "events.matched", Object: "events", Event: results[len(results)-1].Seq,
				Detail: fmt.Sprintf("%d matched, %d uncorrelated; events %d to %d", found, missed, results[0].Seq, results[len(results)-1].Seq),
			}); err != nil {
				return err
			}
		}
		return m.moveCursor(lease.Name, upTo)
	})
}

func (m *mutation) moveCursor(consumer string, upTo ssf.Seq) error {
	at, err := m.cursor(consumer)
	if err != nil || upTo <= at {
		return err
	}
	if last := m.bucket(bEvents).Sequence(); uint64(upTo) > last {
		return fmt.Errorf("cursor %s to %d, the log ends at %d: %w", consumer, upTo, last, ssf.ErrConflict)
	}
	return put(m, bCursors, []byte(consumer), cursorRecord{Seq: upTo})
}

// putMatch writes one match. Triage that a person decided stays, and so do the runs.
func (m *mutation) putMatch(r ssf.MatchResult) (changed bool, err error) {
	ev, err := m.event(r.Seq)
	if err != nil {
		return false, err
	}
	old, found, err := m.stateOrDamaged(r.Seq, &ev)
	if err != nil {
		return false, err
	}
	st := old
	st.Match, st.Severity = r.Match, r.Severity
	if st.Match.At.IsZero() {
		st.Match.At = m.now
	}
	st.Open = isOpen(ev, st)
	changed = old.Match.State != st.Match.State || old.Match.Identity != st.Match.Identity
	return changed, m.putState(ev, old, found, st)
}

// Uncorrelated lists events that found nobody, oldest first.
func (db *DB) Uncorrelated(ctx context.Context, after ssf.Seq, limit int) (out []ssf.Event, err error) {
	err = db.view(ctx, func(v *view) error {
		c := v.bucket(iUncorr).Cursor()
		for k, _ := c.Seek(seqKey(after + 1)); k != nil && len(out) < limit; k, _ = c.Next() {
			ev, err := v.event(ssf.Seq(binary.BigEndian.Uint64(k)))
			if err != nil {
				return err
			}
			out = append(out, ev)
		}
		return nil
	})
	return out, err
}

// SetTriage acknowledges, closes or reopens events, all or none. Nobody does so for events about themselves: that is
// refused, audited and returned as *ssf.RefusedError.
func (db *DB) SetTriage(ctx context.Context, actor ssf.Actor, seqs []ssf.Seq, to ssf.Triage, reason ssf.CloseReason, note string) error {
	action := map[ssf.Triage]string{
		ssf.TriageNew: "event.reopened", ssf.TriageAcknowledged: "event.acknowledged", ssf.TriageClosed: "event.closed",
	}[to]
	if action == "" {
		return fmt.Errorf("triage %q: %w", to, ssf.ErrNotFound)
	}
	if to != ssf.TriageClosed {
		reason = ""
	}
	return db.mutate(ctx, actor, func(m *mutation) error {
		for _, seq := range seqs {
			if !m.has(bEvents, seqKey(seq)) {
				return fmt.Errorf("event %s: %w", seq, ssf.ErrNotFound)
			}
		}
		for _, seq := range seqs {
			why, entry, err := m.triageRefusal(seq, action)
			if err != nil {
				return err
			}
			if why != nil {
				return m.refuse(entry, why)
			}
		}
		for _, seq := range seqs {
			if err := m.setTriage(seq, to, reason, note, action); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m *mutation) triageRefusal(seq ssf.Seq, action string) (*ssf.RefusedError, ssf.AuditEntry, error) {
	st, _, err := m.state(seq)
	if err != nil || st.Match.Identity == "" {
		return nil, ssf.AuditEntry{}, err
	}
	same, err := m.isSelf(st.Match.Identity)
	if err != nil || !same {
		return nil, ssf.AuditEntry{}, err
	}
	why := ssf.CheckConflict(ssf.Snapshot{Now: m.now, Actor: m.actor, SameIdentity: true})
	entry := store.Refusal(action, "event/"+seq.String(), why)
	entry.Event, entry.Identity = seq, st.Match.Identity
	return why, entry, nil
}

func (m *mutation) setTriage(seq ssf.Seq, to ssf.Triage, reason ssf.CloseReason, note, action string) error {
	ev, err := m.event(seq)
	if err != nil {
		return err
	}
	old, found, err := m.state(seq)
	if err != nil {
		return err
	}
	st := old
	st.Triage, st.CloseReason, st.Note = to, reason, note
	st.TriagedBy, st.TriagedAt = m.actor.Name, m.now
	st.Open = isOpen(ev, st)
	if err := m.putState(ev, old, found, st); err != nil {
		return err
	}
	return m.audit(ssf.AuditEntry{
		Action: action, Object: "event/" + seq.String(), Detail: string(reason), Event: seq, Identity: st.Match.Identity,
	})
}

// EventCounts returns the figures around the inbox; those of open events are exact.
func (db *DB) EventCounts(ctx context.Context) (out ssf.EventCounts, err error) {
	out = ssf.EventCounts{
		BySeverity: map[ssf.Severity]int{}, ByType: map[string]int{}, ByTransmitter: map[ssf.TransmitterID]int{},
	}
	err = db.view(ctx, func(v *view) error {
		out.Open = v.counted(bCounts, "open")
		out.Uncorrelated = v.counted(bCounts, "uncorrelated")
		for name, n := range v.countsBelow("open/severity/") {
			out.BySeverity[ssf.Severity(name)] = n
		}
		out.ByType = v.countsBelow("open/type/")
		for name, n := range v.countsBelow("open/transmitter/") {
			out.ByTransmitter[ssf.TransmitterID(name)] = n
		}
		day := v.now.UTC().Truncate(24 * time.Hour)
		for hour := range 24 {
			out.RoutineToday += v.counted(bHours, string(hourKey(day.Add(time.Duration(hour)*time.Hour), ssf.SeverityRoutine)))
		}
		if k, _ := v.bucket(bEvents).Cursor().Last(); k != nil {
			ev, err := v.event(ssf.Seq(binary.BigEndian.Uint64(k)))
			if err != nil {
				return err
			}
			out.Last, out.LastReceived, out.LastTransmitter = ev.Seq, ev.ReceivedAt, ev.Transmitter
		}
		return nil
	})
	return out, err
}

// Histogram returns the last n hours, oldest first, by severity. An event is counted once it is correlated; events about
// the stream itself are not.
func (db *DB) Histogram(ctx context.Context, n int) (out []ssf.HourCount, err error) {
	err = db.view(ctx, func(v *view) error {
		last := v.now.UTC().Truncate(time.Hour)
		for i := n - 1; i >= 0; i-- {
			hour := ssf.HourCount{Hour: last.Add(-time.Duration(i) * time.Hour), BySeverity: map[ssf.Severity]int{}}
			for _, s := range ssf.Severities() {
				if count := v.counted(bHours, string(hourKey(hour.Hour, s))); count > 0 {
					hour.BySeverity[s] = count
				}
			}
			out = append(out, hour)
		}
		return nil
	})
	return out, err
}
