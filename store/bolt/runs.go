package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"harken/ssf"
	"harken/store"
)

// runRecord is a run with its number, by which runs are ordered, and the claim of the worker that has it.
type runRecord struct {
	N     uint64    `json:"n"`
	Run   ssf.Run   `json:"run"`
	Claim runHolder `json:"claim,omitzero"`
}

type runHolder struct {
	Token  string    `json:"token,omitempty"`
	Holder string    `json:"holder,omitempty"`
	Until  time.Time `json:"until,omitzero"`
}

func runKey(n uint64) []byte { return store.Key{}.Uint(n) }

// waits reports whether the worker has something to do for a run: it has a due time, and nobody must decide first.
func waits(r ssf.Run) bool {
	switch r.State {
	case ssf.RunPlanned, ssf.RunAwaiting, ssf.RunHeld, ssf.RunCancelled:
		return false
	}
	return !r.Due.IsZero()
}

func runFacts(r runRecord) facts {
	var f facts
	if r.N == 0 {
		return f
	}
	f.set(iRunID, []byte(r.Run.ID), runKey(r.N))
	if r.Run.Event != 0 {
		f.add(iRunEvent, store.Key{}.Uint(uint64(r.Run.Event)).Uint(r.N))
	}
	if r.Run.Identity != "" {
		f.add(iRunWho, store.Key{}.Text(string(r.Run.Identity)).Uint(r.N))
	}
	f.add(iRunState, store.Key{}.Text(string(r.Run.State)).Uint(r.N))
	if waits(r.Run) {
		f.add(iRunDue, store.Key{}.Time(r.Run.Due).Uint(r.N))
	}
	f.count("runs/" + string(r.Run.State))
	return f
}

func (v *view) runByID(id ssf.RunID) (runRecord, error) {
	n := v.bucket(iRunID).Get([]byte(id))
	if n == nil {
		return runRecord{}, fmt.Errorf("run %.64s: %w", id, ssf.ErrNotFound)
	}
	return need[runRecord](v, bRuns, n, "run "+string(id))
}

// wrote is putRun that returns the run as stored.
func (m *mutation) wrote(old, now runRecord) (ssf.Run, error) {
	now.Run.Revision = old.Run.Revision + 1
	return now.Run, m.putRun(old, now)
}

// putRun writes a run, its indexes and its share of the event's summary.
func (m *mutation) putRun(old, now runRecord) error {
	if err := m.apply(runFacts(old), runFacts(now)); err != nil {
		return err
	}
	if err := m.summarise(old.Run, now.Run); err != nil {
		return err
	}
	m.fire(ssf.TopicRuns, "")
	if now.Run.Event != 0 {
		m.fire(ssf.TopicEvent, now.Run.Event.String())
	}
	if now.Run.Identity != "" {
		m.fire(ssf.TopicIdentity, string(now.Run.Identity))
	}
	return put(m, bRuns, runKey(now.N), now)
}

// summarise keeps EventState.Runs.
func (m *mutation) summarise(old, now ssf.Run) error {
	if now.Event == 0 || old.State == now.State {
		return nil
	}
	ev, err := m.event(now.Event)
	if err != nil {
		return ignoreMissing(err)
	}
	before, found, err := m.state(now.Event)
	if err != nil {
		return ignoreMissing(err)
	}
	st := before
	st.Runs = map[ssf.RunState]int{}
	for state, n := range before.Runs {
		st.Runs[state] = n
	}
	if old.State != "" {
		if st.Runs[old.State]--; st.Runs[old.State] <= 0 {
			delete(st.Runs, old.State)
		}
	}
	st.Runs[now.State]++
	return m.putState(ev, before, found, st)
}

func (m *mutation) auditRun(action string, r ssf.Run, detail string) error {
	return m.audit(ssf.AuditEntry{
		Action: action, Object: "run/" + string(r.ID), Detail: detail, Identity: r.Identity, Event: r.Event, Run: r.ID,
	})
}

// CreateRuns commits intents. Equal effects are one run: asking again adds the actor to who asked.
func (db *DB) CreateRuns(ctx context.Context, actor ssf.Actor, asks []ssf.RunRequest) (out []ssf.Run, err error) {
	err = db.mutate(ctx, actor, func(m *mutation) error {
		out = out[:0]
		for _, ask := range asks {
			refused, err := m.guardAsk(ask)
			if err != nil || refused {
				return err
			}
		}
		for _, ask := range asks {
			run, err := m.createRun(ask)
			if err != nil {
				return err
			}
			out = append(out, run)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// guardAsk checks a request; a refusal is written.
func (m *mutation) guardAsk(ask ssf.RunRequest) (refused bool, err error) {
	if ask.Event == 0 && ask.Intent == "" {
		return false, fmt.Errorf("bug: a run needs an event or an intent")
	}
	if ask.Event != 0 && !m.has(bEvents, seqKey(ask.Event)) {
		return false, fmt.Errorf("event %s: %w", ask.Event, ssf.ErrNotFound)
	}
	return m.guardRun("run.created", newRun(ask))
}

func (m *mutation) createRun(ask ssf.RunRequest) (ssf.Run, error) {
	run := newRun(ask)
	asker := ssf.Asker{Actor: m.actor, At: m.now}
	if m.has(iRunID, []byte(run.ID)) {
		rec, err := m.runByID(run.ID)
		if err != nil || slices.ContainsFunc(rec.Run.AskedBy, func(a ssf.Asker) bool { return sameActor(a.Actor, m.actor) }) {
			return rec.Run, err
		}
		old := rec
		rec.Run.AskedBy = append(slices.Clone(rec.Run.AskedBy), asker)
		if err := m.auditRun("run.asked_again", rec.Run, "this effect exists already"); err != nil {
			return ssf.Run{}, err
		}
		return m.wrote(old, rec)
	}
	n, err := m.next(bRuns)
	if err != nil {
		return ssf.Run{}, err
	}
	run.AskedBy = []ssf.Asker{asker}
	run.CreatedAt = m.now
	run.Due = m.now
	if run.NotBefore.After(m.now) {
		run.Due = run.NotBefore
	}
	if ask.Held != "" {
		run.State, run.Detail, run.Due, run.DoneAt = ssf.RunHeld, ask.Held, time.Time{}, m.now
	}
	detail := fmt.Sprintf("%s on account %s through %s", run.Kind, run.Account, run.Connector)
	if run.Reason != "" {
		detail += ": " + run.Reason
	}
	if err := m.auditRun("run.created", run, detail); err != nil {
		return ssf.Run{}, err
	}
	return m.wrote(runRecord{}, runRecord{N: n, Run: run})
}

// newRun is the run that a request asks for, before it is stored.
func newRun(ask ssf.RunRequest) ssf.Run {
	return ssf.Run{
		ID:   ssf.EffectKey(ask.Event, ask.Intent, ask.Kind, ask.Connector, ask.Account, ask.Session),
		Kind: ask.Kind, Connector: ask.Connector, Account: ask.Account, Identity: ask.Identity, Session: ask.Session,
		Event: ask.Event, Intent: ask.Intent, State: ssf.RunPending, Reason: ask.Reason, NotBefore: ask.NotBefore,
	}
}

func sameActor(a, b ssf.Actor) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.User == b.User && a.Policy == b.Policy && a.Token == b.Token
}

// change edits a run on a person's demand, behind the guards.
func (db *DB) change(ctx context.Context, actor ssf.Actor, id ssf.RunID, action string, edit func(m *mutation, r *ssf.Run) error) (out ssf.Run, err error) {
	err = db.mutate(ctx, actor, func(m *mutation) error {
		old, err := m.runByID(id)
		if err != nil {
			return err
		}
		out = old.Run
		if refused, err := m.guardRun(action, old.Run); err != nil || refused {
			return err
		}
		rec := old
		if err := edit(m, &rec.Run); err != nil {
			return err
		}
		rec.Claim = runHolder{}
		if err := m.auditRun(action, rec.Run, rec.Run.Detail); err != nil {
			return err
		}
		out, err = m.wrote(old, rec)
		return err
	})
	return out, err
}

// CancelRun cancels a run that has not begun.
func (db *DB) CancelRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error) {
	return db.change(ctx, actor, id, "run.cancelled", func(m *mutation, r *ssf.Run) error {
		switch r.State {
		case ssf.RunPlanned, ssf.RunAwaiting, ssf.RunPending, ssf.RunHeld:
		default:
			return fmt.Errorf("run is %s: %w", r.State, ssf.ErrConflict)
		}
		if !r.BegunAt.IsZero() {
			return fmt.Errorf("run has begun: %w", ssf.ErrConflict)
		}
		r.State, r.Due, r.DoneAt = ssf.RunCancelled, time.Time{}, m.now
		r.Detail = "cancelled by " + m.actor.Name
		return nil
	})
}

// HurryRun ends the waiting time of a pending run.
func (db *DB) HurryRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error) {
	return db.change(ctx, actor, id, "run.hurried", func(m *mutation, r *ssf.Run) error {
		if r.State != ssf.RunPending || !r.BegunAt.IsZero() {
			return fmt.Errorf("run is %s: %w", r.State, ssf.ErrConflict)
		}
		r.NotBefore, r.Due = time.Time{}, m.now
		return nil
	})
}

// RetryRun makes a failed, partial or held run pending again.
func (db *DB) RetryRun(ctx context.Context, actor ssf.Actor, id ssf.RunID) (ssf.Run, error) {
	return db.change(ctx, actor, id, "run.retried", func(m *mutation, r *ssf.Run) error {
		switch r.State {
		case ssf.RunFailed, ssf.RunPartial, ssf.RunHeld:
		default:
			return fmt.Errorf("run is %s: %w", r.State, ssf.ErrConflict)
		}
		r.State, r.Due, r.DoneAt, r.Failures = ssf.RunPending, m.now, time.Time{}, 0
		r.Detail = "tried again by " + m.actor.Name
		return nil
	})
}

// Run returns one run.
func (db *DB) Run(ctx context.Context, id ssf.RunID) (out ssf.Run, err error) {
	err = db.view(ctx, func(v *view) error {
		rec, err := v.runByID(id)
		out = rec.Run
		return err
	})
	return out, err
}

// Runs lists runs, newest first.
func (db *DB) Runs(ctx context.Context, f ssf.RunFilter, req ssf.PageRequest) (out ssf.List[ssf.Run], err error) {
	var filters []filter
	if f.Event != 0 {
		filters = append(filters, filter{{iRunEvent, seqKey(f.Event)}})
	}
	if f.Identity != "" {
		filters = append(filters, filter{{iRunWho, store.Key{}.Text(string(f.Identity))}})
	}
	if len(f.States) > 0 {
		var states filter
		for _, s := range f.States {
			states = append(states, span{iRunState, store.Key{}.Text(string(s))})
		}
		filters = append(filters, states)
	}
	if len(filters) == 0 {
		filters = append(filters, filter{{bRuns, nil}})
	}
	err = db.view(ctx, func(v *view) error {
		out, err = page(v, "runs", filters, req, 0, func(n uint64) (ssf.Run, error) {
			rec, err := need[runRecord](v, bRuns, runKey(n), "run")
			if errors.Is(err, store.ErrDamaged) {
				v.damage(err)
				return damagedRun(err), nil
			}
			return rec.Run, err
		})
		return err
	})
	return out, err
}
