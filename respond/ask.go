package respond

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"harken/respond/connector"
	"harken/ssf"
)

const (
	maxHold   = time.Hour
	maxReason = 500 // bytes
)

// intentForm is what an intent id may look like: minted here, or an idempotency key of a caller of the API.
var intentForm = regexp.MustCompile(`^[A-Za-z0-9._-]{8,100}$`)

// Ask records the runs of an action, one for each account and system, before anything leaves. Asking again for the same
// effect returns the same runs. Nothing is recorded if anything is wrong: *AskError for the request itself,
// *UnsupportedError where a named system cannot do the kind, *ssf.RefusedError (committed and audited) for a guard's no.
func (s *Service) Ask(ctx context.Context, actor ssf.Actor, a Ask) ([]ssf.Run, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	w, err := s.find(ctx, a.Event, a.Identity)
	if err != nil {
		return nil, err
	}
	places, _, err := s.places(ctx, w)
	if err != nil {
		return nil, err
	}
	places, err = choose(places, a)
	if err != nil {
		return nil, err
	}
	var notBefore time.Time
	if a.Hold > 0 {
		notBefore = s.cfg.Now().Add(a.Hold)
	}
	requests := make([]ssf.RunRequest, 0, len(places))
	for _, p := range places {
		r := ssf.RunRequest{
			Kind: a.Kind, Connector: p.connector.Spec.ID, Account: p.account.Ref, Identity: w.view.Identity.ID,
			Session: a.Session, Event: a.Event, Reason: a.Reason, NotBefore: notBefore,
		}
		if a.Event == 0 || a.Again {
			r.Intent = a.Intent
		}
		requests = append(requests, r)
	}
	return s.store.CreateRuns(ctx, actor, requests)
}

func (a Ask) check() error {
	bad := func(path, format string, args ...any) error {
		return &AskError{Problem: ssf.Problem{Path: path, Message: fmt.Sprintf(format, args...)}}
	}
	switch {
	case !a.Kind.Valid():
		return bad("kind", "%.40q is no kind of action", string(a.Kind))
	case (a.Event == 0 || a.Again) && !intentForm.MatchString(string(a.Intent)):
		return bad("intent", "without an event, or to do it again, 8 to 100 letters, digits, dots, dashes or underscores are needed")
	case (a.Session != "") != (a.Kind == ssf.KindTerminateSession):
		return bad("session", "belongs to terminate_session, and is needed there")
	case a.Kind == ssf.KindTerminateSession && (len(a.Connectors) != 1 || len(a.Accounts) != 1):
		return bad("connectors", "a session is in one system and of one account: name both")
	case len(a.Reason) > maxReason:
		return bad("reason", "is longer than %d bytes", maxReason)
	case a.Hold < 0 || a.Hold > maxHold:
		return bad("hold", "must be between 0 and %s", maxHold)
	}
	return nil
}

// choose narrows the places to those asked for. A named system that cannot do the kind fails the whole request; without
// names those that can are taken.
func choose(places []place, a Ask) ([]place, error) {
	var chosen []place
	var unable *UnsupportedError
	for _, p := range places {
		named := slices.Contains(a.Connectors, p.connector.Spec.ID)
		if len(a.Connectors) > 0 && !named || len(a.Accounts) > 0 && !slices.Contains(a.Accounts, p.account.Ref) {
			continue
		}
		able := p.ability(a.Kind)
		if able.Support != connector.Unsupported {
			chosen = append(chosen, p)
			continue
		}
		unable = &UnsupportedError{Kind: a.Kind, Connector: p.connector.Spec.ID, Reason: able.Reason}
		if named {
			return nil, unable
		}
	}
	for _, id := range a.Connectors {
		if !slices.ContainsFunc(chosen, func(p place) bool { return p.connector.Spec.ID == id }) {
			return nil, &UnsupportedError{Kind: a.Kind, Connector: id, Reason: "it has no such account of this person"}
		}
	}
	if len(chosen) == 0 {
		if unable == nil {
			unable = &UnsupportedError{Kind: a.Kind, Reason: "no connected system has an account of this person"}
		}
		return nil, unable
	}
	return chosen, nil
}
