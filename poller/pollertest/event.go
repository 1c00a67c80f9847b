package pollertest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The event types that have helpers here.
const (
	TypeSessionRevoked   = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"   // CAEP §3.1
	TypeCredentialChange = "https://schemas.openid.net/secevent/caep/event-type/credential-change" // CAEP §3.3
	TypeVerification     = "https://schemas.openid.net/secevent/ssf/event-type/verification"       // SSF §8.1.4
	TypeStreamUpdated    = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated"     // SSF §8.1.5

	caepBase = "https://schemas.openid.net/secevent/caep/event-type/"
)

// Event is what a transmitter has to say; Send turns it into a SET for each stream.
type Event struct {
	// Type is the event's URI. A name without a colon is a CAEP type: "session-revoked".
	Type string
	// Subject is the subject identifier (RFC 9493), from Email, IssSub, Opaque, Complex or as raw JSON. Nil leaves
	// "sub_id" out.
	Subject jsontext.Value
	// Payload is the event's payload. Nil is the empty one.
	Payload map[string]any
	// Initiator becomes "initiating_entity" and Reason "reason_admin" in English (CAEP §2), unless empty.
	Initiator, Reason string
	// At becomes "event_timestamp". Zero is the time of sending, unless Payload has that member.
	At time.Time
	// TXN is the "txn" (RFC 8417 §2.2). Empty mints one.
	TXN string
	// JTI is the "jti". Empty mints one.
	JTI string
	// Claims are set last on the SET: they add to the claims and replace them; a nil value removes one.
	Claims map[string]any
	// Delay keeps the SET back for that long.
	Delay time.Duration
	// Stream limits the event to one stream. Empty sends it to every stream.
	Stream string
}

// SessionRevoked says that the subject's sessions ended (CAEP §3.1).
func SessionRevoked(subject jsontext.Value) Event {
	return Event{Type: TypeSessionRevoked, Subject: subject}
}

// CredentialChange says that a credential of the subject changed (CAEP §3.3): credential "password", change "update".
func CredentialChange(subject jsontext.Value, credential, change string) Event {
	return Event{Type: TypeCredentialChange, Subject: subject, Payload: map[string]any{"credential_type": credential, "change_type": change}}
}

// Email is a subject identifier of format email (RFC 9493 §3.2.2).
func Email(address string) jsontext.Value {
	return object(map[string]any{"format": "email", "email": address})
}

// IssSub is a subject identifier of format iss_sub (RFC 9493 §3.2.3).
func IssSub(iss, sub string) jsontext.Value {
	return object(map[string]any{"format": "iss_sub", "iss": iss, "sub": sub})
}

// Opaque is a subject identifier of format opaque (RFC 9493 §3.2.4).
func Opaque(id string) jsontext.Value {
	return object(map[string]any{"format": "opaque", "id": id})
}

// Complex is a complex subject (SSF §3.3): members such as "user", "session", "device", "tenant".
func Complex(members map[string]jsontext.Value) jsontext.Value {
	all := map[string]any{"format": "complex"}
	for name, identifier := range members {
		all[name] = identifier
	}
	return object(all)
}

// object encodes maps of strings and JSON texts; only a text that is no JSON can make that fail, and then the subject
// carries it as a string, so that the mistake is seen where the SET is read.
func object(members map[string]any) jsontext.Value {
	text, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		text, _ = json.Marshal("not encodable: " + err.Error())
	}
	return text
}

var errNoType = errors.New("event has no type")

// claims builds the SET's claims, all but "iss" and "aud" which are the stream's, and "iat" which is set at signing.
func (e Event) claims(now time.Time) (map[string]any, error) {
	uri := e.Type
	if uri == "" {
		return nil, errNoType
	}
	if !strings.Contains(uri, ":") {
		uri = caepBase + uri
	}
	payload := map[string]any{}
	if strings.HasPrefix(uri, caepBase) {
		at := e.At
		if at.IsZero() {
			at = now
		}
		payload["event_timestamp"] = at.Unix()
	}
	if e.Initiator != "" {
		payload["initiating_entity"] = e.Initiator
	}
	if e.Reason != "" {
		payload["reason_admin"] = map[string]any{"en": e.Reason}
	}
	for name, value := range e.Payload {
		payload[name] = value
	}
	claims := map[string]any{"jti": e.JTI, "txn": e.TXN, "events": map[string]any{uri: payload}}
	if e.Subject != nil {
		if !e.Subject.IsValid() {
			return nil, fmt.Errorf("event %s: subject is no JSON", uri)
		}
		claims["sub_id"] = e.Subject
	}
	return claims, nil
}

// setClaims applies over to claims: nil removes.
func setClaims(claims, over map[string]any) {
	for name, value := range over {
		if value == nil {
			delete(claims, name)
		} else {
			claims[name] = value
		}
	}
}
