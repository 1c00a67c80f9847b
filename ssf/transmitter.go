package ssf

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"harken/ssf/payload"
)

// TransmitterSpec is one configured sender with one stream, as a person writes it.
type TransmitterSpec struct {
	ID   TransmitterID `json:"id"`
	Name string        `json:"name,omitempty"`
	// Issuer is compared byte for byte with the metadata, the stream and every SET (SSF §7.2, §4.1.6).
	Issuer string `json:"issuer"`
	// MetadataURL replaces the address that is derived from Issuer; the issuer in the document must match all the same.
	MetadataURL string   `json:"metadata_url,omitempty"`
	Auth        AuthSpec `json:"auth,omitzero"`
	// Audience lists the values that name this receiver. Empty with Stream.Manage create: taken from the create answer.
	Audience []string   `json:"audience,omitempty"`
	Stream   StreamSpec `json:"stream,omitzero"`
	Poll     PollSpec   `json:"poll,omitzero"`
	// SubjectID says how a subject becomes a person.
	SubjectID SubjectIDSpec `json:"subject_id,omitzero"`
	// SubjectIssuers are the "iss" values that this transmitter may speak for; empty means its own issuer alone.
	SubjectIssuers []string `json:"subject_issuers,omitempty"`
	Reach          Reach    `json:"reach,omitzero"`
	// Connectors are the event's connectors where SubjectID is by e-mail.
	Connectors []ConnectorID `json:"connectors,omitempty"`
	// Algorithms replaces the default RS256, PS256, ES256, EdDSA.
	Algorithms []string `json:"algorithms,omitempty"`
	// Errors is "tolerant" (the default) or "strict": whether what may be our own fault is reported at once.
	Errors string `json:"errors,omitempty"`
	// Tolerances names single checks that are lifted for this transmitter.
	Tolerances []string `json:"tolerances,omitempty"`
	Preset     string   `json:"preset,omitempty"`
}

// StreamSpec says which stream is read and who looks after it.
type StreamSpec struct {
	// Manage is "use" (the operator names the stream) or "create" (Harken creates it, or finds its own again).
	Manage string `json:"manage,omitempty"`
	// ID names the stream for "use"; empty there means the only stream that the transmitter lists.
	ID string `json:"id,omitempty"`
	// PollURL names the poll endpoint for a transmitter without a configuration endpoint.
	PollURL     string   `json:"poll_url,omitempty"`
	Events      []string `json:"events,omitempty"`
	Description string   `json:"description,omitempty"`
}

// The values of StreamSpec.Manage.
const (
	ManageUse    = "use"
	ManageCreate = "create"
)

// PollSpec is the rhythm of polling.
type PollSpec struct {
	// Schedule is a cron expression or "@every 10s", which is the default.
	Schedule string `json:"schedule,omitempty"`
	// LongPoll is how long a request may be held open; zero is a short poll.
	LongPoll Duration `json:"long_poll,omitzero"`
	// MaxEvents caps the SETs of one answer, 1 to 1000; zero is 100.
	MaxEvents int `json:"max_events,omitempty"`
}

// SubjectIDSpec is the configured Subject ID: by e-mail, or by the account id of a source.
type SubjectIDSpec struct {
	// Account is the source whose account ids "sub" holds; empty means by e-mail.
	Account SourceID
}

// UnmarshalJSON reads "email" or {"account": "source-id"}.
func (s *SubjectIDSpec) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == `"email"` {
		*s = SubjectIDSpec{}
		return nil
	}
	rest, ok := strings.CutPrefix(strings.Join(strings.Fields(text), ""), `{"account":"`)
	id, ok2 := strings.CutSuffix(rest, `"}`)
	if !ok || !ok2 || CheckSlug(id) != nil {
		return fmt.Errorf(`subject_id must be email or {account: SOURCE}`)
	}
	s.Account = SourceID(id)
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (s SubjectIDSpec) MarshalJSON() ([]byte, error) {
	if s.Account == "" {
		return []byte(`"email"`), nil
	}
	return fmt.Appendf(nil, `{"account":%q}`, string(s.Account)), nil
}

// Reach is what a transmitter may cause without a person. The zero value is "nothing automatic".
type Reach struct {
	EmailDomains []string `json:"email_domains,omitempty"`
	Issuers      []string `json:"issuers,omitempty"`
	Types        []string `json:"types,omitempty"`
	Kinds        []Kind   `json:"kinds,omitempty"`
}

// Validate returns what is wrong, with paths below path.
func (t TransmitterSpec) Validate(path string) (ps []Problem) {
	add := func(at, format string, args ...any) {
		ps = append(ps, Problem{Path: join(path, at), Message: fmt.Sprintf(format, args...)})
	}
	if err := CheckSlug(string(t.ID)); err != nil {
		add("id", "%v", err)
	}
	if problem := checkURL(t.Issuer, true); problem != "" {
		add("issuer", "%s", problem)
	}
	if problem := checkURL(t.MetadataURL, false); problem != "" {
		add("metadata_url", "%s", problem)
	}
	if problem := checkURL(t.Stream.PollURL, false); problem != "" {
		add("stream.poll_url", "%s", problem)
	}
	switch t.Stream.Manage {
	case ManageCreate:
		if len(t.Stream.Events) == 0 {
			add("stream.events", "name at least one event type to ask for, for example session-revoked")
		}
	case ManageUse, "":
		if len(t.Audience) == 0 {
			add("audience", "is needed unless stream.manage is create: the value of aud in SETs meant for this receiver")
		}
	default:
		add("stream.manage", "must be use or create")
	}
	for i, name := range t.Stream.Events {
		if payload.Expand(name) == "" {
			add(fmt.Sprintf("stream.events[%d]", i), "%.80q is no known event type: write its whole URI", name)
		}
	}
	if t.Poll.MaxEvents < 0 || t.Poll.MaxEvents > 1000 {
		add("poll.max_events", "must be 1 to 1000")
	}
	if d := t.Poll.LongPoll.D(); d > 10*time.Minute {
		add("poll.long_poll", "must be at most 10m")
	}
	if t.Errors != "" && t.Errors != "tolerant" && t.Errors != "strict" {
		add("errors", "must be tolerant or strict")
	}
	for i, k := range t.Reach.Kinds {
		if !k.Valid() {
			add(fmt.Sprintf("reach.kinds[%d]", i), "%q is not a kind of action", k)
		}
	}
	for i, a := range t.Algorithms {
		if !slices.Contains(SigningAlgorithms(), a) {
			add(fmt.Sprintf("algorithms[%d]", i), "%q is not allowed: use %s", a, strings.Join(SigningAlgorithms(), ", "))
		}
	}
	return append(ps, t.Auth.Validate(join(path, "auth"))...)
}

// SigningAlgorithms are the JWS algorithms that a transmitter may be allowed; the first four are the default.
func SigningAlgorithms() []string {
	return []string{"RS256", "PS256", "ES256", "EdDSA", "ES384", "RS384", "RS512", "PS384", "PS512"}
}

// checkURL says what is wrong with an address of a peer; empty is fine unless it is needed.
func checkURL(text string, needed bool) string {
	if text == "" {
		if needed {
			return "is needed"
		}
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return "must be an https address"
	case u.User != nil:
		return "must not hold a user name or password"
	case u.Fragment != "":
		return "must not hold a fragment"
	}
	return ""
}

// Transmitter is a transmitter as the store holds it.
type Transmitter struct {
	Spec   TransmitterSpec `json:"spec"`
	Origin Origin          `json:"origin"`
	// Revision grows with every change of Spec; undecided tokens that may be our own fault are judged again then.
	Revision uint64 `json:"revision"`
	// Retired is set when the object left the configuration file: it is not polled, its events stay.
	Retired bool `json:"retired,omitempty"`
}

// TransmitterState is what Harken knows of a running transmitter. It survives restarts, so that a restart neither hammers
// a peer nor forgets a Retry-After. The zero value, with ID set, is a transmitter never spoken to.
type TransmitterState struct {
	ID     TransmitterID `json:"id"`
	Poll   PollState     `json:"poll"`
	Stream StreamState   `json:"stream"`
}

// PollState is when to poll next, and how it went.
type PollState struct {
	// NextDue is when the next request may go out; zero means at once.
	NextDue time.Time `json:"next_due,omitzero"`
	// Failures counts polls without progress in a row.
	Failures int       `json:"failures,omitempty"`
	LastAt   time.Time `json:"last_at,omitzero"`
	// LastOK is the last healthy answer, an empty one included.
	LastOK time.Time `json:"last_ok,omitzero"`
	// Since is when the present trouble began; zero while healthy.
	Since time.Time `json:"since,omitzero"`
	// Step names the step that fails ("discovery", "token", "stream", "poll", "keys"), Error what happened and Advice what
	// to do; all empty while healthy.
	Step   string `json:"step,omitempty"`
	Error  string `json:"error,omitempty"`
	Advice string `json:"advice,omitempty"`
	// MaxEvents is the cap in use where it was halved because of a too large answer; zero means the configured one.
	MaxEvents int `json:"max_events,omitempty"`
	// TokenWorked is set once the peer has accepted our credential: only such a one is renewed on 401.
	TokenWorked bool `json:"token_worked,omitempty"`
}

// StreamState is what discovery and the stream's configuration told.
type StreamState struct {
	ID              string   `json:"id,omitempty"`
	Audience        []string `json:"audience,omitempty"`
	PollURL         string   `json:"poll_url,omitempty"`
	EventsDelivered []string `json:"events_delivered,omitempty"`
	// Status is "enabled", "paused", "disabled" (SSF §8.1.2), "lost" when the transmitter no longer knows the stream, or
	// empty while unknown.
	Status       string    `json:"status,omitempty"`
	StatusReason string    `json:"status_reason,omitempty"`
	StatusAt     time.Time `json:"status_at,omitzero"`
	// CriticalMembers is critical_subject_members of the metadata (SSF §7.1).
	CriticalMembers         []string `json:"critical_members,omitempty"`
	MinVerificationInterval Duration `json:"min_verification_interval,omitzero"`
	InactivityTimeout       Duration `json:"inactivity_timeout,omitzero"`
	// Origins pins scheme, host and port of each endpoint by its role; a change holds the stream.
	Origins map[string]string `json:"origins,omitempty"`
	// Held says why the stream is stopped until a person looks at it; empty while it runs.
	Held string `json:"held,omitempty"`
	// Pending are verification requests whose event has not come back yet.
	Pending []PendingVerification `json:"pending,omitempty"`
	// VerifiedAt is when a verification event of ours last came back.
	VerifiedAt   time.Time `json:"verified_at,omitzero"`
	DiscoveredAt time.Time `json:"discovered_at,omitzero"`
	// SpecRevision is the revision of the spec under which this state was made.
	SpecRevision uint64 `json:"spec_revision,omitempty"`
}

// PendingVerification is one outstanding verification request (SSF §8.1.4).
type PendingVerification struct {
	State   string    `json:"state"`
	AskedAt time.Time `json:"asked_at"`
	// SeenAt is when its event came back; it stays listed for a while, because the event may be delivered again.
	SeenAt time.Time `json:"seen_at,omitzero"`
}

// TransmitterStats are figures for the status page.
type TransmitterStats struct {
	LastEvent                 Seq
	LastEventAt               time.Time
	Undecided                 int
	UndecidedReasons          map[UndecidedReason]int
	Rejected                  int
	RepliesWaiting            int
	AcceptedToday, ConflictsN int
}
