package bolt

import (
	"bytes"
	"context"
	"fmt"

	"harken/ssf"
	"harken/store"
)

func userFacts(u ssf.User) facts {
	var f facts
	if u.ID != "" {
		f.set(iUserName, []byte(clip(fold(u.Name))), []byte(u.ID))
	}
	return f
}

func (v *view) hasAdmin(except ssf.UserID) (bool, error) {
	c := v.bucket(bUsers).Cursor()
	for k, value := c.First(); k != nil; k, value = c.Next() {
		var u ssf.User
		if err := store.Decode(string(bUsers), k, value, &u); err != nil {
			return false, err
		}
		if u.Role == ssf.RoleAdmin && !u.Disabled && u.ID != except {
			return true, nil
		}
	}
	return false, nil
}

// HasAdmin reports whether an enabled administrator exists.
func (db *DB) HasAdmin(ctx context.Context) (has bool, err error) {
	err = db.view(ctx, func(v *view) error {
		has, err = v.hasAdmin("")
		return err
	})
	return has, err
}

// PutSetupCode replaces the one-time code, as long as there is no administrator.
func (db *DB) PutSetupCode(ctx context.Context, actor ssf.Actor, code ssf.SetupCode) error {
	return db.mutate(ctx, actor, func(m *mutation) error {
		has, err := m.hasAdmin("")
		if err != nil {
			return err
		}
		if has {
			return fmt.Errorf("an administrator exists: %w", ssf.ErrConflict)
		}
		if err := m.audit(ssf.AuditEntry{Action: "setup_code.made", Object: "store"}); err != nil {
			return err
		}
		return put(m, bMeta, setupCodeKey(), code)
	})
}

// FirstAdmin spends the code and creates the first administrator in one step.
func (db *DB) FirstAdmin(ctx context.Context, actor ssf.Actor, codeHash string, u ssf.User) error {
	return db.mutate(ctx, actor, func(m *mutation) error {
		has, err := m.hasAdmin("")
		if err != nil {
			return err
		}
		if has {
			return fmt.Errorf("an administrator exists: %w", ssf.ErrConflict)
		}
		code, found, err := get[ssf.SetupCode](&m.view, bMeta, setupCodeKey())
		if err != nil {
			return err
		}
		if !found || codeHash == "" || code.Hash != codeHash || !m.now.Before(code.ExpiresAt) {
			return fmt.Errorf("setup code: %w", ssf.ErrNotFound)
		}
		if err := m.del(bMeta, setupCodeKey()); err != nil {
			return err
		}
		return m.putUser(u)
	})
}

// PutUser creates or replaces a user. Disabling one ends their sessions. Nobody changes what tells who they are while
// something about them is open: that is refused, audited and returned as *ssf.RefusedError.
func (db *DB) PutUser(ctx context.Context, actor ssf.Actor, u ssf.User) error {
	return db.mutate(ctx, actor, func(m *mutation) error {
		why, err := m.disguise(u)
		if err != nil {
			return err
		}
		if why != nil {
			return m.refuse(store.Refusal("user.changed", "user/"+string(u.ID), why), why)
		}
		return m.putUser(u)
	})
}

func (m *mutation) putUser(u ssf.User) error {
	if u.ID == "" || fold(u.Name) == "" {
		return fmt.Errorf("bug: a user needs id and name")
	}
	if holder := m.bucket(iUserName).Get([]byte(clip(fold(u.Name)))); holder != nil && !bytes.Equal(holder, []byte(u.ID)) {
		return fmt.Errorf("user %q exists: %w", u.Name, ssf.ErrConflict)
	}
	old, found, err := get[ssf.User](&m.view, bUsers, []byte(u.ID))
	if err != nil {
		return err
	}
	if old.Role == ssf.RoleAdmin && !old.Disabled && (u.Role != ssf.RoleAdmin || u.Disabled) {
		other, err := m.hasAdmin(u.ID)
		if err != nil {
			return err
		}
		if !other {
			return fmt.Errorf("%s is the last administrator: %w", old.Name, ssf.ErrConflict)
		}
	}
	if u.CreatedAt.IsZero() {
		if u.CreatedAt = old.CreatedAt; !found {
			u.CreatedAt = m.now
		}
	}
	if err := m.apply(userFacts(old), userFacts(u)); err != nil {
		return err
	}
	if err := put(m, bUsers, []byte(u.ID), u); err != nil {
		return err
	}
	action := "user.created"
	if found {
		action = "user.changed"
	}
	detail := fmt.Sprintf("%s, role %s", u.Name, u.Role)
	if u.Disabled {
		detail += ", disabled"
	}
	if err := m.audit(ssf.AuditEntry{Action: action, Object: "user/" + string(u.ID), Detail: detail}); err != nil {
		return err
	}
	if u.Disabled {
		return m.endSessions(u.ID)
	}
	return nil
}

// UserByName finds a user by name without regard to case.
func (db *DB) UserByName(ctx context.Context, name string) (u ssf.User, err error) {
	err = db.view(ctx, func(v *view) error {
		id := v.bucket(iUserName).Get([]byte(clip(fold(name))))
		if id == nil {
			return fmt.Errorf("user: %w", ssf.ErrNotFound)
		}
		u, err = need[ssf.User](v, bUsers, id, "user")
		return err
	})
	return u, err
}

// User returns one user.
func (db *DB) User(ctx context.Context, id ssf.UserID) (u ssf.User, err error) {
	err = db.view(ctx, func(v *view) error {
		u, err = need[ssf.User](v, bUsers, []byte(id), "user "+string(id))
		return err
	})
	return u, err
}
