package respond

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"harken/respond/connector"
	"harken/ssf"
)

// who is the person that is acted on, with the cause.
type who struct {
	view  ssf.IdentityView
	event ssf.EventView // zero without an event
}

// place is one account in one system.
type place struct {
	connector ssf.Connector
	system    *system
	account   ssf.Account
	byEvent   bool
}

// find resolves event and identity. An event acts only on whom it is matched to.
func (s *Service) find(ctx context.Context, event ssf.Seq, id ssf.IdentityID) (who, error) {
	var w who
	bad := func(path, message string) error { return &AskError{Problem: ssf.Problem{Path: path, Message: message}} }
	if event == 0 && id == "" {
		return w, bad("identity", "name an identity or an event")
	}
	var err error
	if event != 0 {
		if w.event, err = s.store.EventView(ctx, event); err != nil {
			return w, fmt.Errorf("event %s: %w", event, err)
		}
		m := w.event.State.Match
		if m.State != ssf.MatchFound || m.Identity == "" {
			return w, bad("event", "the event is not matched to anybody: link it first")
		}
		if w.view, err = s.store.IdentityView(ctx, m.Identity); err != nil {
			return w, fmt.Errorf("identity %s: %w", m.Identity, err)
		}
		if id == "" || id == m.Identity || id == w.view.Identity.ID {
			return w, nil
		}
	}
	view, err := s.store.IdentityView(ctx, id)
	if err != nil {
		return w, fmt.Errorf("identity %s: %w", id, err)
	}
	if event != 0 && view.Identity.ID != w.view.Identity.ID {
		return w, bad("identity", "the event is about somebody else")
	}
	w.view = view
	return w, nil
}

// places returns the person's accounts in the systems whose source lists them: those that the event is about first, then
// where people sign in.
func (s *Service) places(ctx context.Context, w who) (places []place, uncovered []ssf.Account, err error) {
	connectors, err := s.store.Connectors(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("connectors: %w", err)
	}
	about, err := s.about(ctx, w.event)
	if err != nil {
		return nil, nil, err
	}
	for _, account := range w.view.Accounts {
		if !account.Removed.IsZero() {
			continue
		}
		covered := false
		for _, c := range connectors {
			if c.Retired || c.Spec.Source != account.Ref.Source {
				continue
			}
			covered = true
			places = append(places, place{
				connector: c, system: s.systems.of(c), account: account,
				byEvent: about(c.Spec),
			})
		}
		if !covered {
			uncovered = append(uncovered, account)
		}
	}
	first := func(a, b bool) int {
		switch {
		case a == b:
			return 0
		case a:
			return -1
		}
		return 1
	}
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Or(
			first(a.byEvent, b.byEvent),
			first(a.system.able.IdentityProvider, b.system.able.IdentityProvider),
			cmp.Compare(a.connector.Spec.ID, b.connector.Spec.ID),
			cmp.Compare(a.account.Ref.ID, b.account.Ref.ID),
		)
	})
	return places, uncovered, nil
}

// about tells the connectors that an event is about: those named by its transmitter, and those whose source its subject
// was found in.
func (s *Service) about(ctx context.Context, event ssf.EventView) (func(ssf.ConnectorSpec) bool, error) {
	if event.Event.Seq == 0 {
		return func(ssf.ConnectorSpec) bool { return false }, nil
	}
	transmitters, err := s.store.Transmitters(ctx)
	if err != nil {
		return nil, fmt.Errorf("transmitters: %w", err)
	}
	sources := []ssf.SourceID{event.State.Match.Account.Source}
	var named []ssf.ConnectorID
	for _, t := range transmitters {
		if t.Spec.ID == event.Event.Transmitter {
			sources, named = append(sources, t.Spec.SubjectID.Account), t.Spec.Connectors
		}
	}
	return func(c ssf.ConnectorSpec) bool {
		return c.Source != "" && slices.Contains(sources, c.Source) || slices.Contains(named, c.ID)
	}, nil
}

// ability is what the place's system can do of kind; a connector that cannot be used can do nothing.
func (p place) ability(kind ssf.Kind) connector.Ability {
	if p.system.broken != nil {
		return connector.Ability{Support: connector.Unsupported, Reason: "the connector cannot be used: " + p.system.broken.Error()}
	}
	a, ok := p.system.able.Kinds[kind]
	if !ok {
		return connector.Ability{Support: connector.Unsupported, Reason: "no such kind of action"}
	}
	return a
}

func (p place) inputs(event ssf.Event) connector.Inputs {
	return inputs(p.account, event)
}

// inputs are what the expressions of a connector may use.
func inputs(account ssf.Account, event ssf.Event) connector.Inputs {
	return connector.Inputs{
		Account: connector.Account{ID: account.Ref.ID, Email: account.Email, Name: account.Name, UserName: account.UserName},
		Event: connector.Event{
			ID: event.JTI, Type: event.Type, Issuer: event.Issuer, Txn: event.Txn, HappenedAt: event.HappenedAt,
		},
	}
}

// guard explains why the actor may not act on the identity; nil when they may.
func guard(actor ssf.Actor, kind ssf.Kind, id ssf.IdentityID) *ssf.RefusedError {
	snapshot := ssf.Snapshot{Actor: actor, Run: ssf.Run{Identity: id, Kind: kind}}
	if refused := ssf.CheckRole(snapshot); refused != nil {
		return refused
	}
	return ssf.CheckConflict(snapshot)
}

// notFound reports whether err says that something does not exist.
func notFound(err error) bool { return errors.Is(err, ssf.ErrNotFound) }
