package pollertest_test

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"harken/poller/pollertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func claimsOf(t testing.TB, compact string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestModesThatAnswer(t *testing.T) {
	r := newRig(t, nil)
	for _, tt := range []struct {
		mode   pollertest.Mode
		status int
		has    string
	}{
		{pollertest.Mode{Kind: pollertest.StatusCode}, 500, "Internal"},
		{pollertest.Mode{Kind: pollertest.StatusCode, Status: 404}, 404, ""},
		{pollertest.Mode{Kind: pollertest.HTML}, 200, "<h1>"},
		{pollertest.Mode{Kind: pollertest.EmptyBody}, 200, ""},
		{pollertest.Mode{Kind: pollertest.Truncated}, 200, `{"sets":{"`},
		{pollertest.Mode{Kind: pollertest.Nested}, 200, `{"x":{"x":`},
		{pollertest.Mode{Kind: pollertest.Redirect, Location: "https://evil.example/"}, 307, ""},
		{pollertest.Mode{Kind: pollertest.RawBody, Status: 202, Body: "later", ContentType: "text/plain"}, 202, "later"},
		{pollertest.Mode{Kind: pollertest.EmptyMore}, 200, `{"sets":{},"moreAvailable":true}`},
		{pollertest.Mode{Kind: pollertest.BadAgain}, 200, `"bad-set"`},
	} {
		tt.mode.Times = 1
		r.tx.SetMode(pollertest.EndpointPoll, tt.mode)
		status, text := r.call("POST", r.tx.PollURL("s1"), `{`+now+`}`)
		if status != tt.status || !strings.Contains(string(text), tt.has) {
			t.Errorf("%s: got %d %.80s, want %d with %s", tt.mode.Kind, status, text, tt.status, tt.has)
		}
		if got := r.poll(`{` + now + `}`); len(got.Sets) != 0 {
			t.Errorf("after %s: got %v, want a healthy answer", tt.mode.Kind, got)
		}
	}
	r.tx.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.TooLarge})
	if _, text := r.call("POST", r.tx.PollURL("s1"), `{}`); len(text) < 16<<20 {
		t.Errorf("too large: got %d bytes", len(text))
	}
	r.tx.SetMode(pollertest.EndpointAll, pollertest.Mode{})
	r.poll(`{` + now + `}`)
}

func TestRetryAfter(t *testing.T) {
	r := newRig(t, nil)
	for _, date := range []bool{false, true} {
		r.tx.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.StatusCode, Status: 429, RetryAfter: 90, RetryAfterDate: date})
		req, _ := http.NewRequestWithContext(t.Context(), "POST", r.tx.PollURL("s1"), strings.NewReader("{}"))
		resp, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		got := resp.Header.Get("Retry-After")
		if _, err := http.ParseTime(got); resp.StatusCode != 429 || (err == nil) != date || !date && got != "90" {
			t.Errorf("date %v: got %d with %q", date, resp.StatusCode, got)
		}
	}
}

func TestModesThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		for _, kind := range []pollertest.Kind{pollertest.HangBefore, pollertest.HangAfter, pollertest.Drip} {
			r.tx.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: kind})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			start := time.Now()
			_, _, err := r.try(ctx, "POST", r.tx.PollURL("s1"), `{}`)
			if err == nil || time.Since(start) != time.Minute {
				t.Errorf("%s: got error %v after %v, want one after a minute", kind, err, time.Since(start))
			}
			cancel()
		}
		for _, kind := range []pollertest.Kind{pollertest.Reset, pollertest.ResetMiddle} {
			r.tx.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: kind})
			if _, _, err := r.try(t.Context(), "POST", r.tx.PollURL("s1"), `{}`); err == nil {
				t.Errorf("%s: got an answer, want an error", kind)
			}
		}
		synctest.Wait()
	})
}

func TestBodiesWithoutEnd(t *testing.T) {
	r := newRig(t, nil)
	r.tx.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.Endless})
	req, _ := http.NewRequestWithContext(t.Context(), "POST", r.tx.PollURL("s1"), strings.NewReader("{}"))
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.CopyN(io.Discard, resp.Body, 32<<20); err != nil {
		t.Errorf("endless: got %d bytes and %v", n, err)
	}
	_ = resp.Body.Close()

	r.tx.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.GzipBomb})
	req, _ = http.NewRequestWithContext(t.Context(), "POST", r.tx.PollURL("s1"), strings.NewReader("{}"))
	req.Header.Set("Accept-Encoding", "gzip")
	if resp, err = r.client.Do(req); err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	wire := &counter{r: resp.Body}
	zip, err := gzip.NewReader(wire)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, zip)
	if err != nil || n < 512<<20 || wire.n > 1<<20 {
		t.Errorf("bomb: got %d bytes from %d and %v, want 512 MiB from less than 1 MiB", n, wire.n, err)
	}
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestAcksCountBeforeASpoiltAnswer(t *testing.T) {
	r := newRig(t, nil)
	jti := r.send(pollertest.SessionRevoked(pollertest.Opaque("x")))
	r.poll(`{` + now + `}`)
	for _, processed := range []bool{false, true} {
		r.tx.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: pollertest.StatusCode, AfterProcessing: processed})
		if status, _ := r.call("POST", r.tx.PollURL("s1"), `{"ack":["`+jti+`"]}`); status != 500 {
			t.Errorf("got status %d, want 500", status)
		}
		if e, _ := r.tx.Ledger().Event(jti); e.Acked.IsZero() == processed {
			t.Errorf("processed %v: got %+v", processed, e)
		}
	}
}

func TestControl(t *testing.T) {
	r := newRig(t, nil)
	r.client.Transport = pollertest.RoundTripper(map[string]http.Handler{"tx.example.com": r.tx, "*": r.tx.Control()})
	status, text := r.call("POST", "http://localhost:1/events", `{"type":"credential-change","email":"ann@example.com","initiating_entity":"admin",
		"payload":{"credential_type":"password","change_type":"revoke"},"jti":"j1"}`)
	if status != 202 || !strings.Contains(string(text), `"jti":"j1"`) {
		t.Fatalf("event: got %d %s", status, text)
	}
	claims := claimsOf(t, r.poll(`{` + now + `}`).Sets["j1"])
	for _, want := range []string{`"email":"ann@example.com"`, `"initiating_entity":"admin"`, `"change_type":"revoke"`, pollertest.TypeCredentialChange} {
		if !strings.Contains(claims, want) {
			t.Errorf("claims %s: want %s", claims, want)
		}
	}
	for _, tt := range []struct {
		url, body string
		want      int
		headers   []string
	}{
		{"http://localhost:1/events", `{"typ":"x"}`, 400, nil},
		{"http://localhost:1/events", `{"email":"x"}`, 400, nil},
		{"http://localhost:1/events", `{"type":"x","stream":"none"}`, 409, nil},
		{"http://127.0.0.1:1/mode", `{"kind":"status","status":503}`, 204, nil},
		{"http://[::1]:1/sets", `{"jti":"raw","compact":"x.y.z"}`, 202, nil},
		{"http://localhost:1/keys", `{"op":"rotate","kid":"k2"}`, 200, nil},
		{"http://localhost:1/status", `{"stream":"s1","status":"paused"}`, 204, nil},
		{"http://localhost:1/verification", `{"stream":"s1"}`, 202, nil},
		{"http://attacker.example/events", `{"type":"x"}`, 403, nil},
		{"http://localhost:1/events", `{"type":"x"}`, 400, []string{"Content-Type", "text/plain"}},
		{"http://localhost:1/events", `{"type":"x"}`, 403, []string{"Sec-Fetch-Site", "cross-site"}},
	} {
		if status, text := r.call("POST", tt.url, tt.body, tt.headers...); status != tt.want {
			t.Errorf("%s %s: got %d %s, want %d", tt.url, tt.body, status, text, tt.want)
		}
	}
	if status, _ := r.call("POST", r.tx.PollURL("s1"), `{}`); status != 503 {
		t.Errorf("poll in mode status: got %d, want 503", status)
	}
	if status, text := r.call("GET", "http://localhost:1/ledger", nil); status != 200 || !strings.Contains(string(text), `"jti":"raw"`) {
		t.Errorf("ledger: got %d %.200s", status, text)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		done := make(chan error, 1)
		go func() {
			done <- r.tx.Wait(t.Context(), func(l pollertest.Ledger) bool { return len(l.Acked("s1")) == 1 })
		}()
		jti := r.send(pollertest.SessionRevoked(pollertest.Opaque("x")))
		r.poll(`{` + now + `}`)
		r.poll(`{"ack":["` + jti + `"],` + now + `}`)
		if err := <-done; err != nil {
			t.Errorf("wait: %v", err)
		}
		go func() {
			done <- r.tx.Wait(t.Context(), func(l pollertest.Ledger) bool { return l.Records[len(l.Records)-1].Status == 401 })
		}()
		r.token = "nonsense"
		r.call("POST", r.tx.PollURL("s1"), `{}`)
		if err := <-done; err != nil {
			t.Errorf("wait for the end of a poll: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.tx.Wait(ctx, func(pollertest.Ledger) bool { return false }); err == nil {
			t.Error("wait for nothing: got no error")
		}
	})
}
