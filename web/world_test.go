package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"harken/outbound"
	"harken/respond"
	"harken/respond/respondtest"
	"harken/ssf"
	"harken/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const crmToken = "crm-token-of-the-test"

// inMemory carries requests to a handler.
type inMemory struct{ http.Handler }

func (h inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	in := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), r.Body)
	in.Header = r.Header
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, in)
	return rec.Result(), nil
}

func outboundTo(h http.Handler) outbound.Config { return outbound.Config{Transport: inMemory{h}} }

// configure writes transmitter, sources and the CRM's connector into the store, and the people of the directory.
func (w *world) configure() {
	w.t.Helper()
	err := w.db.ApplyConfig(w.t.Context(), ssf.System("test"), ssf.Objects{
		Transmitters: []ssf.TransmitterSpec{{
			ID: "idp", Issuer: "https://issuer.example", Audience: []string{"harken"}, Connectors: []ssf.ConnectorID{"crm"},
		}},
		Sources: []ssf.SourceSpec{{ID: "people", Kind: "csv", Path: "people.csv"}, {ID: "crm", Kind: "csv", Path: "crm.csv"}},
		Connectors: []ssf.ConnectorSpec{{
			ID: "crm", Preset: "acme-crm", Source: "crm", URL: "https://crm.example.com",
			Auth: ssf.AuthSpec{Method: ssf.AuthBearer, Token: "${env:CRM_TOKEN}"},
		}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var people, crm []ssf.AccountChange
	for _, p := range respondtest.People() {
		id := ssf.IdentityID("id-" + p.ID)
		people = append(people, ssf.AccountChange{Mint: true, Account: ssf.Account{
			Ref: ssf.AccountRef{Source: "people", ID: p.ID}, Identity: id, Email: p.Email, EmailKey: p.Email, Name: p.Name,
			Active: !p.Inactive, Labels: p.Labels,
		}})
		if p.Account != "" {
			crm = append(crm, ssf.AccountChange{Account: ssf.Account{
				Ref: ssf.AccountRef{Source: "crm", ID: p.Account}, Identity: id, Email: p.Email, EmailKey: p.Email, Name: p.Name, Active: !p.Inactive,
			}})
		}
	}
	w.people = people
	w.sync("people", people)
	w.sync("crm", crm)
}

func (w *world) sync(id ssf.SourceID, changes []ssf.AccountChange) {
	w.t.Helper()
	lease, err := w.db.Lease(w.t.Context(), "sync:"+string(id), "test", time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	step := ssf.Sync{Source: id, Epoch: lease.Epoch, Changes: changes, Final: &ssf.SourceState{Accounts: len(changes)}}
	if err := w.db.ApplySync(w.t.Context(), ssf.System("test"), step); err != nil {
		w.t.Fatal(err)
	}
}

// person returns somebody of the directory: identity and CRM account.
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

// event stores a signal and matches it to an identity, or to nobody.
func (w *world) event(id ssf.IdentityID, jti string, edits ...func(*ssf.SETFields)) ssf.Seq {
	w.t.Helper()
	edits = append([]func(*ssf.SETFields){storetest.IssuedAt(w.now().Add(-time.Minute).Truncate(time.Second))}, edits...)
	d := storetest.Accepted(storetest.SET("idp", jti, edits...))
	d.ReceivedAt = w.now()
	lease, err := w.db.Lease(w.t.Context(), "poll:idp", "test", time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	results, err := w.db.Ingest(w.t.Context(), ssf.System("test"), []ssf.IngestBatch{{Transmitter: "idp", Epoch: lease.Epoch, Deliveries: []ssf.Delivery{d}}})
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
	results2 := []ssf.MatchResult{{Seq: seq, Match: match, Severity: ssf.SeverityMedium}}
	if err := w.db.PutMatches(w.t.Context(), ssf.System("test"), lease, results2, seq); err != nil {
		w.t.Fatal(err)
	}
	return seq
}

// work runs the worker that carries actions out, until the test ends.
func (w *world) work() {
	w.t.Helper()
	worker, err := respond.NewWorker(respond.WorkerConfig{}, w.responder)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("worker: %v", err)
		}
	})
}

// await reads runs until all are in the state.
func (w *world) await(f ssf.RunFilter, want ssf.RunState) []ssf.Run {
	w.t.Helper()
	changed, stop := w.db.Watch(ssf.Topic{Kind: ssf.TopicRuns})
	defer stop()
	late := time.After(20 * time.Second)
	for {
		runs, err := w.db.Runs(w.t.Context(), f, ssf.PageRequest{})
		if err != nil {
			w.t.Fatal(err)
		}
		good := len(runs.Items) > 0
		for _, r := range runs.Items {
			good = good && r.State == want
		}
		if good {
			return runs.Items
		}
		select {
		case <-changed:
		case <-late:
			for _, r := range runs.Items {
				w.t.Logf("run %s %s: %s", r.Kind, r.State, r.Detail)
			}
			w.t.Fatalf("runs: got %d, none or not all %s", len(runs.Items), want)
		}
	}
}
