package poller_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"harken/outbound"
	"harken/poller"
	"harken/ssf"
)

func TestParsePoll(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		keys       []string // a bad one ends in "!"
		more       bool
		wantErr    error
	}{
		{name: "empty object", body: `{}`},
		{name: "nothing", body: `{"sets":{},"moreAvailable":false}`},
		{name: "null sets", body: `{"sets":null}`},
		{name: "two and more", body: `{"sets":{"a":"x.y.z","b":"u.v.w"},"moreAvailable":true}`, keys: []string{"a", "b"}, more: true},
		{name: "one is no string", body: `{"sets":{"a":{"x":1},"b":"u.v.w","c":null}}`, keys: []string{"a!", "b", "c!"}},
		{name: "unknown members", body: `{"sets":{},"other":[1]}`},
		{name: "other case is another name", body: `{"Sets":{"a":"x"}}`},
		{name: "duplicate key", body: `{"sets":{"a":"x","a":"y"}}`, wantErr: outbound.ErrJSON},
		{name: "duplicate member", body: `{"sets":{},"sets":{"a":"x"}}`, wantErr: outbound.ErrJSON},
		{name: "sets is an array", body: `{"sets":["x"]}`, wantErr: outbound.ErrJSON},
		{name: "an array", body: `[]`, wantErr: outbound.ErrJSON},
		{name: "half", body: `{"sets":{"a":"x`, wantErr: outbound.ErrJSON},
		{name: "trailing", body: `{} {}`, wantErr: outbound.ErrJSON},
		{name: "html", body: `<!doctype html>`, wantErr: outbound.ErrJSON},
		{name: "deep", body: `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, wantErr: outbound.ErrJSON},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tokens, more, err := poller.ParsePoll([]byte(tt.body))
			if !errors.Is(err, tt.wantErr) || (err == nil) != (tt.wantErr == nil) {
				t.Fatalf("got error %v, want %v", err, tt.wantErr)
			}
			var keys []string
			for _, tok := range tokens {
				key := tok.Key
				if tok.Rejected != nil {
					key += "!"
					if tok.Rejected.Code != ssf.RejectInvalidRequest {
						t.Errorf("%s: got code %s, want invalid_request", tok.Key, tok.Rejected.Code)
					}
				}
				keys = append(keys, key)
			}
			if diff := cmp.Diff(tt.keys, keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if more != tt.more {
				t.Errorf("got more %v, want %v", more, tt.more)
			}
		})
	}
}

func TestParsePollTooMany(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"sets":{`)
	for i := range 1001 {
		fmt.Fprintf(&b, `"%d":"x",`, i)
	}
	body := strings.TrimSuffix(b.String(), ",") + `}}`
	if _, _, err := poller.ParsePoll([]byte(body)); err == nil || errors.Is(err, outbound.ErrJSON) {
		t.Errorf("got error %v for 1001 SETs, want too many", err)
	}
}

// TestInsertWellKnown has the table of SSF §7.2.1 and RFC 8414 §3.1.
func TestInsertWellKnown(t *testing.T) {
	const suffix = "/.well-known/ssf-configuration"
	for issuer, want := range map[string]string{
		"https://tr.example.com":          "https://tr.example.com/.well-known/ssf-configuration",
		"https://tr.example.com/":         "https://tr.example.com/.well-known/ssf-configuration",
		"https://tr.example.com/issuer1":  "https://tr.example.com/.well-known/ssf-configuration/issuer1",
		"https://tr.example.com/issuer1/": "https://tr.example.com/.well-known/ssf-configuration/issuer1",
		"https://tr.example.com:8443/a/b": "https://tr.example.com:8443/.well-known/ssf-configuration/a/b",
		"https://tr.example.com/a%2Fb":    "https://tr.example.com/.well-known/ssf-configuration/a%2Fb",
		"https://tr.example.com/?x=1":     "",
		"https://tr.example.com/#x":       "",
		"nothing":                         "",
	} {
		got, err := poller.InsertWellKnown(issuer, suffix)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("issuer %q: got %q, %v, want %q", issuer, got, err, want)
		}
	}
}

func TestParseMetadata(t *testing.T) {
	const issuer = "https://tr.example.com"
	for _, tt := range []struct {
		name, body string
		ok         bool
	}{
		{"minimal", `{"issuer":"https://tr.example.com","jwks_uri":"https://tr.example.com/keys"}`, true},
		{"slash at the end", `{"issuer":"https://tr.example.com/","jwks_uri":"https://tr.example.com/keys"}`, false},
		{"no keys", `{"issuer":"https://tr.example.com"}`, false},
		{"duplicate issuer", `{"issuer":"https://tr.example.com","issuer":"https://tr.example.com","jwks_uri":"https://tr.example.com/keys"}`, false},
		{"keys at a file", `{"issuer":"https://tr.example.com","jwks_uri":"file:///etc/passwd"}`, false},
		{"keys with user", `{"issuer":"https://tr.example.com","jwks_uri":"https://a:b@tr.example.com/"}`, false},
		{"wrong type", `{"issuer":"https://tr.example.com","jwks_uri":["https://tr.example.com/keys"]}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := poller.ParseMetadata([]byte(tt.body), issuer); (err == nil) != tt.ok {
				t.Errorf("got error %v, want ok %v", err, tt.ok)
			}
		})
	}
}

func TestParseStreams(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       []string
		ok         bool
	}{
		{"object", `{"stream_id":"a","aud":"x","delivery":{"method":"urn:ietf:rfc:8936"}}`, []string{"a"}, true},
		{"array", ` [{"stream_id":"a","aud":["x"]},{"stream_id":"b","aud":null}]`, []string{"a", "b"}, true},
		{"no streams", `[]`, nil, true},
		{"without id", `{"aud":"x"}`, nil, false},
		{"aud is a number", `{"stream_id":"a","aud":1}`, nil, false},
		{"a string", `"x"`, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := poller.ParseStreams([]byte(tt.body))
			if (err == nil) != tt.ok {
				t.Fatalf("got error %v, want ok %v", err, tt.ok)
			}
			if diff := cmp.Diff(tt.want, got); tt.ok && diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEventURIs(t *testing.T) {
	got, err := poller.EventURIs([]string{"session-revoked", "credential-compromise", "urn:x:y", "session-revoked"})
	want := []string{
		"https://schemas.openid.net/secevent/caep/event-type/session-revoked",
		"https://schemas.openid.net/secevent/risc/event-type/credential-compromise", "urn:x:y",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, (-want +got):\n%s", err, diff)
	}
	if _, err := poller.EventURIs([]string{"sesion-revoked"}); err == nil {
		t.Error("a misspelt name is accepted")
	}
}

func TestWithStream(t *testing.T) {
	got, err := poller.WithStream("https://tr.example.com/streams?tenant=7", "a&b/c")
	if want := "https://tr.example.com/streams?stream_id=a%26b%2Fc&tenant=7"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func FuzzParsePoll(f *testing.F) {
	for _, s := range []string{`{}`, `{"sets":{"a":"x.y.z"},"moreAvailable":true}`, `{"sets":{"a":1}}`, `{"sets":{"a":"\ud800"}}`, `[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tokens, _, err := poller.ParsePoll(body)
		seen := make(map[string]bool)
		for _, tok := range tokens {
			if err != nil || seen[tok.Key] {
				t.Fatalf("tokens with error %v, or key %q twice", err, tok.Key)
			}
			seen[tok.Key] = true
			if !utf8.ValidString(tok.Key) || !utf8.ValidString(tok.Raw) {
				t.Fatalf("key %q or token is not UTF-8", tok.Key)
			}
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://tr.example.com","jwks_uri":"https://tr.example.com/keys","critical_subject_members":["user"]}`))
	f.Add([]byte(`{"issuer":"https://tr.example.com","token_endpoint":"https://tr.example.com/token"}`))
	f.Add([]byte(`{"stream_id":"a","status":"paused"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if keys, err := poller.ParseMetadata(body, "https://tr.example.com"); err == nil {
			if _, err := outbound.Origin(keys); err != nil {
				t.Fatalf("key set %q accepted", keys)
			}
		}
		if endpoint, err := poller.ParseAuthServer(body, "https://tr.example.com"); err == nil {
			if _, err := outbound.Origin(endpoint); err != nil {
				t.Fatalf("token endpoint %q accepted", endpoint)
			}
		}
		if issuer, err := poller.ParseResource(body, "https://tr.example.com/streams"); err == nil {
			if _, err := outbound.Origin(issuer); err != nil {
				t.Fatalf("authorization server %q accepted", issuer)
			}
		}
		_, _ = poller.ParseStatus(body)
	})
}

func FuzzParseStreams(f *testing.F) {
	f.Add([]byte(`{"stream_id":"a","iss":"https://x","aud":"x","delivery":{"method":"urn:ietf:rfc:8936","endpoint_url":"https://x/poll"}}`))
	f.Add([]byte(`[{"stream_id":"a","aud":["x"],"min_verification_interval":-1}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ids, err := poller.ParseStreams(body)
		for _, id := range ids {
			if err == nil && id == "" {
				t.Fatal("a stream without id")
			}
		}
	})
}
