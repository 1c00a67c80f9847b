// Package storetest is the test kit of the store, and the conformance suite that each engine passes.
package storetest

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"harken/ssf"
	"harken/store"
	"harken/store/bolt"
)

// Option changes how Open opens the store.
type Option func(*bolt.Config)

// WithNow sets the clock.
func WithNow(now func() time.Time) Option { return func(c *bolt.Config) { c.Now = now } }

// WithDir sets the data folder, so that a store can be opened again; by default it is a new temporary one.
func WithDir(dir string) Option { return func(c *bolt.Config) { c.Dir = dir } }

// WithLimits sets the caps of the blast radius.
func WithLimits(l ssf.Limits) Option { return func(c *bolt.Config) { c.Limits = l } }

// WithSecrets resolves references of the configuration file.
func WithSecrets(secrets map[ssf.SecretRef]string) Option {
	return func(c *bolt.Config) {
		c.Resolve = func(ref ssf.SecretRef) (ssf.Secret, error) {
			value, ok := secrets[ref]
			if !ok {
				return ssf.Secret{}, ssf.ErrNotFound
			}
			return ssf.NewSecret(value), nil
		}
	}
}

// WithMaster sets the master key.
func WithMaster(k *store.MasterKey) Option { return func(c *bolt.Config) { c.Master = k } }

// Open opens a store that does not sync, in a temporary folder. At the end of the test it is checked and closed.
func Open(t testing.TB, options ...Option) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(config(t, options))
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() { checkAndClose(t, db) })
	return db
}

func config(t testing.TB, options []Option) bolt.Config {
	cfg := bolt.Config{NoSync: true, MinFree: -1, Logger: slog.New(slog.DiscardHandler)}
	for _, o := range options {
		o(&cfg)
	}
	if cfg.Dir == "" {
		cfg.Dir = filepath.Join(t.TempDir(), "data")
	}
	return cfg
}

// Reopen closes db and opens its file again, as after a restart.
func Reopen(t testing.TB, db *bolt.DB, options ...Option) *bolt.DB {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatalf("close store: %v", err)
	}
	return Open(t, append([]Option{WithDir(filepath.Dir(db.Path()))}, options...)...)
}

func checkAndClose(t testing.TB, db *bolt.DB) {
	t.Helper()
	if db.Closed() {
		return
	}
	report, err := db.Check(context.Background())
	if err != nil {
		t.Errorf("check store: %v", err)
	}
	for _, p := range report.Problems {
		t.Errorf("check store: %s", p)
	}
	if err := db.Close(); err != nil {
		t.Errorf("close store: %v", err)
	}
}

// Clock is a clock that stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts a clock at a time.
func NewClock(at time.Time) *Clock { return &Clock{now: at} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
