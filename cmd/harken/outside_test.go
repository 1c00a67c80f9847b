package main_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/outbound"
	"harken/poller/pollertest"
	"harken/respond/respondtest"
	"harken/secevent/seceventtest"
	"harken/ssf"
	"harken/store/bolt"
)

// binaryDir holds the program that tests start as a child; TestMain removes it.
var binaryDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if binaryDir != "" {
		_ = os.RemoveAll(binaryDir)
	}
	os.Exit(code)
}

// binary builds the real program once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "harken-test-")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	path := filepath.Join(dir, "harken")
	out, err := exec.Command("go", "build", "-tags", "nomsgpack", "-o", path, "harken/cmd/harken").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func mustBinary(t *testing.T) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// outside is what a harken process talks to, in the test's own process: a transmitter with two streams, a CRM and the
// lists of people. Killing harken leaves it unharmed.
type outside struct {
	dir         string
	transmitter *pollertest.Transmitter
	crm         *respondtest.CRM
	people      []respondtest.Person
	token       string // for the API
	address     string // of the dashboard
}

// newOutside starts it and writes the configuration of harken.
func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{dir: t.TempDir(), people: respondtest.People(), address: freeAddress(t), token: "harken_" + rand.Text()}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	signing := seceventtest.MustKey(seceventtest.ES256, "k1")
	var clients []pollertest.Client
	for _, id := range []string{"one", "two"} {
		key := seceventtest.MustKey(seceventtest.ES256, "")
		pem, err := key.PEM()
		must(err)
		must(os.WriteFile(filepath.Join(o.dir, id+".pem"), pem, 0o600))
		parsed, err := outbound.ParseSigningKey(pem, "")
		must(err)
		clients = append(clients, pollertest.Client{ID: id, JWKS: fmt.Appendf(nil, `{"keys":[%s]}`, parsed.PublicJWK())})
	}
	listener := listen(t)
	var err error
	o.transmitter, err = pollertest.New(pollertest.Config{
		Issuer: "http://" + listener.Addr().String(), Keys: []*seceventtest.Key{signing}, Clients: clients, LongPoll: 2 * time.Second,
	})
	must(err)
	serve(t, listener, o.transmitter)
	o.crm, err = respondtest.New(respondtest.Config{Token: "crm-token", People: o.people, Empty: true})
	must(err)
	crm := listen(t)
	serve(t, crm, o.crm)

	var people, accounts bytes.Buffer
	must(respondtest.WritePeople(&people, o.people))
	must(respondtest.WriteAccounts(&accounts, o.crm.Accounts()))
	must(os.WriteFile(filepath.Join(o.dir, "people.csv"), people.Bytes(), 0o600))
	must(os.WriteFile(filepath.Join(o.dir, "accounts.csv"), accounts.Bytes(), 0o600))
	must(os.WriteFile(filepath.Join(o.dir, "crm-token"), []byte("crm-token"), 0o600))
	must(os.WriteFile(o.config(), []byte(o.yaml(crm.Addr().String())), 0o600))
	o.makeToken(t)
	return o
}

func (o *outside) config() string { return filepath.Join(o.dir, "harken.yaml") }

func (o *outside) yaml(crm string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: %s\ndata_dir: data\nnetwork: {internal: [127.0.0.0/8], plain_http: true}\ntransmitters:\n", o.address)
	for _, id := range []string{"one", "two"} {
		fmt.Fprintf(&b, `  - id: %[1]s
    issuer: %[2]s
    auth: {method: private_key_jwt, client_id: %[1]s, key: "${file:%[3]s/%[1]s.pem}", scope: ssf.read ssf.manage}
    stream: {manage: create, events: [session-revoked, credential-change]}
    poll: {schedule: "@every 1s", long_poll: 2s}
    subject_id: {account: people}
`, id, o.transmitter.Issuer(), o.dir)
	}
	fmt.Fprintf(&b, `sources:
  - {id: people, kind: csv, path: people.csv}
  - {id: crm, kind: csv, path: accounts.csv}
connectors:
  - {id: acme-crm, preset: acme-crm, source: crm, url: "http://%s", auth: {method: bearer, token: "${file:%s/crm-token}"}}
`, crm, o.dir)
	return b.String()
}

// makeToken puts an administrator and an API token into the data before the first start.
func (o *outside) makeToken(t *testing.T) {
	t.Helper()
	db := o.open(t)
	defer db.Close()
	now := time.Now()
	sum := sha256.Sum256([]byte(o.token))
	user := ssf.User{ID: "admin", Name: "admin", Role: ssf.RoleAdmin, CreatedAt: now}
	if err := db.PutUser(t.Context(), ssf.System("test"), user); err != nil {
		t.Fatal(err)
	}
	if err := db.PutToken(t.Context(), ssf.System("test"), ssf.APIToken{
		ID: "test", Name: "test", Hash: hex.EncodeToString(sum[:]), Role: ssf.RoleAdmin, Owner: user.ID, CreatedAt: now,
		ExpiresAt: now.Add(24 * time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
}

// open opens harken's data; harken must not be running.
func (o *outside) open(t *testing.T) *bolt.DB {
	t.Helper()
	dir := filepath.Join(o.dir, "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(bolt.Config{Dir: dir, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// output is what a process has written so far; it may be read while the process goes on.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// child is one harken process.
type child struct {
	cmd    *exec.Cmd
	out    output
	exited chan error
}

// startHarken starts "harken serve" and does not wait for it.
func (o *outside) startHarken(t *testing.T) *child {
	t.Helper()
	return startChild(t, mustBinary(t), "serve", "-c", o.config())
}

func startChild(t *testing.T, path string, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(path, args...), exited: make(chan error, 1)}
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.out
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.exited <- c.cmd.Wait() }()
	t.Cleanup(func() { c.end(syscall.SIGKILL) })
	return c
}

// end sends the signal and waits for the process to be gone. It returns the exit code, -1 after SIGKILL.
func (c *child) end(sig syscall.Signal) int {
	_ = c.cmd.Process.Signal(sig)
	err := <-c.exited
	c.exited <- err
	return c.cmd.ProcessState.ExitCode()
}

// waitReady waits until harken says that it is ready, and returns how long that took.
func (o *outside) waitReady(t *testing.T, c *child) time.Duration {
	t.Helper()
	begin := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		select {
		case err := <-c.exited:
			c.exited <- err
			t.Fatalf("harken ended: %v\n%s", err, c.out.String())
		default:
		}
		if status, _ := o.try(t.Context(), http.MethodGet, "/readyz", nil); status == http.StatusOK {
			return time.Since(begin)
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("harken is not ready after 30 s\n%s", c.out.String())
		}
	}
	return 0
}

// try makes one request to the dashboard with the API token; status 0 means that nobody answered.
func (o *outside) try(ctx context.Context, method, path string, body any) (int, []byte) {
	return request(ctx, "http://"+o.address+path, o.token, method, body)
}

var testClient = &http.Client{Timeout: 20 * time.Second}

func request(ctx context.Context, url, token, method string, body any) (int, []byte) {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return 0, []byte(err.Error())
		}
		payload = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, url, payload)
	if err != nil {
		return 0, []byte(err.Error())
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := testClient.Do(r)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer res.Body.Close()
	data, err := io.ReadAll(bufio.NewReader(res.Body))
	if err != nil {
		return 0, []byte(err.Error())
	}
	return res.StatusCode, data
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

// serve answers on l until the test ends. It does not wait for handlers that hang on purpose.
func serve(t *testing.T, l net.Listener, h http.Handler) {
	t.Helper()
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("close a server: %v", err)
		}
		<-ended
	})
}
