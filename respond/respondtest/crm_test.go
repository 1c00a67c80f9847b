package respondtest_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"

	"harken/poller/pollertest"
	"harken/respond/respondtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type rig struct {
	t      testing.TB
	crm    *respondtest.CRM
	client *http.Client
	token  string
}

func newRig(t testing.TB, change func(*respondtest.Config)) *rig {
	t.Helper()
	cfg := respondtest.Config{Token: "admin-token"}
	if change != nil {
		change(&cfg)
	}
	crm, err := respondtest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, crm: crm, token: "admin-token", client: &http.Client{Transport: pollertest.RoundTripper(map[string]http.Handler{"*": crm})}}
}

func (r *rig) try(ctx context.Context, method, path, body string) (*http.Response, string, error) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "https://crm.example.com"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func (r *rig) call(method, path, body string) (int, string) {
	r.t.Helper()
	resp, text, err := r.try(r.t.Context(), method, path, body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, text
}

// busy returns the account with three sessions.
func (r *rig) busy() respondtest.Account {
	r.t.Helper()
	found := r.crm.Find(strings.ToUpper(respondtest.BusyEmail))
	if len(found) != 1 {
		r.t.Fatalf("accounts of %s: got %d, want 1", respondtest.BusyEmail, len(found))
	}
	return found[0]
}

func TestPeople(t *testing.T) {
	people := respondtest.People()
	if len(people) < 40 || len(people) > 45 {
		t.Errorf("people: got %d, want about 40", len(people))
	}
	ids, accounts, emails := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, p := range people {
		if ids[p.ID] || p.Account != "" && accounts[p.Account] {
			t.Errorf("%s: id %s or account %s is not unique", p.Name, p.ID, p.Account)
		}
		ids[p.ID], accounts[p.Account] = true, true
		emails[p.Email]++
		if !strings.HasSuffix(p.Email, "@example.com") || strings.ContainsFunc(p.Email, func(c rune) bool { return c > 126 }) {
			t.Errorf("%s: e-mail %q", p.Name, p.Email)
		}
	}
	for _, p := range people {
		if p.Manager != "" && !ids[p.Manager] || p.Manager == p.ID {
			t.Errorf("%s: manager %q is nobody else", p.Name, p.Manager)
		}
	}
	for email, count := range emails {
		if want := map[bool]int{true: 2, false: 1}[email == respondtest.SharedEmail]; count != want {
			t.Errorf("%s: got %d people, want %d", email, count, want)
		}
	}
	for email, want := range map[string]int{
		respondtest.UnknownEmail: 0, respondtest.BusyEmail: 1, respondtest.LeakedEmail: 1, respondtest.PrivilegedEmail: 1, respondtest.SharedEmail: 2,
	} {
		if emails[email] != want {
			t.Errorf("%s: got %d people, want %d", email, emails[email], want)
		}
	}
	var b bytes.Buffer
	if err := respondtest.WritePeople(&b, people); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != len(people)+1 || !slices.Equal(rows[1][:3], []string{people[0].ID, people[0].Email, people[0].Name}) {
		t.Errorf("CSV: got %d rows, first %v, error %v", len(rows), rows[1], err)
	}
}

func TestEndingSessions(t *testing.T) {
	r := newRig(t, nil)
	a := r.busy()
	sessions := r.crm.Sessions(a.ID)
	if len(sessions) != 3 || !a.Enabled {
		t.Fatalf("at the start: got %d sessions, enabled %v; want 3 and true", len(sessions), a.Enabled)
	}
	if status, text := r.call("GET", "/me?session="+sessions[0].ID, ""); status != 200 || !strings.Contains(text, "Signed in as <strong>"+a.Name) {
		t.Errorf("page of a session: got %d %s", status, text)
	}
	if status, _ := r.call("DELETE", "/api/sessions/"+sessions[0].ID, ""); status != 204 {
		t.Errorf("end one: got %d, want 204", status)
	}
	if status, _ := r.call("GET", "/me?session="+sessions[0].ID, ""); status != 401 {
		t.Errorf("page of an ended session: got %d, want 401", status)
	}
	if status, _ := r.call("DELETE", "/api/sessions/"+sessions[0].ID, ""); status != 404 {
		t.Errorf("end it again: got %d, want 404", status)
	}
	if status, text := r.call("DELETE", "/api/accounts/"+a.ID+"/sessions", ""); status != 200 || text != `{"ended":2}` {
		t.Errorf("end all: got %d %s, want 200 and 2", status, text)
	}
	if status, text := r.call("DELETE", "/api/accounts/"+a.ID+"/sessions", ""); status != 200 || text != `{"ended":0}` {
		t.Errorf("end all again: got %d %s, want 200 and 0", status, text)
	}
	if status, text := r.call("GET", "/api/accounts/"+a.ID, ""); status != 200 || !strings.Contains(text, `"active_sessions":0`) || !strings.Contains(text, `"enabled":true`) {
		t.Errorf("account afterwards: got %d %s", status, text)
	}
	ledger := r.crm.Ledger()
	if got := ledger.EffectsOn(respondtest.OpTerminateSessions, a.ID); len(got) != 1 || len(got[0].Sessions) != 2 {
		t.Errorf("effects: got %+v, want one with two sessions", got)
	}
	if got := ledger.CallsTo(respondtest.OpTerminateSessions, a.ID); got != 2 {
		t.Errorf("calls: got %d, want 2", got)
	}
	log := r.crm.Log()
	if last := log[len(log)-3]; last.Effect != "2 sessions ended" || last.Status != 200 || last.Method != "DELETE" || last.Path != "/api/accounts/"+a.ID+"/sessions" {
		t.Errorf("log: got %+v", last)
	}
}

func TestEndingOnlyOlderSessions(t *testing.T) {
	r := newRig(t, nil)
	a := r.busy()
	middle := r.crm.Sessions(a.ID)[1].Started
	if status, text := r.call("DELETE", "/api/accounts/"+a.ID+"/sessions?started_before="+middle.Format(time.RFC3339Nano), ""); status != 200 || text != `{"ended":1}` {
		t.Errorf("got %d %s, want the oldest ended", status, text)
	}
}

func TestDisablingKeepsSessions(t *testing.T) {
	r := newRig(t, nil)
	a := r.busy()
	for i, want := range []string{`"changed":true`, `"changed":false`} {
		status, text := r.call("POST", "/api/accounts/"+a.ID+"/disable", "")
		if status != 200 || !strings.Contains(text, want) || !strings.Contains(text, `"enabled":false`) {
			t.Errorf("disable, call %d: got %d %s, want %s", i+1, status, text, want)
		}
	}
	if got := len(r.crm.Sessions(a.ID)); got != 3 {
		t.Errorf("sessions of the disabled account: got %d, want 3", got)
	}
	if status, text := r.call("POST", "/api/accounts/"+a.ID+"/sessions", `{"device":"d"}`); status != 409 || !strings.Contains(text, "account_disabled") {
		t.Errorf("sign in while disabled: got %d %s, want 409", status, text)
	}
	if _, err := r.crm.SignIn(a.ID, respondtest.Device{}); err != respondtest.ErrDisabled {
		t.Errorf("SignIn while disabled: got %v, want ErrDisabled", err)
	}
	if status, _ := r.call("POST", "/api/accounts/"+a.ID+"/enable", ""); status != 200 {
		t.Errorf("enable: got %d", status)
	}
	if status, text := r.call("POST", "/api/accounts/"+a.ID+"/sessions", `{"device":"d","place":"p","user_agent":"u"}`); status != 201 || !strings.Contains(text, `"device":"d"`) {
		t.Errorf("sign in: got %d %s, want 201", status, text)
	}
	if got := len(r.crm.Ledger().EffectsOn(respondtest.OpDisable, a.ID)); got != 1 {
		t.Errorf("disabling took effect %d times, want once", got)
	}
}

func TestRefusals(t *testing.T) {
	r := newRig(t, nil)
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/api/accounts/C-1", "", 404},
		{"GET", "/api/accounts/C-1/sessions", "", 404},
		{"DELETE", "/api/accounts/C-1/sessions", "", 404},
		{"POST", "/api/accounts/C-1/disable", "", 404},
		{"POST", "/api/accounts/C-1/sessions", "{}", 404},
		{"POST", "/api/accounts/" + r.busy().ID + "/sessions", `{"devices":1}`, 400},
		{"DELETE", "/api/accounts/" + r.busy().ID + "/sessions?started_before=yesterday", "", 400},
		{"GET", "/api/nothing", "", 404},
		{"POST", "/api/faults", `{"kind":"?"}`, 400},
	} {
		if status, text := r.call(tt.method, tt.path, tt.body); status != tt.want || !strings.Contains(text, `"error"`) {
			t.Errorf("%s %s: got %d %s, want %d with an error", tt.method, tt.path, status, text, tt.want)
		}
	}
	if status, text := r.call("GET", "/api/accounts?email="+respondtest.UnknownEmail, ""); status != 200 || text != `{"accounts":[]}` {
		t.Errorf("unknown e-mail: got %d %s", status, text)
	}
	r.token = "wrong"
	for _, path := range []string{"/api/accounts", "/api/log", "/api/ledger", "/api/x"} {
		if status, _ := r.call("GET", path, ""); status != 401 {
			t.Errorf("%s with a wrong token: got %d, want 401", path, status)
		}
	}
}

func TestPageHasAStrictPolicy(t *testing.T) {
	r := newRig(t, nil)
	resp, text, err := r.try(t.Context(), "GET", "/", "")
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("page: got %v, %v", resp, err)
	}
	if got := resp.Header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || strings.Contains(got, "unsafe") {
		t.Errorf("policy: got %q", got)
	}
	for _, bad := range []string{"<script", "style=", "<style"} {
		if strings.Contains(text, bad) {
			t.Errorf("page contains %q", bad)
		}
	}
	if !strings.Contains(text, r.busy().Name) {
		t.Error("page does not name a person who is signed in")
	}
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		a := r.busy()
		path := "/api/accounts/" + a.ID + "/sessions"
		left := func(want int) {
			t.Helper()
			if got := len(r.crm.Sessions(a.ID)); got != want {
				t.Errorf("sessions: got %d, want %d", got, want)
			}
		}
		r.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultNoEffect, Op: respondtest.OpTerminateSessions, Times: 1})
		if status, _ := r.call("DELETE", path, ""); status != 200 {
			t.Errorf("no effect: got %d, want 200", status)
		}
		left(3)
		r.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultStatus, Status: 429, RetryAfter: 7, Times: 1})
		if resp, _, err := r.try(t.Context(), "DELETE", path, ""); err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "7" {
			t.Errorf("429: got %v, %v", resp, err)
		}
		for _, kind := range []respondtest.FaultKind{respondtest.FaultReset, respondtest.FaultHang} {
			r.crm.AddFault(respondtest.Fault{Kind: kind, Times: 1})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if resp, _, err := r.try(ctx, "DELETE", path, ""); err == nil {
				t.Errorf("%s: got %v", kind, resp)
			}
			cancel()
		}
		left(3)
		if status, _ := r.call("POST", "/api/faults", `{"kind":"async","op":"terminate_session","delay":"5s","times":1}`); status != 204 {
			t.Fatalf("add fault: got %d", status)
		}
		if status, _ := r.call("DELETE", "/api/sessions/"+r.crm.Sessions(a.ID)[0].ID, ""); status != 202 {
			t.Errorf("async: got %d, want 202", status)
		}
		left(3)
		time.Sleep(5 * time.Second)
		left(2)
		r.crm.AddFault(respondtest.Fault{Kind: respondtest.FaultEffectThenReset, Op: respondtest.OpTerminateSessions, Times: 1})
		if resp, _, err := r.try(t.Context(), "DELETE", path, ""); err == nil {
			t.Errorf("effect then reset: got %v", resp)
		}
		left(0)
		if got := r.crm.Ledger().CallsTo(respondtest.OpTerminateSessions, a.ID); got != 5 {
			t.Errorf("calls: got %d, want 5", got)
		}
	})
}

func TestRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "crm.json")
	open := func() *rig { return newRig(t, func(c *respondtest.Config) { c.File = file }) }
	r := open()
	a := r.busy()
	r.call("POST", "/api/accounts/"+a.ID+"/disable", "")
	ended := r.crm.Sessions(a.ID)[0].ID
	r.call("DELETE", "/api/sessions/"+ended, "")
	again := open()
	if got, err := again.crm.Account(a.ID); err != nil || got.Enabled {
		t.Errorf("account after a restart: got %+v, %v; want it disabled", got, err)
	}
	before, _ := json.Marshal(r.crm.Sessions(""))
	after, _ := json.Marshal(again.crm.Sessions(""))
	if !bytes.Equal(before, after) || bytes.Contains(after, []byte(ended)) {
		t.Errorf("sessions after a restart: got %s, want %s", after, before)
	}
	if got := len(again.crm.Ledger().Effects); got != 2 {
		t.Errorf("effects after a restart: got %d, want 2", got)
	}
	if err := os.WriteFile(file, []byte(`{"version":9}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := respondtest.New(respondtest.Config{Token: "t", File: file}); err == nil {
		t.Error("newer file: got no error")
	}
}
