package poller_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"harken/poller"
	"harken/poller/pollertest"
	"harken/secevent"
	"harken/secevent/seceventtest"
	"harken/ssf"
	"harken/store/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Keys are made once: RSA takes its time.
var keyRing = sync.OnceValue(func() []*seceventtest.Key {
	return []*seceventtest.Key{
		seceventtest.MustKey("ES256", "first"), seceventtest.MustKey("ES256", "second"), seceventtest.MustKey("ES256", "client"),
	}
})

const bearer = "a-static-token-for-tests"

// lab has transmitters, one data file and the daemon's polling half, all in one process.
type lab struct {
	t     *testing.T
	dir   string
	net   *network
	specs []ssf.TransmitterSpec

	db        *bolt.DB
	svc       *poller.Service
	scheduler *poller.Scheduler
	cancel    context.CancelFunc
	ended     chan struct{}
	// wrap stands between the parts and the store; nil for nothing.
	wrap func(poller.Store) poller.Store
	// elapsed replaces the monotonic clock; nil does not.
	elapsed func() time.Duration
	// holder names this process; empty is "test".
	holder string
}

// network carries requests to the handlers of hosts that come and go.
type network struct {
	mu    sync.Mutex
	hosts map[string]http.Handler
}

// set makes host reachable; a nil handler makes it unknown.
func (n *network) set(host string, h http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[host] = h
	if h == nil {
		delete(n.hosts, host)
	}
}

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(req *http.Request) (*http.Response, error) {
	n.mu.Lock()
	hosts := maps.Clone(n.hosts)
	n.mu.Unlock()
	return pollertest.RoundTripper(hosts).RoundTrip(req)
}

func newLab(t *testing.T) *lab {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, dir: dir, net: &network{hosts: make(map[string]http.Handler)}}
	t.Cleanup(l.stop)
	return l
}

// peer adds a transmitter at https://ID.example and the specification that polls it.
func (l *lab) peer(id string, edit func(c *pollertest.Config, s *ssf.TransmitterSpec)) *pollertest.Transmitter {
	l.t.Helper()
	cfg := pollertest.Config{
		Issuer: "https://" + id + ".example", Keys: keyRing()[:1], MaxPerPoll: 50,
		Clients: []pollertest.Client{{ID: "harken", Bearer: bearer, JWKS: jwks(l.t, keyRing()[2])}},
	}
	spec := ssf.TransmitterSpec{
		ID: ssf.TransmitterID(id), Issuer: cfg.Issuer, Auth: ssf.AuthSpec{Method: ssf.AuthBearer, Token: "${env:TOKEN}"},
		Stream: ssf.StreamSpec{Manage: ssf.ManageCreate, Events: []string{"session-revoked", "credential-change"}},
	}
	if edit != nil {
		edit(&cfg, &spec)
	}
	tr, err := pollertest.New(cfg)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = tr.Close() })
	l.net.set(id+".example", tr)
	l.specs = append(l.specs, spec)
	return tr
}

func jwks(t *testing.T, keys ...*seceventtest.Key) []byte {
	t.Helper()
	doc, err := seceventtest.JWKS(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func resolve(ref ssf.SecretRef) (ssf.Secret, error) {
	switch ref {
	case "${env:TOKEN}":
		return ssf.NewSecret(bearer), nil
	case "${env:KEY}":
		pem, err := keyRing()[2].PEM()
		return ssf.NewSecret(string(pem)), err
	}
	return ssf.Secret{}, fmt.Errorf("%s: %w", ref, ssf.ErrNotFound)
}

func (l *lab) open() {
	l.t.Helper()
	db, err := bolt.Open(bolt.Config{Dir: l.dir, Resolve: resolve, MinFree: -1})
	if err != nil {
		l.t.Fatal(err)
	}
	l.db = db
	l.apply()
}

// apply takes the specifications over, as at a start.
func (l *lab) apply() {
	l.t.Helper()
	actor := ssf.Actor{Kind: ssf.ActorConfig, Name: "test"}
	if err := l.db.ApplyConfig(l.t.Context(), actor, ssf.Objects{Transmitters: l.specs}); err != nil {
		l.t.Fatal(err)
	}
}

// start opens the file and runs everything.
func (l *lab) start() {
	l.t.Helper()
	if l.db == nil {
		l.open()
	}
	store := poller.Store(l.db)
	if l.wrap != nil {
		store = l.wrap(store)
	}
	level := slog.LevelError
	if testing.Verbose() {
		level = slog.LevelWarn
	}
	log := slog.New(slog.NewTextHandler(l.t.Output(), &slog.HandlerOptions{Level: level}))
	intake, err := poller.NewIntake(poller.IntakeConfig{Workers: 2, Now: time.Now, Log: log}, store)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.scheduler, err = poller.NewScheduler(poller.SchedulerConfig{Now: time.Now, Log: log}, store); err != nil {
		l.t.Fatal(err)
	}
	l.svc, err = poller.New(poller.Config{
		Holder: cmp.Or(l.holder, "test"), Now: time.Now, Log: log, Elapsed: l.elapsed,
		Transport: func(ssf.TransmitterID) http.RoundTripper { return l.net },
	}, poller.Deps{Store: store, Intake: intake, Scheduler: l.scheduler, NewVerifier: newVerifier})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.t.Context()))
	l.cancel, l.ended = cancel, make(chan struct{})
	go l.run(ctx, intake)
}

// run stops in the order that the program does: intake last.
func (l *lab) run(ctx context.Context, intake *poller.Intake) {
	defer close(l.ended)
	last, stop := context.WithCancel(context.WithoutCancel(ctx))
	var first, second sync.WaitGroup
	second.Go(func() { _ = intake.Run(last) })
	for _, run := range []func(context.Context) error{l.scheduler.Run, l.svc.Run} {
		first.Go(func() {
			if err := run(ctx); err != nil {
				l.t.Errorf("got error %v from Run", err)
			}
		})
	}
	first.Wait()
	stop()
	second.Wait()
}

// halt stops the parts, and leaves the file open.
func (l *lab) halt() {
	if l.cancel != nil {
		l.cancel()
		<-l.ended
		l.cancel = nil
	}
}

// stop ends everything and closes the file; start goes on from it.
func (l *lab) stop() {
	l.halt()
	if l.db != nil {
		if err := l.db.Close(); err != nil {
			l.t.Errorf("close: %v", err)
		}
		l.db = nil
	}
}

// newVerifier wires package secevent as the program does.
func newVerifier(c poller.VerifierConfig) (poller.Verifier, poller.Keys, error) {
	set, err := secevent.NewKeySet(secevent.KeySetConfig{URL: c.KeysURL, Fetch: c.Fetch, Now: time.Now})
	if err != nil {
		return nil, nil, err
	}
	v, err := secevent.NewVerifier(secevent.Config{
		Transmitter: c.Transmitter, Issuer: c.Issuer, Audience: c.Audience, Algorithms: c.Algorithms, Strict: c.Strict,
		Tolerances: c.Tolerances, Keys: set, Now: time.Now,
	})
	return v, keySet{set}, err
}

type keySet struct{ *secevent.KeySet }

func (k keySet) Status() poller.KeyStatus {
	s := k.State()
	return poller.KeyStatus{Count: s.Usable, FetchedAt: s.FetchedAt, RefreshAt: s.NextAt, Generation: s.Generation, Error: s.Error}
}

// send makes n events about different people and returns their names.
func send(t *testing.T, tr *pollertest.Transmitter, n int) []string {
	t.Helper()
	names := make([]string, n)
	for i := range names {
		jti, err := tr.Send(pollertest.SessionRevoked(pollertest.Email(fmt.Sprintf("person%d@example.com", i))))
		if err != nil {
			t.Fatal(err)
		}
		names[i] = jti
	}
	return names
}

// events lists the stored events of a transmitter that are about somebody, oldest first.
func (l *lab) events(id string) []ssf.Event {
	l.t.Helper()
	var out []ssf.Event
	page := ssf.PageRequest{Limit: 100}
	for {
		list, err := l.db.Events(l.t.Context(), ssf.EventFilter{Tab: ssf.TabAll}, page)
		if err != nil {
			l.t.Fatal(err)
		}
		for _, v := range list.Items {
			if string(v.Event.Transmitter) == id && !v.Event.IsControl() {
				out = append([]ssf.Event{v.Event}, out...)
			}
		}
		if list.Next == "" {
			return out
		}
		page.Cursor = list.Next
	}
}

func (l *lab) status(id string) poller.Status {
	l.t.Helper()
	st, ok := l.svc.Status(ssf.TransmitterID(id))
	if !ok {
		l.t.Fatalf("transmitter %s is not polled", id)
	}
	return st
}

// wantWhole checks that each name was stored once and acknowledged.
func (l *lab) wantWhole(id string, tr *pollertest.Transmitter, names []string) {
	l.t.Helper()
	stored := make(map[string]int)
	for _, e := range l.events(id) {
		stored[e.JTI]++
		if e.Outcome != ssf.OutcomeAccepted {
			l.t.Errorf("event %s: got outcome %s, want accepted", e.JTI, e.Outcome)
		}
	}
	ledger := tr.Ledger()
	for _, n := range names {
		if stored[n] != 1 {
			l.t.Errorf("event %s is stored %d times, want once", n, stored[n])
		}
		if e, _ := ledger.Event(n); e.Acked.IsZero() || e.Err != "" {
			l.t.Errorf("event %s: got ack at %v, error %q, want an ack", n, e.Acked, e.Err)
		}
	}
	if len(stored) != len(names) {
		l.t.Errorf("got %d events stored, want %d", len(stored), len(names))
	}
	waiting, err := l.db.Replies(l.t.Context(), ssf.TransmitterID(id), 1000)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, key := range waiting.Acks {
		if slices.Contains(names, key) {
			l.t.Errorf("the ack of %s still waits, and was delivered", key)
		}
	}
	for _, v := range ledger.Violations {
		l.t.Errorf("the transmitter complains: %s", v)
	}
}
