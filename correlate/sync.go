package correlate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"harken/correlate/csv"
	"harken/ssf"
)

const (
	syncStep  = 500
	syncLease = 5 * time.Minute
	// A sync that would remove more than this share of a source, and more than so many accounts, waits for a person.
	removeShare = 0.2
	removeMin   = 5
)

// joinLease makes syncs follow one another in all replicas: joining accounts to identities reads what other sources hold
// and writes on the strength of it, so two syncs at once would make two identities of one person.
const joinLease = "sync"

// Syncer applies what sources list. Its methods may be called concurrently; syncs follow one another.
type Syncer struct {
	cfg   Config
	store Store
	mu    sync.Mutex // held by the sync under way: one holder may take a lease twice
}

// NewSyncer returns a Syncer.
func NewSyncer(cfg Config, store Store) (*Syncer, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Syncer{cfg: cfg, store: store}, nil
}

// Sync reads one source and applies what changed. It returns how many accounts were added, changed or removed. A source
// that cannot be read, or whose sync is held, is an error too, and is kept in the source's state for people.
func (s *Syncer) Sync(ctx context.Context, id ssf.SourceID) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lease ssf.Lease
	for _, name := range []string{joinLease, joinLease + ":" + string(id)} {
		var err error
		if lease, err = s.store.Lease(ctx, name, s.cfg.Holder, syncLease); err != nil {
			return 0, fmt.Errorf("sync %s: %w", id, err)
		}
		defer s.release(ctx, lease)
	}
	src, err := s.source(ctx, id)
	if err != nil {
		return 0, err
	}
	now := s.cfg.Now()
	st := src.State
	st.LastAt = now
	listing, err := csv.ReadFile(src.Spec)
	if err != nil {
		st.Error = err.Error()
		return 0, s.fail(ctx, src, st, err)
	}
	st.RowErrors, st.RowErrorCount = listing.Broken, listing.BrokenCount
	if listing.Digest == st.Digest && st.Error == "" {
		st.LastOK, st.Held, st.Added, st.Changed, st.Removed = now, "", 0, 0, 0
		return 0, s.store.PutSourceState(ctx, ssf.System("sync"), id, st, ssf.Change{})
	}
	stored, err := s.stored(ctx, id)
	if err != nil {
		return 0, err
	}
	p := newPlan(src.Spec, stored, listing, now)
	if held := p.removalGuard(st.Released == listing.Digest); held != "" {
		st.Held, st.HeldDigest, st.Error = held, listing.Digest, ""
		return 0, s.fail(ctx, src, st, errors.New(held))
	}
	if err := p.link(ctx, s.store, s.cfg.Mint); err != nil {
		return 0, fmt.Errorf("sync %s: %w", id, err)
	}
	st.LastOK, st.Digest, st.Error, st.Held, st.HeldDigest, st.Released = now, listing.Digest, "", "", "", ""
	st.Accounts, st.Added, st.Changed, st.Removed = p.remaining, p.added, p.changed, p.removed
	return len(p.changes), s.apply(ctx, id, lease.Epoch, p.changes, st)
}

// release gives a lease up; if that fails it runs out by itself.
func (s *Syncer) release(ctx context.Context, lease ssf.Lease) {
	if err := s.store.Release(context.WithoutCancel(ctx), lease); err != nil {
		s.cfg.Logger.Warn("a lease stays until it runs out", "lease", lease.Name, "err", err)
	}
}

// Release lets the content that is held be applied by the next sync. ErrConflict means that something else is held now.
func (s *Syncer) Release(ctx context.Context, actor ssf.Actor, id ssf.SourceID, digest string) error {
	src, err := s.source(ctx, id)
	if err != nil {
		return err
	}
	if digest == "" || src.State.HeldDigest != digest {
		return fmt.Errorf("release the sync of %s: %w", id, ssf.ErrConflict)
	}
	src.State.Released = digest
	return s.store.PutSourceState(ctx, actor, id, src.State, ssf.Change{Action: "source.release", Detail: src.State.Held})
}

func (s *Syncer) source(ctx context.Context, id ssf.SourceID) (ssf.Source, error) {
	all, err := s.store.Sources(ctx)
	if err != nil {
		return ssf.Source{}, fmt.Errorf("read the sources: %w", err)
	}
	i := slices.IndexFunc(all, func(src ssf.Source) bool { return src.Spec.ID == id && !src.Retired })
	if i < 0 {
		return ssf.Source{}, fmt.Errorf("source %s: %w", id, ssf.ErrNotFound)
	}
	return all[i], nil
}

// fail keeps what went wrong; the first of a series is audited, repetitions are not.
func (s *Syncer) fail(ctx context.Context, src ssf.Source, st ssf.SourceState, cause error) error {
	change := ssf.Change{}
	if st.Error != src.State.Error || st.Held != src.State.Held {
		change = ssf.Change{Action: "source.sync_failed", Detail: cause.Error()}
	}
	if err := s.store.PutSourceState(ctx, ssf.System("sync"), src.Spec.ID, st, change); err != nil {
		return err
	}
	return fmt.Errorf("sync %s: %w", src.Spec.ID, cause)
}

// stored reads all accounts that the source listed so far.
func (s *Syncer) stored(ctx context.Context, id ssf.SourceID) (map[string]ssf.Account, error) {
	out := map[string]ssf.Account{}
	after := ""
	for {
		page, err := s.store.SourceAccounts(ctx, id, after, syncStep)
		if err != nil {
			return nil, fmt.Errorf("read the accounts of %s: %w", id, err)
		}
		for _, a := range page {
			out[a.Ref.ID] = a
		}
		if len(page) == 0 {
			return out, nil
		}
		after = page[len(page)-1].Ref.ID
	}
}

// apply writes the changes in steps; the last step carries the state, so that an interrupted sync is read again.
func (s *Syncer) apply(ctx context.Context, id ssf.SourceID, epoch uint64, changes []ssf.AccountChange, st ssf.SourceState) error {
	for {
		n := min(syncStep, len(changes))
		step := ssf.Sync{Source: id, Epoch: epoch, Changes: changes[:n:n]}
		changes = changes[n:]
		if len(changes) == 0 {
			step.Final = &st
		}
		if err := s.store.ApplySync(ctx, ssf.System("sync"), step); err != nil {
			return fmt.Errorf("sync %s: %w", id, err)
		}
		if step.Final != nil {
			return nil
		}
	}
}
