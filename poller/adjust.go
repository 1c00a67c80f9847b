package poller

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"harken/outbound"
	"harken/ssf"
)

func seconds(n int64) ssf.Duration { return ssf.Duration(time.Duration(n) * time.Second) }

// adjust changes events and description of a stream that Harken manages where they differ (SSF §8.1.1.3). A transmitter
// that refuses is no reason not to poll: what it delivers is what its configuration says.
func (f *feed) adjust(ctx context.Context, l *link, c streamConfig) (streamConfig, error) {
	events, err := eventURIs(l.spec.Stream.Events)
	if err != nil {
		return c, fail(StepStream, "correct stream.events", "%w", err)
	}
	if sameSet(events, c.EventsRequested) && sameText(c.Description, f.description(l)) {
		return c, nil
	}
	body := streamRequest{StreamID: c.StreamID, Events: events, Description: f.description(l)}
	r := outbound.Request{Method: http.MethodPatch, URL: l.meta.ConfigurationEndpoint}
	list, err := f.manage(ctx, l, "update stream", r, body)
	if errors.Is(err, errNotOffered) {
		// Replacing deletes what is left out, so delivery is named too.
		body.Delivery, r.Method = &deliverySet{Method: methodPoll}, http.MethodPut
		list, err = f.manage(ctx, l, "replace stream", r, body)
	}
	if err != nil {
		if outbound.KindOf(err) != outbound.KindUnknown || ctx.Err() != nil {
			return c, err
		}
		f.log.Warn("stream not updated", "err", err)
		return c, nil
	}
	if len(list) != 1 || list[0].StreamID != c.StreamID {
		return c, nil // accepted for later (202), or without a body
	}
	if err := f.checkStream(l, list[0]); err != nil {
		return c, err
	}
	return list[0], f.adopt(ctx, l, list[0], ssf.Change{Action: "stream.updated", Detail: "stream " + c.StreamID})
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// readStatus reads the stream's status, which wins over what events say. A transmitter without status endpoint, or a
// stream whose id nobody named, has none.
func (f *feed) readStatus(ctx context.Context, l *link) error {
	id := f.snapshot().Stream.ID
	if l.meta.StatusEndpoint == "" || id == "" {
		return nil
	}
	at, err := withStream(l.meta.StatusEndpoint, id)
	if err != nil {
		return fail(StepStream, "", "%w", err)
	}
	resp, err := l.client.GetJSON(ctx, outbound.Request{URL: at, Auth: l.cred}, nil)
	switch class := outbound.Classify(resp, err); {
	case class == outbound.ClassNotFound:
		return f.setStatus(ctx, streamStatus{Status: statusLost, Reason: "the transmitter does not know the stream"})
	case class == outbound.ClassNotOffered:
		return nil
	case class != outbound.ClassOK:
		return explain(StepStream, "read status", l.client, l.name(), resp, err)
	}
	s, err := parseStatus(resp.Body)
	if err == nil && s.StreamID != "" && s.StreamID != id {
		err = errors.New("the answer is about another stream")
	}
	if err != nil {
		return fail(StepStream, "", "read status: %w", err)
	}
	return f.setStatus(ctx, s)
}

// setStatus stores a status; a change of it is audited.
func (f *feed) setStatus(ctx context.Context, s streamStatus) error {
	old := f.snapshot().Stream.Status
	var change ssf.Change
	if old != s.Status {
		change = ssf.Change{Action: "stream.status", Detail: firstOf(old, "unknown") + " to " + s.Status}
	}
	return f.update(ctx, change, func(st *ssf.TransmitterState) {
		st.Stream.Status, st.Stream.StatusReason, st.Stream.StatusAt = s.Status, s.Reason, f.now()
	})
}

// enable asks for a stream that Harken created or took over to be enabled.
func (f *feed) enable(ctx context.Context, l *link) error {
	if l.meta.StatusEndpoint == "" {
		return nil
	}
	body := streamStatusRequest{StreamID: l.stream, Status: statusEnabled}
	resp, err := l.client.PostJSON(ctx, outbound.Request{URL: l.meta.StatusEndpoint, Auth: l.cred}, body, nil)
	if class := outbound.Classify(resp, err); !class.Succeeded() {
		f.log.Warn("stream not enabled", "err", explain(StepStream, "enable stream", l.client, l.name(), resp, err))
		return nil
	}
	if err := f.readStatus(ctx, l); err != nil {
		f.log.Warn("stream status not read", "err", err)
	}
	return nil
}

type streamStatusRequest struct {
	StreamID string `json:"stream_id"`
	Status   string `json:"status"`
}

// taken reports whether another transmitter of ours reads that stream.
func (s *Service) taken(by ssf.TransmitterID, issuer, stream string) bool {
	for _, f := range s.all() {
		if f.id != by && f.transmitter().Spec.Issuer == issuer && f.snapshot().Stream.ID == stream {
			return true
		}
	}
	return false
}
