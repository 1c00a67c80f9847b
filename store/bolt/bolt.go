// Package bolt is the embedded engine of the store: one bbolt file. *DB satisfies the store interfaces of poller,
// correlate, respond and web. Package store documents the buckets.
package bolt

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"harken/ssf"
	"harken/store"
)

// FileName is the name of the data file in the data folder.
const FileName = "harken.db"

// Config is how a store is opened. Dir is needed; everything else has a default.
type Config struct {
	// Dir is the data folder; it is created when only its last element is missing.
	Dir string
	// Now is the clock; time.Now by default.
	Now func() time.Time
	// Logger receives what no caller can be told; silent by default.
	Logger *slog.Logger
	// Limits are the caps of the blast radius; ssf.DefaultLimits by default.
	Limits ssf.Limits
	// Resolve gives the secrets that the configuration file refers to, ${env:…} and ${file:…}; none by default.
	Resolve func(ssf.SecretRef) (ssf.Secret, error)
	// Master seals what the dashboard stores; nil while nobody seals anything. With sealed secrets in the file, opening
	// without the right one fails.
	Master *store.MasterKey
	// MaxBytes limits the file; zero is no limit.
	MaxBytes int64
	// MinFree is the free space of the volume in bytes below which nothing more is ingested; zero is 256 MiB, a negative
	// number switches the check off.
	MinFree int64
	// LockTimeout is how long to wait for another process that holds the file; zero is 1 s.
	LockTimeout time.Duration
	// ReadOnly opens an existing file beside nobody else's writing: every method that changes something fails.
	ReadOnly bool
	// NoSync skips fsync. It exists for the test kit alone; a test of the sources sees to it.
	NoSync bool
}

// DB is an open store. It is safe for concurrent use. The zero value is not usable.
type DB struct {
	cfg    Config
	path   string
	bb     *bbolt.DB
	log    *slog.Logger
	sealer *store.Sealer
	watch  watchers

	life string // begins each claim's token, so that those of an earlier process are known as such

	closed   atomic.Bool
	fail     chan struct{}
	failOnce sync.Once

	mu       sync.Mutex          // guards the following
	acquired map[string]struct{} // leases taken since Open, "name\x00holder"
	guard    guardClock
	damaged  map[string]struct{} // damaged records that were logged
	free     freeSpace
}

// Open opens or creates the store. It fails with ssf.ErrInUse when another process has it, ssf.ErrNewer when a newer
// program wrote it, *AccessError when folder or file cannot be used as they are (exit status 78), *FileError when the
// file is not a whole one of ours. In all these cases nothing is changed.
func Open(cfg Config) (*DB, error) {
	cfg = cfg.withDefaults()
	path := filepath.Join(cfg.Dir, FileName)
	if err := checkFolder(cfg.Dir, !cfg.ReadOnly); err != nil {
		return nil, err
	}
	fresh, err := checkFile(path)
	if err != nil {
		return nil, err
	}
	if fresh && cfg.ReadOnly {
		return nil, fmt.Errorf("open %s: %w", path, ssf.ErrNotFound)
	}
	bb, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: cfg.LockTimeout, FreelistType: bbolt.FreelistMapType, MaxSize: int(cfg.MaxBytes),
		ReadOnly: cfg.ReadOnly, NoSync: cfg.NoSync, PreLoadFreelist: true, NoStatistics: true,
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("open %s: %w", path, ssf.ErrInUse)
	case err != nil:
		return nil, openError(path, err)
	}
	db := &DB{
		cfg: cfg, path: path, bb: bb, log: cfg.Logger, fail: make(chan struct{}), acquired: map[string]struct{}{},
		damaged: map[string]struct{}{}, life: random(8),
	}
	if err := db.prepare(); err != nil {
		_ = bb.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

func (cfg Config) withDefaults() Config {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Limits == (ssf.Limits{}) {
		cfg.Limits = ssf.DefaultLimits()
	}
	if cfg.LockTimeout == 0 {
		cfg.LockTimeout = time.Second
	}
	if cfg.MinFree == 0 {
		cfg.MinFree = 256 << 20
	}
	return cfg
}

// Close waits for running transactions and releases the file. Methods called later return ssf.ErrUnavailable.
func (db *DB) Close() error {
	db.closed.Store(true)
	if err := db.bb.Close(); err != nil {
		return fmt.Errorf("close %s: %w", db.path, err)
	}
	return nil
}

// Closed reports whether Close was called.
func (db *DB) Closed() bool { return db.closed.Load() }

// Path returns the data file's path.
func (db *DB) Path() string { return db.path }

func (db *DB) now() time.Time { return db.cfg.Now() }
