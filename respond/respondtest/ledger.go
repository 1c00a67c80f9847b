package respondtest

import (
	"maps"
	"slices"
	"time"
)

// Operation names what a call to the admin API asks for.
type Operation string

// The operations.
const (
	OpFind              Operation = "find_account"
	OpGet               Operation = "get_account"
	OpListSessions      Operation = "list_sessions"
	OpTerminateSession  Operation = "terminate_session"
	OpTerminateSessions Operation = "terminate_sessions"
	OpDisable           Operation = "disable_account"
	OpEnable            Operation = "enable_account"
	OpSignIn            Operation = "sign_in"
)

// Ledger is what the CRM went through. Calls count by operation and target ("terminate_sessions C-1042"), refused and
// spoilt ones included; effects are real changes only.
type Ledger struct {
	Calls   map[string]int `json:"calls"`
	Effects []Effect       `json:"effects"`
}

// Effect is one real change.
type Effect struct {
	At      time.Time `json:"at"`
	Op      Operation `json:"op"`
	Account string    `json:"account"`
	// Sessions are the ids of the sessions that ended.
	Sessions []string `json:"sessions,omitempty"`
}

func newLedger() Ledger { return Ledger{Calls: map[string]int{}, Effects: []Effect{}} }

// CallsTo returns how often the operation was called for the target: an account's id, or a session's for
// OpTerminateSession.
func (l Ledger) CallsTo(op Operation, target string) int { return l.Calls[string(op)+" "+target] }

// EffectsOn returns the effects of the operation on the account.
func (l Ledger) EffectsOn(op Operation, account string) []Effect {
	var list []Effect
	for _, e := range l.Effects {
		if e.Op == op && e.Account == account {
			list = append(list, e)
		}
	}
	return list
}

// Ledger returns a snapshot. The caller owns it.
func (c *CRM) Ledger() Ledger {
	defer c.lock()()
	l := Ledger{Calls: maps.Clone(c.state.Ledger.Calls), Effects: slices.Clone(c.state.Ledger.Effects)}
	for i, e := range l.Effects {
		l.Effects[i].Sessions = slices.Clone(e.Sessions)
	}
	return l
}

// pending is an effect that was accepted and comes later.
type pending struct {
	Due     time.Time `json:"due"`
	Op      Operation `json:"op"`
	Account string    `json:"account"`
	Session string    `json:"session,omitempty"`
	Before  time.Time `json:"before,omitzero"`
}

// settle lets due effects happen. The lock is held. That the file cannot be written shows at the next change.
func (c *CRM) settle() {
	now := c.cfg.Now()
	due := slices.ContainsFunc(c.state.Pending, func(p pending) bool { return !p.Due.After(now) })
	if !due {
		return
	}
	waiting := c.state.Pending
	c.state.Pending = nil
	for _, p := range waiting {
		if p.Due.After(now) {
			c.state.Pending = append(c.state.Pending, p)
		} else {
			c.apply(p)
		}
	}
	_ = c.save()
}

// apply makes the change and books it, if there is anything to change. It returns how many sessions or accounts changed.
// The lock is held.
func (c *CRM) apply(p pending) int {
	effect := Effect{At: c.cfg.Now(), Op: p.Op, Account: p.Account}
	changed := 0
	switch p.Op {
	case OpTerminateSession, OpTerminateSessions:
		c.state.Sessions = slices.DeleteFunc(c.state.Sessions, func(s Session) bool {
			hit := s.ID == p.Session || p.Session == "" && s.Account == p.Account && (p.Before.IsZero() || s.Started.Before(p.Before))
			if hit {
				effect.Account = s.Account
				effect.Sessions = append(effect.Sessions, s.ID)
			}
			return hit
		})
		changed = len(effect.Sessions)
	case OpDisable, OpEnable:
		if a := c.account(p.Account); a != nil && a.Enabled != (p.Op == OpEnable) {
			a.Enabled = p.Op == OpEnable
			changed = 1
		}
	}
	if changed > 0 {
		c.state.Ledger.Effects = append(c.state.Ledger.Effects, effect)
	}
	return changed
}
