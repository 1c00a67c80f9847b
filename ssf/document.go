package ssf

// ConnectorDocument is what a system can do: each operation as HTTP requests, and how to read the answers. Presets and
// administrators write the same form. Text in "${…}" is a CEL expression whose value is escaped for its place.
type ConnectorDocument struct {
	// Title is the system's name for people.
	Title string `json:"title,omitempty"`
	// Operations are what the system can do; what is not here it cannot.
	Operations map[OperationName]Operation `json:"operations,omitempty"`
	// Residual is how long access may live on after a confirmed end, for example a token's life. Zero: none known.
	Residual Duration `json:"residual,omitzero"`
	// IdentityProvider is set for the system where people sign in: it goes first.
	IdentityProvider bool `json:"identity_provider,omitempty"`
}

// Operation is one or more requests that together do one thing.
type Operation struct {
	Requests []OperationRequest `json:"requests"`
	// ForEach names the operation whose items the requests are repeated for: list_sessions.
	ForEach OperationName `json:"for_each,omitempty"`
	// Idempotent is set where repeating the request does no harm: after a crash it is then repeated without a person.
	Idempotent bool `json:"idempotent,omitempty"`
}

// OperationRequest is one HTTP request.
type OperationRequest struct {
	Method string `json:"method"`
	// Path are the segments below the connector's URL, each escaped by itself.
	Path    []string          `json:"path"`
	Query   map[string]string `json:"query,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	// JSON or Form is the body; both empty is none. JSON is an object or a list; its values may be strings with "${…}",
	// numbers, booleans, lists and objects. A string that is one expression and nothing else takes that value's own type.
	JSON any               `json:"json,omitempty"`
	Form map[string]string `json:"form,omitempty"`
	// Answers are tried in order; the first that fits decides. An answer that none fits is a failure to retry for 429 and
	// 5xx, else a refusal.
	Answers []OperationAnswer `json:"answers"`
}

// AnswerMeaning says what an answer means.
type AnswerMeaning string

// The meanings.
const (
	AnswerSuccess  AnswerMeaning = "success"
	AnswerAlready  AnswerMeaning = "already"
	AnswerAccepted AnswerMeaning = "accepted"
	AnswerNotFound AnswerMeaning = "not_found"
	AnswerRetry    AnswerMeaning = "retry"
	AnswerRefused  AnswerMeaning = "refused"
)

// OperationAnswer reads one kind of answer.
type OperationAnswer struct {
	// Status lists the status codes; empty fits every 2xx.
	Status []int `json:"status,omitempty"`
	// When is a CEL condition over "body" and "status"; empty fits. A body that is not JSON fits no condition.
	When    string        `json:"when,omitempty"`
	Meaning AnswerMeaning `json:"meaning"`
	// Account reads account members and Sessions a list of sessions from the body, each by CEL expressions.
	Account  *AccountReading  `json:"account,omitempty"`
	Sessions *SessionsReading `json:"sessions,omitempty"`
}

// AccountReading reads an account from "body". Each member is a CEL expression.
type AccountReading struct {
	// ID must give the id that was asked for: an answer about somebody else is never believed.
	ID string `json:"id"`
	// Enabled gives whether the person can sign in; empty where the system does not tell.
	Enabled string `json:"enabled,omitempty"`
	Name    string `json:"name,omitempty"`
}

// SessionsReading reads a list of sessions: Items from "body", the rest from each "item". Each member is a CEL expression.
type SessionsReading struct {
	Items string `json:"items"`
	ID    string `json:"id"`
	// Account gives the session's account, which must be the one asked for; empty where the items do not tell.
	Account string `json:"account,omitempty"`
	// Started and LastSeen give a timestamp, or text as in RFC 3339.
	Started  string `json:"started,omitempty"`
	LastSeen string `json:"last_seen,omitempty"`
	Device   string `json:"device,omitempty"`
	Place    string `json:"place,omitempty"`
}
