package apiv1

import "time"

// User is a dashboard user with a local account.
type User struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Role     string `json:"role"`
	Email    string `json:"email,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	// Password says whether the user can sign in by password.
	Password  bool      `json:"password"`
	CreatedAt time.Time `json:"created_at"`
}

// UserRequest is the body of PUT /api/v1/users/{name}: the whole of what may be changed.
type UserRequest struct {
	// Role is "viewer", "responder" or "admin".
	Role string `json:"role"`
	// Email ties the user to an identity, so that nobody decides about themselves.
	Email    string `json:"email,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	// Password replaces the password; empty keeps it. It has at least 15 characters.
	Password string `json:"password,omitempty"`
}

// ReleaseRequest is the body of POST /api/v1/sources/{id}/release.
type ReleaseRequest struct {
	// Digest is "held_digest" of the source: exactly that content is released.
	Digest string `json:"digest"`
}
