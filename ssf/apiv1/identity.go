package apiv1

import "time"

// Account names an account: a source and its native id there.
type Account struct {
	Source string `json:"source"`
	ID     string `json:"id"`
}

// Identity is one person or machine.
type Identity struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Email     string    `json:"email,omitempty"`
	Title     string    `json:"title,omitempty"`
	Group     string    `json:"group,omitempty"`
	Labels    []string  `json:"labels"`
	Active    bool      `json:"active"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// Accounts are those that sources list now.
	Accounts []IdentityAccount `json:"accounts"`
	// Runs are the newest; only where one identity is asked for.
	Runs []Run `json:"runs,omitempty"`
}

// IdentityAccount is one account of an identity.
type IdentityAccount struct {
	Account
	Email      string    `json:"email,omitempty"`
	UserName   string    `json:"user_name,omitempty"`
	Name       string    `json:"name,omitempty"`
	Active     bool      `json:"active"`
	Department string    `json:"department,omitempty"`
	LinkedBy   string    `json:"linked_by,omitempty"`
	Removed    time.Time `json:"removed,omitzero"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// ConnectorSessions are the open sessions of one account in one system.
type ConnectorSessions struct {
	Connector string  `json:"connector"`
	Name      string  `json:"name"`
	Account   Account `json:"account"`
	// Listed tells an empty list from none read; Trouble says why a read failed, and Sessions may then be old.
	Listed   bool            `json:"listed"`
	ReadAt   time.Time       `json:"read_at,omitzero"`
	Trouble  string          `json:"trouble,omitempty"`
	Sessions []TargetSession `json:"sessions"`
}

// TargetSession is one session in a target system.
type TargetSession struct {
	ID       string    `json:"id"`
	Device   string    `json:"device,omitempty"`
	Place    string    `json:"place,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	LastSeen time.Time `json:"last_seen,omitzero"`
}
