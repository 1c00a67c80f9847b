package payload

import "strings"

// Legacy event type prefixes, which older transmitters use still.
const (
	SSEBase   = "https://schemas.openid.net/secevent/sse/event-type/"
	OAuthBase = "https://schemas.openid.net/secevent/oauth/event-type/"
	SCIMBase  = "urn:ietf:params:scim:event:"
)

// eventType is one row of the table of event types.
type eventType struct {
	uri string
	// name is for people.
	name string
	// decode reads the members that the type adds to the common ones; nil for a type that is carried undecoded.
	decode func(*reader, *Fields)
	// deprecated types are received, not asked for.
	deprecated bool
}

// types is the table: every event type of SSF §8, CAEP §3, RISC §2, RFC 9967 and the OAuth
// event types draft of 2018. It is never changed.
var types = [...]eventType{
	{uri: Verification, name: "Stream verification", decode: decodeVerification},
	{uri: StreamUpdated, name: "Stream updated", decode: decodeStreamUpdated},

	{uri: SessionRevoked, name: "Session revoked", decode: decodeNothing},
	{uri: CredentialChange, name: "Credential change", decode: decodeCredentialChange},
	{uri: CAEPBase + "token-claims-change", name: "Token claims change"},
	{uri: CAEPBase + "assurance-level-change", name: "Assurance level change"},
	{uri: CAEPBase + "device-compliance-change", name: "Device compliance change"},
	{uri: CAEPBase + "session-established", name: "Session established"},
	{uri: CAEPBase + "session-presented", name: "Session presented"},
	{uri: CAEPBase + "risk-level-change", name: "Risk level change"},

	{uri: RISCBase + "account-credential-change-required", name: "Credential change required"},
	{uri: RISCBase + "account-purged", name: "Account purged"},
	{uri: RISCBase + "account-disabled", name: "Account disabled"},
	{uri: RISCBase + "account-enabled", name: "Account enabled"},
	{uri: RISCBase + "identifier-changed", name: "Identifier changed"},
	{uri: RISCBase + "identifier-recycled", name: "Identifier recycled"},
	{uri: RISCBase + "credential-compromise", name: "Credential compromise"},
	{uri: RISCBase + "opt-in", name: "Opt in"},
	{uri: RISCBase + "opt-out-initiated", name: "Opt out initiated"},
	{uri: RISCBase + "opt-out-cancelled", name: "Opt out cancelled"},
	{uri: RISCBase + "opt-out-effective", name: "Opt out effective"},
	{uri: RISCBase + "recovery-activated", name: "Recovery activated"},
	{uri: RISCBase + "recovery-information-changed", name: "Recovery information changed"},
	{uri: RISCBase + "sessions-revoked", name: "All sessions revoked", deprecated: true},

	{uri: OAuthBase + "token-issued", name: "Token issued"},
	{uri: OAuthBase + "token-revoked", name: "Token revoked"},
	{uri: OAuthBase + "tokens-revoked", name: "All tokens revoked"},

	{uri: SCIMBase + "feed:add", name: "Resource joined the feed"},
	{uri: SCIMBase + "feed:remove", name: "Resource left the feed"},
	{uri: SCIMBase + "prov:create:full", name: "Resource created"},
	{uri: SCIMBase + "prov:create:notice", name: "Resource created (notice)"},
	{uri: SCIMBase + "prov:patch:full", name: "Resource changed"},
	{uri: SCIMBase + "prov:patch:notice", name: "Resource changed (notice)"},
	{uri: SCIMBase + "prov:put:full", name: "Resource replaced"},
	{uri: SCIMBase + "prov:put:notice", name: "Resource replaced (notice)"},
	{uri: SCIMBase + "prov:delete", name: "Resource deleted"},
	{uri: SCIMBase + "prov:activate", name: "Resource activated"},
	{uri: SCIMBase + "prov:deactivate", name: "Resource deactivated"},
	{uri: SCIMBase + "misc:asyncresp", name: "Answer to an asynchronous request"},
}

func find(uri string) (eventType, bool) {
	for _, t := range types {
		if t.uri == uri {
			return t, true
		}
	}
	return eventType{}, false
}

// Short returns the last path segment of the URI of a type that a specification names ("session-revoked"), and any other
// URI unchanged. Short names are unique among those types.
func Short(uri string) string {
	if _, ok := find(uri); ok {
		return uri[strings.LastIndexByte(uri, '/')+1:]
	}
	return uri
}

// Expand returns the URI for a short name, as a person writes it in a configuration. A URI is returned unchanged; a name
// that no specification has gives "".
func Expand(short string) string {
	if strings.Contains(short, ":") {
		return short
	}
	for _, t := range types {
		if t.uri[strings.LastIndexByte(t.uri, '/')+1:] == short && short != "" {
			return t.uri
		}
	}
	return ""
}

// Name returns what people call the type; for a type without a name of its own, its URI.
func Name(uri string) string {
	if t, ok := find(uri); ok {
		return t.name
	}
	return uri
}

// Specified reports whether one of the specifications defines the type, decoded here or not.
func Specified(uri string) bool {
	_, ok := find(uri)
	return ok
}

// Known lists the types that are decoded, in the order of the table.
func Known() []string {
	var known []string
	for _, t := range types {
		if t.decode != nil {
			known = append(known, t.uri)
		}
	}
	return known
}
