package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"harken/ssf"
)

// SyncLease is the name of the lease under which a source is synced.
func SyncLease(id ssf.SourceID) string { return "sync:" + string(id) }

// maxNativeID is the longest native account id that is stored.
const maxNativeID = 1024

// ErrAccount is the error of an account that cannot be stored.
var ErrAccount = errors.New("account refused")

// ApplySync writes one step of a sync in one transaction, under the epoch of the sync lease.
func (db *DB) ApplySync(ctx context.Context, actor ssf.Actor, step ssf.Sync) error {
	return db.mutate(ctx, actor, func(m *mutation) error {
		if err := m.checkEpoch(SyncLease(step.Source), step.Epoch); err != nil {
			return err
		}
		var s syncCounts
		touched := map[ssf.IdentityID]struct{}{}
		for _, change := range step.Changes {
			if err := m.applyAccount(step.Source, change, touched, &s); err != nil {
				return err
			}
		}
		if err := m.renewIdentities(touched); err != nil {
			return err
		}
		detail := fmt.Sprintf("%d added, %d changed, %d removed", s.added, s.changed, s.removed)
		if step.Final != nil {
			if err := put(m, bSrcState, []byte(step.Source), *step.Final); err != nil {
				return err
			}
			detail += fmt.Sprintf("; complete with %d accounts", step.Final.Accounts)
		}
		m.fire(ssf.TopicSources, "")
		return m.audit(ssf.AuditEntry{Action: "source.synced", Object: "source/" + string(step.Source), Detail: detail})
	})
}

type syncCounts struct{ added, changed, removed int }

func (m *mutation) applyAccount(src ssf.SourceID, change ssf.AccountChange, touched map[ssf.IdentityID]struct{}, s *syncCounts) error {
	a := change.Account
	if a.Ref.Source != src || a.Ref.ID == "" || len(a.Ref.ID) > maxNativeID {
		return fmt.Errorf("%w: %.80s in a sync of %s", ErrAccount, a.Ref, src)
	}
	old, found, err := get[ssf.Account](&m.view, bAccounts, accountKey(a.Ref))
	if err != nil {
		return err
	}
	if a.Identity == "" || change.Mint && found {
		a.Identity = old.Identity // an account that comes back is the same person
	}
	if err := m.ensureIdentity(a.Identity, change.Mint && !found); err != nil {
		return fmt.Errorf("account %s: %w", a.Ref, err)
	}
	a.Identity = m.resolve(a.Identity)
	if a.UpdatedAt.IsZero() {
		a.UpdatedAt = m.now
	}
	listed := found && old.Removed.IsZero()
	switch {
	case !a.Removed.IsZero() && listed:
		s.removed++
	case a.Removed.IsZero() && !listed:
		s.added++
	default:
		s.changed++
	}
	if err := m.apply(accountFacts(old), accountFacts(a)); err != nil {
		return err
	}
	if old.Identity != "" {
		touched[m.resolve(old.Identity)] = struct{}{}
	}
	touched[a.Identity] = struct{}{}
	return put(m, bAccounts, accountKey(a.Ref), a)
}

// ensureIdentity mints an identity, or makes sure that it is there.
func (m *mutation) ensureIdentity(id ssf.IdentityID, mint bool) error {
	if id == "" {
		return fmt.Errorf("%w: it names no identity", ErrAccount)
	}
	resolved := m.resolve(id)
	if m.has(bIdentities, []byte(resolved)) {
		return nil
	}
	if !mint {
		return fmt.Errorf("identity %s: %w", id, ssf.ErrNotFound)
	}
	rec := identityRecord{Identity: ssf.Identity{ID: resolved, CreatedAt: m.now, UpdatedAt: m.now}}
	if err := m.apply(facts{}, identityFacts(rec)); err != nil {
		return err
	}
	return put(m, bIdentities, []byte(resolved), rec)
}

// renewIdentities derives name, address, labels and the rest of identities from their accounts, the first source first.
// An identity without listed accounts keeps what it had, and is not active.
func (m *mutation) renewIdentities(touched map[ssf.IdentityID]struct{}) error {
	for id := range touched {
		old, err := need[identityRecord](&m.view, bIdentities, []byte(id), "identity "+string(id))
		if err != nil {
			return err
		}
		accounts, err := m.accountsOf(id)
		if err != nil {
			return err
		}
		rec := derive(old, accounts)
		rec.Identity.UpdatedAt = m.now
		if err := m.apply(identityFacts(old), identityFacts(rec)); err != nil {
			return err
		}
		if err := put(m, bIdentities, []byte(id), rec); err != nil {
			return err
		}
		m.fire(ssf.TopicIdentity, string(id))
	}
	return nil
}

func derive(old identityRecord, accounts []ssf.Account) identityRecord {
	rec := old
	rec.Identity.Active = false
	if len(accounts) == 0 {
		return rec
	}
	first := func(of func(ssf.Account) string) string {
		for _, a := range accounts {
			if s := of(a); s != "" {
				return s
			}
		}
		return ""
	}
	i := &rec.Identity
	i.Email = first(func(a ssf.Account) string { return a.Email })
	i.Title = first(func(a ssf.Account) string { return a.Title })
	i.Group = first(func(a ssf.Account) string { return a.Department })
	i.Name = first(func(a ssf.Account) string { return a.Name })
	if i.Name == "" {
		i.Name = first(func(a ssf.Account) string {
			if a.UserName != "" {
				return a.UserName
			}
			return a.Email
		})
	}
	if i.Name == "" {
		i.Name = accounts[0].Ref.ID
	}
	i.Labels = nil
	for _, a := range accounts {
		i.Active = i.Active || a.Active
		for _, l := range a.Labels {
			if !slices.Contains(i.Labels, l) {
				i.Labels = append(i.Labels, l)
			}
		}
	}
	rec.Terms = terms(*i, accounts)
	return rec
}

// PutSourceState records a sync that changed no account.
func (db *DB) PutSourceState(ctx context.Context, actor ssf.Actor, id ssf.SourceID, st ssf.SourceState, change ssf.Change) error {
	return db.mutate(ctx, actor, func(m *mutation) error {
		if err := m.auditChange(change, "source/"+string(id)); err != nil {
			return err
		}
		m.fire(ssf.TopicSources, "")
		return put(m, bSrcState, []byte(id), st)
	})
}
