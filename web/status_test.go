package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/ssf"
	"harken/ssf/apiv1"
)

func (b *browser) status(query string) (int, apiv1.Health) {
	b.w.t.Helper()
	a := b.get("/status.json" + query)
	if kind := a.header.Get("Content-Type"); kind != "application/health+json" {
		b.w.t.Errorf("status.json%s: got type %q: %.200s", query, kind, a.body)
	}
	var h apiv1.Health
	if err := json.Unmarshal([]byte(a.body), &h); err != nil {
		b.w.t.Fatal(err)
	}
	return a.code, h
}

// TestStatusJSON judges each state of a job.
func TestStatusJSON(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for _, c := range []struct {
		name string
		job  ssf.JobStatus
		code int
		want apiv1.HealthStatus
	}{
		{"on time", ssf.JobStatus{State: ssf.JobOK}, 200, apiv1.HealthPass},
		{"running", ssf.JobStatus{State: ssf.JobRunning}, 200, apiv1.HealthPass},
		{"late", ssf.JobStatus{State: ssf.JobLate, Since: start}, 503, apiv1.HealthFail},
		{"stuck", ssf.JobStatus{State: ssf.JobStuck}, 503, apiv1.HealthFail},
		{"failed once", ssf.JobStatus{State: ssf.JobFailed, Failures: 1, Since: start}, 200, apiv1.HealthWarn},
		{"failed three times", ssf.JobStatus{State: ssf.JobFailed, Failures: 3, Since: start}, 503, apiv1.HealthFail},
		{"failed for 5 min", ssf.JobStatus{State: ssf.JobFailed, Failures: 2, Since: start.Add(-5 * time.Minute)}, 503, apiv1.HealthFail},
		{"quiet", ssf.JobStatus{State: ssf.JobQuiet}, 200, apiv1.HealthWarn},
		{"paused", ssf.JobStatus{State: ssf.JobPaused}, 200, apiv1.HealthWarn},
		{"not yet run", ssf.JobStatus{State: ssf.JobNever, Next: start.Add(time.Minute)}, 200, apiv1.HealthPass},
		{"never ran", ssf.JobStatus{State: ssf.JobNever, Next: start.Add(-time.Minute)}, 200, apiv1.HealthWarn},
	} {
		c.job.ID, c.job.Last = "poll:idp", ssf.JobRun{Error: "secret peer text"}
		w.machinery.jobs = []ssf.JobStatus{c.job}
		code, h := b.status("")
		checks := h.Checks["job:poll:idp"]
		if code != c.code || h.Status != c.want || len(checks) != 1 || checks[0].Status != c.want {
			t.Errorf("%s: got %d %s %+v, want %d %s", c.name, code, h.Status, checks, c.code, c.want)
		}
		if len(checks) == 1 && strings.Contains(checks[0].Output, "secret") {
			t.Errorf("%s: a stranger reads %q", c.name, checks[0].Output)
		}
	}
	w.machinery.jobs = []ssf.JobStatus{{ID: "poll:idp", State: ssf.JobLate, Last: ssf.JobRun{Error: "connection refused"}}, {ID: "sync:people", State: ssf.JobOK}}
	if _, h := w.browser().demo(ssf.RoleResponder).status(""); !strings.Contains(h.Checks["job:poll:idp"][0].Output, "connection refused") {
		t.Errorf("signed in: got %+v, want the error", h.Checks["job:poll:idp"])
	}
	if code, h := b.status("?job=sync:people"); code != 200 || len(h.Checks) != 1 {
		t.Errorf("one job: got %d with %d checks, want 200 with 1", code, len(h.Checks))
	}
	if code, _ := b.status("?job=nothing"); code != 503 {
		t.Errorf("unknown job: got %d, want 503", code)
	}
}

func TestStatusJSONMaxAge(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	if code, _ := b.status("?max_age=10m"); code != 200 {
		t.Errorf("a run just now: got %d, want 200", code)
	}
	w.clock.Advance(11 * time.Minute)
	if code, h := b.status("?max_age=10m"); code != 503 || h.Checks["max_age"][0].Status != apiv1.HealthFail {
		t.Errorf("a run 11 min ago: got %d %+v, want 503", code, h.Checks["max_age"])
	}
	if code, _ := b.status("?job=poll:idp&max_age=20m"); code != 200 {
		t.Errorf("of one job: got %d, want 200", code)
	}
	if a := b.get("/status.json?max_age=soon"); a.code != http.StatusBadRequest {
		t.Errorf("no duration: got %d, want 400", a.code)
	}
}

// TestStatusJSONConnections judges connections, streams and tokens that wait.
func TestStatusJSONConnections(t *testing.T) {
	w := newWorld(t)
	w.configure()
	b := w.browser()
	lease, err := w.db.Lease(t.Context(), "poll:idp", "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		state ssf.TransmitterState
		code  int
		says  string
	}{
		{"healthy", ssf.TransmitterState{}, 200, ""},
		{"a step fails, fresh", ssf.TransmitterState{Poll: ssf.PollState{Step: "token", Failures: 1, Since: start}}, 200, "token"},
		{"a step fails for long", ssf.TransmitterState{Poll: ssf.PollState{Step: "discovery", Failures: 9, Since: start}}, 503, "discovery"},
		{"paused", ssf.TransmitterState{Stream: ssf.StreamState{Status: "paused"}}, 503, "paused"},
		{"held", ssf.TransmitterState{Stream: ssf.StreamState{Held: "the key set moved"}}, 503, "held"},
		{"verification overdue", ssf.TransmitterState{Stream: ssf.StreamState{Pending: []ssf.PendingVerification{{State: "x", AskedAt: start.Add(-6 * time.Minute)}}}}, 503, "overdue"},
		{"verification seen", ssf.TransmitterState{Stream: ssf.StreamState{Pending: []ssf.PendingVerification{{State: "x", AskedAt: start.Add(-6 * time.Minute), SeenAt: start}}}}, 200, ""},
	} {
		c.state.ID = "idp"
		if err := w.db.PutTransmitterState(t.Context(), ssf.System("test"), lease.Epoch, c.state, ssf.Change{}); err != nil {
			t.Fatal(err)
		}
		code, h := b.status("")
		if got := h.Checks["transmitter:idp"]; code != c.code || len(got) != 1 || !strings.Contains(got[0].Output, c.says) || (c.says == "") != (got[0].Output == "") {
			t.Errorf("%s: got %d %+v, want %d that says %q", c.name, code, got, c.code, c.says)
		}
	}
	undecided := func(key string, reason ssf.UndecidedReason) {
		t.Helper()
		_, err := w.db.Ingest(t.Context(), ssf.System("test"), []ssf.IngestBatch{{Transmitter: "idp", Epoch: lease.Epoch, Deliveries: []ssf.Delivery{{
			Key: key, Raw: "later." + key, ReceivedAt: w.now(), Undecided: &ssf.UndecidedError{Reason: reason, Code: ssf.RejectInvalidKey, Err: ssf.ErrKeysUnavailable},
		}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	undecided("k", ssf.UndecidedUnknownKey)
	if code, h := b.status(""); code != 200 || h.Checks["undecided:idp"][0].Status != apiv1.HealthWarn {
		t.Errorf("a token with an unknown key: got %d %+v, want a warning", code, h.Checks["undecided:idp"])
	}
	w.clock.Advance(15 * time.Minute)
	if code, _ := b.status(""); code != 503 {
		t.Errorf("after 15 min: got %d, want 503", code)
	}
}

func TestStatusJSONOwnFault(t *testing.T) {
	w := newWorld(t)
	w.configure()
	lease, err := w.db.Lease(t.Context(), "poll:idp", "test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.db.Ingest(t.Context(), ssf.System("test"), []ssf.IngestBatch{{Transmitter: "idp", Epoch: lease.Epoch, Deliveries: []ssf.Delivery{{
		Key: "a", Raw: "later.a", ReceivedAt: w.now(), Undecided: &ssf.UndecidedError{Reason: ssf.UndecidedAudience, Code: ssf.RejectInvalidAudience, Err: ssf.ErrConflict},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := w.browser().status(""); code != 503 {
		t.Errorf("tokens for another audience: got %d, want 503 at once", code)
	}
}

// TestStoreGone answers health checks while the store is closed.
func TestStoreGone(t *testing.T) {
	w := newWorld(t)
	b := w.browser().demo(ssf.RoleAdmin)
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	if a := b.get("/healthz"); a.code != http.StatusOK {
		t.Errorf("healthz: got %d, want 200: the process lives", a.code)
	}
	if a := b.get("/readyz"); a.code != http.StatusServiceUnavailable {
		t.Errorf("readyz: got %d, want 503", a.code)
	}
	code, h := b.status("")
	if code != 503 || h.Checks["store"][0].Status != apiv1.HealthFail || len(h.Checks["job:poll:idp"]) != 1 {
		t.Errorf("status.json: got %d %+v, want 503 with the jobs from memory", code, h.Checks)
	}
	if a := b.get("/"); a.code < 500 || strings.Contains(a.body, "bolt") {
		t.Errorf("inbox: got %d, want 5xx without internals: %.300s", a.code, a.body)
	}
	if a := b.get("/api/v1/events"); a.code < 500 {
		t.Errorf("API: got %d, want 5xx: a store that cannot be read is no access", a.code)
	}
}
