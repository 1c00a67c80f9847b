package poller

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"harken/outbound"
)

// prover is verifier and key set of a transmitter, with a client of their own that may call the key set's origin alone.
// It outlives a link whose credential had to be made anew, because a key set that was fetched serves for a day even if
// it cannot be fetched again.
type prover struct {
	revision uint64
	url      string
	aud      []string
	verifier Verifier
	keys     Keys
	http     *outbound.Client

	closed  chan struct{}
	mu      sync.Mutex // guards ended, and the closing of closed
	ended   bool
	fetches sync.WaitGroup // they may outlive whoever asked
}

// prove gives l the prover in use, or a new one where specification, key set or audience changed.
func (f *feed) prove(ctx context.Context, l *link) error {
	if old := f.current(); old != nil && old.prover.revision == l.revision && old.prover.url == l.meta.JWKSURI && slices.Equal(old.prover.aud, l.audience) {
		l.prover = old.prover
		return nil
	}
	client, err := f.newClient([]string{l.pins[roleKeys]})
	if err != nil {
		return fail(StepKeys, "", "%w", err)
	}
	p := &prover{revision: l.revision, url: l.meta.JWKSURI, aud: l.audience, http: client, closed: make(chan struct{})}
	p.verifier, p.keys, err = f.svc.verifier(VerifierConfig{
		Transmitter: f.id, Issuer: l.spec.Issuer, Audience: l.audience, Algorithms: l.spec.Algorithms,
		Tolerances: l.spec.Tolerances, Strict: l.spec.Errors == "strict", KeysURL: p.url, Fetch: p.fetch,
	})
	if err != nil {
		client.Close()
		return fail(StepKeys, "check audience, algorithms and tolerances", "%w", err)
	}
	l.prover = p
	// Fetched now so that trouble shows. It is no reason not to poll: tokens that come are kept until there are keys.
	f.step(StepKeys, p.keys.Refresh(ctx))
	return nil
}

// close ends fetches under way and waits for them.
func (p *prover) close() {
	p.mu.Lock()
	if !p.ended {
		p.ended = true
		close(p.closed)
	}
	p.mu.Unlock()
	p.fetches.Wait()
	p.http.Close()
}

// fetch reads the key set, without credential.
func (p *prover) fetch(ctx context.Context, url string) ([]byte, time.Duration, error) {
	if url != p.url {
		return nil, 0, errors.New("not the transmitter's key set")
	}
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return nil, 0, errors.New("the connection has ended")
	}
	p.fetches.Add(1)
	p.mu.Unlock()
	defer p.fetches.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	none := authName{method: "none"}
	resp, err := p.http.GetJSON(ctx, outbound.Request{URL: url, MaxBody: maxMetadata}, nil)
	if err != nil {
		return nil, 0, explainError(StepKeys, "get key set", none, err)
	}
	if resp.Status != http.StatusOK {
		return nil, 0, explain(StepKeys, "get key set", p.http, none, resp, nil)
	}
	return resp.Body, maxAge(resp.Header), nil
}

// maxAge reads how long an answer may be kept (RFC 9111 §5.2.2.1); zero if it does not say.
func maxAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(directive)), "max-age=")
		if n, err := strconv.Atoi(strings.Trim(value, `"`)); ok && err == nil && n > 0 {
			return time.Duration(min(n, maxInterval)) * time.Second
		}
	}
	return 0
}
