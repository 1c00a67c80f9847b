package bolt

import (
	"errors"

	"harken/ssf"
	"harken/store"
)

// disguise reports whether the actor would, by this change of their own user, cease to be whom open events and
// runs yet to be made are about.
func (m *mutation) disguise(u ssf.User) (*ssf.RefusedError, error) {
	if m.actor.User != u.ID {
		return nil, nil
	}
	old, found, err := get[ssf.User](&m.view, bUsers, []byte(u.ID))
	if errors.Is(err, store.ErrDamaged) || !found {
		return nil, nil // nobody yet
	}
	if err != nil {
		return nil, err
	}
	before, err := m.identitiesOf(old)
	if err != nil {
		return nil, err
	}
	after, err := m.identitiesOf(u)
	if err != nil {
		return nil, err
	}
	for id := range before {
		if after[id] {
			continue
		}
		if open, err := m.openAbout(id); err != nil || open {
			return &ssf.RefusedError{
				Guard: "conflict_of_interest", Reason: "something about yourself is open: another person must change who you are",
			}, err
		}
	}
	return nil, nil
}

// identitiesOf are all identities that count as a dashboard user.
func (v *view) identitiesOf(u ssf.User) (map[ssf.IdentityID]bool, error) {
	out := map[ssf.IdentityID]bool{}
	if u.Identity != "" {
		out[v.resolve(u.Identity)] = true
	}
	if u.Email == "" {
		return out, nil
	}
	accounts, err := v.accountsByAddress(u.Email)
	for _, a := range accounts {
		out[v.resolve(a.Identity)] = true
	}
	return out, err
}

// openAbout reports whether there are open events, or runs yet to be made, about an identity. Where there are too many to look
// at, the answer is yes.
func (v *view) openAbout(id ssf.IdentityID) (open bool, err error) {
	var states filter
	for _, s := range []ssf.RunState{
		ssf.RunPlanned, ssf.RunAwaiting, ssf.RunPending, ssf.RunExecuting, ssf.RunInDoubt, ssf.RunHeld,
	} {
		states = append(states, span{iRunState, store.Key{}.Text(string(s))})
	}
	for _, filters := range [][]filter{
		{{{iWho, store.Key{}.Text(string(id))}}, {{iOpen, nil}}},
		{{{iRunWho, store.Key{}.Text(string(id))}}, states},
	} {
		stopped, err := v.scan(filters, ^uint64(0), 0, func(uint64) (bool, error) {
			open = true
			return false, nil
		})
		if err != nil || open || stopped != 0 {
			return true, err
		}
	}
	return false, nil
}
