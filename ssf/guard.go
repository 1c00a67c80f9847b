package ssf

import (
	"fmt"
	"time"
)

// Limits are the caps on how much may be changed within a sliding hour, counted over distinct identities.
type Limits struct {
	// TotalDisables and TotalTerminations hold for everything together.
	TotalDisables     int
	TotalTerminations int
	// ConnectorShare is the share of a connector's enabled accounts that may be disabled, ConnectorMin its lower end.
	ConnectorShare float64
	ConnectorMin   int
}

// DefaultLimits are in force unless the configuration file says otherwise.
func DefaultLimits() Limits {
	return Limits{TotalDisables: 50, TotalTerminations: 500, ConnectorShare: 0.05, ConnectorMin: 5}
}

// Snapshot is what the guards look at. The engine fills it inside the transaction that decides.
type Snapshot struct {
	Now    time.Time
	Actor  Actor
	Run    Run
	Limits Limits
	// Identity is whom the run is about.
	Identity Identity
	// SameIdentity is set when the engine resolved the actor (its user, session or token) to the run's identity by more
	// than Actor.Identity, for example through the alias of a merged identity.
	SameIdentity bool
	// Disables and Terminations count distinct identities of the last hour, this run's own not included; the connector's
	// count is of disables.
	Disables, Terminations, ConnectorDisables int
	ConnectorEnabled                          int
}

// CheckConflict refuses an actor whose own identity the run is about: nobody may execute, cancel, delay or undo what is
// about themselves.
func CheckConflict(s Snapshot) *RefusedError {
	if s.Actor.Identity != "" && s.Actor.Identity == s.Run.Identity || s.SameIdentity {
		return &RefusedError{Guard: "conflict_of_interest", Reason: "this is about yourself: another person must do it"}
	}
	return nil
}

// CheckAskers refuses a run that nobody but its own subject asked for. The worker's call is checked by it: who is the
// same person may have become known only after the run was made.
func CheckAskers(s Snapshot) *RefusedError {
	if s.Run.Identity == "" || len(s.Run.AskedBy) == 0 {
		return nil
	}
	for _, a := range s.Run.AskedBy {
		if a.Actor.Identity != s.Run.Identity {
			return nil
		}
	}
	return &RefusedError{Guard: "conflict_of_interest", Reason: "only the person concerned asked for this"}
}

// CheckRole refuses an actor that may not execute.
func CheckRole(s Snapshot) *RefusedError {
	if (s.Actor.Kind == ActorPerson || s.Actor.Kind == ActorToken) && !s.Actor.Role.AtLeast(RoleResponder) {
		return &RefusedError{Guard: "role", Reason: "executing needs the role responder"}
	}
	return nil
}

// CheckBlastRadius refuses a run over the caps.
func CheckBlastRadius(s Snapshot) *RefusedError {
	refuse := func(format string, args ...any) *RefusedError {
		return &RefusedError{Guard: "blast_radius", Reason: fmt.Sprintf(format, args...)}
	}
	if s.Run.Kind.Disables() {
		if s.Disables >= s.Limits.TotalDisables {
			return refuse("%d accounts were disabled within the hour, which is the limit", s.Disables)
		}
		most := max(s.Limits.ConnectorMin, int(s.Limits.ConnectorShare*float64(s.ConnectorEnabled)))
		if s.ConnectorDisables >= most {
			return refuse("%d accounts of this system were disabled within the hour, which is the limit", s.ConnectorDisables)
		}
	}
	if s.Run.Kind.Terminates() && s.Terminations >= s.Limits.TotalTerminations {
		return refuse("sessions of %d people were ended within the hour, which is the limit", s.Terminations)
	}
	return nil
}
