package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"harken/outbound"
	"harken/poller/pollertest"
	"harken/respond/respondtest"
	"harken/secevent/seceventtest"
)

// world is what the demo's daemon talks to. Its folder keeps everything that a restart needs.
type world struct {
	dir   string
	state worldState

	transmitterL, controlL, crmL net.Listener
	transmitter                  *pollertest.Transmitter
	crm                          *respondtest.CRM
}

// worldState is kept in demo.json: addresses that configuration and stored events name.
type worldState struct {
	Transmitter string `json:"transmitter"`
	Control     string `json:"control"`
	CRM         string `json:"crm"`
	Dashboard   string `json:"dashboard"`
	CRMToken    string `json:"crm_token"`
	// Told is set once the opening of the story was sent.
	Told bool `json:"told"`
}

// newWorld prepares the folder: addresses, keys, lists of people and the daemon's configuration file.
func newWorld(dir string) (*world, error) {
	w := &world{dir: dir}
	data, err := os.ReadFile(w.file("demo.json"))
	switch {
	case err == nil:
		if err := json.Unmarshal(data, &w.state); err != nil {
			return nil, exitf(exitConfig, "%s is not a demo's state: %w", w.file("demo.json"), err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	default:
		if err := w.first(); err != nil {
			return nil, err
		}
	}
	if err := makeMasterKey(w.file("data")); err != nil {
		return nil, fmt.Errorf("make the master key: %w", err)
	}
	return w, w.writeConfig()
}

func (w *world) file(name string) string { return filepath.Join(w.dir, name) }

// first chooses free ports and writes the keys and lists that stay the same from now on.
func (w *world) first() error {
	for _, l := range []struct {
		address  *string
		listener *net.Listener
	}{{&w.state.Transmitter, &w.transmitterL}, {&w.state.Control, &w.controlL}, {&w.state.CRM, &w.crmL}} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		*l.listener, *l.address = listener, listener.Addr().String()
	}
	w.state.CRMToken = "crm_" + rand.Text()
	for name, alg := range map[string]string{"client.pem": seceventtest.ES256, "signing.pem": seceventtest.RS256} {
		key, err := seceventtest.NewKey(alg, "")
		if err != nil {
			return err
		}
		pem, err := key.PEM()
		if err != nil {
			return err
		}
		if err := w.write(name, pem); err != nil {
			return err
		}
	}
	people := respondtest.People()
	var list bytes.Buffer
	if err := respondtest.WritePeople(&list, people); err != nil {
		return err
	}
	if err := w.write("people.csv", list.Bytes()); err != nil {
		return err
	}
	return w.save()
}

func (w *world) write(name string, data []byte) error { return os.WriteFile(w.file(name), data, 0o600) }

// save writes the state whole or not at all.
func (w *world) save() error {
	data, err := json.Marshal(w.state)
	if err != nil {
		return err
	}
	if err := w.write("demo.json.new", data); err != nil {
		return err
	}
	return os.Rename(w.file("demo.json.new"), w.file("demo.json"))
}

func (w *world) issuer() string     { return "http://" + w.state.Transmitter + "/acme" }
func (w *world) controlURL() string { return "http://" + w.state.Control }
func (w *world) crmURL() string {
	return "http://" + strings.Replace(w.state.CRM, "127.0.0.1", "localhost", 1)
}

// writeConfig writes the daemon's configuration. It is an ordinary one: only the laboratory's network setting is special.
func (w *world) writeConfig() error {
	if err := w.write("crm-token", []byte(w.state.CRMToken)); err != nil {
		return err
	}
	return w.write("harken.yaml", fmt.Appendf(nil, `# Written by "harken demo". An ordinary configuration, on loopback.
data_dir: data
network: {internal: [127.0.0.0/8], plain_http: true}
log_level: warn
transmitters:
  - id: acme-id
    name: Acme ID
    issuer: %s
    auth: {method: private_key_jwt, client_id: harken, key: "${file:%s}", scope: ssf.read ssf.manage}
    stream:
      manage: create
      events: [session-revoked, credential-change, device-compliance-change]
    poll: {schedule: "@every 5s", long_poll: 20s}
    subject_id: {account: directory}
    reach: {email_domains: [example.com], kinds: [terminate_session, terminate_sessions]}
sources:
  - {id: directory, name: Acme directory, kind: csv, path: people.csv, schedule: "@every 1m"}
  - {id: crm, name: Acme CRM, kind: csv, path: accounts.csv, schedule: "@every 1m"}
connectors:
  - {id: acme-crm, name: Acme CRM, preset: acme-crm, source: crm, url: "http://%s", auth: {method: bearer, token: "${file:%s}"}}
`, w.issuer(), w.file("client.pem"), w.state.CRM, w.file("crm-token")))
}

// open brings the transmitter and the CRM to life. The data's lock is held: nobody else uses the folder.
func (w *world) open() error {
	for _, l := range []struct {
		address  string
		listener *net.Listener
	}{{w.state.Transmitter, &w.transmitterL}, {w.state.Control, &w.controlL}, {w.state.CRM, &w.crmL}} {
		if *l.listener != nil {
			continue
		}
		listener, err := net.Listen("tcp", l.address)
		if err != nil {
			return exitf(exitTemporary, "the demo in %s needs the port it had before: %w", w.dir, err)
		}
		*l.listener = listener
	}
	signing, err := w.readKey("signing.pem", seceventtest.RS256)
	if err != nil {
		return err
	}
	jwks, err := w.clientJWKS()
	if err != nil {
		return err
	}
	w.transmitter, err = pollertest.New(pollertest.Config{
		Issuer: w.issuer(), Keys: []*seceventtest.Key{signing}, ResignEachPoll: true, KeysMaxAge: 10 * time.Minute,
		Clients: []pollertest.Client{{ID: "harken", JWKS: jwks}}, Redeliver: 30 * time.Second,
		Journal: w.file("transmitter.journal"), Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		return fmt.Errorf("start the transmitter: %w", err)
	}
	w.crm, err = respondtest.New(respondtest.Config{
		Token: w.state.CRMToken, File: w.file("crm.json"), Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		return fmt.Errorf("start the CRM: %w", err)
	}
	var accounts bytes.Buffer
	if err := respondtest.WriteAccounts(&accounts, w.crm.Accounts()); err != nil {
		return err
	}
	return w.write("accounts.csv", accounts.Bytes())
}

func (w *world) readKey(name, alg string) (*seceventtest.Key, error) {
	pem, err := os.ReadFile(w.file(name))
	if err != nil {
		return nil, err
	}
	return seceventtest.ParseKey(alg, "acme-1", pem)
}

// clientJWKS is the public half of the key with which the daemon authenticates, as an operator would register it.
func (w *world) clientJWKS() ([]byte, error) {
	pem, err := os.ReadFile(w.file("client.pem"))
	if err != nil {
		return nil, err
	}
	key, err := outbound.ParseSigningKey(pem, "")
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"keys":[%s]}`, key.PublicJWK()), nil
}

// serve answers on the world's addresses until ctx ends.
func (w *world) serve(ctx context.Context) error {
	g := start(ctx,
		part{"transmitter", func(ctx context.Context) error { return serveHTTP(ctx, w.transmitterL, w.transmitter) }},
		part{"control", func(ctx context.Context) error { return serveHTTP(ctx, w.controlL, w.transmitter.Control()) }},
		part{"crm", func(ctx context.Context) error { return serveHTTP(ctx, w.crmL, w.crm) }})
	select {
	case <-ctx.Done():
		return g.wait()
	case err := <-g.failed:
		return err
	}
}

// close releases what open and newWorld took.
func (w *world) close() {
	for _, c := range []io.Closer{w.transmitterL, w.controlL, w.crmL} {
		if c != nil {
			_ = c.Close() // serve has closed it already in the ordinary case
		}
	}
	if w.transmitter != nil {
		_ = w.transmitter.Close() // every line is on disk: the journal is written line by line
	}
}
