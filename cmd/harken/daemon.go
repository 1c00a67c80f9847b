package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"harken/correlate"
	"harken/outbound"
	"harken/poller"
	"harken/respond"
	"harken/ssf"
	"harken/store/bolt"
	"harken/web"
)

// One engine satisfies every consumer.
var (
	_ poller.Store    = (*bolt.DB)(nil)
	_ correlate.Store = (*bolt.DB)(nil)
	_ respond.Store   = (*bolt.DB)(nil)
	_ web.Store       = (*bolt.DB)(nil)
)

// holder names this process in leases. The embedded engine has one process, which takes its own leases over at once.
const holder = "harken"

// lockWait is how long to wait for another process to let go of the data: a second instance has to say so within 2 s.
const lockWait = 500 * time.Millisecond

// undoHold is how long a person may take an action back before it leaves.
const undoHold = 5 * time.Second

// daemon is the running program: everything that serve and demo share.
type daemon struct {
	cfg   config
	log   *slog.Logger
	store *bolt.DB
	demo  *web.DemoConfig

	intake    *poller.Intake
	scheduler *poller.Scheduler
	poller    *poller.Service
	correlate *correlate.Correlator
	syncer    *correlate.Syncer
	respond   *respond.Service
	worker    *respond.Worker
	web       *web.Server
}

// openStore opens the data of cfg; errors carry their exit codes.
func openStore(cfg config, log *slog.Logger) (*bolt.DB, error) {
	master, err := loadMasterKey(cfg.DataDir)
	if err != nil {
		return nil, storeError(cfg.DataDir, err)
	}
	db, err := bolt.Open(bolt.Config{
		Dir: cfg.DataDir, Now: time.Now, Logger: log, Resolve: resolveSecret, Master: master, LockTimeout: lockWait,
	})
	if err != nil {
		return nil, storeError(cfg.DataDir, err)
	}
	return db, nil
}

// newDaemon builds every part on an open store. It starts nothing.
func newDaemon(ctx context.Context, cfg config, db *bolt.DB, log *slog.Logger, demo *web.DemoConfig) (*daemon, error) {
	if err := db.ApplyConfig(ctx, ssf.Actor{Kind: ssf.ActorConfig, Name: "configuration file"}, cfg.objects()); err != nil {
		return nil, exitf(exitConfig, "take over the configuration: %w", err)
	}
	network, err := cfg.Network.outbound()
	if err != nil {
		return nil, exitf(exitConfig, "%w", err)
	}
	d := &daemon{cfg: cfg, log: log, store: db, demo: demo}
	if err := d.newPoller(network); err != nil {
		return nil, err
	}
	if err := d.newCorrelate(); err != nil {
		return nil, err
	}
	d.respond, err = respond.New(respond.Config{
		Outbound: outbound.Config{Network: network, UserAgent: userAgent(), Now: time.Now},
		Log:      log.With("component", "respond"), Now: time.Now,
	}, db)
	if err != nil {
		return nil, err
	}
	if d.worker, err = respond.NewWorker(respond.WorkerConfig{Holder: holder}, d.respond); err != nil {
		return nil, err
	}
	return d, d.newWeb()
}

func userAgent() string { return "harken/" + version }

func (d *daemon) newPoller(network outbound.Network) (err error) {
	log := d.log.With("component", "poller")
	d.intake, err = poller.NewIntake(poller.IntakeConfig{Now: time.Now, Log: log}, d.store)
	if err != nil {
		return err
	}
	d.scheduler, err = poller.NewScheduler(poller.SchedulerConfig{Now: time.Now, Log: log}, d.store)
	if err != nil {
		return err
	}
	d.poller, err = poller.New(poller.Config{
		Holder: holder, Network: network, UserAgent: userAgent(), Now: time.Now, Log: log,
	}, poller.Deps{Store: d.store, Intake: d.intake, Scheduler: d.scheduler, NewVerifier: newVerifier})
	return err
}

func (d *daemon) newCorrelate() (err error) {
	cfg := correlate.Config{
		Holder: holder, Now: time.Now, Logger: d.log.With("component", "correlate"),
		Mint: func() ssf.IdentityID { return ssf.IdentityID("id-" + strings.ToLower(rand.Text())) },
	}
	if d.correlate, err = correlate.New(cfg, d.store); err != nil {
		return err
	}
	if d.syncer, err = correlate.NewSyncer(cfg, d.store); err != nil {
		return err
	}
	for _, s := range d.cfg.Sources {
		job := poller.Job{
			ID: ssf.JobID("sync:" + s.ID), Schedule: s.Schedule, Limit: 5 * time.Minute, AtStart: true,
			Run: func(ctx context.Context) (int, error) { return d.syncer.Sync(ctx, s.ID) },
		}
		if job.Schedule == "" {
			job.Schedule = "@every 5m"
		}
		if err := d.scheduler.Add(job); err != nil {
			return exitf(exitConfig, "source %s: %w", s.ID, err)
		}
	}
	return nil
}

// run works until ctx ends or a part fails, then stops everything; the intake last. The store is the caller's.
//
// All parts but the intake stop at the same time: each takes up to some seconds for what is under way (the poller most,
// 8 s), and one after the other would be longer than the 10 s that a stop may take. Nothing is lost by it: what a poll
// still brings, or a person still asks for, is committed, and is worked on after the next start.
func (d *daemon) run(ctx context.Context, listener net.Listener) error {
	inner, stopInner := context.WithCancel(context.WithoutCancel(ctx))
	defer stopInner()
	intake := start(inner, part{"intake", d.intake.Run})
	outer, stopOuter := context.WithCancel(ctx)
	defer stopOuter()
	parts := start(outer, part{"scheduler", d.scheduler.Run}, part{"poller", d.poller.Run},
		part{"correlate", d.correlate.Run}, part{"respond", d.worker.Run},
		part{"web", func(ctx context.Context) error { return d.web.Run(ctx, listener) }},
		part{"store", d.storeFailure})

	var err error
	select {
	case <-ctx.Done():
	case err = <-parts.failed:
	case err = <-intake.failed:
	}
	stopOuter()
	err = errors.Join(err, parts.wait())
	stopInner()
	err = errors.Join(err, intake.wait())
	d.respond.Close()
	return err
}

// storeFailure ends the process when a commit failed in a way that leaves the file's state unknown: starting again reads
// what is committed.
func (d *daemon) storeFailure(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.store.Failed():
		return exitf(exitIO, "the disk failed while committing: the outcome is unknown, so the program ends and starts from what is on disk")
	}
}

// outbound turns the file's form into that of the guarded way out.
func (n networkConfig) outbound() (outbound.Network, error) {
	out := outbound.Network{Internal: slices.Clone(n.Internal), PlainHTTP: n.PlainHTTP}
	if n.CA != "" {
		var err error
		if out.CA, err = loadCA(n.CA); err != nil {
			return out, fmt.Errorf("network.ca: %w", err)
		}
	}
	if n.Proxy != "" {
		proxy, err := url.Parse(n.Proxy)
		if err != nil {
			return out, errors.New("network.proxy: not an address")
		}
		out.Proxy = proxy
	}
	return out, nil
}

// loadCA returns the system's authorities and those of a PEM file.
func loadCA(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", filepath.Base(path))
	}
	return pool, nil
}
