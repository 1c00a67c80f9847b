package respond_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/outbound"
	"harken/respond"
	"harken/respond/respondtest"
	"harken/secevent"
	"harken/secevent/seceventtest"
	"harken/ssf"
	"harken/store/bolt"
	"harken/store/storetest"
)

const crmToken = "crm-token-of-the-test"

// wire carries requests to a handler in memory, with the ways in which a connection can fail.
type wire struct {
	handler http.Handler
	down    atomic.Bool
	refused atomic.Int64 // connections tried while down
	// sees is called for each request before it is served; nil is fine.
	sees func(*http.Request)
	// timeless leaves out the date that servers put on their answers.
	timeless atomic.Bool

	mu    sync.Mutex
	calls []string
}

func (w *wire) RoundTrip(r *http.Request) (res *http.Response, err error) {
	if w.down.Load() {
		w.refused.Add(1)
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	w.mu.Lock()
	w.calls = append(w.calls, r.Method+" "+r.URL.RequestURI())
	w.mu.Unlock()
	if w.sees != nil {
		w.sees(r)
	}
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			res, err = nil, io.ErrUnexpectedEOF
		}
	}()
	rec := httptest.NewRecorder()
	if !w.timeless.Load() {
		rec.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), r.Body)
	in.Header = r.Header
	w.handler.ServeHTTP(rec, in)
	if err := context.Cause(r.Context()); err != nil {
		return nil, err // it hung until somebody gave up
	}
	return rec.Result(), nil
}

// world is a store with people in it, the CRM, and the parts of respond that work between them.
type world struct {
	t    testing.TB
	db   *bolt.DB
	crm  *respondtest.CRM
	wire *wire
	svc  *respond.Service
	lena ssf.Actor
	// spec is the CRM's connector; more are further ones.
	spec ssf.ConnectorSpec
	more []ssf.ConnectorSpec
}

func secrets() storetest.Option {
	return storetest.WithSecrets(map[ssf.SecretRef]string{"${env:CRM_TOKEN}": crmToken + "\n"})
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOf(t, nil)
}

// newWorldOf lets change alter the CRM's connector.
func newWorldOf(t testing.TB, change func(*ssf.ConnectorSpec)) *world {
	t.Helper()
	crm, err := respondtest.New(respondtest.Config{Token: crmToken})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, crm: crm, wire: &wire{handler: crm}, db: storetest.Open(t, secrets()),
		lena: ssf.Actor{Kind: ssf.ActorPerson, Name: "Lena", User: "lena", Role: ssf.RoleResponder},
	}
	w.spec = ssf.ConnectorSpec{
		ID: "crm", Preset: "acme-crm", Source: "crm", URL: "https://crm.example.com",
		Auth: ssf.AuthSpec{Method: ssf.AuthBearer, Token: "${env:CRM_TOKEN}"},
	}
	if change != nil {
		change(&w.spec)
	}
	w.configure()
	w.people()
	w.svc = w.service()
	return w
}

func (w *world) configure() {
	w.t.Helper()
	err := w.db.ApplyConfig(w.t.Context(), ssf.System("test"), ssf.Objects{
		Transmitters: []ssf.TransmitterSpec{{ID: "idp", Issuer: "https://idp.example.com", Audience: []string{"harken"}, Connectors: []ssf.ConnectorID{"crm"}}},
		Sources: []ssf.SourceSpec{
			{ID: "people", Kind: "csv", Path: "people.csv"}, {ID: "crm", Kind: "csv", Path: "crm.csv"},
		},
		Connectors: append([]ssf.ConnectorSpec{w.spec}, w.more...),
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// people writes the directory and the CRM's accounts into the store. An identity's id is that of the directory.
func (w *world) people() {
	w.t.Helper()
	var people, crm []ssf.AccountChange
	for _, p := range respondtest.People() {
		id := ssf.IdentityID("id-" + p.ID)
		people = append(people, ssf.AccountChange{Mint: true, Account: ssf.Account{
			Ref: ssf.AccountRef{Source: "people", ID: p.ID}, Identity: id, Email: p.Email, Name: p.Name, Active: !p.Inactive,
		}})
		if p.Account != "" {
			crm = append(crm, ssf.AccountChange{Account: ssf.Account{
				Ref: ssf.AccountRef{Source: "crm", ID: p.Account}, Identity: id, Email: p.Email, Name: p.Name, Active: !p.Inactive,
			}})
		}
	}
	w.sync("people", people)
	w.sync("crm", crm)
}

func (w *world) sync(id ssf.SourceID, changes []ssf.AccountChange) {
	w.t.Helper()
	lease, err := w.db.Lease(w.t.Context(), bolt.SyncLease(id), "test", time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	err = w.db.ApplySync(w.t.Context(), ssf.System("test"), ssf.Sync{
		Source: id, Epoch: lease.Epoch, Changes: changes, Final: &ssf.SourceState{Accounts: len(changes)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// person returns somebody by e-mail address: identity and CRM account.
func (w *world) person(email string) (ssf.IdentityID, string) {
	w.t.Helper()
	for _, p := range respondtest.People() {
		if p.Email == email {
			return ssf.IdentityID("id-" + p.ID), p.Account
		}
	}
	w.t.Fatalf("nobody has the address %s", email)
	return "", ""
}

func (w *world) service() *respond.Service {
	w.t.Helper()
	svc, err := respond.New(respond.Config{
		Outbound: outboundOver(w.wire), Now: time.Now, Log: slog.New(slog.NewTextHandler(w.t.Output(), nil)),
	}, w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	return svc
}

func outboundOver(rt http.RoundTripper) outbound.Config { return outbound.Config{Transport: rt} }

// event stores a signed signal about the identity and matches it.
func (w *world) event(id ssf.IdentityID, jti string) ssf.Seq {
	w.t.Helper()
	key := seceventtest.MustKey(seceventtest.ES256, "k1")
	jwks, err := seceventtest.JWKS(key)
	if err != nil {
		w.t.Fatal(err)
	}
	keys, _, err := secevent.NewStaticKeys(jwks)
	if err != nil {
		w.t.Fatal(err)
	}
	verifier, err := secevent.NewVerifier(secevent.Config{
		Transmitter: "idp", Issuer: "https://idp.example.com", Audience: []string{"harken"}, Keys: keys, Now: time.Now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	raw, err := seceventtest.SignClaims(key, map[string]any{
		"iss": "https://idp.example.com", "jti": jti, "aud": "harken", "iat": time.Now().Unix(),
		"sub_id": map[string]any{"format": "email", "email": "x@example.com"},
		"events": map[string]any{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": map[string]any{}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	set, err := verifier.Verify(w.t.Context(), jti, raw)
	if err != nil {
		w.t.Fatal(err)
	}
	lease, err := w.db.Lease(w.t.Context(), bolt.PollLease("idp"), "test", time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	results, err := w.db.Ingest(w.t.Context(), ssf.System("test"), []ssf.IngestBatch{{
		Transmitter: "idp", Epoch: lease.Epoch, Deliveries: []ssf.Delivery{{Key: jti, Raw: raw, SET: set, ReceivedAt: time.Now()}},
	}})
	if err != nil || results[0].Err != nil {
		w.t.Fatal(err, results)
	}
	seq := results[0].Verdicts[0].Seq
	match := ssf.Match{State: ssf.MatchNone, Reason: ssf.ReasonNotFound}
	if id != "" {
		match = ssf.Match{State: ssf.MatchFound, Identity: id}
	}
	if lease, err = w.db.Lease(w.t.Context(), "correlate", "test", time.Hour); err != nil {
		w.t.Fatal(err)
	}
	err = w.db.PutMatches(w.t.Context(), ssf.System("test"), lease, []ssf.MatchResult{{Seq: seq, Match: match, Severity: ssf.SeverityMedium}}, seq)
	if err != nil {
		w.t.Fatal(err)
	}
	return seq
}

// ask asks for an action without an event.
func (w *world) ask(kind ssf.Kind, id ssf.IdentityID, intent string) ssf.Run {
	w.t.Helper()
	runs, err := w.svc.Ask(w.t.Context(), w.lena, respond.Ask{Kind: kind, Identity: id, Intent: ssf.IntentID("intent-" + intent)})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(runs) != 1 {
		w.t.Fatalf("got %d runs, want 1", len(runs))
	}
	return runs[0]
}

// work runs a worker until stop is called, which waits for its end.
func (w *world) work(cfg respond.WorkerConfig) (stop func()) {
	w.t.Helper()
	worker, err := respond.NewWorker(cfg, w.svc)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("worker: %v", err)
		}
	}
}

func (w *world) run(id ssf.RunID) ssf.Run {
	w.t.Helper()
	run, err := w.db.Run(context.WithoutCancel(w.t.Context()), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

// expect compares the state of a run.
func (w *world) expect(id ssf.RunID, want ssf.RunState) ssf.Run {
	w.t.Helper()
	run := w.run(id)
	if run.State != want {
		w.t.Errorf("run is %s (%s), want %s; attempts %s", run.State, run.Detail, want, show(run.Attempts))
	}
	return run
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// writes are the calls of the CRM's log that ask for a change.
func (w *world) writes() []string {
	var list []string
	for _, e := range w.crm.Log() {
		if e.Method != http.MethodGet {
			list = append(list, e.Method+" "+e.Path)
		}
	}
	return list
}

func unsupported(err error) *respond.UnsupportedError {
	u, _ := errors.AsType[*respond.UnsupportedError](err)
	return u
}
