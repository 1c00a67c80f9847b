package main_test

import (
	"bufio"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/respond/respondtest"
	"harken/ssf/apiv1"
)

// demo is a running "harken demo --json".
type demo struct {
	t *testing.T
	c *child

	Dashboard   string `json:"dashboard"`
	APIToken    string `json:"api_token"`
	Transmitter string `json:"transmitter"`
	Control     string `json:"control"`
	CRM         string `json:"crm"`
	CRMToken    string `json:"crm_token"`
}

// startDemo starts a demo that says nothing after its opening, on free ports.
func startDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	d := &demo{t: t, c: &child{exited: make(chan error, 1)}}
	args = append([]string{"demo", "--json", "--once", "--listen", freeAddress(t)}, args...)
	d.c.cmd = exec.Command(mustBinary(t), args...)
	d.c.cmd.Stderr = &d.c.out
	out, err := d.c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() { d.c.exited <- d.c.cmd.Wait() }()
	t.Cleanup(func() { d.c.end(syscall.SIGTERM) })
	if err != nil {
		t.Fatalf("the demo printed no line: %v\n%s", err, d.c.out.String())
	}
	if err := json.Unmarshal([]byte(line), d, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	for name, value := range map[string]string{
		"dashboard": d.Dashboard, "api_token": d.APIToken, "transmitter": d.Transmitter, "control": d.Control, "crm": d.CRM, "crm_token": d.CRMToken,
	} {
		if value == "" {
			t.Errorf("the line has no %s: %s", name, line)
		}
	}
	return d
}

// get reads JSON from an address and reports whether it was there.
func get[T any](t *testing.T, url, token string, into *T) bool {
	t.Helper()
	status, body := request(t.Context(), url, token, http.MethodGet, nil)
	if status != http.StatusOK {
		return false
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s: %v: %.300s", url, err, body)
	}
	return true
}

// send lets the transmitter say something, and returns the event once it is correlated.
func (d *demo) send(event map[string]any) apiv1.Event {
	d.t.Helper()
	status, body := request(d.t.Context(), d.Control+"/events", "", http.MethodPost, event)
	var answer struct {
		JTI string `json:"jti"`
	}
	if err := json.Unmarshal(body, &answer); status != http.StatusAccepted || err != nil {
		d.t.Fatalf("control: %d %s", status, body)
	}
	var found apiv1.Event
	until(d.t, "the event is correlated", 30*time.Second, func() bool {
		var page apiv1.List[apiv1.Event]
		get(d.t, d.Dashboard+"/api/v1/events?limit=20", d.APIToken, &page)
		for _, e := range page.Items {
			if e.JTI == answer.JTI && e.Match.State != "pending" {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// opened waits until the story's opening is in the data.
func (d *demo) opened() []apiv1.Event {
	d.t.Helper()
	var page apiv1.List[apiv1.Event]
	until(d.t, "the opening is in the data", 60*time.Second, func() bool {
		page = apiv1.List[apiv1.Event]{}
		get(d.t, d.Dashboard+"/api/v1/events?limit=100", d.APIToken, &page)
		matched := 0
		for _, e := range page.Items {
			if e.Match.State != "pending" {
				matched++
			}
		}
		return matched >= 11
	})
	return page.Items
}

// account is one account as the CRM's own API shows it.
type account struct {
	ID             string `json:"id"`
	Enabled        bool   `json:"enabled"`
	ActiveSessions int    `json:"active_sessions"`
}

func (d *demo) account(email string) account {
	d.t.Helper()
	var answer struct {
		Accounts []account `json:"accounts"`
	}
	if !get(d.t, d.CRM+"/api/accounts?email="+email, d.CRMToken, &answer) || len(answer.Accounts) != 1 {
		d.t.Fatalf("the CRM has %d accounts for %s, want 1", len(answer.Accounts), email)
	}
	return answer.Accounts[0]
}

// calls returns the CRM's request log for one account: operations in the order of arrival, reads left out.
func (d *demo) calls(id string) (ops []string) {
	d.t.Helper()
	var answer struct {
		Log []respondtest.LogEntry `json:"log"`
	}
	get(d.t, d.CRM+"/api/log", d.CRMToken, &answer)
	for _, e := range answer.Log {
		if e.Method != http.MethodGet && strings.Contains(e.Path, id) {
			ops = append(ops, string(e.Op))
		}
	}
	return ops
}

// TestDemo starts the demo as a script would, and prints how long the first correlated event takes.
func TestDemo(t *testing.T) {
	begin := time.Now()
	dir := t.TempDir()
	d := startDemo(t, "--data", dir)
	up := time.Since(begin)
	events := d.opened()
	t.Logf("line after %.1f s, opening correlated after %.1f s", up.Seconds(), time.Since(begin).Seconds())
	states := map[string]int{}
	for _, e := range events {
		states[e.Match.State+" "+e.Match.Reason]++
		if e.Severity == "routine" && e.Open {
			t.Errorf("event %d is a plain log-out and in the open inbox", e.Seq)
		}
	}
	for _, want := range []string{"matched ", "uncorrelated not_found", "uncorrelated ambiguous"} {
		if states[want] == 0 {
			t.Errorf("the story has no %q event: %v", want, states)
		}
	}
	if code := d.c.end(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit code %d after SIGTERM\n%s", code, d.c.out.String())
	}
	again := startDemo(t, "--data", dir)
	if got := again.opened(); len(got) < len(events) {
		t.Errorf("after a restart %d events are left of %d", len(got), len(events))
	}
	if again.CRM != d.CRM || again.Transmitter != d.Transmitter {
		t.Error("a restart moved the world to other addresses")
	}
	again.send(map[string]any{"type": "session-revoked", "email": respondtest.BusyEmail, "initiating_entity": "admin"})
}
