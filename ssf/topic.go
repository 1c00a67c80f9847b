package ssf

// TopicKind is a class of committed changes.
type TopicKind string

// The classes that can be watched.
const (
	TopicLog         TopicKind = "log"         // an event was appended
	TopicInbox       TopicKind = "inbox"       // a match, severity or triage state changed
	TopicEvent       TopicKind = "event"       // one event's state or runs changed; id = Seq
	TopicIdentity    TopicKind = "identity"    // one identity, its accounts, events or runs changed; id = IdentityID
	TopicRuns        TopicKind = "runs"        // any run changed
	TopicJobs        TopicKind = "jobs"        // job history was written
	TopicTransmitter TopicKind = "transmitter" // a transmitter's spec, state or undecided queue changed; id = TransmitterID
	TopicSources     TopicKind = "sources"     // a sync changed something
	TopicSessions    TopicKind = "sessions"    // a dashboard session ended; id = SessionHandle
)

// Topic is what a consumer waits for. An empty ID means every member of the class.
type Topic struct {
	Kind TopicKind
	ID   string
}
