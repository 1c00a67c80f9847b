package bolt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"harken/ssf"
	"harken/store"
)

func tokenFacts(t ssf.APIToken) facts {
	var f facts
	f.set(iTokHash, []byte(t.Hash), []byte(t.ID))
	f.add(iTokOwner, store.Key{}.Text(string(t.Owner)).Text(string(t.ID)))
	return f
}

// PutToken stores a new API token.
func (db *DB) PutToken(ctx context.Context, actor ssf.Actor, t ssf.APIToken) error {
	if t.ID == "" || t.Hash == "" || t.Owner == "" {
		return fmt.Errorf("bug: a token needs id, hash and owner")
	}
	return db.mutate(ctx, actor, func(m *mutation) error {
		if m.has(bTokens, []byte(t.ID)) || m.has(iTokHash, []byte(t.Hash)) {
			return fmt.Errorf("token: %w", ssf.ErrConflict)
		}
		if _, err := need[ssf.User](&m.view, bUsers, []byte(t.Owner), "user "+string(t.Owner)); err != nil {
			return err
		}
		if err := m.apply(facts{}, tokenFacts(t)); err != nil {
			return err
		}
		if err := put(m, bTokens, []byte(t.ID), t); err != nil {
			return err
		}
		return m.audit(ssf.AuditEntry{
			Action: "token.created", Object: "token/" + string(t.ID),
			Detail: fmt.Sprintf("%s, role %s, until %s", t.Name, t.Role, t.ExpiresAt.UTC().Format(time.RFC3339)),
		})
	})
}

// withOwner fills in the owner's identity and cuts the role to the owner's.
func (v *view) withOwner(t *ssf.APIToken) error {
	u, err := need[ssf.User](v, bUsers, []byte(t.Owner), "user")
	if err != nil {
		return err
	}
	if u.Disabled {
		return fmt.Errorf("owner is disabled: %w", ssf.ErrNotFound)
	}
	if !u.Role.AtLeast(t.Role) {
		t.Role = u.Role
	}
	t.Identity, err = v.identityOf(u)
	return err
}

// TokenByHash returns a token that is valid at now.
func (db *DB) TokenByHash(ctx context.Context, hash string, now time.Time) (t ssf.APIToken, err error) {
	err = db.view(ctx, func(v *view) error {
		id := v.bucket(iTokHash).Get([]byte(hash))
		if hash == "" || id == nil {
			return fmt.Errorf("token: %w", ssf.ErrNotFound)
		}
		found, err := need[ssf.APIToken](v, bTokens, id, "token")
		if err != nil {
			return err
		}
		if found.Hash != hash || !now.Before(found.ExpiresAt) {
			return fmt.Errorf("token: %w", ssf.ErrNotFound)
		}
		if err := v.withOwner(&found); err != nil {
			return err
		}
		t = found
		return nil
	})
	return t, err
}

// TouchToken moves LastUsed forward.
func (db *DB) TouchToken(ctx context.Context, id ssf.TokenID, at time.Time) error {
	return db.mutate(ctx, ssf.System("token"), func(m *mutation) error {
		m.bookkeeping()
		t, err := need[ssf.APIToken](&m.view, bTokens, []byte(id), "token")
		if err != nil || !at.After(t.LastUsed) {
			return err
		}
		t.LastUsed = at
		return put(m, bTokens, []byte(id), t)
	})
}

// DeleteToken revokes a token; one that is gone is no error.
func (db *DB) DeleteToken(ctx context.Context, actor ssf.Actor, id ssf.TokenID) error {
	return db.mutate(ctx, actor, func(m *mutation) error {
		t, found, err := get[ssf.APIToken](&m.view, bTokens, []byte(id))
		if err != nil || !found {
			return err
		}
		if err := m.apply(tokenFacts(t), facts{}); err != nil {
			return err
		}
		if err := m.del(bTokens, []byte(id)); err != nil {
			return err
		}
		return m.audit(ssf.AuditEntry{Action: "token.revoked", Object: "token/" + string(id), Detail: t.Name})
	})
}

// Tokens lists the tokens of an owner, expired ones included.
func (db *DB) Tokens(ctx context.Context, owner ssf.UserID) (out []ssf.APIToken, err error) {
	err = db.view(ctx, func(v *view) error {
		prefix := store.Key{}.Text(string(owner))
		c := v.bucket(iTokOwner).Cursor()
		for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
			id, _, err := store.CutText(k[len(prefix):])
			if err != nil {
				return err
			}
			t, err := need[ssf.APIToken](v, bTokens, []byte(id), "token")
			if err != nil {
				return err
			}
			if err := v.withOwner(&t); ignoreMissing(err) != nil {
				return err
			}
			out = append(out, t)
		}
		return nil
	})
	return out, err
}
