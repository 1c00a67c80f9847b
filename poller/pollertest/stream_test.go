package pollertest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"harken/poller/pollertest"
)

func TestStreamLife(t *testing.T) {
	r := newRig(t, func(c *pollertest.Config) { c.Streams = nil })
	if status, text := r.call("GET", issuer+"/streams", nil); status != 200 || string(text) != "[]" {
		t.Errorf("list before: got %d %s, want 200 []", status, text)
	}
	if status, _ := r.call("POST", issuer+"/streams", `{"aud":"x"}`); status != 400 {
		t.Errorf("create with aud: got %d, want 400", status)
	}
	status, text := r.call("POST", issuer+"/streams",
		`{"events_requested":["`+pollertest.TypeSessionRevoked+`","urn:unknown"],"delivery":{"method":"urn:ietf:rfc:8936"},"description":"d"}`)
	var s struct {
		ID        string            `json:"stream_id"`
		Iss       string            `json:"iss"`
		Aud       string            `json:"aud"`
		Delivered []string          `json:"events_delivered"`
		Delivery  map[string]string `json:"delivery"`
	}
	if err := json.Unmarshal(text, &s); err != nil || status != 201 {
		t.Fatalf("create: got %d %s", status, text)
	}
	if s.Iss != issuer || s.Aud != issuer+"/receivers/harken" || len(s.Delivered) != 1 || s.Delivery["endpoint_url"] != r.tx.PollURL(s.ID) {
		t.Errorf("create: got %s", text)
	}
	for _, tt := range []struct {
		method, path, body string
		want               int
		has                string
	}{
		{"POST", "/streams", `{}`, 409, ""},
		{"GET", "/streams?stream_id=" + s.ID, "", 200, `"stream_id":"` + s.ID + `"`},
		{"GET", "/streams?stream_id=x", "", 404, ""},
		{"GET", "/streams", "", 200, `[{`},
		{"PATCH", "/streams", `{"stream_id":"` + s.ID + `","description":"new","iss":"` + issuer + `"}`, 200, `"events_delivered":["`},
		{"PATCH", "/streams", `{"stream_id":"` + s.ID + `","aud":"other"}`, 400, ""},
		{"PATCH", "/streams", `{"stream_id":"x"}`, 404, ""},
		{"PUT", "/streams", `{"stream_id":"` + s.ID + `"}`, 400, ""},
		{"PUT", "/streams", `{"stream_id":"` + s.ID + `","delivery":{"method":"urn:ietf:rfc:8936"}}`, 200, `"events_delivered":[]`},
		{"PUT", "/streams", `{"stream_id":"` + s.ID + `","delivery":{"method":"urn:ietf:rfc:8935"}}`, 400, ""},
		{"GET", "/status?stream_id=" + s.ID, "", 200, `"status":"enabled"`},
		{"POST", "/status", `{"stream_id":"` + s.ID + `","status":"paused","reason":"holiday"}`, 200, `"reason":"holiday"`},
		{"POST", "/status", `{"stream_id":"` + s.ID + `","status":"off"}`, 400, ""},
		{"POST", "/verify", `{"stream_id":"` + s.ID + `"}`, 400, ""},
		{"POST", "/status", `{"stream_id":"` + s.ID + `","status":"enabled"}`, 200, ""},
		{"POST", "/verify", `{"stream_id":"` + s.ID + `","state":"abc"}`, 204, ""},
		{"POST", "/verify", `{"stream_id":"x"}`, 404, ""},
		{"POST", "/subjects/add", `{"stream_id":"` + s.ID + `","subject":{"format":"email","email":"a@example.com"}}`, 200, ""},
		{"POST", "/subjects/remove", `{"stream_id":"` + s.ID + `","subject":{"format":"email","email":"a@example.com"}}`, 204, ""},
		{"POST", "/subjects/add", `{"stream_id":"` + s.ID + `"}`, 400, ""},
		{"DELETE", "/streams?stream_id=" + s.ID, "", 204, ""},
		{"DELETE", "/streams?stream_id=" + s.ID, "", 404, ""},
		{"OPTIONS", "/streams", "", 405, ""},
	} {
		var body any
		if tt.body != "" {
			body = tt.body
		}
		status, text := r.call(tt.method, issuer+tt.path, body)
		if status != tt.want || !strings.Contains(string(text), tt.has) {
			t.Errorf("%s %s %s: got %d %s, want %d with %s", tt.method, tt.path, tt.body, status, text, tt.want, tt.has)
		}
	}
}

func TestVerificationEchoesState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *pollertest.Config) { c.MinVerification = time.Minute })
		if status, _ := r.call("POST", issuer+"/verify", `{"stream_id":"s1","state":"st-1"}`); status != 204 {
			t.Fatalf("verify: got %d", status)
		}
		if status, _ := r.call("POST", issuer+"/verify", `{"stream_id":"s1"}`); status != 429 {
			t.Errorf("verify again: got %d, want 429", status)
		}
		time.Sleep(time.Minute)
		if status, _ := r.call("POST", issuer+"/verify", `{"stream_id":"s1"}`); status != 204 {
			t.Errorf("verify a minute later: got %d, want 204", status)
		}
		if _, err := r.tx.Verify("s1"); err != nil {
			t.Fatal(err)
		}
		states := 0
		sets := r.poll(`{` + now + `}`).Sets
		for _, compact := range sets {
			claims := claimsOf(t, compact)
			if !strings.Contains(claims, pollertest.TypeVerification) || !strings.Contains(claims, `"sub_id":{"format":"opaque","id":"s1"}`) {
				t.Errorf("verification: got %s", claims)
			}
			if strings.Contains(claims, `"state":"st-1"`) {
				states++
			}
		}
		if len(sets) != 3 || states != 1 {
			t.Errorf("got %d events, %d with the state; want 3 and 1", len(sets), states)
		}
	})
}

func TestStatusHoldsAndDrops(t *testing.T) {
	r := newRig(t, nil)
	if err := r.tx.SetStatus("s1", pollertest.StatusPaused, "maintenance"); err != nil {
		t.Fatal(err)
	}
	held := r.send(pollertest.SessionRevoked(pollertest.Opaque("x")))
	got := r.poll(`{` + now + `}`).Sets
	if len(got) != 1 || got[held] != "" {
		t.Errorf("paused: got %d SETs, want only the notice", len(got))
	}
	for _, compact := range got {
		if claims := claimsOf(t, compact); !strings.Contains(claims, `"reason":"maintenance","status":"paused"`) {
			t.Errorf("notice: got %s", claims)
		}
	}
	if err := r.tx.SetStatus("s1", pollertest.StatusEnabled, ""); err != nil {
		t.Fatal(err)
	}
	if got := r.poll(`{` + now + `}`).Sets; got[held] == "" {
		t.Error("enabled again: the held SET is missing")
	}
	if err := r.tx.SetStatus("s1", pollertest.StatusDisabled, ""); err != nil {
		t.Fatal(err)
	}
	lost := r.send(pollertest.SessionRevoked(pollertest.Opaque("y")))
	for _, jti := range []string{held, lost} {
		if e, _ := r.tx.Ledger().Event(jti); !e.Dropped {
			t.Errorf("disabled: %s is not dropped: %+v", jti, e)
		}
	}
}

func TestDefaultSubjectsNone(t *testing.T) {
	r := newRig(t, func(c *pollertest.Config) { c.DefaultSubjects = "NONE" })
	r.send(pollertest.SessionRevoked(pollertest.Email("a@example.com")))
	r.call("POST", issuer+"/subjects/add", `{"stream_id":"s1","subject":{"email":"a@example.com","format":"email"}}`)
	jti := r.send(pollertest.SessionRevoked(pollertest.Email("a@example.com")))
	if got := r.poll(`{` + now + `}`).Sets; len(got) != 1 || got[jti] == "" {
		t.Errorf("got %d SETs, want the one after the subject was added", len(got))
	}
}
