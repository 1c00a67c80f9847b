package ssf

import (
	"fmt"
	"time"
)

// SourceSpec is a system that lists people, as a person writes it.
type SourceSpec struct {
	ID   SourceID `json:"id"`
	Name string   `json:"name,omitempty"`
	// Kind is "csv".
	Kind string `json:"kind"`
	// Schedule is a cron expression or "@every 5m", which is the default.
	Schedule string `json:"schedule,omitempty"`
	// Path is the CSV file; Delimiter is "," (the default), ";" or "\t".
	Path      string `json:"path,omitempty"`
	Delimiter string `json:"delimiter,omitempty"`
	// Columns maps the members of an account to column headings.
	Columns ColumnSpec `json:"columns,omitzero"`
	// JoinBy lists the rules that join accounts of several sources to one identity: "email" is the default and, for now,
	// the only one. "none" keeps every account its own identity.
	JoinBy []string `json:"join_by,omitempty"`
}

// ColumnSpec names the columns of a CSV source. Empty names fall back to the member's own name ("id", "email", …).
type ColumnSpec struct {
	ID         string `json:"id,omitempty"`
	Email      string `json:"email,omitempty"`
	UserName   string `json:"user_name,omitempty"`
	Name       string `json:"name,omitempty"`
	Active     string `json:"active,omitempty"`
	Manager    string `json:"manager,omitempty"`
	Department string `json:"department,omitempty"`
	Title      string `json:"title,omitempty"`
	Labels     string `json:"labels,omitempty"`
}

// Validate returns what is wrong, with paths below path.
func (s SourceSpec) Validate(path string) (ps []Problem) {
	add := func(at, format string, args ...any) {
		ps = append(ps, Problem{Path: join(path, at), Message: fmt.Sprintf(format, args...)})
	}
	if err := CheckSlug(string(s.ID)); err != nil {
		add("id", "%v", err)
	}
	switch s.Kind {
	case "csv":
		if s.Path == "" {
			add("path", "is needed by kind csv")
		}
	case "":
		add("kind", "is needed: csv")
	default:
		add("kind", "%q is not known: use csv", s.Kind)
	}
	if d := s.Delimiter; d != "" && d != "," && d != ";" && d != "\t" {
		add("delimiter", `must be ",", ";" or a tab`)
	}
	for i, rule := range s.JoinBy {
		if rule != "email" && rule != "none" {
			add(fmt.Sprintf("join_by[%d]", i), "%q is not known: use email or none", rule)
		}
	}
	return ps
}

// Source is a source as the store holds it.
type Source struct {
	Spec     SourceSpec  `json:"spec"`
	Origin   Origin      `json:"origin"`
	Revision uint64      `json:"revision"`
	Retired  bool        `json:"retired,omitempty"`
	State    SourceState `json:"state"`
}

// SourceState is how the last syncs went. The zero value is a source never read.
type SourceState struct {
	LastAt time.Time `json:"last_at,omitzero"`
	LastOK time.Time `json:"last_ok,omitzero"`
	// Digest is of the content last applied: an unchanged file changes nothing.
	Digest   string `json:"digest,omitempty"`
	Accounts int    `json:"accounts"`
	Added    int    `json:"added"`
	Changed  int    `json:"changed"`
	Removed  int    `json:"removed"`
	// RowErrors are the rows that were left out, at most 20; RowErrorCount is their full number.
	RowErrors     []RowError `json:"row_errors,omitempty"`
	RowErrorCount int        `json:"row_error_count,omitempty"`
	// Error is what stopped the last sync; Held says what a person must confirm.
	Error string `json:"error,omitempty"`
	Held  string `json:"held,omitempty"`
	// HeldDigest is of the content that is held. Once a person has released that very content, Released is equal to it and
	// the next sync applies it.
	HeldDigest string `json:"held_digest,omitempty"`
	Released   string `json:"released,omitempty"`
}

// RowError is one row of a file that could not be used.
type RowError struct {
	// Row counts from 1; the heading is row 1.
	Row     int    `json:"row"`
	Message string `json:"message"`
}

// Account is one member of a source.
type Account struct {
	Ref      AccountRef `json:"ref"`
	Identity IdentityID `json:"identity"`
	// Email is as the source wrote it; EmailKey is what is compared.
	Email      string   `json:"email,omitempty"`
	EmailKey   string   `json:"email_key,omitempty"`
	UserName   string   `json:"user_name,omitempty"`
	Name       string   `json:"name,omitempty"`
	Active     bool     `json:"active"`
	Manager    string   `json:"manager,omitempty"`
	Department string   `json:"department,omitempty"`
	Title      string   `json:"title,omitempty"`
	Labels     []string `json:"labels,omitempty"`
	// LinkedBy says how the account came to its identity: "new", "email", "hand".
	LinkedBy string `json:"linked_by,omitempty"`
	// Removed is when the source stopped listing it; zero while it does. Removed accounts match nothing.
	Removed   time.Time `json:"removed,omitzero"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Identity is one person or machine. Name, Email and Labels are those of its accounts, the first source first.
type Identity struct {
	ID     IdentityID `json:"id"`
	Name   string     `json:"name"`
	Email  string     `json:"email,omitempty"`
	Title  string     `json:"title,omitempty"`
	Group  string     `json:"group,omitempty"`
	Labels []string   `json:"labels,omitempty"`
	// Active is set while any account is active.
	Active    bool      `json:"active"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// The labels that Harken itself understands.
const (
	LabelPrivileged = "privileged"
	LabelProtected  = "protected"
)

// Has reports whether the identity carries label.
func (i Identity) Has(label string) bool {
	for _, l := range i.Labels {
		if l == label {
			return true
		}
	}
	return false
}

// IdentityView is an identity with its accounts.
type IdentityView struct {
	Identity Identity
	Accounts []Account
}

// IdentityFilter narrows a list of identities.
type IdentityFilter struct {
	// Prefix matches the start of a name, an e-mail address or a native account id, without regard to case.
	Prefix string
}

// AccountChange is one account that a sync adds, changes or removes.
type AccountChange struct {
	Account Account
	// Mint asks for a new identity; Account.Identity is then the id to mint.
	Mint bool
}

// Sync is one step of applying what a source listed. Large syncs are several steps; the last one has Final set.
type Sync struct {
	Source  SourceID
	Epoch   uint64
	Changes []AccountChange
	// Final replaces the source's state and ends the sync; uncorrelated events are judged again after it.
	Final *SourceState
}
