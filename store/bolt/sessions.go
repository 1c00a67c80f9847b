package bolt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"harken/ssf"
	"harken/store"
)

func sessionFacts(s ssf.Session) facts {
	var f facts
	f.set(iSessHash, []byte(s.Hash), []byte(s.Handle))
	f.add(iSessUser, store.Key{}.Text(string(s.User)).Text(string(s.Handle)))
	return f
}

// PutSession stores a new session.
func (db *DB) PutSession(ctx context.Context, actor ssf.Actor, s ssf.Session) error {
	if s.Handle == "" || s.Hash == "" || s.User == "" {
		return fmt.Errorf("bug: a session needs handle, hash and user")
	}
	return db.mutate(ctx, actor, func(m *mutation) error {
		if m.has(bSessions, []byte(s.Handle)) || m.has(iSessHash, []byte(s.Hash)) {
			return fmt.Errorf("session: %w", ssf.ErrConflict)
		}
		if _, err := need[ssf.User](&m.view, bUsers, []byte(s.User), "user "+string(s.User)); err != nil {
			return err
		}
		if err := m.endOldSessions(s); err != nil {
			return err
		}
		if err := m.apply(facts{}, sessionFacts(s)); err != nil {
			return err
		}
		if err := put(m, bSessions, []byte(s.Handle), s); err != nil {
			return err
		}
		return m.audit(ssf.AuditEntry{
			Action: "session.begun", Object: "session/" + string(s.Handle), Detail: fmt.Sprintf("user %s by %s", s.User, s.Method),
		})
	})
}

// oldSession is the age at which a session is long past every limit, so that a new one of its user clears it away.
const oldSession = 48 * time.Hour

func (m *mutation) endOldSessions(s ssf.Session) error {
	handles, err := m.sessionsOf(s.User)
	if err != nil {
		return err
	}
	for _, h := range handles {
		old, err := need[ssf.Session](&m.view, bSessions, []byte(h), "session")
		if ignoreMissing(err) != nil {
			return err
		}
		if err == nil && s.CreatedAt.Sub(old.CreatedAt) > oldSession {
			if err := m.endSession(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// withUser fills in what a session takes from its user; a disabled user has none.
func (v *view) withUser(s *ssf.Session) error {
	u, err := need[ssf.User](v, bUsers, []byte(s.User), "user")
	if err != nil {
		return err
	}
	if u.Disabled {
		return fmt.Errorf("user is disabled: %w", ssf.ErrNotFound)
	}
	s.Name, s.Role, s.Shortcuts = u.Name, u.Role, !u.ShortcutsOff
	s.Identity, err = v.identityOf(u)
	return err
}

// SessionByHash returns a session with its user's name, role and identity as they are now.
func (db *DB) SessionByHash(ctx context.Context, hash string) (s ssf.Session, err error) {
	err = db.view(ctx, func(v *view) error {
		handle := v.bucket(iSessHash).Get([]byte(hash))
		if hash == "" || handle == nil {
			return fmt.Errorf("session: %w", ssf.ErrNotFound)
		}
		found, err := need[ssf.Session](v, bSessions, handle, "session")
		if err != nil {
			return err
		}
		if found.Hash != hash {
			return fmt.Errorf("session: %w", ssf.ErrNotFound)
		}
		if err := v.withUser(&found); err != nil {
			return err
		}
		s = found
		return nil
	})
	return s, err
}

// TouchSession moves LastUsed forward.
func (db *DB) TouchSession(ctx context.Context, handle ssf.SessionHandle, at time.Time) error {
	return db.mutate(ctx, ssf.System("session"), func(m *mutation) error {
		m.bookkeeping()
		s, err := need[ssf.Session](&m.view, bSessions, []byte(handle), "session")
		if err != nil || !at.After(s.LastUsed) {
			return err
		}
		s.LastUsed = at
		return put(m, bSessions, []byte(handle), s)
	})
}

// StepUpSession replaces the session's token and records that the person proved who they are.
func (db *DB) StepUpSession(ctx context.Context, actor ssf.Actor, handle ssf.SessionHandle, newHash string, at time.Time) error {
	if newHash == "" {
		return fmt.Errorf("bug: a session needs a hash")
	}
	return db.mutate(ctx, actor, func(m *mutation) error {
		old, err := need[ssf.Session](&m.view, bSessions, []byte(handle), "session")
		if err != nil {
			return err
		}
		s := old
		s.Hash, s.StepUpAt = newHash, at
		if at.After(s.LastUsed) {
			s.LastUsed = at
		}
		if err := m.apply(sessionFacts(old), sessionFacts(s)); err != nil {
			return err
		}
		if err := put(m, bSessions, []byte(handle), s); err != nil {
			return err
		}
		return m.audit(ssf.AuditEntry{Action: "session.stepped_up", Object: "session/" + string(handle)})
	})
}

// DeleteSession ends a session; one that is gone is no error.
func (db *DB) DeleteSession(ctx context.Context, actor ssf.Actor, handle ssf.SessionHandle) error {
	return db.mutate(ctx, actor, func(m *mutation) error { return m.endSession(handle) })
}

func (m *mutation) endSession(handle ssf.SessionHandle) error {
	s, found, err := get[ssf.Session](&m.view, bSessions, []byte(handle))
	if err != nil || !found {
		return err
	}
	if err := m.apply(sessionFacts(s), facts{}); err != nil {
		return err
	}
	if err := m.del(bSessions, []byte(handle)); err != nil {
		return err
	}
	m.fire(ssf.TopicSessions, string(handle))
	return m.audit(ssf.AuditEntry{
		Action: "session.ended", Object: "session/" + string(handle), Detail: "user " + string(s.User),
	})
}

func (m *mutation) endSessions(user ssf.UserID) error {
	handles, err := m.sessionsOf(user)
	if err != nil {
		return err
	}
	for _, h := range handles {
		if err := m.endSession(h); err != nil {
			return err
		}
	}
	return nil
}

func (v *view) sessionsOf(user ssf.UserID) (out []ssf.SessionHandle, err error) {
	prefix := store.Key{}.Text(string(user))
	c := v.bucket(iSessUser).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		handle, _, err := store.CutText(k[len(prefix):])
		if err != nil {
			return nil, err
		}
		out = append(out, ssf.SessionHandle(handle))
	}
	return out, nil
}

// Sessions lists the sessions of a user.
func (db *DB) Sessions(ctx context.Context, user ssf.UserID) (out []ssf.Session, err error) {
	err = db.view(ctx, func(v *view) error {
		handles, err := v.sessionsOf(user)
		if err != nil {
			return err
		}
		for _, h := range handles {
			s, err := need[ssf.Session](v, bSessions, []byte(h), "session")
			if err != nil {
				return err
			}
			if err := v.withUser(&s); ignoreMissing(err) != nil {
				return err
			}
			out = append(out, s)
		}
		return nil
	})
	return out, err
}
