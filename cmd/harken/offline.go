package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"harken/store"
	"harken/store/bolt"
	"harken/web"
	"harken/web/assets"
)

// initCommand makes what a first start needs.
type initCommand struct {
	Config string `short:"c" default:"harken.yaml" help:"The configuration file." placeholder:"FILE"`
}

// Run implements kong's command.
func (c *initCommand) Run(ctx context.Context, io streams) error {
	cfg := config{Listen: "127.0.0.1:8080", DataDir: "data"}
	if _, err := os.Stat(c.Config); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(c.Config, []byte(starterConfig), 0o600); err != nil {
			return exitf(exitConfig, "write %s: %w", c.Config, err)
		}
		fmt.Fprintf(io.out, "Wrote %s, a configuration to start from.\n", c.Config)
	}
	cfg, err := readConfig(c.Config, io)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return exitf(exitConfig, "make the data folder: %w", err)
	}
	switch _, err := store.NewMasterKey(cfg.DataDir); {
	case err == nil:
		fmt.Fprintf(io.out, "Made a master key in %s. Keep a copy apart from the backups: without it the sealed secrets in them cannot be opened.\n", cfg.DataDir)
	case !errors.Is(err, fs.ErrExist):
		return exitf(exitConfig, "make the master key: %w", err)
	}
	log := newLogger(io, cfg.LogLevel)
	db, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	defer closeStore(db, log)
	return printSetupCode(ctx, db, io)
}

// printSetupCode mints a one-time code as long as no administrator exists.
func printSetupCode(ctx context.Context, db *bolt.DB, io streams) error {
	has, err := db.HasAdmin(ctx)
	if err != nil {
		return err
	}
	if has {
		fmt.Fprintln(io.out, "An administrator exists already; sign in on the dashboard.")
		return nil
	}
	code, err := web.NewSetupCode(ctx, db, rand.Reader, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "One-time code for the first administrator:\n\n    %s\n\nIt is good for 30 minutes, or until 'harken serve' starts: as long as there is no administrator, each start prints a new\none. Open the address that it prints with /setup and enter the newest.\n", code)
	return nil
}

// loadMasterKey reads the master key; nil where none was made yet.
func loadMasterKey(dir string) (*store.MasterKey, error) {
	key, err := store.LoadMasterKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return key, err
}

// configCommand checks the configuration with the code that starts the daemon.
type configCommand struct {
	Config string `short:"c" default:"harken.yaml" help:"The configuration file." placeholder:"FILE"`
}

// Run implements kong's command.
func (c *configCommand) Run(io streams) error {
	cfg, err := readConfig(c.Config, io)
	if err != nil {
		return &exitError{code: exitProblem, err: err}
	}
	if _, err := cfg.Network.outbound(); err != nil {
		return exitf(exitProblem, "%s: %w", c.Config, err)
	}
	fmt.Fprintf(io.out, "%s is right: %s, %s, %s.\n", c.Config, count(len(cfg.Transmitters), "transmitter"),
		count(len(cfg.Sources), "source"), count(len(cfg.Connectors), "connector"))
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// readConfig loads the file and prints every problem.
func readConfig(path string, io streams) (config, error) {
	cfg, ps, err := loadConfig(path)
	if err != nil {
		return cfg, exitf(exitConfig, "read the configuration: %w; 'harken init' writes one to start from", err)
	}
	for _, p := range ps {
		fmt.Fprintf(io.err, "%s: %s\n", path, p)
	}
	switch len(ps) {
	case 0:
		return cfg, nil
	case 1:
		return cfg, exitf(exitConfig, "%s has a problem", path)
	}
	return cfg, exitf(exitConfig, "%s has %d problems", path, len(ps))
}

// checkCommand proves the data.
type checkCommand struct {
	Config  string `short:"c" default:"harken.yaml" help:"The configuration file." placeholder:"FILE"`
	Reindex bool   `help:"Rebuild every index from the records first."`
}

// Run implements kong's command.
func (c *checkCommand) Run(ctx context.Context, io streams) error {
	cfg, err := readConfig(c.Config, io)
	if err != nil {
		return err
	}
	log := newLogger(io, cfg.LogLevel)
	db, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	defer closeStore(db, log)
	if c.Reindex {
		err := db.Reindex(ctx, func(done, total int) {
			fmt.Fprintf(io.err, "\rrebuilding indexes: %d of %d records", done, total)
		})
		fmt.Fprintln(io.err)
		if err != nil {
			return err
		}
	}
	r, err := db.Check(ctx)
	if err != nil {
		return err
	}
	for _, p := range r.Problems {
		fmt.Fprintln(io.err, p)
	}
	fmt.Fprintf(io.out, "%d events, %d states, %d runs, %d identities, %d accounts, %d audit entries: %d problems\n",
		r.Events, r.States, r.Runs, r.Identities, r.Accounts, r.Audit, len(r.Problems))
	if len(r.Problems) > 0 {
		return exitf(exitProblem, "the data has %d problems; 'harken check --reindex' rebuilds what can be rebuilt", len(r.Problems))
	}
	return nil
}

// versionCommand prints what this program is.
type versionCommand struct{}

// Run implements kong's command.
func (versionCommand) Run(io streams) error {
	fmt.Fprintf(io.out, "harken %s, %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	files, err := assets.New()
	if err != nil {
		return err
	}
	parts, err := files.Parts()
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		fmt.Fprintln(io.out, "front-end bundle: not built (make assets)")
	}
	for _, p := range parts {
		fmt.Fprintf(io.out, "front-end: %s %s (%s)\n", p.File, p.Version, p.License)
	}
	return nil
}
