package ssf

// ActorKind says what kind of actor changed something.
type ActorKind string

// The kinds of actor.
const (
	ActorSystem ActorKind = "system"
	ActorPerson ActorKind = "person"
	ActorToken  ActorKind = "api_token"
	ActorPolicy ActorKind = "policy"
	ActorConfig ActorKind = "configuration"
)

// Actor is who asks for a change. It is recorded in the audit log with the change.
type Actor struct {
	Kind ActorKind `json:"kind"`
	// Name is what people read: a user's name, a token's name, a component.
	Name string `json:"name"`
	// User is the dashboard user behind a person or a token.
	User UserID `json:"user,omitempty"`
	// Identity is whom the user resolves to; empty when unresolved. Conflict of interest is decided on it.
	Identity IdentityID `json:"identity,omitempty"`
	// Session is the handle of the dashboard session.
	Session SessionHandle `json:"session,omitempty"`
	Token   TokenID       `json:"token,omitempty"`
	Policy  PolicyID      `json:"policy,omitempty"`
	// Method is how the actor signed in: "password", "demo", "token".
	Method string `json:"method,omitempty"`
	// Address is the remote address without port.
	Address string `json:"address,omitempty"`
	Role    Role   `json:"role,omitempty"`
}

// System is the program itself, named by the component that acts.
func System(component string) Actor { return Actor{Kind: ActorSystem, Name: component} }

// Role is what a dashboard user may do. Each role includes the ones before it.
type Role string

// The roles, weakest first.
const (
	RoleNone      Role = ""
	RoleViewer    Role = "viewer"
	RoleResponder Role = "responder"
	RoleAdmin     Role = "admin"
)

// AtLeast reports whether r includes what want may do. RoleNone includes nothing, and nothing is unknown by mistake:
// an unknown role has no rights.
func (r Role) AtLeast(want Role) bool { return rank(r) >= rank(want) && rank(want) > 0 }

func rank(r Role) int {
	switch r {
	case RoleViewer:
		return 1
	case RoleResponder:
		return 2
	case RoleAdmin:
		return 3
	}
	return 0
}
