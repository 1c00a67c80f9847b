package ssf

import "time"

// User is a dashboard user with a local account.
type User struct {
	ID   UserID `json:"id"`
	Name string `json:"name"`
	Role Role   `json:"role"`
	// PasswordHash is an argon2id string with its parameters; empty where the user has no password.
	PasswordHash string `json:"password_hash,omitempty"`
	// Email joins the user to an identity; empty leaves the user unresolved, its own identity.
	Email     string     `json:"email,omitempty"`
	Identity  IdentityID `json:"identity,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	Disabled  bool       `json:"disabled,omitempty"`
	// Shortcuts is false when the user switched single-key shortcuts off (WCAG 2.1.4).
	ShortcutsOff bool `json:"shortcuts_off,omitempty"`
}

// Session is a dashboard session. Its secret is stored as a hash only.
type Session struct {
	Handle SessionHandle `json:"handle"`
	// Hash is the SHA-256 of the cookie's token, hex.
	Hash string `json:"hash"`
	User UserID `json:"user"`
	// Name, Role and Identity are the user's, read with the session.
	Name      string     `json:"-"`
	Role      Role       `json:"-"`
	Identity  IdentityID `json:"-"`
	Shortcuts bool       `json:"-"`
	Method    string     `json:"method"`
	// CSRF is the token that every form of the session carries.
	CSRF      string    `json:"csrf"`
	CreatedAt time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used"`
	// StepUpAt is when the person last proved who they are; sign-in counts.
	StepUpAt  time.Time `json:"step_up_at"`
	Address   string    `json:"address"`
	UserAgent string    `json:"user_agent"`
}

// APIToken is a token for the API. Its secret is stored as a hash only and shown once.
type APIToken struct {
	ID   TokenID `json:"id"`
	Name string  `json:"name"`
	Hash string  `json:"hash"`
	// Role is what the token may do; it never exceeds its owner's.
	Role      Role      `json:"role"`
	Owner     UserID    `json:"owner"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	LastUsed  time.Time `json:"last_used,omitzero"`
	// Identity is the owner's, read with the token.
	Identity IdentityID `json:"-"`
}

// SetupCode is the one-time code that makes the first administrator. Only its hash is stored.
type SetupCode struct {
	Hash      string    `json:"hash"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Throttle is what is remembered of failed sign-ins of one account or one address.
type Throttle struct {
	Key      string    `json:"key"`
	Failures int       `json:"failures"`
	Until    time.Time `json:"until,omitzero"`
	LastAt   time.Time `json:"last_at"`
}
