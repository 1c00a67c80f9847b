package secevent_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"harken/secevent"
	"harken/secevent/seceventtest"
	"harken/ssf"
)

// inBubble runs f on virtual time with a verifier whose keys come from e.
func inBubble(t *testing.T, e *endpoint, f func(t *testing.T, s *secevent.KeySet, verify func(token string) string)) {
	keyOf()
	synctest.Test(t, func(t *testing.T) {
		s := keySet(t, e, time.Now)
		v := verifier(t, s, func(c *secevent.Config) {
			c.Now = func() time.Time { return time.Unix(1767225700, 0) }
		})
		f(t, s, func(token string) string {
			_, err := v.Verify(t.Context(), "", token)
			return outcome(err)
		})
	})
}

func TestManyUnknownKeysCauseFewFetches(t *testing.T) {
	k := keyOf()["ES256"]
	e := &endpoint{body: jwks(t, k)}
	inBubble(t, e, func(t *testing.T, _ *secevent.KeySet, verify func(string) string) {
		good := sign(t, k, nil, claims(nil))
		if got := verify(good); got != "accepted" {
			t.Fatalf("first token: got %s, want accepted", got)
		}
		body := strings.SplitN(good, ".", 2)[1]
		began := time.Now()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				for range 100 {
					time.Sleep(time.Duration(rand.IntN(590)) * time.Millisecond)
					header := fmt.Sprintf(`{"alg":"ES256","typ":"secevent+jwt","kid":"x%d"}`, rand.Uint64())
					if got := verify(base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + body); got != "unknown_key" {
						t.Errorf("unknown key: got %s, want unknown_key", got)
					}
				}
			})
		}
		wg.Wait()
		if d := time.Since(began); d > time.Minute {
			t.Fatalf("test took %s of virtual time, want at most a minute", d)
		}
		if n := e.fetches.Load(); n > 2 {
			t.Errorf("fetches in a minute: got %d, want at most 2", n)
		}
	})
}

func TestOneFetchServesAllWhoWait(t *testing.T) {
	k := keyOf()["ES256"]
	e := &endpoint{body: jwks(t, k), delay: 3 * time.Second}
	inBubble(t, e, func(t *testing.T, _ *secevent.KeySet, verify func(string) string) {
		token := sign(t, k, nil, claims(nil))
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := verify(token); got != "accepted" {
					t.Errorf("got %s, want accepted", got)
				}
			})
		}
		wg.Wait()
		if n := e.fetches.Load(); n != 1 {
			t.Errorf("fetches: got %d, want 1", n)
		}
	})
}

func TestHangingEndpointHoldsUpNobodyForLong(t *testing.T) {
	k := keyOf()["ES256"]
	e := &endpoint{body: jwks(t, k), delay: time.Hour}
	inBubble(t, e, func(t *testing.T, s *secevent.KeySet, verify func(string) string) {
		token := sign(t, k, nil, claims(nil))
		began := time.Now()
		for range 20 {
			if got := verify(token); got != "keys_unavailable" {
				t.Errorf("got %s, want keys_unavailable", got)
			}
		}
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("20 tokens waited %s, want at most 10 s together", d)
		}
		time.Sleep(time.Minute) // the fetch gives up
		if st := s.State(); st.Error == "" || st.Generation != 0 || st.Since.IsZero() {
			t.Errorf("state: got %+v, want an error and no keys", st)
		}
	})
}

func TestDueSetServesWhileItsEndpointHangs(t *testing.T) {
	k := keyOf()["ES256"]
	e := &endpoint{body: jwks(t, k)}
	inBubble(t, e, func(t *testing.T, _ *secevent.KeySet, verify func(string) string) {
		known, unknown := sign(t, k, nil, claims(nil)), sign(t, seceventtest.MustKey("ES256", "x"), nil, claims(nil))
		verify(known)
		e.mu.Lock()
		e.delay = time.Hour
		e.mu.Unlock()
		for round := range 3 {
			time.Sleep(5 * time.Minute)
			began := time.Now()
			for range 20 {
				if got := verify(known); got != "accepted" {
					t.Errorf("known key: got %s, want accepted", got)
				}
			}
			if d := time.Since(began); d > time.Second {
				t.Errorf("round %d: 20 tokens waited %s, want at most 1 s together", round, d)
			}
		}
		time.Sleep(5 * time.Minute)
		began := time.Now()
		if got := verify(unknown); got != "unknown_key" || time.Since(began) > time.Second {
			t.Errorf("unknown key: got %s after %s, want unknown_key within a second", got, time.Since(began))
		}
		time.Sleep(time.Minute) // the fetch gives up
	})
}

func TestRotationLosesNothing(t *testing.T) {
	k, next := keyOf()["ES256"], seceventtest.MustKey("ES256", "k-next")
	e := &endpoint{body: jwks(t, k)}
	inBubble(t, e, func(t *testing.T, s *secevent.KeySet, verify func(string) string) {
		older, newer := sign(t, k, nil, claims(nil)), sign(t, next, nil, claims(nil))
		if got := verify(older); got != "accepted" {
			t.Fatalf("got %s, want accepted", got)
		}
		e.set(jwks(t, next), nil)
		if got := verify(newer); got != "unknown_key" { // a fetch was a moment ago
			t.Errorf("new key at once: got %s, want unknown_key", got)
		}
		time.Sleep(time.Minute) // until the keys may be fetched again
		if got := verify(newer); got != "accepted" {
			t.Errorf("new key later: got %s, want accepted", got)
		}
		if got := verify(older); got != "unknown_key" {
			t.Errorf("withdrawn key: got %s, want unknown_key", got)
		}
		if got := s.State(); got.Generation != 2 || got.Usable != 1 {
			t.Errorf("state: got %+v, want generation 2 with one key", got)
		}
	})
}

func TestWithdrawnKeyStopsAtOnce(t *testing.T) {
	k := keyOf()["ES256"]
	e := &endpoint{body: jwks(t, k)}
	inBubble(t, e, func(t *testing.T, s *secevent.KeySet, verify func(string) string) {
		token := sign(t, k, nil, claims(nil))
		if got := verify(token); got != "accepted" {
			t.Fatalf("got %s, want accepted", got)
		}
		e.set([]byte(`{"keys":[]}`), nil)
		time.Sleep(time.Minute)
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := verify(token); got != "unknown_key" {
			t.Errorf("after one refresh: got %s, want unknown_key", got)
		}
	})
}

func TestMissedKeyIsForgottenAfterAWhile(t *testing.T) {
	k, next := keyOf()["ES256"], seceventtest.MustKey("ES256", "k-next")
	e := &endpoint{body: jwks(t, k), maxAge: time.Hour}
	inBubble(t, e, func(t *testing.T, _ *secevent.KeySet, verify func(string) string) {
		token := sign(t, next, nil, claims(nil))
		for range 30 { // 5 minutes
			if got := verify(token); got != "unknown_key" {
				t.Fatalf("got %s, want unknown_key", got)
			}
			time.Sleep(10 * time.Second)
		}
		if n := e.fetches.Load(); n != 1 {
			t.Errorf("fetches for one unknown key in 5 minutes: got %d, want 1", n)
		}
		e.set(jwks(t, k, next), nil)
		if got := verify(token); got != "accepted" {
			t.Errorf("published later: got %s, want accepted", got)
		}
	})
}

// A transmitter that changes its key and keeps the id, or names no key at all, must not have its tokens called bad.
func TestSameIDNewKey(t *testing.T) {
	for _, kid := range []string{"k", ""} {
		old, next := seceventtest.MustKey("ES256", kid), seceventtest.MustKey("ES256", kid)
		e := &endpoint{body: jwks(t, old)}
		inBubble(t, e, func(t *testing.T, _ *secevent.KeySet, verify func(string) string) {
			if got := verify(sign(t, old, nil, claims(nil))); got != "accepted" {
				t.Fatalf("kid %q: got %s, want accepted", kid, got)
			}
			e.set(jwks(t, next), nil)
			token := sign(t, next, nil, claims(nil))
			if kid == "" {
				if got := verify(token); got != "unknown_key" {
					t.Errorf("kid %q at once: got %s, want unknown_key", kid, got)
				}
			}
			time.Sleep(61 * time.Second)
			if got := verify(token); got != "accepted" {
				t.Errorf("kid %q: got %s, want accepted", kid, got)
			}
			if got := verify(sign(t, old, nil, claims(nil))); kid != "" && got != "authentication_failed/signature" {
				t.Errorf("kid %q, old key: got %s, want authentication_failed/signature", kid, got)
			}
		})
	}
}

func TestEndpointDown(t *testing.T) {
	k := keyOf()["ES256"]
	e := &endpoint{body: jwks(t, k)}
	inBubble(t, e, func(t *testing.T, s *secevent.KeySet, verify func(string) string) {
		token := sign(t, k, nil, claims(nil))
		if got := verify(token); got != "accepted" {
			t.Fatalf("got %s, want accepted", got)
		}
		e.set(nil, errors.New("no route"))
		for range 23 {
			time.Sleep(time.Hour)
			if got := verify(token); got != "accepted" {
				t.Fatalf("endpoint down within a day: got %s, want accepted", got)
			}
		}
		if st := s.State(); st.Error != "no route" || st.Usable != 1 {
			t.Errorf("state: got %+v, want the error and the last good key", st)
		}
		if err := s.Refresh(t.Context()); !errors.Is(err, ssf.ErrKeysUnavailable) {
			t.Errorf("refresh: got %v, want ErrKeysUnavailable", err)
		}
		time.Sleep(time.Hour + time.Second)
		if got := verify(token); got != "keys_unavailable" {
			t.Errorf("endpoint down for a day: got %s, want keys_unavailable", got)
		}
		e.set(jwks(t, k), nil)
		time.Sleep(time.Minute)
		if got := verify(token); got != "accepted" {
			t.Errorf("endpoint up again: got %s, want accepted", got)
		}
	})
}

func TestNeverFetchedVerifiesNothing(t *testing.T) {
	e := &endpoint{err: errors.New("down")}
	inBubble(t, e, func(t *testing.T, _ *secevent.KeySet, verify func(string) string) {
		for range 10 {
			if got := verify(sign(t, keyOf()["ES256"], nil, claims(nil))); got != "keys_unavailable" {
				t.Errorf("got %s, want keys_unavailable", got)
			}
		}
		if n := e.fetches.Load(); n != 1 {
			t.Errorf("fetches: got %d, want 1", n)
		}
	})
}

func TestRefreshFollowsCacheControl(t *testing.T) {
	for _, tc := range []struct{ age, want time.Duration }{
		{0, 5 * time.Minute}, {time.Second, 5 * time.Minute}, {20 * time.Minute, 20 * time.Minute}, {24 * time.Hour, time.Hour},
	} {
		k := keyOf()["ES256"]
		e := &endpoint{body: jwks(t, k), maxAge: tc.age}
		inBubble(t, e, func(t *testing.T, s *secevent.KeySet, verify func(string) string) {
			token := sign(t, k, nil, claims(nil))
			verify(token)
			st := s.State()
			if got := st.NextAt.Sub(st.FetchedAt); got != tc.want {
				t.Errorf("max-age %s: next fetch after %s, want %s", tc.age, got, tc.want)
			}
			time.Sleep(tc.want - time.Second)
			verify(token)
			if n := e.fetches.Load(); n != 1 {
				t.Errorf("max-age %s: got %d fetches before it is over, want 1", tc.age, n)
			}
			time.Sleep(time.Second)
			verify(token)
			if n := e.fetches.Load(); n != 2 {
				t.Errorf("max-age %s: got %d fetches after it is over, want 2", tc.age, n)
			}
		})
	}
}

func TestCancelledWait(t *testing.T) {
	k := keyOf()["ES256"]
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{body: jwks(t, k), delay: 5 * time.Second}
		v := verifier(t, keySet(t, e, time.Now), nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Verify(ctx, "", sign(t, k, nil, claims(nil))); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
		time.Sleep(5 * time.Second) // the fetch goes on for others
		if _, err := v.Verify(t.Context(), "", sign(t, k, nil, claims(nil))); err != nil {
			t.Errorf("got %v, want the fetch to have served", err)
		}
		if n := e.fetches.Load(); n != 1 {
			t.Errorf("fetches: got %d, want 1", n)
		}
	})
}

func TestTransmittersShareAKeyID(t *testing.T) {
	a, b := seceventtest.MustKey("ES256", "same"), seceventtest.MustKey("ES256", "same")
	va := verifier(t, static(t, a), nil)
	vb := verifier(t, static(t, b), nil)
	token := sign(t, a, nil, claims(nil))
	if _, err := va.Verify(t.Context(), "j-1", token); err != nil {
		t.Errorf("own transmitter: got %v, want accepted", err)
	}
	if _, err := vb.Verify(t.Context(), "j-1", token); outcome(err) != "authentication_failed/signature" {
		t.Errorf("other transmitter: got %s, want authentication_failed/signature", outcome(err))
	}
}
