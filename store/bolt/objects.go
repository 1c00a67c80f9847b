package bolt

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"harken/ssf"
	"harken/store"
)

// object is a configured object as the file holds it. Order is its place among the file's, or the number of its making.
type object[S any] struct {
	Spec     S          `json:"spec"`
	Origin   ssf.Origin `json:"origin"`
	Revision uint64     `json:"revision"`
	Retired  bool       `json:"retired,omitempty"`
	Order    int        `json:"order"`
}

func objects[S any](v *view, b bucket) (out []object[S], err error) {
	c := v.bucket(b).Cursor()
	for k, value := c.First(); k != nil; k, value = c.Next() {
		var o object[S]
		if err := store.Decode(string(b), k, value, &o); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b object[S]) int { return a.Order - b.Order })
	return out, nil
}

// ClashError says that the configuration file names an object that the dashboard made.
type ClashError struct {
	// What is "transmitter", "source" or "connector".
	What, ID string
}

func (e *ClashError) Error() string {
	return fmt.Sprintf("%s %q of the configuration file and %s %q made in the dashboard have one id: rename the one in the file",
		e.What, e.ID, e.What, e.ID)
}

// ApplyConfig takes the objects of the configuration file over, all or none. Those that left the file are retired; a
// revision grows only where the spec changed.
func (db *DB) ApplyConfig(ctx context.Context, actor ssf.Actor, objs ssf.Objects) error {
	return db.mutate(ctx, actor, func(m *mutation) error {
		if err := takeOver(m, bTx, "transmitter", objs.Transmitters, func(s ssf.TransmitterSpec) string { return string(s.ID) }); err != nil {
			return err
		}
		if err := takeOver(m, bSources, "source", objs.Sources, func(s ssf.SourceSpec) string { return string(s.ID) }); err != nil {
			return err
		}
		return takeOver(m, bConnectors, "connector", objs.Connectors, func(s ssf.ConnectorSpec) string { return string(s.ID) })
	})
}

func takeOver[S any](m *mutation, b bucket, what string, specs []S, id func(S) string) error {
	seen := map[string]bool{}
	for i, spec := range specs {
		name := id(spec)
		if seen[name] {
			return fmt.Errorf("the configuration file holds %s %q twice", what, name)
		}
		seen[name] = true
		old, found, err := get[object[S]](&m.view, b, []byte(name))
		if err != nil {
			return err
		}
		if found && old.Origin != ssf.OriginFile {
			return &ClashError{What: what, ID: name}
		}
		next := object[S]{Spec: spec, Origin: ssf.OriginFile, Revision: old.Revision, Order: i}
		same, err := sameSpec(old.Spec, spec)
		if err != nil {
			return err
		}
		if !same || !found {
			next.Revision++
		}
		if err := putObject(m, b, what, name, old, next); err != nil {
			return err
		}
	}
	all, err := objects[S](&m.view, b)
	if err != nil {
		return err
	}
	for _, old := range all {
		if name := id(old.Spec); old.Origin == ssf.OriginFile && !seen[name] && !old.Retired {
			next := old
			next.Retired = true
			if err := putObject(m, b, what, name, old, next); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameSpec compares specs as they are stored, so that an empty and an absent list are one.
func sameSpec[S any](a, b S) (bool, error) {
	x, err := store.Encode("spec", nil, a)
	if err != nil {
		return false, err
	}
	y, err := store.Encode("spec", nil, b)
	return bytes.Equal(x, y), err
}

// putObject writes an object and its audit entry, if anything changed.
func putObject[S any](m *mutation, b bucket, what, name string, old, next object[S]) error {
	action := ""
	switch {
	case old.Revision == 0:
		action = ".configured"
	case next.Retired && !old.Retired:
		action = ".retired"
	case !next.Retired && old.Retired:
		action = ".restored"
	case next.Revision != old.Revision:
		action = ".changed"
	case old.Order == next.Order:
		return nil
	default:
		m.bookkeeping()
		return put(m, b, []byte(name), next)
	}
	if b == bTx {
		m.fire(ssf.TopicTransmitter, name)
	} else if b == bSources {
		m.fire(ssf.TopicSources, "")
	}
	if err := m.audit(ssf.AuditEntry{
		Action: what + action, Object: what + "/" + name, Detail: fmt.Sprintf("revision %d, from %s", next.Revision, next.Origin),
	}); err != nil {
		return err
	}
	return put(m, b, []byte(name), next)
}

// Transmitters lists all configured transmitters, retired ones included, in the order of the file.
func (db *DB) Transmitters(ctx context.Context) (out []ssf.Transmitter, err error) {
	err = db.view(ctx, func(v *view) error {
		all, err := objects[ssf.TransmitterSpec](v, bTx)
		for _, o := range all {
			out = append(out, ssf.Transmitter{Spec: o.Spec, Origin: o.Origin, Revision: o.Revision, Retired: o.Retired})
		}
		return err
	})
	return out, err
}

// Sources lists all configured sources with their states, retired ones included, in the order of the file.
func (db *DB) Sources(ctx context.Context) (out []ssf.Source, err error) {
	err = db.view(ctx, func(v *view) error {
		all, err := objects[ssf.SourceSpec](v, bSources)
		for _, o := range all {
			src := ssf.Source{Spec: o.Spec, Origin: o.Origin, Revision: o.Revision, Retired: o.Retired}
			if src.State, _, err = get[ssf.SourceState](v, bSrcState, []byte(o.Spec.ID)); err != nil {
				return err
			}
			out = append(out, src)
		}
		return err
	})
	return out, err
}

// Connectors lists all configured connectors, retired ones included, in the order of the file.
func (db *DB) Connectors(ctx context.Context) (out []ssf.Connector, err error) {
	err = db.view(ctx, func(v *view) error {
		all, err := objects[ssf.ConnectorSpec](v, bConnectors)
		for _, o := range all {
			out = append(out, ssf.Connector{Spec: o.Spec, Origin: o.Origin, Revision: o.Revision, Retired: o.Retired})
		}
		return err
	})
	return out, err
}

// Connector returns one connector.
func (db *DB) Connector(ctx context.Context, id ssf.ConnectorID) (out ssf.Connector, err error) {
	err = db.view(ctx, func(v *view) error {
		o, err := need[object[ssf.ConnectorSpec]](v, bConnectors, []byte(id), "connector "+string(id))
		out = ssf.Connector{Spec: o.Spec, Origin: o.Origin, Revision: o.Revision, Retired: o.Retired}
		return err
	})
	return out, err
}
