// Package subject reads subject identifiers (RFC 9493, SSF §3, RFC 9967 §2.1) and makes the keys under which they are
// compared. It is pure, and knows nothing of who an identifier stands for.
package subject

// Format names an identifier format (RFC 9493 §3). Names are case-sensitive; unknown ones are carried, not refused.
type Format string

// The formats that are decoded. Others keep their raw JSON and have no key.
const (
	Email   Format = "email"
	IssSub  Format = "iss_sub"
	Opaque  Format = "opaque"
	Complex Format = "complex"
)

// Identifier is one subject identifier. Only the members of its Format are set. The zero value is "no subject".
type Identifier struct {
	Format Format `json:"format,omitempty"`
	// Raw is the identifier as it was sent, one JSON object.
	Raw string `json:"raw,omitempty"`

	Email string `json:"email,omitempty"`
	// Issuer and Subject are "iss" and "sub" of iss_sub.
	Issuer  string `json:"iss,omitempty"`
	Subject string `json:"sub,omitempty"`
	// ID is "id" of opaque.
	ID string `json:"id,omitempty"`
	// Members are those of a complex subject in the order sent.
	Members []Member `json:"members,omitempty"`
}

// Member is one named member of a complex subject (SSF §3.3): user, device, session, application, tenant, org_unit, group
// or another name.
type Member struct {
	Name       string     `json:"name"`
	Identifier Identifier `json:"identifier"`
}

// Key is a canonical form for comparison: two identifiers of one format with equal keys name the same thing.
type Key string
