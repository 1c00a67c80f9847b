package correlate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"harken/ssf"
)

const (
	consumer  = "correlate"
	batchSize = 500
	leaseTime = 30 * time.Second
	idleWait  = 5 * time.Second
)

// Config holds what a Correlator and a Syncer need beside the store.
type Config struct {
	// Holder names this process in leases; it must differ between replicas.
	Holder string
	Now    func() time.Time
	Logger *slog.Logger
	// Mint returns a new, unguessable identity id.
	Mint func() ssf.IdentityID
}

func (c Config) check() error {
	if c.Holder == "" || c.Now == nil || c.Logger == nil || c.Mint == nil {
		return errors.New("correlate: holder, clock, logger and minting are needed")
	}
	return nil
}

// Correlator matches events to identities. Its methods may be called concurrently.
type Correlator struct {
	cfg   Config
	store Store
}

// New returns a Correlator; it does nothing until Run.
func New(cfg Config, store Store) (*Correlator, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Correlator{cfg: cfg, store: store}, nil
}

// Run correlates events as they are committed, and uncorrelated ones again when people or transmitters changed, until ctx
// ends. It returns nil on a clean stop; a fault of the store is logged and tried again.
func (c *Correlator) Run(ctx context.Context) error {
	events, stopEvents := c.store.Watch(ssf.Topic{Kind: ssf.TopicLog})
	defer stopEvents()
	changes, stopChanges := c.store.Watch(ssf.Topic{Kind: ssf.TopicSources}, ssf.Topic{Kind: ssf.TopicTransmitter})
	defer stopChanges()
	timer := time.NewTimer(0)
	defer timer.Stop()
	again := true // people may have changed while the program was down
	for {
		if err := c.round(ctx, again); err == nil {
			again = false
		} else if ctx.Err() == nil && !errors.Is(err, ssf.ErrConflict) {
			c.cfg.Logger.Warn("correlation will be tried again", "err", err)
		}
		timer.Reset(idleWait)
		select {
		case <-ctx.Done():
			return nil
		case <-events:
		case <-changes:
			again = true
		case <-timer.C:
		}
	}
}

// round drains the log, and goes through the uncorrelated events where asked.
func (c *Correlator) round(ctx context.Context, again bool) error {
	if err := c.drain(ctx); err != nil {
		return err
	}
	if again {
		return c.rematch(ctx)
	}
	return nil
}

// write commits results under the lease, which it takes or renews.
func (c *Correlator) write(ctx context.Context, results []ssf.MatchResult, upTo ssf.Seq) error {
	lease, err := c.store.Lease(ctx, consumer, c.cfg.Holder, leaseTime)
	if err != nil {
		return err
	}
	if err := c.store.PutMatches(ctx, ssf.System(consumer), lease, results, upTo); err != nil {
		return fmt.Errorf("write matches: %w", err)
	}
	return nil
}

// drain correlates until the cursor stands at the head of the log.
func (c *Correlator) drain(ctx context.Context) error {
	for {
		events, err := c.store.EventsAfter(ctx, consumer, batchSize)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if len(events) == 0 {
			return nil
		}
		results, err := c.Match(ctx, events)
		if err != nil {
			return err
		}
		if err := c.write(ctx, results, events[len(events)-1].Seq); err != nil {
			return err
		}
	}
}

// rematch judges uncorrelated events again and writes those whose answer changed.
func (c *Correlator) rematch(ctx context.Context) error {
	after := ssf.Seq(0)
	for {
		events, err := c.store.Uncorrelated(ctx, after, batchSize)
		if err != nil {
			return fmt.Errorf("read the uncorrelated events: %w", err)
		}
		if len(events) == 0 {
			return nil
		}
		after = events[len(events)-1].Seq
		results, err := c.Match(ctx, events)
		if err != nil {
			return err
		}
		found := results[:0]
		for _, r := range results {
			if r.Match.State == ssf.MatchFound {
				found = append(found, r)
			}
		}
		if len(found) == 0 {
			continue
		}
		if err := c.write(ctx, found, 0); err != nil {
			return err
		}
	}
}

// Match finds whom each event is about and how urgent it is, without writing anything.
func (c *Correlator) Match(ctx context.Context, events []ssf.Event) ([]ssf.MatchResult, error) {
	m, err := newMatcher(ctx, c.store)
	if err != nil {
		return nil, err
	}
	results := make([]ssf.MatchResult, 0, len(events))
	now := c.cfg.Now()
	for _, e := range events {
		match, privileged, err := c.judge(ctx, m, e)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.Seq, err)
		}
		match.At = now
		results = append(results, ssf.MatchResult{Seq: e.Seq, Match: match, Severity: ssf.SeverityOf(e, privileged)})
	}
	return results, nil
}

// judge matches one event. A record that cannot be read leaves its event uncorrelated and shown, so that it holds up no
// other; a store that cannot serve at all is an error.
func (c *Correlator) judge(ctx context.Context, m *matcher, e ssf.Event) (match ssf.Match, privileged bool, err error) {
	match, err = m.match(ctx, e)
	if err == nil && match.State == ssf.MatchFound {
		var id ssf.Identity
		id, err = c.store.Identity(ctx, match.Identity)
		privileged = id.Has(ssf.LabelPrivileged)
	}
	if err == nil || ctx.Err() != nil || errors.Is(err, ssf.ErrUnavailable) {
		return match, privileged, err
	}
	c.cfg.Logger.Error("a record cannot be read: its event stays without a person", "event", e.Seq, "err", err)
	return ssf.Match{State: ssf.MatchNone, Reason: ssf.ReasonUnreadable, Tries: match.Tries}, false, nil
}

// same reports whether two accounts say the same, the time of writing aside.
func same(a, b ssf.Account) bool {
	a.UpdatedAt, b.UpdatedAt = time.Time{}, time.Time{}
	if len(a.Labels) == 0 && len(b.Labels) == 0 {
		a.Labels, b.Labels = nil, nil
	}
	return reflect.DeepEqual(a, b)
}
