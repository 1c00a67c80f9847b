package payload

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Tolerances that concern payloads. Each lifts one check for one transmitter.
const (
	ReasonString        = "reason_string"         // a reason that is a string, not a language map
	ReasonEmpty         = "reason_empty"          // an empty language map
	TimestampMS         = "timestamp_ms"          // milliseconds; accepted always, and flagged
	TimestampString     = "timestamp_string"      // ISO 8601 or digits in a string
	NullOptional        = "null_optional"         // null for an optional member
	EnumCase            = "enum_case"             // other letter case of a closed value
	UnknownEnum         = "unknown_enum"          // a value outside a closed list, kept as text
	NumberAsString      = "number_as_string"      // an integer where a string belongs
	StreamUpdatedObject = "stream_updated_object" // a status that is an object holding the status
)

// Warnings about oddities that are accepted without a tolerance.
const (
	WarnUnknownType           = "unknown_event_type"
	WarnLegacyURI             = "legacy_event_uri"
	WarnDeprecatedType        = "deprecated_type"
	WarnTimestampMS           = "timestamp_ms"
	WarnTimestampImplausible  = "timestamp_implausible"
	WarnNonstandardCredential = "nonstandard_credential_type"
)

// Options say how lenient Decode is. The zero value lifts no check.
type Options struct {
	// Tolerate reports whether the named tolerance is on; nil is "none".
	Tolerate func(name string) bool
}

// Decoded is the outcome of Decode.
type Decoded struct {
	Fields Fields
	// Faults say in English, without values, what contradicts the definition of the event type; empty for a sound
	// payload. Members that are at fault are left out of Fields.
	Faults []string
	// Warnings and Tolerances name the oddities met and the tolerances that fired.
	Warnings, Tolerances []string
}

// Decode reads raw, the payload of an event of the type. The error says that raw is no JSON object at all; whatever else
// is wrong is a fault. Payloads of types that are not decoded give the common members of CAEP §2 where they are sound, and
// never a fault: what an unknown type means by a name is unknown too.
func Decode(uri string, raw []byte, opts Options) (Decoded, error) {
	members := map[string]jsontext.Value{}
	if kind := jsontext.Value(raw).Kind(); kind != '{' {
		return Decoded{}, errors.New("event payload is no JSON object")
	}
	if err := json.Unmarshal(raw, &members); err != nil {
		return Decoded{}, errors.New("event payload is not valid JSON")
	}
	t, specified := find(uri)
	r := &reader{members: members, tolerate: opts.Tolerate}
	var fields Fields
	if !specified {
		r.warn(WarnUnknownType)
		if legacyURI(uri) {
			r.warn(WarnLegacyURI)
		}
	}
	if t.deprecated {
		r.warn(WarnDeprecatedType)
	}
	if t.decode != nil {
		fields.Known = true
		t.decode(r, &fields)
	}
	if !strings.HasPrefix(uri, SSFBase) {
		decodeCommon(r, &fields)
	}
	if !fields.Known {
		r.faults = nil
	}
	return Decoded{Fields: fields, Faults: r.faults, Warnings: r.warnings, Tolerances: r.fired}, nil
}

// legacyURI reports whether the URI is one that a specification has replaced: the control events of the drafts before
// SSF, and SCIM events in their former spelling where RFC 9967 has the same in lower case.
func legacyURI(uri string) bool {
	switch uri {
	case SSEBase + "verification", SSEBase + "stream-updated", RISCBase + "verification":
		return true
	}
	rest, ok := strings.CutPrefix(uri, "urn:ietf:params:SCIM:event:")
	return ok && (strings.HasPrefix(rest, "prov:") || strings.HasPrefix(rest, "feed:") || strings.HasPrefix(rest, "misc:"))
}

// decodeCommon reads the members that every CAEP event may have (CAEP §2); RISC events carry some of them too.
func decodeCommon(r *reader, f *Fields) {
	f.EventTimestamp = r.timestamp("event_timestamp")
	f.InitiatingEntity = r.closed("initiating_entity", false, "admin", "user", "policy", "system")
	f.ReasonAdmin = r.reason("reason_admin")
	f.ReasonUser = r.reason("reason_user")
}

// decodeNothing is for types without members of their own (CAEP §3.1).
func decodeNothing(*reader, *Fields) {}

// decodeCredentialChange follows CAEP §3.3.1.
func decodeCredentialChange(r *reader, f *Fields) {
	f.CredentialType = r.text("credential_type", true)
	if f.CredentialType != "" && !standardCredential(f.CredentialType) {
		r.warn(WarnNonstandardCredential)
	}
	f.ChangeType = r.closed("change_type", true, "create", "revoke", "update", "delete")
	f.FriendlyName = r.text("friendly_name", false)
	r.text("x509_issuer", false)
	r.text("x509_serial", false)
	r.text("fido2_aaguid", false)
}

// standardCredential reports whether CAEP §3.3.1 names the credential type; the list is open.
func standardCredential(s string) bool {
	switch s {
	case "password", "pin", "x509", "fido2-platform", "fido2-roaming", "fido-u2f", "verifiable-credential",
		"phone-voice", "phone-sms", "app":
		return true
	}
	return false
}

// decodeVerification follows SSF §8.1.4.1. An empty state is a state.
func decodeVerification(r *reader, f *Fields) {
	if _, sent := r.members["state"]; !sent {
		return
	}
	before := len(r.faults)
	state, present := r.string("state")
	if len(r.faults) == before && present {
		f.State = &state
	}
}

// decodeStreamUpdated follows SSF §8.1.5. An unknown status is never taken for "enabled".
func decodeStreamUpdated(r *reader, f *Fields) {
	if v := r.members["status"]; v.Kind() == '{' && r.allows(StreamUpdatedObject) {
		var inner struct {
			Status jsontext.Value `json:"status"`
		}
		if json.Unmarshal(v, &inner) == nil && inner.Status.Kind() == '"' {
			r.members["status"] = inner.Status
			r.fire(StreamUpdatedObject)
		}
	}
	f.Status = r.closed("status", true, "enabled", "paused", "disabled")
	f.StatusReason = r.text("reason", false)
}
