package secevent_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/secevent"
	"harken/secevent/seceventtest"
	"harken/ssf"
)

const (
	issuer   = "https://tx.example.com"
	audience = "https://rx.example.net"
	revoked  = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
)

// keyOf mints each test key once: RSA keys take their time.
var keyOf = sync.OnceValue(func() map[string]*seceventtest.Key {
	minted := map[string]*seceventtest.Key{}
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		minted[alg] = seceventtest.MustKey(alg, "k-"+alg)
	}
	return minted
})

// claims returns sound claims, changed by with: a nil value takes a claim away.
func claims(with map[string]any) map[string]any {
	c := map[string]any{
		"iss": issuer, "aud": audience, "jti": "j-1", "iat": 1767225600, "txn": "t-1",
		"sub_id": map[string]any{"format": "email", "email": "Ada@Example.com"},
		"events": map[string]any{revoked: map[string]any{"initiating_entity": "admin"}},
	}
	maps.Copy(c, with)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func sign(t testing.TB, k *seceventtest.Key, header any, c any) string {
	t.Helper()
	data, ok := c.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(c, json.Deterministic(true)); err != nil {
			t.Fatal(err)
		}
	}
	token, err := seceventtest.Sign(k, header, data)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func jwks(t testing.TB, keys ...*seceventtest.Key) []byte {
	t.Helper()
	set, err := seceventtest.JWKS(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func static(t testing.TB, keys ...*seceventtest.Key) *secevent.StaticKeys {
	t.Helper()
	source, _, err := secevent.NewStaticKeys(jwks(t, keys...))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func verifier(t testing.TB, keys secevent.KeySource, change func(*secevent.Config)) *secevent.Verifier {
	t.Helper()
	cfg := secevent.Config{
		Transmitter: "tx", Issuer: issuer, Audience: []string{audience}, Keys: keys,
		Now: func() time.Time { return time.Unix(1767225700, 0) },
	}
	if change != nil {
		change(&cfg)
	}
	v, err := secevent.NewVerifier(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// outcome names a verdict in one word: "accepted", the code of a rejection with its layer, or the reason for undecided.
func outcome(err error) string {
	var rejected *ssf.RejectError
	var undecided *ssf.UndecidedError
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &rejected):
		return string(rejected.Code) + "/" + string(rejected.Layer)
	case errors.As(err, &undecided):
		return string(undecided.Reason)
	}
	return "error: " + err.Error()
}

// endpoint is a key set document that changes, counts its fetches and can fail.
type endpoint struct {
	mu      sync.Mutex
	body    []byte
	maxAge  time.Duration
	err     error
	delay   time.Duration
	fetches atomic.Int64
}

func (e *endpoint) set(body []byte, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.body, e.err = body, err
}

func (e *endpoint) fetch(ctx context.Context, url string) ([]byte, time.Duration, error) {
	e.fetches.Add(1)
	if url != "https://tx.example.com/jwks" {
		return nil, 0, fmt.Errorf("fetch of %s, which is not the key set", url)
	}
	e.mu.Lock()
	delay := e.delay
	e.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.body), e.maxAge, e.err
}

func keySet(t testing.TB, e *endpoint, now func() time.Time) *secevent.KeySet {
	t.Helper()
	s, err := secevent.NewKeySet(secevent.KeySetConfig{URL: "https://tx.example.com/jwks", Fetch: e.fetch, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
