package bolt

import (
	"context"
	"fmt"

	"harken/ssf"
	"harken/store"
)

// eventFilters turns a filter into conditions; the first is the one to walk, most likely the narrowest.
func eventFilters(f ssf.EventFilter) ([]filter, error) {
	var out []filter
	if f.Identity != "" {
		out = append(out, filter{{iWho, store.Key{}.Text(string(f.Identity))}})
	}
	if f.Uncorrelated {
		out = append(out, filter{{iUncorr, nil}})
	}
	switch f.Tab {
	case ssf.TabOpen:
		if len(f.Severities) == 0 {
			out = append(out, filter{{iOpen, nil}})
			break
		}
		out = append(out, severitySpans(iOpenSev, f.Severities))
	case ssf.TabClosed, ssf.TabAll, "":
	default:
		return nil, fmt.Errorf("tab %q: %w", f.Tab, ssf.ErrNotFound)
	}
	if len(f.Severities) > 0 && f.Tab != ssf.TabOpen {
		out = append(out, severitySpans(iSeverity, f.Severities))
	}
	if len(f.Types) > 0 {
		var types filter
		for _, t := range f.Types {
			types = append(types, span{iType, store.Key{}.Text(store.Bound(t))})
		}
		out = append(out, types)
	}
	if f.Transmitter != "" {
		out = append(out, filter{{iTx, store.Key{}.Text(string(f.Transmitter))}})
	}
	if f.Tab == ssf.TabClosed {
		out = append(out, filter{{iClosed, nil}})
	}
	if len(out) == 0 {
		out = append(out, filter{{bEvents, nil}})
	}
	return out, nil
}

func severitySpans(b bucket, severities []ssf.Severity) (f filter) {
	for _, s := range severities {
		f = append(f, span{b, store.Key{}.Text(string(s))})
	}
	return f
}

// page collects one page of a numbered list.
func page[T any](v *view, kind string, filters []filter, req ssf.PageRequest, after uint64, read func(n uint64) (T, error)) (ssf.List[T], error) {
	var out ssf.List[T]
	before, err := store.ParseSeqCursor(kind, req.Cursor)
	if err != nil {
		return out, err
	}
	last := uint64(0)
	stopped, err := v.scan(filters, before, after, func(n uint64) (bool, error) {
		if len(out.Items) == req.Rows() {
			out.Next = store.SeqCursor(kind, last)
			return false, nil
		}
		item, err := read(n)
		if err != nil {
			return false, err
		}
		out.Items = append(out.Items, item)
		last = n
		return true, nil
	})
	if err == nil && stopped != 0 {
		out.Next, out.More = store.SeqCursor(kind, stopped), len(out.Items) < req.Rows()
	}
	return out, err
}

// Events lists events newest first. A damaged record is a row whose event has a fault of layer DamagedLayer.
func (db *DB) Events(ctx context.Context, f ssf.EventFilter, req ssf.PageRequest) (out ssf.List[ssf.EventView], err error) {
	filters, err := eventFilters(f)
	if err != nil {
		return out, err
	}
	err = db.view(ctx, func(v *view) error {
		known := newFamiliar()
		out, err = page(v, "events", filters, req, uint64(f.After), func(n uint64) (ssf.EventView, error) {
			return v.eventView(ssf.Seq(n), known)
		})
		return err
	})
	return out, err
}

// EventView returns an event with its state.
func (db *DB) EventView(ctx context.Context, seq ssf.Seq) (out ssf.EventView, err error) {
	err = db.view(ctx, func(v *view) error {
		out, err = v.eventView(seq, newFamiliar())
		return err
	})
	return out, err
}

// familiar holds what the rows of one list share, so that each is read once.
type familiar struct {
	people  map[ssf.IdentityID]ssf.Identity
	senders map[ssf.TransmitterID]string
}

func newFamiliar() familiar {
	return familiar{people: map[ssf.IdentityID]ssf.Identity{}, senders: map[ssf.TransmitterID]string{}}
}

// sender returns the transmitter's name for people.
func (v *view) sender(id ssf.TransmitterID, known familiar) (string, error) {
	name, seen := known.senders[id]
	if seen {
		return name, nil
	}
	t, _, err := get[ssf.Transmitter](v, bTx, []byte(id))
	if err != nil {
		return "", err
	}
	if name = t.Spec.Name; name == "" {
		name = string(id)
	}
	known.senders[id] = name
	return name, nil
}

func (v *view) eventView(seq ssf.Seq, known familiar) (out ssf.EventView, err error) {
	if out.Event, err = v.event(seq); err != nil {
		return out, err
	}
	if out.State, _, err = v.stateOrDamaged(seq, &out.Event); err != nil {
		return out, err
	}
	if out.TransmitterName, err = v.sender(out.Event.Transmitter, known); err != nil {
		return out, err
	}
	id := out.State.Match.Identity
	if id == "" {
		return out, nil
	}
	who, seen := known.people[id]
	if !seen {
		if who, err = v.identity(id); err != nil {
			return out, ignoreMissing(err)
		}
		known.people[id] = who
	}
	out.IdentityName = who.Name
	out.Protected, out.Privileged = who.Has(ssf.LabelProtected), who.Has(ssf.LabelPrivileged)
	return out, nil
}

// CountAfter counts events of the filter with a Seq above f.After, up to ssf.CountCap.
func (db *DB) CountAfter(ctx context.Context, f ssf.EventFilter) (n int, err error) {
	filters, err := eventFilters(f)
	if err != nil {
		return 0, err
	}
	err = db.view(ctx, func(v *view) error {
		_, err := v.scan(filters, ^uint64(0), uint64(f.After), func(uint64) (bool, error) {
			n++
			return n < ssf.CountCap, nil
		})
		return err
	})
	return n, err
}

// RawToken returns the compact token of an event.
func (db *DB) RawToken(ctx context.Context, seq ssf.Seq) (raw string, err error) {
	err = db.view(ctx, func(v *view) error {
		value := v.bucket(bRaw).Get(seqKey(seq))
		if value == nil {
			return fmt.Errorf("event %s: %w", seq, ssf.ErrNotFound)
		}
		body, err := store.DecodeBytes(string(bRaw), seqKey(seq), value)
		raw = string(body)
		return err
	})
	return raw, err
}

// Rejected lists a transmitter's rejected tokens, newest first.
func (db *DB) Rejected(ctx context.Context, id ssf.TransmitterID, req ssf.PageRequest) (out ssf.List[ssf.RejectedToken], err error) {
	err = db.view(ctx, func(v *view) error {
		all := []filter{{{bRejected, store.Key{}.Text(string(id))}}}
		out, err = page(v, "rejected", all, req, 0, func(n uint64) (ssf.RejectedToken, error) {
			return need[ssf.RejectedToken](v, bRejected, queueKey(id, n), "rejected token")
		})
		return err
	})
	return out, err
}
