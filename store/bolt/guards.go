package bolt

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"harken/ssf"
	"harken/ssf/subject"
	"harken/store"
)

// guardRun asks the guards of a person's demand. A no is written here; the transaction then holds nothing else.
func (m *mutation) guardRun(action string, run ssf.Run) (refused bool, err error) {
	snap := ssf.Snapshot{Now: m.now, Actor: m.actor, Run: run}
	about, err := m.subjects(run)
	if err != nil {
		return false, err
	}
	if snap.SameIdentity, err = m.isAny(about); err != nil {
		return false, err
	}
	if run.Identity != "" {
		if snap.Identity, err = m.identity(run.Identity); ignoreMissing(err) != nil {
			return false, err
		}
	}
	why := ssf.CheckRole(snap)
	if why == nil {
		why = ssf.CheckConflict(snap)
	}
	if why == nil {
		return false, nil
	}
	entry := store.Refusal(action, "run/"+string(run.ID), why)
	entry.Identity, entry.Event, entry.Run = run.Identity, run.Event, run.ID
	return true, m.refuse(entry, why)
}

// subjects are whom a run is about: the identity that was named, and whoever owns the account that it acts on. They
// differ where the demand names the wrong one, or none.
func (v *view) subjects(run ssf.Run) (out []ssf.IdentityID, err error) {
	if run.Identity != "" {
		out = append(out, v.resolve(run.Identity))
	}
	a, found, err := get[ssf.Account](v, bAccounts, accountKey(run.Account))
	if err != nil || !found || a.Identity == "" {
		return out, err
	}
	if owner := v.resolve(a.Identity); !slices.Contains(out, owner) {
		out = append(out, owner)
	}
	return out, nil
}

// isAny reports whether the actor is one of those identities.
func (m *mutation) isAny(ids []ssf.IdentityID) (bool, error) {
	for _, id := range ids {
		if same, err := m.isSelf(id); err != nil || same {
			return same, err
		}
	}
	return false, nil
}

// isSelf reports whether the actor is that identity, through whatever account, session or token.
func (m *mutation) isSelf(id ssf.IdentityID) (bool, error) {
	id = m.resolve(id)
	if m.actor.Identity != "" && m.resolve(m.actor.Identity) == id {
		return true, nil
	}
	if m.actor.User == "" {
		return false, nil
	}
	u, found, err := get[ssf.User](&m.view, bUsers, []byte(m.actor.User))
	if err != nil || !found {
		return false, err
	}
	own, err := m.identityOf(u)
	if err != nil || own == id {
		return err == nil, err
	}
	if u.Email == "" {
		return false, nil
	}
	// The address may be that of several identities; each of them is then "self" here.
	accounts, err := m.accountsByAddress(u.Email)
	for _, a := range accounts {
		if m.resolve(a.Identity) == id {
			return true, err
		}
	}
	return false, err
}

// identityOf resolves a dashboard user: by what is recorded, else by an e-mail address that is one identity's alone.
func (v *view) identityOf(u ssf.User) (ssf.IdentityID, error) {
	if u.Identity != "" {
		return v.resolve(u.Identity), nil
	}
	if u.Email == "" {
		return "", nil
	}
	accounts, err := v.accountsByAddress(u.Email)
	if err != nil {
		return "", err
	}
	var own ssf.IdentityID
	for _, a := range accounts {
		id := v.resolve(a.Identity)
		if own != "" && own != id {
			return "", nil
		}
		own = id
	}
	return own, nil
}

// accountsByAddress returns the listed accounts with an e-mail address; one that is none is nobody's.
func (v *view) accountsByAddress(address string) ([]ssf.Account, error) {
	key, err := subject.EmailKey(address)
	if err != nil {
		return nil, nil
	}
	return v.accountsBelow(iAccEmail, store.Key{}.Text(store.Bound(key)), maxOwned)
}

// beginRecord is one begun run within the sliding hour. At is guard time.
type beginRecord struct {
	Who       string          `json:"who"`
	Connector ssf.ConnectorID `json:"connector"`
	Run       ssf.RunID       `json:"run"`
}

const (
	window          = time.Hour
	beginDisable    = "disable"
	beginTerminate  = "terminate"
	longestDowntime = 24 * time.Hour
)

// guardClock is the clock of the sliding hour: it goes on by the time that really passed, so that a jump of the wall
// clock neither empties the hour nor stretches it. It is guarded by DB.mu.
type guardClock struct {
	seen time.Time // with its monotonic reading
	at   time.Duration
	ok   bool
}

type guardRecord struct {
	Wall time.Time `json:"wall"`
	// At is in nanoseconds.
	At int64 `json:"at"`
}

// guardTime moves the guard clock on and stores it. Within a process the monotonic clock counts. Over a restart the wall
// clock does, unless it went back or more than a day passed: both are taken for no time at all, which errs on the side
// of the caps.
func (db *DB) guardTime(m *mutation) (time.Duration, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	now := db.now()
	if !db.guard.ok {
		rec, _, err := get[guardRecord](&m.view, bMeta, guardKey())
		if err != nil && !errors.Is(err, store.ErrDamaged) {
			return 0, err
		}
		db.guard = guardClock{seen: rec.Wall, at: time.Duration(rec.At), ok: true}
		if rec.Wall.IsZero() {
			db.guard.seen, db.guard.at = now, 2*window
		}
	}
	passed := now.Sub(db.guard.seen)
	wallOnly := !hasMonotonic(db.guard.seen) || !hasMonotonic(now)
	if passed < 0 || wallOnly && passed > longestDowntime {
		passed = 0
	}
	db.guard.at += passed
	db.guard.seen = now
	return db.guard.at, put(m, bMeta, guardKey(), guardRecord{Wall: now.UTC().Round(0), At: int64(db.guard.at)})
}

func hasMonotonic(t time.Time) bool { return t != t.Round(0) }

func beginKey(class string, at time.Duration, n uint64) []byte {
	return store.Key{}.Text(class).Uint(uint64(at)).Uint(n)
}

// mayBegin counts a run that is about to begin, or says why it must not.
func (db *DB) mayBegin(m *mutation, run ssf.Run) (*ssf.RefusedError, error) {
	if why, err := m.checkAskers(run); err != nil || why != nil {
		return why, err
	}
	at, err := db.guardTime(m)
	if err != nil {
		return nil, err
	}
	who := string(m.resolve(run.Identity))
	if who == "" {
		who = "account:" + run.Account.String()
	}
	snap := ssf.Snapshot{Now: m.now, Actor: m.actor, Run: run, Limits: db.cfg.Limits}
	if snap.ConnectorEnabled, err = m.enabledAccounts(run.Connector); err != nil {
		return nil, err
	}
	disabled, err := m.begun(beginDisable, at, who, run.Connector)
	if err != nil {
		return nil, err
	}
	ended, err := m.begun(beginTerminate, at, who, run.Connector)
	if err != nil {
		return nil, err
	}
	snap.Disables, snap.ConnectorDisables, snap.Terminations = disabled.all, disabled.ofConnector, ended.all
	if why := ssf.CheckBlastRadius(snap); why != nil {
		return why, nil
	}
	rec := beginRecord{Who: who, Connector: run.Connector, Run: run.ID}
	if run.Kind.Disables() && !disabled.counted {
		err = m.countBegin(beginDisable, at, rec)
	}
	if err == nil && run.Kind.Terminates() && !ended.counted {
		err = m.countBegin(beginTerminate, at, rec)
	}
	return nil, err
}

func (m *mutation) countBegin(class string, at time.Duration, rec beginRecord) error {
	n, err := m.next(bBegins)
	if err != nil {
		return err
	}
	return put(m, bBegins, beginKey(class, at, n), rec)
}

// hourCount is how many distinct identities other than one were acted on; counted tells that the one was, through the
// same connector.
type hourCount struct {
	all, ofConnector int
	counted          bool
}

// begun counts the distinct identities, others than who, of the hour before at, and drops older records.
func (m *mutation) begun(class string, at time.Duration, who string, connector ssf.ConnectorID) (out hourCount, err error) {
	prefix := store.Key{}.Text(class)
	people, here := map[string]struct{}{}, map[string]struct{}{}
	var old [][]byte
	c := m.bucket(bBegins).Cursor()
	for k, value := c.Seek(prefix); len(k) > len(prefix) && string(k[:len(prefix)]) == string(prefix); k, value = c.Next() {
		begun, _, err := store.CutUint(k[len(prefix):])
		if err != nil {
			return out, err
		}
		if time.Duration(begun)+window <= at {
			old = append(old, append([]byte(nil), k...))
			continue
		}
		var rec beginRecord
		if err := store.Decode(string(bBegins), k, value, &rec); err != nil {
			return out, fmt.Errorf("count what began: %w", err)
		}
		if rec.Who == who {
			out.counted = out.counted || rec.Connector == connector
			continue
		}
		people[rec.Who] = struct{}{}
		if rec.Connector == connector {
			here[rec.Who] = struct{}{}
		}
	}
	for _, k := range old {
		if err := m.del(bBegins, k); err != nil {
			return out, err
		}
	}
	out.all, out.ofConnector = len(people), len(here)
	return out, nil
}

// enabledAccounts is the number of enabled accounts that the connector's source lists.
func (v *view) enabledAccounts(id ssf.ConnectorID) (int, error) {
	o, found, err := get[object[ssf.ConnectorSpec]](v, bConnectors, []byte(id))
	if err != nil || !found {
		return 0, err
	}
	return v.counted(bCounts, "active/"+string(o.Spec.Source)), nil
}

// checkAskers asks whether anybody but the subject wanted the run, with everyone resolved as they are known now.
func (m *mutation) checkAskers(run ssf.Run) (*ssf.RefusedError, error) {
	about, err := m.subjects(run)
	if err != nil || len(about) == 0 {
		return nil, err
	}
	resolved := run
	resolved.Identity, resolved.AskedBy = about[0], nil
	for _, a := range run.AskedBy {
		as := mutation{view: m.view, actor: a.Actor} // reads only
		same, err := as.isAny(about)
		if err != nil {
			return nil, err
		}
		a.Actor.Identity = ""
		if same {
			a.Actor.Identity = resolved.Identity
		}
		resolved.AskedBy = append(resolved.AskedBy, a)
	}
	return ssf.CheckAskers(ssf.Snapshot{Now: m.now, Actor: m.actor, Run: resolved}), nil
}
