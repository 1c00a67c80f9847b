package web

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"harken/ssf"
)

// Failed sign-ins are counted for each account and each address: five are free, then each doubles the wait up to
// 15 minutes. After an hour without a try everything is forgotten: nobody is locked out for good.
const (
	freeTries     = 5
	throttleFirst = 2 * time.Second
	throttleMost  = 15 * time.Minute
	throttleFor   = time.Hour
)

// gate counts tries. A try is counted before the password is looked at, and taken back when it was right, so that many
// tries at once get no more chances than many in a row.
type gate struct {
	store Store
	now   func() time.Time
	mu    sync.Mutex
}

// accountKey and addressKey name counters. Names are folded into 65,536 of them, so that guessing names fills no disk.
func accountKey(name string) string {
	return bucket("account", strings.ToLower(strings.TrimSpace(name)))
}

// addressKey takes an IPv6 network of /64 as one address.
func addressKey(address string) string {
	if ip, err := netip.ParseAddr(address); err == nil && ip.Is6() {
		if net, err := ip.Prefix(64); err == nil {
			address = net.String()
		}
	}
	return bucket("address", address)
}

func bucket(kind, value string) string {
	sum := sha256.Sum256([]byte(kind + ":" + value))
	return fmt.Sprintf("%s:%02x%02x", kind, sum[0], sum[1])
}

// try counts one try under all keys, or refuses it while one of them must wait. A refused try counts nothing.
func (g *gate) try(ctx context.Context, keys ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	states := make([]ssf.Throttle, len(keys))
	for i, key := range keys {
		t, err := g.store.Throttle(ctx, key)
		if err != nil {
			return fmt.Errorf("throttle: %w", err)
		}
		if wait := t.Until.Sub(now); wait > 0 {
			return &problemError{
				status: http.StatusTooManyRequests, title: "Too many tries",
				detail: "Too many failed tries. Wait a little before the next one.", retry: min(wait, throttleMost),
			}
		}
		if now.Sub(t.LastAt) > throttleFor {
			t.Failures = 0
		}
		t.Key, t.LastAt, t.Until = key, now, time.Time{}
		t.Failures++
		if over := t.Failures - freeTries; over >= 0 {
			wait := float64(throttleFirst) * math.Pow(2, float64(min(over, 20)))
			t.Until = now.Add(time.Duration(min(wait, float64(throttleMost))))
		}
		states[i] = t
	}
	for _, t := range states {
		if err := g.store.PutThrottle(ctx, t); err != nil {
			return fmt.Errorf("throttle: %w", err)
		}
	}
	return nil
}

// succeeded forgets the failures of the first key, the account's, and takes back the one try of the others: who has one
// account must not wipe out the traces of guessing others.
func (g *gate) succeeded(ctx context.Context, keys ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, key := range keys {
		t, err := g.store.Throttle(ctx, key)
		if err != nil {
			return fmt.Errorf("throttle: %w", err)
		}
		t.Key, t.Until = key, time.Time{}
		if i == 0 {
			t.Failures = 0
		} else {
			t.Failures = max(0, t.Failures-1)
		}
		if err := g.store.PutThrottle(ctx, t); err != nil {
			return fmt.Errorf("throttle: %w", err)
		}
	}
	return nil
}
