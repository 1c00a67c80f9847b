package correlate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"harken/correlate/csv"
	"harken/ssf"
)

// plan is what one sync would change. Removals come last, so that an interrupted sync has removed nobody early.
type plan struct {
	spec     ssf.SourceSpec
	changes  []ssf.AccountChange
	removals int // at the end of changes
	before   int // accounts listed so far
	// emails counts how many rows of this listing share an address: two people who share one are not joined by it.
	emails map[string]int

	remaining, added, changed, removed int
}

func newPlan(spec ssf.SourceSpec, stored map[string]ssf.Account, l csv.Listing, now time.Time) *plan {
	p := &plan{spec: spec, before: len(stored), emails: map[string]int{}}
	listed := make(map[string]bool, len(l.Accounts)+len(l.BrokenIDs))
	for _, id := range l.BrokenIDs {
		listed[id] = true
	}
	for _, a := range l.Accounts {
		listed[a.Ref.ID] = true
		p.emails[a.EmailKey]++
		a.UpdatedAt = now
		old, known := stored[a.Ref.ID]
		if known {
			a.Identity, a.LinkedBy = old.Identity, old.LinkedBy
			if same(old, a) {
				continue
			}
			p.changed++
		} else {
			p.added++
		}
		p.changes = append(p.changes, ssf.AccountChange{Account: a})
	}
	if !l.Unread {
		p.remove(stored, listed, now)
	}
	p.remaining = len(stored) + p.added - p.removed
	return p
}

func (p *plan) remove(stored map[string]ssf.Account, listed map[string]bool, now time.Time) {
	var gone []string
	for id := range stored {
		if !listed[id] {
			gone = append(gone, id)
		}
	}
	slices.Sort(gone)
	for _, id := range gone {
		a := stored[id]
		a.Removed, a.UpdatedAt = now, now
		p.changes = append(p.changes, ssf.AccountChange{Account: a})
	}
	p.removed, p.removals = len(gone), len(gone)
}

// removalGuard says why the plan must wait for a person; empty lets it pass.
func (p *plan) removalGuard(released bool) string {
	if released || p.removed <= removeMin || float64(p.removed) <= removeShare*float64(p.before) {
		return ""
	}
	return fmt.Sprintf("this sync would remove %d of %d accounts, more than a fifth: a person must release it", p.removed, p.before)
}

// link gives each new account its identity: that of accounts of other sources with the same e-mail address, if it is one
// identity that has no account in this source yet and no other row shares the address; else a new one.
func (p *plan) link(ctx context.Context, store Store, mint func() ssf.IdentityID) error {
	byEmail := len(p.spec.JoinBy) == 0 || slices.Contains(p.spec.JoinBy, "email")
	for i := range p.changes {
		c := &p.changes[i]
		if c.Account.Identity != "" {
			continue
		}
		if byEmail && c.Account.EmailKey != "" && p.emails[c.Account.EmailKey] == 1 {
			id, err := p.owner(ctx, store, c.Account.EmailKey)
			if err != nil {
				return err
			}
			c.Account.Identity, c.Account.LinkedBy = id, "email"
		}
		if c.Account.Identity == "" {
			c.Account.Identity, c.Account.LinkedBy, c.Mint = mint(), "new", true
		}
	}
	return nil
}

// owner returns the one identity that holds the address in other sources only; empty when there is none or a doubt.
func (p *plan) owner(ctx context.Context, store Store, key string) (ssf.IdentityID, error) {
	accounts, err := store.AccountsByEmail(ctx, key)
	if err != nil {
		return "", fmt.Errorf("look up an e-mail address: %w", err)
	}
	var id ssf.IdentityID
	for _, a := range accounts {
		if a.Ref.Source == p.spec.ID || (id != "" && a.Identity != id) {
			return "", nil
		}
		id = a.Identity
	}
	return id, nil
}
