package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
)

// serveCommand runs the daemon.
type serveCommand struct {
	Config string `short:"c" default:"harken.yaml" help:"The configuration file." placeholder:"FILE"`
}

// Run implements kong's command.
func (c *serveCommand) Run(ctx context.Context, io streams) error {
	cfg, err := readConfig(c.Config, io)
	if err != nil {
		return err
	}
	log := newLogger(io, cfg.LogLevel)
	if os.Geteuid() == 0 {
		log.Warn("running as root: a user of its own is enough")
	}
	forbidCoreDumps(log)
	db, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	defer closeStore(db, log)
	d, err := newDaemon(ctx, cfg, db, log, nil)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return exitf(exitConfig, "listen: %w", err)
	}
	defer listener.Close()
	if err := d.announce(ctx, io, listener); err != nil {
		return err
	}
	return d.run(ctx, listener)
}

// announce says where the dashboard is, and how to make the first administrator as long as there is none.
func (d *daemon) announce(ctx context.Context, io streams, listener net.Listener) error {
	address := d.address(listener)
	fmt.Fprintf(io.out, "Harken %s answers at %s\n", version, address)
	has, err := d.store.HasAdmin(ctx)
	if err != nil || has {
		return err
	}
	code, err := d.web.NewSetupCode(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "There is no administrator yet. Within 30 minutes, open %s/setup and enter this code:\n\n    %s\n\n", address, code)
	return nil
}

// address is the one that people can open.
func (d *daemon) address(listener net.Listener) string {
	if d.cfg.PublicURL != "" {
		return d.cfg.PublicURL
	}
	scheme, host := "http", listener.Addr().String()
	if d.cfg.TLS.Cert != "" {
		scheme = "https"
	}
	if h, port, err := net.SplitHostPort(host); err == nil && isLoopback(h) {
		host = "localhost:" + port // cookies and passkeys work there
	}
	return scheme + "://" + host
}

func newLogger(io streams, level string) *slog.Logger {
	l := slog.LevelInfo
	if level != "" {
		_ = l.UnmarshalText([]byte(level)) // the configuration has been checked
	}
	return slog.New(slog.NewTextHandler(io.err, &slog.HandlerOptions{Level: l}))
}

// forbidCoreDumps keeps secrets in memory from being written to disk by a crash.
func forbidCoreDumps(log *slog.Logger) {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		log.Warn("core dumps stay allowed", "err", err)
	}
}

func closeStore(db interface{ Close() error }, log *slog.Logger) {
	if err := db.Close(); err != nil {
		log.Error("close the store", "err", err)
	}
}
