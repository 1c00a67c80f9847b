package connector

import (
	"time"

	"harken/ssf"
)

// Support says whether a system can do a kind of action.
type Support string

// The degrees of support. The zero value is not one of them.
const (
	// Supported: the system has calls of its own for it.
	Supported Support = "supported"
	// Emulated: done by one call for each session of the system's listing.
	Emulated Support = "emulated"
	// Unsupported: the system has no call for it, or Harken does not carry the kind out.
	Unsupported Support = "unsupported"
)

// Ability is what a system can do of one kind.
type Ability struct {
	Support Support
	// Reason says what is missing; empty unless Support is Unsupported. It is part of a sentence: "it has no call that …".
	Reason string
	// Operations are the steps in their order; nil when unsupported.
	Operations []ssf.OperationName
	// Confirms is set where the effect can be read back.
	Confirms bool
}

// Capabilities are what a system can do, computed from its document.
type Capabilities struct {
	// Kinds holds an entry for each of ssf.Kinds.
	Kinds map[ssf.Kind]Ability
	// Residual is how long access may live on after a confirmed end; zero when none is known.
	Residual time.Duration
	// ReadsAccount: whether an account is enabled can be read back. ReadsSessions: its sessions can be listed.
	// StartTimes: the listing says when each began.
	ReadsAccount, ReadsSessions, StartTimes bool
	// IdentityProvider is set for the system where people sign in.
	IdentityProvider bool
}

// Capabilities computes what the system can do.
func (p *Program) Capabilities() Capabilities {
	c := Capabilities{
		Kinds:            map[ssf.Kind]Ability{},
		Residual:         p.document.Residual.D(),
		ReadsAccount:     p.reads(ssf.OpGetAccount, func(a *answer) bool { return a.account != nil && a.account.enabled != nil }),
		ReadsSessions:    p.reads(ssf.OpListSessions, func(a *answer) bool { return a.sessions != nil }),
		StartTimes:       p.reads(ssf.OpListSessions, func(a *answer) bool { return a.sessions != nil && a.sessions.started != nil }),
		IdentityProvider: p.document.IdentityProvider,
	}
	for _, kind := range ssf.Kinds() {
		c.Kinds[kind] = p.ability(kind, c)
	}
	return c
}

// reads reports whether some answer of op has what want looks for.
func (p *Program) reads(op ssf.OperationName, want func(*answer) bool) bool {
	o, ok := p.operations[op]
	if !ok {
		return false
	}
	for _, r := range o.requests {
		for _, a := range r.answers {
			if want(a) {
				return true
			}
		}
	}
	return false
}

func (p *Program) ability(kind ssf.Kind, c Capabilities) Ability {
	switch kind {
	case ssf.KindTerminateSession:
		return p.direct("it has no call that ends one session", c.ReadsSessions, ssf.OpTerminateSession)
	case ssf.KindTerminateSessions:
		return p.terminating(c)
	case ssf.KindDisableAccount:
		return p.direct("it has no call that disables an account", c.ReadsAccount, ssf.OpDisableAccount)
	case ssf.KindEnableAccount:
		return p.direct("it has no call that enables an account", c.ReadsAccount, ssf.OpEnableAccount)
	case ssf.KindDisableAndTerminate:
		disable := p.ability(ssf.KindDisableAccount, c)
		terminate := p.terminating(c)
		for _, part := range []Ability{disable, terminate} {
			if part.Support == Unsupported {
				return part
			}
		}
		return Ability{
			Support: terminate.Support, Confirms: disable.Confirms && terminate.Confirms,
			Operations: append(append([]ssf.OperationName{}, disable.Operations...), terminate.Operations...),
		}
	}
	return Ability{Support: Unsupported, Reason: "this version does not carry it out"}
}

// direct is the ability to do what one operation does.
func (p *Program) direct(missing string, confirms bool, op ssf.OperationName) Ability {
	if !p.Can(op) {
		return Ability{Support: Unsupported, Reason: missing}
	}
	return Ability{Support: Supported, Operations: []ssf.OperationName{op}, Confirms: confirms}
}

// terminating is the ability to end all sessions of an account: by calls of its own, or by one for each of a listing.
func (p *Program) terminating(c Capabilities) Ability {
	a := p.direct("it has no call that ends sessions", c.ReadsSessions, ssf.OpTerminateSessions)
	switch {
	case a.Support == Supported && p.operations[ssf.OpTerminateSessions].forEach:
		a.Support = Emulated
	case a.Support == Unsupported && p.Can(ssf.OpTerminateSession):
		a.Reason = "it ends single sessions only, and has no call that lists them"
	}
	return a
}
