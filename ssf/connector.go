package ssf

import "fmt"

// Kind is what an action does. Kinds are distinct: Harken never silently does something weaker or stronger than was chosen.
type Kind string

// The kinds of action.
const (
	KindTerminateSession    Kind = "terminate_session"
	KindTerminateSessions   Kind = "terminate_sessions"
	KindDisableAccount      Kind = "disable_account"
	KindDisableAndTerminate Kind = "disable_and_terminate"
	KindEnableAccount       Kind = "enable_account"
	KindRequireReauth       Kind = "require_reauth"
	KindStepUp              Kind = "step_up"
	KindRevokeTokens        Kind = "revoke_tokens"
	KindEndAllAccess        Kind = "end_all_access"
	KindEmitEvent           Kind = "emit_event"
	KindNotify              Kind = "notify"
)

// Kinds lists all.
func Kinds() []Kind {
	return []Kind{
		KindTerminateSession, KindTerminateSessions, KindDisableAccount, KindDisableAndTerminate, KindEnableAccount,
		KindRequireReauth, KindStepUp, KindRevokeTokens, KindEndAllAccess, KindEmitEvent, KindNotify,
	}
}

// Valid reports whether k is one of Kinds.
func (k Kind) Valid() bool {
	for _, known := range Kinds() {
		if k == known {
			return true
		}
	}
	return false
}

// Disables reports whether k stops the person from signing in again.
func (k Kind) Disables() bool { return k == KindDisableAccount || k == KindDisableAndTerminate }

// Terminates reports whether k ends what the person has open.
func (k Kind) Terminates() bool {
	switch k {
	case KindTerminateSession, KindTerminateSessions, KindDisableAndTerminate, KindRevokeTokens, KindEndAllAccess:
		return true
	}
	return false
}

// OperationName names one thing that a connector can do over HTTP.
type OperationName string

// The operations of a connector document.
const (
	OpFindAccount       OperationName = "find_account"
	OpGetAccount        OperationName = "get_account"
	OpListSessions      OperationName = "list_sessions"
	OpTerminateSession  OperationName = "terminate_session"
	OpTerminateSessions OperationName = "terminate_sessions"
	OpDisableAccount    OperationName = "disable_account"
	OpEnableAccount     OperationName = "enable_account"
	OpRevokeTokens      OperationName = "revoke_tokens"
	OpRevokeKeys        OperationName = "revoke_keys"
	OpRequireReauth     OperationName = "require_reauth"
	OpStepUp            OperationName = "step_up"
)

// ConnectorSpec is a system on which Harken acts, as a person writes it.
type ConnectorSpec struct {
	ID   ConnectorID `json:"id"`
	Name string      `json:"name,omitempty"`
	// Preset names an embedded document; the spec's own operations replace those of the preset one by one.
	Preset string `json:"preset,omitempty"`
	// Source is the source whose account ids the system understands.
	Source SourceID `json:"source"`
	// URL is the base address; requests go nowhere else.
	URL  string   `json:"url"`
	Auth AuthSpec `json:"auth,omitzero"`
	// Document is what the system can do.
	Document ConnectorDocument `json:"document,omitzero"`
}

// Validate returns what is wrong, with paths below path. Whether the document's expressions compile is known to package
// respond only.
func (c ConnectorSpec) Validate(path string) (ps []Problem) {
	add := func(at, format string, args ...any) {
		ps = append(ps, Problem{Path: join(path, at), Message: fmt.Sprintf(format, args...)})
	}
	if err := CheckSlug(string(c.ID)); err != nil {
		add("id", "%v", err)
	}
	if err := CheckSlug(string(c.Source)); err != nil {
		add("source", "name the source whose account ids this system understands")
	}
	if problem := checkURL(c.URL, true); problem != "" {
		add("url", "%s", problem)
	}
	if c.Preset == "" && len(c.Document.Operations) == 0 {
		add("preset", "name a preset, or write document.operations")
	}
	return append(ps, c.Auth.Validate(join(path, "auth"))...)
}

// Connector is a connector as the store holds it.
type Connector struct {
	Spec     ConnectorSpec `json:"spec"`
	Origin   Origin        `json:"origin"`
	Revision uint64        `json:"revision"`
	Retired  bool          `json:"retired,omitempty"`
}
