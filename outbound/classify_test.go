package outbound_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"harken/outbound"
)

func TestClassify(t *testing.T) {
	for status, want := range map[int]outbound.Class{
		200: outbound.ClassOK, 201: outbound.ClassOK, 204: outbound.ClassOK, 304: outbound.ClassOK, 202: outbound.ClassAccepted,
		302: outbound.ClassRedirect, 400: outbound.ClassBadRequest, 422: outbound.ClassBadRequest,
		401: outbound.ClassUnauthorized, 403: outbound.ClassForbidden, 404: outbound.ClassNotFound, 410: outbound.ClassNotFound,
		405: outbound.ClassNotOffered, 409: outbound.ClassConflict, 413: outbound.ClassTooLarge, 414: outbound.ClassTooLarge,
		431: outbound.ClassTooLarge, 429: outbound.ClassThrottled, 408: outbound.ClassServer, 500: outbound.ClassServer,
		503: outbound.ClassServer, 599: outbound.ClassServer, 999: outbound.ClassNetwork, 0: outbound.ClassNetwork,
	} {
		if got := outbound.Classify(&outbound.Response{Status: status}, nil); got != want {
			t.Errorf("%d: got %v, want %v", status, got, want)
		}
	}
	if got := outbound.Classify(nil, errors.New("x")); got != outbound.ClassNetwork {
		t.Errorf("error: got %v, want network", got)
	}
	if got := outbound.Classify(nil, nil); got != outbound.ClassNetwork {
		t.Errorf("nothing: got %v, want network", got)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "-5": 0, "1.5": 0, "soon": 0, "3600": time.Hour,
		"3601": time.Hour, "99999999999999999999999": time.Hour,
		"Sun, 01 Nov 2026 12:00:30 GMT": 30 * time.Second, "Sun, 01 Nov 2026 11:00:00 GMT": 0,
		"Tue, 01 Nov 2044 12:00:00 GMT": time.Hour, "Sunday, 01-Nov-26 12:01:00 GMT": time.Minute,
	} {
		if got := outbound.RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	high, low := func() float64 { return 1 }, func() float64 { return 0 }
	for _, c := range []struct {
		failures int
		after    time.Duration
		rnd      func() float64
		want     time.Duration
	}{
		{0, 0, high, 0},
		{-1, 5 * time.Second, high, 5 * time.Second},
		{1, 0, nil, time.Second},
		{1, 0, high, time.Second},
		{1, 0, low, 250 * time.Millisecond},
		{4, 0, high, 8 * time.Second},
		{9, 0, high, 256 * time.Second},
		{10, 0, high, 5 * time.Minute},
		{1 << 40, 0, high, 5 * time.Minute},
		{1 << 40, 0, low, 75 * time.Second},
		{3, time.Minute, high, time.Minute},
		{30, time.Minute, high, 5 * time.Minute},
		{1, 5 * time.Hour, high, time.Hour},
		{2, -time.Hour, high, 2 * time.Second},
		{1, 0, func() float64 { return 7 }, time.Second},
		{1, 0, func() float64 { return -7 }, 250 * time.Millisecond},
	} {
		if got := outbound.Backoff(c.failures, c.after, c.rnd); got != c.want {
			t.Errorf("%d failures, retry after %v: got %v, want %v", c.failures, c.after, got, c.want)
		}
	}
}

// attempts counts the requests of an hour to a peer that always fails.
func attempts(rnd func() float64) int {
	n := 0
	for at := time.Duration(0); at < time.Hour; n++ {
		at += outbound.Backoff(n+1, 0, rnd)
	}
	return n
}

func TestBackoffPace(t *testing.T) {
	if got := attempts(func() float64 { return 0 }); got > 70 {
		t.Errorf("the least random numbers: got %d requests an hour, want at most 70", got)
	}
	most := 0
	for seed := range uint64(5000) {
		most = max(most, attempts(rand.New(rand.NewPCG(seed, 1)).Float64))
	}
	if most > 70 || most < 20 {
		t.Errorf("over 5000 seeds: got up to %d requests an hour, want 20 to 70", most)
	}
	t.Logf("at worst %d, over 5000 seeds %d", attempts(func() float64 { return 0 }), most)
}
