package poller

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"harken/outbound"
	"harken/ssf/payload"
)

// streamConfig is a stream configuration as the transmitter tells it (SSF §8.1.1).
type streamConfig struct {
	StreamID        string      `json:"stream_id"`
	Issuer          string      `json:"iss"`
	Audience        stringList  `json:"aud"`
	EventsRequested []string    `json:"events_requested"`
	EventsDelivered []string    `json:"events_delivered"`
	Delivery        deliverySet `json:"delivery"`
	MinVerification int64       `json:"min_verification_interval"`
	Inactivity      int64       `json:"inactivity_timeout"`
	Description     string      `json:"description"`
}

type deliverySet struct {
	Method      string `json:"method"`
	EndpointURL string `json:"endpoint_url"`
}

// stringList is "aud": a string or an array of strings (RFC 7519 §4.1.3).
type stringList []string

// UnmarshalJSON reads either form.
func (l *stringList) UnmarshalJSON(data []byte) error {
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '"' {
		var one string
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		*l = stringList{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return err
	}
	*l = many
	return nil
}

const (
	maxStreams  = 1000
	maxInterval = 366 * 24 * 3600 // seconds
)

// parseStreams reads what a configuration endpoint answers: an object, or an array of them. Drafts and implementations
// differ on which it is, so both are taken everywhere.
func parseStreams(body []byte) ([]streamConfig, error) {
	body = bytes.TrimSpace(body)
	var list []streamConfig
	if len(body) > 0 && body[0] == '[' {
		if err := outbound.DecodeJSON(body, &list); err != nil {
			return nil, err
		}
	} else {
		var one streamConfig
		if err := outbound.DecodeJSON(body, &one); err != nil {
			return nil, err
		}
		list = []streamConfig{one}
	}
	if len(list) > maxStreams {
		return nil, errors.New("the transmitter lists too many streams")
	}
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (c *streamConfig) check() error {
	switch {
	case c.StreamID == "" || len(c.StreamID) > 512:
		return errors.New("a stream configuration without usable stream_id")
	case len(c.Audience) > 64 || len(c.EventsDelivered) > 1000 || len(c.EventsRequested) > 1000:
		return errors.New("a stream configuration with too long a list")
	}
	c.MinVerification = min(max(c.MinVerification, 0), maxInterval)
	c.Inactivity = min(max(c.Inactivity, 0), maxInterval)
	return nil
}

// isPoll reports whether the stream is delivered by polling. Drafts used another name for it.
func (c *streamConfig) isPoll() bool {
	return c.Delivery.Method == methodPoll || c.Delivery.Method == methodPollOld
}

// streamRequest holds the members that a receiver may supply (SSF §8.1.1.1). Nothing else is ever sent: transmitters
// refuse members of their own.
type streamRequest struct {
	StreamID    string       `json:"stream_id,omitempty"`
	Events      []string     `json:"events_requested,omitempty"`
	Delivery    *deliverySet `json:"delivery,omitempty"`
	Description string       `json:"description,omitempty"`
}

// MarshalJSON leaves endpoint_url out: for poll streams the transmitter sets it.
func (d deliverySet) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Method string `json:"method"`
	}{d.Method})
}

// streamStatus is the answer of a status endpoint (SSF §8.1.2).
type streamStatus struct {
	StreamID string `json:"stream_id"`
	Status   string `json:"status"`
	Reason   string `json:"reason"`
}

// The values of stream status, and "lost" for a stream that the transmitter no longer knows.
const (
	statusEnabled  = "enabled"
	statusPaused   = "paused"
	statusDisabled = "disabled"
	statusLost     = "lost"
)

func parseStatus(body []byte) (streamStatus, error) {
	var s streamStatus
	if err := outbound.DecodeJSON(body, &s); err != nil {
		return streamStatus{}, err
	}
	if s.Status != statusEnabled && s.Status != statusPaused && s.Status != statusDisabled {
		return streamStatus{}, fmt.Errorf("unknown stream status %q", printable(s.Status, 40))
	}
	s.Reason = printable(s.Reason, 200)
	return s, nil
}

// eventURIs turns the names of event types into URIs; a URI is one already.
func eventURIs(names []string) ([]string, error) {
	out := make([]string, 0, len(names))
	for _, name := range names {
		uri := payload.Expand(name)
		if uri == "" {
			return nil, fmt.Errorf("%q is no known event type: write its whole URI", name)
		}
		if !slices.Contains(out, uri) {
			out = append(out, uri)
		}
	}
	return out, nil
}
