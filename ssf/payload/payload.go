// Package payload decodes the payloads of the event types that Harken knows (SSF §8, CAEP, RISC). Event types are one
// literal table; unknown types are carried undecoded. It is pure.
package payload

import "time"

// Event type URIs, compared byte for byte.
const (
	SSFBase  = "https://schemas.openid.net/secevent/ssf/event-type/"
	CAEPBase = "https://schemas.openid.net/secevent/caep/event-type/"
	RISCBase = "https://schemas.openid.net/secevent/risc/event-type/"

	Verification     = SSFBase + "verification"       // SSF §8.1.4
	StreamUpdated    = SSFBase + "stream-updated"     // SSF §8.1.5
	SessionRevoked   = CAEPBase + "session-revoked"   // CAEP §3.1
	CredentialChange = CAEPBase + "credential-change" // CAEP §3.3
)

// Fields are the decoded members of a payload; each is set only where its type has it and the transmitter sent it.
type Fields struct {
	// Known is set when the type is one that Harken decodes.
	Known bool `json:"known,omitempty"`

	// EventTimestamp is CAEP's "event_timestamp" (CAEP §2), UTC; nil when absent or implausible.
	EventTimestamp *time.Time `json:"event_timestamp,omitempty"`
	// InitiatingEntity is "admin", "user", "policy" or "system" (CAEP §2).
	InitiatingEntity string `json:"initiating_entity,omitempty"`
	// ReasonAdmin and ReasonUser map a BCP 47 tag to foreign text (CAEP §2).
	ReasonAdmin map[string]string `json:"reason_admin,omitempty"`
	ReasonUser  map[string]string `json:"reason_user,omitempty"`

	// CredentialType, ChangeType and FriendlyName belong to credential-change (CAEP §3.3.1).
	CredentialType string `json:"credential_type,omitempty"`
	ChangeType     string `json:"change_type,omitempty"`
	FriendlyName   string `json:"friendly_name,omitempty"`

	// State belongs to verification (SSF §8.1.4.1); nil means that the member was absent.
	State *string `json:"state,omitempty"`
	// Status and StatusReason belong to stream-updated (SSF §8.1.5).
	Status       string `json:"status,omitempty"`
	StatusReason string `json:"status_reason,omitempty"`
}
