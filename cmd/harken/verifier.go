package main

import (
	"time"

	"harken/poller"
	"harken/secevent"
)

// newVerifier joins the poller with the one door for tokens: neither package knows the other.
func newVerifier(c poller.VerifierConfig) (poller.Verifier, poller.Keys, error) {
	set, err := secevent.NewKeySet(secevent.KeySetConfig{URL: c.KeysURL, Fetch: c.Fetch, Now: time.Now})
	if err != nil {
		return nil, nil, err
	}
	v, err := secevent.NewVerifier(secevent.Config{
		Transmitter: c.Transmitter, Issuer: c.Issuer, Audience: c.Audience, Algorithms: c.Algorithms, Strict: c.Strict,
		Tolerances: c.Tolerances, Keys: set, Now: time.Now,
	})
	return v, keySet{set}, err
}

// keySet shows a key set as the poller wants to see it.
type keySet struct{ *secevent.KeySet }

// Status implements poller.Keys.
func (k keySet) Status() poller.KeyStatus {
	s := k.State()
	return poller.KeyStatus{Count: s.Usable, FetchedAt: s.FetchedAt, RefreshAt: s.NextAt, Generation: s.Generation, Error: s.Error}
}
