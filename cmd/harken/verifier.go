package main

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"harken/poller"
	"harken/secevent"
)

// newVerifier joins the poller with the one door for tokens: neither package knows the other.
func newVerifier(cfg poller.VerifierConfig) (poller.Verifier, poller.Keys, error) {
	set, err := secevent.NewKeySet(secevent.KeySetConfig{
		Now: time.Now,
		Fetch: func(ctx context.Context) ([]byte, time.Duration, error) {
			body, header, err := cfg.Fetch(ctx)
			return body, maxAge(header), err
		},
	})
	if err != nil {
		return nil, nil, err
	}
	v, err := secevent.NewVerifier(secevent.Config{
		Transmitter: cfg.Transmitter, Issuer: cfg.Issuer, Audience: cfg.Audience, Algorithms: cfg.Algorithms,
		Tolerances: cfg.Tolerances, Strict: cfg.Strict, Keys: set, Now: time.Now,
	})
	return v, keyStatus{set}, err
}

// keyStatus shows a key set as the poller wants to see it.
type keyStatus struct{ set *secevent.KeySet }

func (k keyStatus) Refresh(ctx context.Context) error { return k.set.Refresh(ctx) }

func (k keyStatus) Status() poller.KeyStatus {
	s := k.set.State()
	return poller.KeyStatus{Count: s.Count, FetchedAt: s.FetchedAt, RefreshAt: s.RefreshAt, Generation: s.Generation, Error: s.Error}
}

// maxAge reads Cache-Control's max-age (RFC 9111 §5.2.2.1); zero when there is none.
func maxAge(h http.Header) time.Duration {
	for _, directive := range strings.Split(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); strings.EqualFold(name, "max-age") && err == nil {
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}
