package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"harken/ssf"
	"harken/store"
	"harken/store/bolt"
	"harken/web"
)

// demoCommand runs a world on loopback: a transmitter with its authorization server, an application to act on, and the
// ordinary daemon between them.
type demoCommand struct {
	Listen string        `help:"Where the dashboard answers; loopback only. Default: 127.0.0.1:8080, or a free port." placeholder:"ADDR"`
	Data   string        `help:"Keep everything in this folder; a restart finds it again. Default: a folder that is removed at the end." placeholder:"DIR"`
	Rate   time.Duration `default:"6s" help:"Time between two signals of the story."`
	Once   bool          `help:"Tell the opening of the story, then send only what the control address asks for."`
	JSON   bool          `help:"Print one line of JSON with the addresses and tokens, for scripts."`
}

// demoLine is what --json prints.
type demoLine struct {
	Dashboard   string `json:"dashboard"`
	APIToken    string `json:"api_token"`
	Transmitter string `json:"transmitter"`
	Control     string `json:"control"`
	CRM         string `json:"crm"`
	CRMToken    string `json:"crm_token"`
}

// Run implements kong's command.
func (c *demoCommand) Run(ctx context.Context, io streams) (err error) {
	if host, _, splitErr := net.SplitHostPort(c.Listen); c.Listen != "" && (splitErr != nil || !isLoopback(host)) {
		return exitf(exitUsage, "--listen must be a loopback address such as 127.0.0.1:8080: the demo lets everybody sign in")
	}
	if c.Rate < 100*time.Millisecond {
		return exitf(exitUsage, "--rate must be at least 100ms")
	}
	dir, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()

	w, err := newWorld(dir)
	if err != nil {
		return err
	}
	defer w.close()
	cfg, err := readConfig(filepath.Join(dir, "harken.yaml"), io)
	if err != nil {
		return err
	}
	log := newLogger(io, cfg.LogLevel)
	forbidCoreDumps(log)
	db, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	defer closeStore(db, log)
	if err := w.open(); err != nil { // after the lock of the data: a second demo in one folder ends there
		return err
	}
	d, err := newDaemon(ctx, cfg, db, log, &web.DemoConfig{CRM: w.crmURL()})
	if err != nil {
		return err
	}
	listener, err := c.listen(w)
	if err != nil {
		return err
	}
	defer listener.Close()
	line := demoLine{
		Dashboard: d.address(listener), Transmitter: w.issuer(), Control: w.controlURL(), CRM: w.crmURL(), CRMToken: w.state.CRMToken,
	}
	if line.APIToken, err = demoToken(ctx, db); err != nil {
		return err
	}
	if err := c.print(io, line); err != nil {
		return err
	}
	return c.run(ctx, d, w, listener)
}

// run runs the daemon and the world side by side; both end with ctx, or when one fails.
func (c *demoCommand) run(ctx context.Context, d *daemon, w *world, listener net.Listener) error {
	all, stop := context.WithCancel(ctx)
	defer stop()
	outside, stopOutside := context.WithCancel(context.WithoutCancel(ctx))
	defer stopOutside()
	around := start(outside, part{"transmitter and CRM", w.serve}, part{"story", w.story(c.Rate, c.Once)})
	inside := start(all, part{"daemon", func(ctx context.Context) error { return d.run(ctx, listener) }})
	var err error
	select {
	case <-ctx.Done():
	case err = <-inside.failed:
	case err = <-around.failed:
	}
	stop() // the daemon first: its last acknowledgements still find the transmitter
	err = errors.Join(err, inside.wait())
	stopOutside()
	return errors.Join(err, around.wait())
}

// folder returns the demo's folder, and what to do with it at the end.
func (c *demoCommand) folder() (dir string, remove func() error, err error) {
	if c.Data == "" {
		dir, err = os.MkdirTemp("", "harken-demo-")
		return dir, func() error { return os.RemoveAll(dir) }, err
	}
	dir, err = filepath.Abs(c.Data)
	if err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, exitf(exitConfig, "make the demo's folder: %w", err)
	}
	return dir, func() error { return nil }, nil
}

// listen opens the dashboard's port: the one asked for, else the one of last time, else the usual one, else a free one.
func (c *demoCommand) listen(w *world) (net.Listener, error) {
	if c.Listen != "" {
		l, err := net.Listen("tcp", c.Listen)
		if err != nil {
			return nil, exitf(exitTemporary, "listen: %w", err)
		}
		return l, nil
	}
	for _, addr := range []string{w.state.Dashboard, "127.0.0.1:8080", "127.0.0.1:0"} {
		if addr == "" {
			continue
		}
		if l, err := net.Listen("tcp", addr); err == nil {
			w.state.Dashboard = l.Addr().String()
			return l, w.save()
		}
	}
	return nil, exitf(exitTemporary, "no port is free for the dashboard")
}

func (c *demoCommand) print(io streams, line demoLine) error {
	if c.JSON {
		out, err := json.Marshal(line)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "%s\n", out)
		return err
	}
	_, err := fmt.Fprintf(io.out, `
Harken demo: a transmitter signs security events, Harken polls them, you act on them.

    Dashboard   %s      sign in with one click
    Acme CRM    %s      the application whose sessions you end

Signals arrive every few seconds. Open one about a person, press "End all sessions", and watch the CRM.
Stop with Ctrl+C.

`, line.Dashboard, line.CRM)
	return err
}

// demoToken makes a token for scripts, owned by the demo's administrator.
func demoToken(ctx context.Context, db *bolt.DB) (string, error) {
	actor := ssf.System("demo")
	now := time.Now()
	owner := ssf.User{ID: "demo-script", Name: "demo script", Role: ssf.RoleAdmin, CreatedAt: now}
	if _, err := db.User(ctx, owner.ID); errors.Is(err, ssf.ErrNotFound) {
		if err := db.PutUser(ctx, actor, owner); err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	secret := "harken_" + rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(secret))
	return secret, db.PutToken(ctx, actor, ssf.APIToken{
		ID: ssf.TokenID("demo-" + rand.Text()), Name: "for scripts", Hash: hex.EncodeToString(sum[:]), Role: ssf.RoleAdmin,
		Owner: owner.ID, CreatedAt: now, ExpiresAt: now.Add(30 * 24 * time.Hour),
	})
}

// makeMasterKey makes the demo's master key unless it is there.
func makeMasterKey(dataDir string) error {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return err
	}
	if _, err := store.NewMasterKey(dataDir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// serveHTTP serves h on l until ctx ends.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		err := srv.Close()
		<-done
		return err
	}
}
