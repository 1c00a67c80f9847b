package poller

// Parsers of outside bytes, for the tests.

// ParsePoll returns keys, raw values and whether each is bad, and moreAvailable.
func ParsePoll(body []byte) (tokens []Token, more bool, err error) {
	a, err := parsePoll(body)
	return a.tokens, a.more, err
}

// ParseMetadata reads transmitter metadata and returns its key set address.
func ParseMetadata(body []byte, issuer string) (string, error) {
	m, err := parseMetadata(body, issuer)
	return m.JWKSURI, err
}

// ParseStreams returns the ids of the streams in an answer.
func ParseStreams(body []byte) ([]string, error) {
	list, err := parseStreams(body)
	var ids []string
	for _, c := range list {
		ids = append(ids, c.StreamID)
	}
	return ids, err
}

// ParseAuthServer returns the token endpoint.
func ParseAuthServer(body []byte, issuer string) (string, error) {
	a, err := parseAuthServer(body, issuer)
	return a.TokenEndpoint, err
}

// ParseStatus returns a stream's status.
func ParseStatus(body []byte) (string, error) {
	s, err := parseStatus(body)
	return s.Status, err
}

var (
	InsertWellKnown = insertWellKnown
	EventURIs       = eventURIs
	WithStream      = withStream
	Printable       = printable
	SameText        = sameText
	ParseResource   = parseProtectedResource
)

// StopTicks is cron as it is while it waits for a wall clock that was set back.
func (s *Scheduler) StopTicks() { s.cron.Stop() }
