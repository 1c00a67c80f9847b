package poller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"harken/outbound"
	"harken/ssf"
)

// reconcile brings the stream into the wanted shape (SSF §8.1.1) and learns its poll endpoint.
func (f *feed) reconcile(ctx context.Context, l *link) error {
	l.audience = l.spec.Audience
	if l.spec.Stream.PollURL != "" {
		if err := f.usePollURL(ctx, l, l.spec.Stream.PollURL); err != nil {
			return err
		}
		return f.update(ctx, ssf.Change{}, func(st *ssf.TransmitterState) {
			st.Stream.ID, st.Stream.PollURL = l.spec.Stream.ID, l.pollURL
			st.Stream.CriticalMembers, st.Stream.DiscoveredAt = l.meta.CriticalMembers, l.at
		})
	}
	if l.meta.ConfigurationEndpoint == "" {
		return fail(StepStream, "set stream.poll_url and stream.id to what the transmitter's operator tells", "the transmitter has no configuration endpoint")
	}
	config, change, err := f.findStream(ctx, l)
	if err != nil {
		return err
	}
	if err := f.checkStream(l, config); err != nil {
		return err
	}
	if err := f.adopt(ctx, l, config, change); err != nil {
		return err
	}
	if l.spec.Stream.Manage == ssf.ManageCreate {
		if config, err = f.adjust(ctx, l, config); err != nil {
			return err
		}
	}
	if err := f.usePollURL(ctx, l, config.Delivery.EndpointURL); err != nil {
		return err
	}
	if err := f.readStatus(ctx, l); err != nil {
		f.log.Warn("stream status not read", "err", err)
	}
	if change.Action != "" && l.spec.Stream.Manage == ssf.ManageCreate && f.snapshot().Stream.Status != statusEnabled {
		return f.enable(ctx, l)
	}
	return nil
}

// findStream finds the wanted stream, or creates it. change is not zero when the stream is new to us.
func (f *feed) findStream(ctx context.Context, l *link) (streamConfig, ssf.Change, error) {
	known := f.snapshot().Stream.ID
	if l.spec.Stream.Manage != ssf.ManageCreate {
		return f.usedStream(ctx, l)
	}
	if known != "" {
		config, err := f.readStream(ctx, l, known)
		if err == nil || !errors.Is(err, ssf.ErrNotFound) {
			return config, ssf.Change{}, err
		}
	}
	// The answer to an earlier create may have been lost: list before create, always.
	list, err := f.listStreams(ctx, l)
	if err != nil {
		return streamConfig{}, ssf.Change{}, err
	}
	for _, c := range list {
		if c.StreamID == known || (c.isPoll() && c.Issuer == l.spec.Issuer && sameText(c.Description, f.description(l)) && !f.svc.taken(f.id, l.spec.Issuer, c.StreamID)) {
			return c, ssf.Change{Action: "stream.found", Detail: "stream " + c.StreamID}, nil
		}
	}
	config, err := f.createStream(ctx, l)
	if errors.Is(err, ssf.ErrConflict) {
		return f.adoptable(ctx, l)
	}
	return config, ssf.Change{Action: "stream.created", Detail: "stream " + config.StreamID}, err
}

// usedStream is the stream that the operator named, or the only one there is.
func (f *feed) usedStream(ctx context.Context, l *link) (streamConfig, ssf.Change, error) {
	if id := l.spec.Stream.ID; id != "" {
		c, err := f.readStream(ctx, l, id)
		return c, f.news(c, "stream.used"), err
	}
	list, err := f.listStreams(ctx, l)
	if err != nil {
		return streamConfig{}, ssf.Change{}, err
	}
	switch len(list) {
	case 0:
		return streamConfig{}, ssf.Change{}, fail(StepStream, "create one there, or set stream.manage: create", "the transmitter lists no stream for this client")
	case 1:
		return list[0], f.news(list[0], "stream.used"), nil
	}
	return streamConfig{}, ssf.Change{}, fail(StepStream, "set stream.id to one of them", "the transmitter lists %d streams: %s", len(list), ids(list))
}

func (f *feed) news(c streamConfig, action string) ssf.Change {
	if c.StreamID == f.snapshot().Stream.ID {
		return ssf.Change{}
	}
	return ssf.Change{Action: action, Detail: "stream " + c.StreamID}
}

func ids(list []streamConfig) string {
	var names []string
	for _, c := range list[:min(len(list), 10)] {
		names = append(names, printable(c.StreamID, 80))
	}
	return strings.Join(names, ", ")
}

// adoptable answers a 409 on create: one stream for each receiver, and there is one. It is taken only if there is no
// doubt that it may be; nobody's stream is ever deleted.
func (f *feed) adoptable(ctx context.Context, l *link) (streamConfig, ssf.Change, error) {
	list, err := f.listStreams(ctx, l)
	if err != nil {
		return streamConfig{}, ssf.Change{}, err
	}
	list = slices.DeleteFunc(list, func(c streamConfig) bool {
		return c.Issuer != l.spec.Issuer || !c.isPoll() || f.svc.taken(f.id, l.spec.Issuer, c.StreamID)
	})
	if len(list) == 1 {
		return list[0], ssf.Change{Action: "stream.adopted", Detail: "stream " + list[0].StreamID}, nil
	}
	return streamConfig{}, ssf.Change{}, fail(StepStream, "choose one with stream.manage: use and stream.id, or remove the one in the way there",
		"the transmitter allows no further stream, and %d of those it has could be ours", len(list))
}

// manage makes one call to the management API and reads the streams of its answer.
func (f *feed) manage(ctx context.Context, l *link, what string, r outbound.Request, in any) ([]streamConfig, error) {
	r.Auth = l.cred
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	resp, err := l.client.PostJSON(ctx, r, in, nil)
	if err != nil {
		return nil, explain(StepStream, what, l.client, l.name(), resp, err)
	}
	switch outbound.Classify(resp, nil) {
	case outbound.ClassOK, outbound.ClassAccepted:
	case outbound.ClassNotFound:
		e := explain(StepStream, what, l.client, l.name(), resp, nil)
		return nil, &StepError{Step: e.Step, Err: fmt.Errorf("%w: %w", e.Err, ssf.ErrNotFound), Advice: e.Advice}
	case outbound.ClassConflict:
		e := explain(StepStream, what, l.client, l.name(), resp, nil)
		return nil, &StepError{Step: e.Step, Err: fmt.Errorf("%w: %w", e.Err, ssf.ErrConflict), Advice: e.Advice}
	case outbound.ClassNotOffered:
		e := explain(StepStream, what, l.client, l.name(), resp, nil)
		return nil, &StepError{Step: e.Step, Err: fmt.Errorf("%w: %w", e.Err, errNotOffered), Advice: e.Advice}
	default:
		return nil, explain(StepStream, what, l.client, l.name(), resp, nil)
	}
	if len(resp.Body) == 0 {
		return nil, nil
	}
	list, err := parseStreams(resp.Body)
	if err != nil {
		return nil, &StepError{Step: StepStream, Err: fmt.Errorf("%s: %w", what, err), Advice: "the answer is no stream configuration" + bodyHint(resp)}
	}
	return list, nil
}

// errNotOffered marks an operation that the transmitter answers with 405.
var errNotOffered = errors.New("operation not offered")

func (f *feed) listStreams(ctx context.Context, l *link) ([]streamConfig, error) {
	list, err := f.manage(ctx, l, "list streams", outbound.Request{URL: l.meta.ConfigurationEndpoint}, nil)
	if errors.Is(err, ssf.ErrNotFound) {
		return nil, nil // some transmitters answer so instead of an empty list
	}
	return list, err
}

func (f *feed) readStream(ctx context.Context, l *link, id string) (streamConfig, error) {
	at, err := withStream(l.meta.ConfigurationEndpoint, id)
	if err != nil {
		return streamConfig{}, fail(StepStream, "", "%w", err)
	}
	list, err := f.manage(ctx, l, "read stream", outbound.Request{URL: at}, nil)
	if err != nil {
		return streamConfig{}, err
	}
	for _, c := range list {
		if c.StreamID == id {
			return c, nil
		}
	}
	return streamConfig{}, &StepError{Step: StepStream, Advice: "check the stream id", Err: fmt.Errorf("the transmitter does not know stream %s: %w", printable(id, 80), ssf.ErrNotFound)}
}

// withStream adds the stream's id to an endpoint, which may have a query already.
func withStream(endpoint, id string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("stream_id", id)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func (f *feed) createStream(ctx context.Context, l *link) (streamConfig, error) {
	events, err := eventURIs(l.spec.Stream.Events)
	if err != nil {
		return streamConfig{}, fail(StepStream, "correct stream.events", "%w", err)
	}
	body := streamRequest{Events: events, Delivery: &deliverySet{Method: methodPoll}, Description: f.description(l)}
	list, err := f.manage(ctx, l, "create stream", outbound.Request{Method: http.MethodPost, URL: l.meta.ConfigurationEndpoint}, body)
	if err != nil {
		return streamConfig{}, err
	}
	if len(list) != 1 {
		return streamConfig{}, fail(StepStream, "", "create stream: the answer holds no stream")
	}
	return list[0], nil
}

func (f *feed) description(l *link) string {
	return firstOf(l.spec.Stream.Description, "Harken "+string(f.id))
}

// sameText compares a description with what the transmitter made of it: it may cut it (SSF §8.1.1).
func sameText(there, ours string) bool {
	return there == ours || (len(there) >= 16 && strings.HasPrefix(ours, there))
}

// checkStream compares what must be right before a stream is used: issuer, delivery, audience.
func (f *feed) checkStream(l *link, c streamConfig) error {
	switch {
	case c.Issuer != l.spec.Issuer:
		return fail(StepStream, "the stream is not one of this issuer: check issuer and stream.id", "stream %s has issuer %s", printable(c.StreamID, 80), printable(c.Issuer, 200))
	case !c.isPoll():
		return fail(StepStream, "name a stream with delivery method "+methodPoll, "stream %s is delivered by %s", printable(c.StreamID, 80), printable(c.Delivery.Method, 100))
	}
	return f.chooseAudience(l, c)
}

// chooseAudience decides which "aud" values name this receiver: the configured ones, else those pinned at creation, else
// the stream's, for a stream that Harken creates.
func (f *feed) chooseAudience(l *link, c streamConfig) error {
	l.audience = l.spec.Audience
	if st := f.snapshot().Stream; len(l.audience) == 0 && st.ID == c.StreamID {
		l.audience = st.Audience
	}
	if len(l.audience) == 0 {
		l.audience = c.Audience
	}
	if slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(l.audience, a) }) {
		return nil
	}
	is := printable(strings.Join(c.Audience, ", "), 200)
	switch {
	case len(c.Audience) == 0:
		return fail(StepStream, "set audience to what the transmitter puts into aud", "the stream's configuration names no audience")
	case len(l.spec.Audience) == 0:
		return fail(StepStream, "set audience to the new value if the change is meant", "the stream's audience changed to %s", is)
	}
	return fail(StepStream, "set audience to the stream's value", "the stream is for audience %s, configured is %s", is, strings.Join(l.spec.Audience, ", "))
}

// adopt stores what the stream's configuration tells, in one transaction with the audit entry of its discovery.
func (f *feed) adopt(ctx context.Context, l *link, c streamConfig, change ssf.Change) error {
	l.stream = c.StreamID
	return f.update(ctx, change, func(st *ssf.TransmitterState) {
		s := &st.Stream
		if s.ID != c.StreamID {
			s.Pending, s.Status, s.StatusReason = nil, "", ""
		}
		s.ID, s.PollURL, s.EventsDelivered = c.StreamID, c.Delivery.EndpointURL, c.EventsDelivered
		if len(l.spec.Audience) == 0 {
			s.Audience = l.audience
		} else {
			s.Audience = nil
		}
		s.MinVerificationInterval, s.InactivityTimeout = seconds(c.MinVerification), seconds(c.Inactivity)
		s.CriticalMembers, s.DiscoveredAt = l.meta.CriticalMembers, l.at
		if s.Status == statusLost {
			s.Status, s.StatusReason = "", ""
		}
	})
}
