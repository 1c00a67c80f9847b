package words

import (
	"strings"

	"harken/ssf/payload"
)

// Happening is what Event and Title speak of.
type Happening struct {
	// Type is the event's URI, Payload its decoded members.
	Type    string
	Payload payload.Fields
	// From is the transmitter, Who the person; both foreign text. An empty Who is somebody unknown.
	From, Who string
	// OneSession says that the subject names a single session.
	OneSession bool
}

func (h Happening) who() string {
	if h.Who == "" {
		return "somebody unknown"
	}
	return h.Who
}

func (h Happening) from() string {
	if h.From == "" {
		return "the transmitter"
	}
	return h.From
}

// Title is what happened in few words, for lists: "Session ended: policy violation".
func Title(h Happening) string {
	switch h.Type {
	case payload.SessionRevoked:
		switch h.Payload.InitiatingEntity {
		case "policy":
			return "Sessions ended by a policy"
		case "admin":
			return "Sessions ended by an administrator"
		case "user":
			return "Signed out"
		case "system":
			return "Session ended by the system"
		}
		return "Session ended"
	case payload.CredentialChange:
		return sentenceCase(credential(h.Payload)) + " " + changed(h.Payload.ChangeType)
	case payload.Verification:
		return "Stream test answered"
	case payload.StreamUpdated:
		if h.Payload.Status != "" {
			return "Stream " + h.Payload.Status
		}
		return "Stream updated"
	}
	if title, ok := titles[h.Type]; ok {
		return title
	}
	return "Event of another kind: " + TypeName(h.Type)
}

// Event is what happened in one sentence, without a full stop: "okta-prod ended all sessions of Ada Lindqvist because a
// policy was violated".
func Event(h Happening) string {
	switch h.Type {
	case payload.SessionRevoked:
		return sessionSentence(h)
	case payload.CredentialChange:
		by := ""
		switch h.Payload.InitiatingEntity {
		case "admin":
			by = ", by an administrator"
		case "policy":
			by = ", by a policy"
		case "user":
			by = ", by themselves"
		case "system":
			by = ", by the system"
		}
		return "The " + credential(h.Payload) + " of " + h.who() + " was " + changed(h.Payload.ChangeType) + by + ", says " + h.from()
	case payload.Verification:
		return sentenceCase(h.from()) + " answered the test of its stream"
	case payload.StreamUpdated:
		return sentenceCase(h.from()) + " says that its stream is " + orElse(h.Payload.Status, "changed")
	}
	if title, ok := titles[h.Type]; ok {
		return title + ": " + h.who() + ", says " + h.from()
	}
	return h.from() + " reports “" + TypeName(h.Type) + "” about " + h.who()
}

func sessionSentence(h Happening) string {
	what := "the sessions of "
	if h.OneSession {
		what = "one session of "
	}
	switch h.Payload.InitiatingEntity {
	case "policy":
		return h.from() + " ended " + what + h.who() + " because a policy was violated"
	case "admin":
		return "An administrator ended " + what + h.who() + " in " + h.from()
	case "user":
		return sentenceCase(h.who()) + " signed out of " + h.from()
	case "system":
		return h.from() + " ended " + what + h.who() + " by itself"
	}
	return h.from() + " ended " + what + h.who() + " and does not say why"
}

// TypeName is the last part of an event type: "session-revoked".
func TypeName(uri string) string {
	s := strings.TrimRight(uri, "/")
	if i := strings.LastIndexAny(s, "/:"); i >= 0 && i+1 < len(s) {
		return s[i+1:]
	}
	return orElse(s, "unnamed")
}

// Spec is the family of an event type: "CAEP", "RISC", "SSF", "SCIM", or empty.
func Spec(uri string) string {
	switch {
	case strings.HasPrefix(uri, payload.CAEPBase):
		return "CAEP"
	case strings.HasPrefix(uri, payload.RISCBase):
		return "RISC"
	case strings.HasPrefix(uri, payload.SSFBase):
		return "SSF"
	case strings.HasPrefix(strings.ToLower(uri), "urn:ietf:params:scim:event:"):
		return "SCIM"
	}
	return ""
}

// By says who began it: "a policy"; empty where that was not said.
func By(entity string) string {
	switch entity {
	case "admin":
		return "an administrator"
	case "user":
		return "the person themselves"
	case "policy":
		return "a policy, not a person"
	case "system":
		return "the system by itself"
	}
	return ""
}

// titles are those of types without decoded members of their own (CAEP §3, RISC §2).
var titles = map[string]string{
	payload.CAEPBase + "token-claims-change":                "Token claims changed",
	payload.CAEPBase + "assurance-level-change":             "Assurance level changed",
	payload.CAEPBase + "device-compliance-change":           "Device compliance changed",
	payload.CAEPBase + "session-established":                "Session established",
	payload.CAEPBase + "session-presented":                  "Session seen",
	payload.CAEPBase + "risk-level-change":                  "Risk level changed",
	payload.RISCBase + "account-credential-change-required": "A new credential is required",
	payload.RISCBase + "account-purged":                     "Account deleted for good",
	payload.RISCBase + "account-disabled":                   "Account disabled",
	payload.RISCBase + "account-enabled":                    "Account enabled",
	payload.RISCBase + "identifier-changed":                 "Identifier changed",
	payload.RISCBase + "identifier-recycled":                "Identifier given to somebody else",
	payload.RISCBase + "credential-compromise":              "Credential compromised",
	payload.RISCBase + "recovery-activated":                 "Account recovery begun",
	payload.RISCBase + "recovery-information-changed":       "Recovery information changed",
	payload.RISCBase + "sessions-revoked":                   "All sessions ended",
}

// credential names the credential of a credential-change, as CAEP §3.3.1 lists them.
func credential(f payload.Fields) string {
	switch f.CredentialType {
	case "password":
		return "password"
	case "pin":
		return "PIN"
	case "x509":
		return "certificate"
	case "fido2-platform", "fido2-roaming", "fido-u2f":
		return "passkey"
	case "verifiable-credential":
		return "verifiable credential"
	case "phone-voice", "phone-sms":
		return "phone factor"
	case "app":
		return "authenticator app"
	case "":
		return "credential"
	}
	return "credential " + f.CredentialType
}

func changed(change string) string {
	switch change {
	case "create":
		return "added"
	case "revoke":
		return "revoked"
	case "delete":
		return "removed"
	}
	return "changed"
}

func sentenceCase(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
