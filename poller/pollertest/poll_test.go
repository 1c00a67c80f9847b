package pollertest_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"harken/poller/pollertest"
	"harken/secevent/seceventtest"
)

const now = `"returnImmediately":true`

func TestPollOffersUntilAcknowledged(t *testing.T) {
	r := newRig(t, nil)
	a := r.send(pollertest.SessionRevoked(pollertest.Email("ann@example.com")))
	b := r.send(pollertest.CredentialChange(pollertest.Email("bob@example.com"), "password", "update"))
	got := r.poll(`{"maxEvents":1,` + now + `}`)
	if got.Sets[a] == "" || len(got.Sets) != 1 || !got.More {
		t.Fatalf("first poll: got %d SETs, more %v, want the first and more", len(got.Sets), got.More)
	}
	again := r.poll(`{` + now + `}`)
	if again.Sets[a] != got.Sets[a] || again.Sets[b] == "" || again.More {
		t.Errorf("second poll: got %v, want both, the first unchanged", again)
	}
	if left := r.poll(`{"ack":["` + a + `"],` + now + `}`); len(left.Sets) != 1 || left.Sets[b] == "" {
		t.Errorf("poll with ack: got %v, want only the second", left.Sets)
	}
	report := `{"maxEvents":0,` + now + `,"setErrs":{"` + b + `":{"err":"invalid_key","description":"unknown key"}}}`
	if left := r.poll(report, "Content-Language", "en"); len(left.Sets) != 0 || left.More {
		t.Errorf("poll with setErrs: got %v, want nothing", left)
	}
	ledger := r.tx.Ledger()
	first, _ := ledger.Event(a)
	second, _ := ledger.Event(b)
	if first.Delivered != 2 || first.Acked.IsZero() || first.Acks != 1 {
		t.Errorf("ledger of the first: got %+v, want delivered twice and acked once", first)
	}
	if second.Err != "invalid_key" || second.Description != "unknown key" || !second.Acked.IsZero() {
		t.Errorf("ledger of the second: got %+v, want reported", second)
	}
	if ledger.Polls != 4 || len(ledger.Records) != 4 || ledger.Records[3].Errs != 1 || ledger.Records[0].MaxEvents != 1 || ledger.Records[1].MaxEvents != -1 {
		t.Errorf("poll records: got %+v", ledger.Records)
	}
	if len(ledger.Violations) != 0 {
		t.Errorf("violations: got %v, want none", ledger.Violations)
	}
}

func TestAckOnly(t *testing.T) {
	for _, answers := range []bool{false, true} {
		r := newRig(t, func(c *pollertest.Config) { c.AnswerAckOnly = answers })
		r.send(pollertest.SessionRevoked(pollertest.Opaque("x")))
		want := 0
		if answers {
			want = 1
		}
		if got := r.poll(`{"maxEvents":0,` + now + `}`); len(got.Sets) != want {
			t.Errorf("answers %v: got %d SETs, want %d", answers, len(got.Sets), want)
		}
	}
}

func TestPollRefusesBadRequests(t *testing.T) {
	r := newRig(t, nil)
	for _, tt := range []struct {
		name, body string
		headers    []string
	}{
		{name: "media type", body: `{}`, headers: []string{"Content-Type", "text/plain"}},
		{name: "no JSON", body: `{`},
		{name: "no object", body: `[]`},
		{name: "duplicate name", body: `{"ack":[],"ack":[]}`},
		{name: "null", body: `{"ack":null}`},
		{name: "negative", body: `{"maxEvents":-1}`},
		{name: "report without code", body: `{"setErrs":{"a":{"description":"x"}}}`, headers: []string{"Content-Language", "en"}},
		{name: "report without language", body: `{"setErrs":{"a":{"err":"invalid_key"}}}`},
		{name: "ack and report", body: `{"ack":["a"],"setErrs":{"a":{"err":"invalid_key"}}}`, headers: []string{"Content-Language", "en"}},
	} {
		before := len(r.tx.Ledger().Violations)
		if status, _ := r.call("POST", r.tx.PollURL("s1"), tt.body, tt.headers...); status != 400 {
			t.Errorf("%s: got status %d, want 400", tt.name, status)
		}
		if got := len(r.tx.Ledger().Violations); got != before+1 {
			t.Errorf("%s: got %d violations, want one more than %d", tt.name, got, before)
		}
	}
	r.token = "other-token"
	if status, _ := r.call("POST", r.tx.PollURL("s1"), `{}`); status != 404 {
		t.Errorf("foreign stream: got status %d, want 404", status)
	}
	r.token = "nonsense"
	if status, _ := r.call("POST", r.tx.PollURL("s1"), `{}`); status != 401 {
		t.Errorf("unknown token: got status %d, want 401", status)
	}
}

func TestLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *pollertest.Config) { c.LongPoll = 20 * time.Second; c.Redeliver = time.Minute })
		start := time.Now()
		if got := r.poll(`{}`); len(got.Sets) != 0 {
			t.Errorf("quiet stream: got %v", got.Sets)
		}
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("quiet stream: answered after %v, want the limit of 20s", took)
		}

		done := make(chan answer)
		go func() { done <- r.poll(`{}`) }()
		synctest.Wait()
		time.Sleep(3 * time.Second)
		jti := r.send(pollertest.SessionRevoked(pollertest.Opaque("x")))
		sent := time.Now()
		if got := <-done; got.Sets[jti] == "" || time.Since(sent) != 0 {
			t.Errorf("woken poll: got %v after %v, want the SET at once", got.Sets, time.Since(sent))
		}

		// Not acknowledged: left alone for a minute, while an immediate poll sees nothing.
		if got := r.poll(`{` + now + `}`); len(got.Sets) != 0 {
			t.Errorf("before the redelivery time: got %v, want nothing", got.Sets)
		}
		time.Sleep(50 * time.Second)
		start = time.Now()
		if got := r.poll(`{}`); got.Sets[jti] == "" || time.Since(start) != 10*time.Second {
			t.Errorf("redelivery: got %v after %v, want it after 10s", got.Sets, time.Since(start))
		}

		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, _, err := r.try(ctx, "POST", r.tx.PollURL("s1"), `{}`); err == nil {
			t.Error("abandoned poll: got an answer")
		}

		late := pollertest.SessionRevoked(pollertest.Opaque("late"))
		late.Delay = 7 * time.Second
		jti = r.send(late)
		start = time.Now()
		if got := r.poll(`{}`); got.Sets[jti] == "" || time.Since(start) != 7*time.Second {
			t.Errorf("delayed event: got %v after %v, want it after 7s", got.Sets, time.Since(start))
		}
	})
}

func TestResignEachPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *pollertest.Config) { c.ResignEachPoll = true })
		jti := r.send(pollertest.SessionRevoked(pollertest.Opaque("x")))
		first := r.poll(`{` + now + `}`).Sets[jti]
		time.Sleep(2 * time.Second)
		second := r.poll(`{` + now + `}`).Sets[jti]
		if a, b := strings.Split(first, ".")[1], strings.Split(second, ".")[1]; a == b {
			t.Error("claims are the same two seconds later, want a fresh iat")
		}
	})
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	open := func() *rig { return newRig(t, func(c *pollertest.Config) { c.Journal = path; c.Streams = nil }) }
	r := open()
	status, text := r.call("POST", issuer+"/streams", `{"delivery":{"method":"urn:ietf:rfc:8936"}}`)
	if status != 201 {
		t.Fatalf("create: got %d %s", status, text)
	}
	stream := r.tx.Streams()[0].ID
	a := r.send(pollertest.SessionRevoked(pollertest.Opaque("a")))
	b := r.send(pollertest.SessionRevoked(pollertest.Opaque("b")))
	_, body := r.call("POST", r.tx.PollURL(stream), `{`+now+`}`)
	r.call("POST", r.tx.PollURL(stream), `{"ack":["`+a+`"],"maxEvents":0,`+now+`}`)
	before := r.tx.Ledger()
	if err := r.tx.Close(); err != nil {
		t.Fatal(err)
	}

	appendText(t, path, `{"op":"send","ev`) // killed while writing
	again := open()
	after := again.tx.Ledger()
	if len(after.Events) != 2 || !slices.Equal(after.Acked(""), before.Acked("")) || !slices.Equal(after.Open(""), []string{b}) {
		t.Errorf("after a restart: got %+v, want %+v", after.Events, before.Events)
	}
	_, second := again.call("POST", again.tx.PollURL(stream), `{`+now+`}`)
	if !strings.Contains(string(body), strings.Split(string(second), `"sets":{`)[1][:20]) {
		t.Errorf("after a restart: got %s, want the open SET of %s unchanged", second, body)
	}
	if err := again.tx.Close(); err != nil {
		t.Fatal(err)
	}
	third := open()
	if got, _ := third.tx.Ledger().Event(b); got.Delivered != 2 {
		t.Errorf("after a second restart: delivered %d times, want 2", got.Delivered)
	}
}

// TestJournalAfterRotation: a SET that was signed with a key of the last life must not become unverifiable.
func TestJournalAfterRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	open := func() *rig { return newRig(t, func(c *pollertest.Config) { c.Journal = path }) }
	r := open()
	r.tx.Rotate(seceventtest.MustKey(seceventtest.ES256, "sig-2"))
	jti := r.send(pollertest.SessionRevoked(pollertest.Opaque("a")))
	lost := r.poll(`{` + now + `}`).Sets[jti]
	if err := r.tx.Close(); err != nil {
		t.Fatal(err)
	}
	again := open().poll(`{` + now + `}`).Sets[jti]
	if strings.Split(again, ".")[0] == strings.Split(lost, ".")[0] || claimsOf(t, again) == "" {
		t.Errorf("got header %s again, want one of a key that is published", strings.Split(again, ".")[0])
	}
}

func TestWrongDeliveries(t *testing.T) {
	r := newRig(t, nil)
	jti := r.send(pollertest.SessionRevoked(pollertest.Opaque("x")))
	good := r.poll(`{` + now + `}`).Sets[jti]
	for _, kind := range []pollertest.Kind{pollertest.WrongIssuer, pollertest.WrongAudience, pollertest.WrongKey} {
		r.tx.SetMode(pollertest.EndpointPoll, pollertest.Mode{Kind: kind, Times: 1})
		if got := r.poll(`{` + now + `}`).Sets[jti]; got == good || got == "" {
			t.Errorf("%s: SET is unchanged or missing", kind)
		}
		if got := r.poll(`{` + now + `}`).Sets[jti]; got != good {
			t.Errorf("after %s: SET is not as before", kind)
		}
	}
	r.tx.Rotate(seceventtest.MustKey(seceventtest.ES256, "sig-2"))
	r.tx.Withdraw("sig-1")
	if _, set := r.call("GET", issuer+"/jwks.json", nil); strings.Contains(string(set), "sig-1") || !strings.Contains(string(set), "sig-2") {
		t.Errorf("keys after rotation and withdrawal: got %s", set)
	}
}
