package main_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/poller/pollertest"
	"harken/ssf/apiv1"
)

// harken runs one command to its end.
func harken(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	cmd := exec.Command(mustBinary(t), args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("harken %v: %v", args, err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheckConfigSaysEverythingAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "harken.yaml")
	writeFile(t, path, `listen: 0.0.0.0:8080
data_dri: data
transmitters:
  - id: Bad ID
    issuer: sso.example.com
    auth: {method: bearer, token: plain-secret-text}
    stream: {manage: create, events: [sesion-revoked]}
    poll: {schedule: "@every 0s"}
    subject_id: {account: nowhere}
connectors:
  - {id: crm, preset: no-such-preset, source: nowhere, url: "https://crm.example.com", auth: {method: bearer, token: "${env:HARKEN_TEST_UNSET}"}}
`)
	code, out := harken(t, "check-config", "-c", path)
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	for _, want := range []string{
		"line 2, column 1: data_dri: unknown key; did you mean data_dir?", "line 1, column 1: listen: without tls only loopback",
		"line 4, column 5: transmitters[0].id:", "transmitters[0].issuer: must be an https address",
		"transmitters[0].auth.token: a secret is not written here", `transmitters[0].stream.events[0]: "sesion-revoked" is no known event type`,
		"line 8, column 12: transmitters[0].poll.schedule:", "transmitters[0].subject_id: there is no source nowhere",
		"connectors[0].source: there is no source nowhere", "HARKEN_TEST_UNSET is not set", "no-such-preset",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "plain-secret-text") {
		t.Error("a secret in the wrong place is repeated in the message")
	}
	if code, _ := harken(t, "serve", "-c", path); code != 78 {
		t.Errorf("serve: exit code %d, want 78", code)
	}
}

// What would keep the daemon from starting, or a transmitter from ever being reached, is said by check-config too.
func TestCheckConfigReadsWhatStartingReads(t *testing.T) {
	dir := t.TempDir()
	path, key := filepath.Join(dir, "harken.yaml"), filepath.Join(dir, "key.pem")
	writeFile(t, key, "not a key")
	writeFile(t, path, `tls: {cert: none.pem, key: none.pem}
public_url: http://harken.example.com
network: {ca: none.pem}
transmitters:
  - id: sso
    issuer: HTTP://sso.example.com
    auth: {method: private_key_jwt, client_id: harken, key: "${file:`+key+`}"}
    stream: {manage: create, events: [session-revokd]}
    connectors: [ghost]
`)
	code, out := harken(t, "check-config", "-c", path)
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	for _, want := range []string{
		"line 1, column 1: tls: open", "public_url: must be https", "network.ca: open", "transmitters[0].issuer: must be https",
		"line 7, column 56: transmitters[0].auth.key: ", "transmitters[0].connectors[0]: there is no connector ghost",
		`transmitters[0].stream.events[0]: "session-revokd" is no known event type`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	writeFile(t, path, "transmitters:\n  - {id: sso, issuer: \"https://sso.example.com\", poll: {long_poll: 30}}\n")
	if _, out := harken(t, "check-config", "-c", path); !strings.Contains(out, "long_poll: a number cannot stand here, want text") {
		t.Errorf("a duration without its unit:\n%s", out)
	}
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		args []string
		want int
		say  string
	}{
		{"unknown command", []string{"sevre"}, 2, "--help"},
		{"no configuration", []string{"serve", "-c", filepath.Join(dir, "none.yaml")}, 78, "harken init"},
		{"demo for everybody", []string{"demo", "--listen", "0.0.0.0:0"}, 2, "loopback"},
		{"version", []string{"version"}, 0, "harken"},
		{"help", []string{"--help"}, 0, "check-config"},
	} {
		code, out := harken(t, tt.args...)
		if code != tt.want || !strings.Contains(out, tt.say) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s", tt.name, code, tt.want, tt.say, out)
		}
	}
}

func TestInitPreparesAFirstStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "harken.yaml")
	code, out := harken(t, "init", "-c", path)
	if code != 0 || !strings.Contains(out, "One-time code") || !strings.Contains(out, "master key") {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	if code, out := harken(t, "check-config", "-c", path); code != 0 {
		t.Errorf("the configuration that init wrote is wrong: %s", out)
	}
	if code, out := harken(t, "init", "-c", path); code != 0 || strings.Contains(out, "Made a master key") {
		t.Errorf("a second init: exit code %d, want 0 and the old key kept:\n%s", code, out)
	}
	if code, out := harken(t, "check", "-c", path, "--reindex"); code != 0 || !strings.Contains(out, "0 problems") {
		t.Errorf("check: exit code %d:\n%s", code, out)
	}
	data := filepath.Join(filepath.Dir(path), "data")
	if err := os.Chmod(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if code, out := harken(t, "check", "-c", path); code != 78 || strings.Count(strings.TrimSpace(out), "\n") != 0 {
		t.Errorf("a folder open to others: exit code %d, want 78 with one line:\n%s", code, out)
	}
}

func TestASecondInstanceEnds(t *testing.T) {
	o := newOutside(t)
	c := o.startHarken(t)
	o.waitReady(t, c)
	begin := time.Now()
	code, out := harken(t, "serve", "-c", o.config())
	if code != 75 || !strings.Contains(out, "in use by another harken process") {
		t.Errorf("exit code %d, want 75:\n%s", code, out)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %v to say so, want 2 s at most", took)
	}
	if code := c.end(syscall.SIGTERM); code != 0 {
		t.Errorf("the first instance: exit code %d, want 0\n%s", code, c.out.String())
	}
}

// The daemon starts whatever the transmitter does, says which step fails, and stops in time while a request hangs.
func TestAnUnreachableTransmitter(t *testing.T) {
	o := newOutside(t)
	o.transmitter.SetMode(pollertest.EndpointDiscovery, pollertest.Mode{Kind: pollertest.HangBefore})
	c := o.startHarken(t)
	o.waitReady(t, c)
	until(t, "the transmitter hangs", 20*time.Second, func() bool {
		return o.transmitter.Ledger().Requests[pollertest.EndpointDiscovery] > 0
	})
	begin := time.Now()
	if code := c.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, c.out.String())
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it stopped after %v, want 10 s at most", took)
	}
	o.transmitter.SetMode(pollertest.EndpointDiscovery, pollertest.Mode{Kind: pollertest.HTML})
	c = o.startHarken(t)
	o.waitReady(t, c)
	var page apiv1.List[apiv1.Transmitter]
	until(t, "the failing step is said", 20*time.Second, func() bool {
		status, body := o.try(t.Context(), http.MethodGet, "/api/v1/transmitters", nil)
		page = apiv1.List[apiv1.Transmitter]{}
		return status == http.StatusOK && json.Unmarshal(body, &page) == nil && len(page.Items) == 2 && page.Items[0].Poll.Step != ""
	})
	if p := page.Items[0].Poll; p.Step != "discovery" || p.Error == "" || p.Advice == "" {
		t.Errorf("step %q, error %q, advice %q; want discovery with both", p.Step, p.Error, p.Advice)
	}
	o.transmitter.SetMode(pollertest.EndpointDiscovery, pollertest.Mode{})
}

// A relative secret file starts at the configuration file, wherever harken was started.
func TestSecretFilesAreRelativeToTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "harken.yaml")
	writeFile(t, filepath.Join(dir, "crm-token"), "secret")
	writeFile(t, path, `sources:
  - {id: people, kind: csv, path: people.csv}
connectors:
  - {id: crm, preset: acme-crm, source: people, url: "https://crm.example.com", auth: {method: bearer, token: "${file:crm-token}"}}
`)
	if code, out := harken(t, "check-config", "-c", path); code != 0 || !strings.Contains(out, "0 transmitters, 1 source, 1 connector.") {
		t.Errorf("exit code %d, want 0:\n%s", code, out)
	}
}
