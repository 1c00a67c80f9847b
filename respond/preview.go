package respond

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"harken/respond/connector"
	"harken/ssf"
)

const (
	freshDisable   = 24 * time.Hour
	freshTerminate = 7 * 24 * time.Hour
	parallelLooks  = 8
)

// previewKinds are the kinds that the panel offers, in their order.
func previewKinds() []ssf.Kind {
	return []ssf.Kind{ssf.KindTerminateSessions, ssf.KindDisableAccount, ssf.KindDisableAndTerminate}
}

// Preview says what each kind of action would do, and reads the systems for it, each within 3 s. A system that cannot be
// read is offered all the same. A request that names nobody, or an event that is matched to nobody, is an *AskError.
func (s *Service) Preview(ctx context.Context, actor ssf.Actor, r PreviewRequest) (Preview, error) {
	w, err := s.find(ctx, r.Event, r.Identity)
	if err != nil {
		return Preview{}, err
	}
	places, uncovered, err := s.places(ctx, w)
	if err != nil {
		return Preview{}, err
	}
	earlier, err := s.openRuns(ctx, w.view.Identity.ID)
	if err != nil {
		return Preview{}, err
	}
	p := Preview{
		Event: r.Event, Identity: w.view.Identity, At: s.cfg.Now(), Uncovered: uncovered,
		Refused: guard(actor, ssf.KindTerminateSessions, w.view.Identity.ID),
	}
	if p.Intent = r.Intent; !intentForm.MatchString(string(p.Intent)) {
		p.Intent = s.cfg.NewIntent()
	}
	readings := s.lookAll(ctx, places, w.event.Event)
	for i, pl := range places {
		p.Targets = append(p.Targets, pl.target(readings[i]))
	}
	for _, kind := range previewKinds() {
		k := s.previewKind(kind, w.event, places, p.Targets, earlier)
		if k.Again, err = s.doneBefore(ctx, r.Event, k); err != nil {
			return Preview{}, err
		}
		p.Kinds = append(p.Kinds, k)
	}
	return p, nil
}

// lookAll reads all places at the same time, a few together.
func (s *Service) lookAll(ctx context.Context, places []place, event ssf.Event) []Reading {
	readings := make([]Reading, len(places))
	slots := make(chan struct{}, parallelLooks)
	var wg sync.WaitGroup
	for i, pl := range places {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if pl.system.broken == nil {
				readings[i] = s.look(ctx, pl.connector, pl.inputs(event))
			}
		})
	}
	wg.Wait()
	return readings
}

// openRuns returns the newest open run of each place of an identity.
func (s *Service) openRuns(ctx context.Context, id ssf.IdentityID) (map[lookKey]ssf.Run, error) {
	list, err := s.store.Runs(ctx, ssf.RunFilter{Identity: id}, ssf.PageRequest{Limit: 100})
	if err != nil {
		return nil, fmt.Errorf("runs of %s: %w", id, err)
	}
	open := map[lookKey]ssf.Run{}
	for _, run := range list.Items { // newest first
		key := lookKey{connector: run.Connector, account: run.Account.ID}
		if _, have := open[key]; !have && run.Open() {
			open[key] = run
		}
	}
	return open, nil
}

// doneBefore reports whether the event has caused this in every system that can do it, and nothing of it is under way.
func (s *Service) doneBefore(ctx context.Context, event ssf.Seq, k KindPreview) (bool, error) {
	if event == 0 || !k.Possible {
		return false, nil
	}
	for _, e := range k.Effects {
		if e.Support == connector.Unsupported {
			continue
		}
		run, err := s.store.Run(ctx, ssf.EffectKey(event, "", k.Kind, e.Connector, e.Account, ""))
		switch {
		case errors.Is(err, ssf.ErrNotFound) || err == nil && run.Open():
			return false, nil
		case err != nil:
			return false, fmt.Errorf("look for an earlier run: %w", err)
		}
	}
	return true, nil
}

func (p place) target(r Reading) Target {
	t := Target{
		Connector: p.connector.Spec.ID, Name: p.system.name, Account: p.account, ByEvent: p.byEvent,
		IdentityProvider: p.system.able.IdentityProvider, Reading: r,
	}
	if p.system.broken != nil {
		t.Broken = p.system.broken.Error()
	}
	return t
}

func (s *Service) previewKind(
	kind ssf.Kind, event ssf.EventView, places []place, targets []Target, earlier map[lookKey]ssf.Run,
) KindPreview {
	k := KindPreview{Kind: kind, Continue: Remains{Answer: No}, SignIn: Remains{Answer: No}}
	ends := kind == ssf.KindTerminateSessions || kind == ssf.KindDisableAndTerminate
	for i, p := range places {
		e := effect(kind, p, targets[i].Reading)
		if run, ok := earlier[lookKey{connector: e.Connector, account: e.Account.ID}]; ok {
			e.Earlier = &run
		}
		k.Effects = append(k.Effects, e)
		works := e.Support != connector.Unsupported
		k.Possible = k.Possible || works
		if !works || !ends {
			k.Continue.Where = append(k.Continue.Where, e.Connector)
		} else {
			k.Continue.Residual = max(k.Continue.Residual, e.Residual)
		}
		if (!works || !kind.Disables()) && !e.AlreadyDisabled {
			k.SignIn.Where = append(k.SignIn.Where, e.Connector)
		}
	}
	k.Continue.Answer = remains(len(k.Continue.Where), len(places), k.Continue.Residual)
	k.SignIn.Answer = remains(len(k.SignIn.Where), len(places), 0)
	if event.Event.Seq != 0 {
		limit := freshTerminate
		if kind.Disables() {
			limit = freshDisable
		}
		k.Old = s.cfg.Now().Sub(event.Event.HappenedAt) > limit
	}
	return k
}

// remains sums up: open are the places where something remains possible without an end.
func remains(open, all int, residual time.Duration) Answer {
	switch {
	case open == all:
		return Yes
	case open > 0 || residual > 0:
		return InPart
	}
	return No
}

func effect(kind ssf.Kind, p place, r Reading) Effect {
	able := p.ability(kind)
	e := Effect{
		Connector: p.connector.Spec.ID, Account: p.account.Ref, Support: able.Support, Reason: able.Reason, Sessions: -1,
		AlreadyDisabled: r.Enabled != nil && !*r.Enabled,
	}
	if r.Listed {
		e.Sessions = len(r.Sessions)
	}
	if able.Support == connector.Unsupported {
		return e
	}
	e.Disables = kind.Disables()
	e.EndsSessions = kind.Terminates()
	e.NewerToo = e.EndsSessions
	e.Confirms = able.Confirms
	if e.EndsSessions {
		e.Residual = p.system.able.Residual
	}
	return e
}
