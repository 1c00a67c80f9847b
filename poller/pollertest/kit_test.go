package pollertest_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/poller/pollertest"
	"harken/secevent/seceventtest"
)

const issuer = "https://tx.example.com/t/42"

// signingKey and clientKey are shared: minting costs time, and nothing changes them.
var (
	signingKey = seceventtest.MustKey(seceventtest.ES256, "sig-1")
	clientKey  = seceventtest.MustKey(seceventtest.ES256, "client-1")
)

// rig is a transmitter with a client that talks to it in memory.
type rig struct {
	t      testing.TB
	tx     *pollertest.Transmitter
	client *http.Client
	token  string
	jtis   int
}

func newRig(t testing.TB, change func(*pollertest.Config)) *rig {
	t.Helper()
	jwks, err := seceventtest.JWKS(clientKey)
	if err != nil {
		t.Fatal(err)
	}
	cfg := pollertest.Config{
		Issuer: issuer, Keys: []*seceventtest.Key{signingKey},
		Clients: []pollertest.Client{{ID: "harken", JWKS: jwks, Bearer: "static-token"}, {ID: "other", Bearer: "other-token"}},
		Streams: []pollertest.Stream{{ID: "s1", Client: "harken"}},
	}
	if change != nil {
		change(&cfg)
	}
	tx, err := pollertest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Close() })
	client := &http.Client{Transport: pollertest.RoundTripper(map[string]http.Handler{"tx.example.com": tx})}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &rig{t: t, tx: tx, client: client, token: "static-token"}
}

// call makes a request with the rig's bearer token; a string body is sent as it is, nil is none, others become JSON.
func (r *rig) call(method, url string, body any, headers ...string) (int, []byte) {
	r.t.Helper()
	status, text, err := r.try(r.t.Context(), method, url, body, headers...)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, url, err)
	}
	return status, text
}

func (r *rig) try(ctx context.Context, method, url string, body any, headers ...string) (int, []byte, error) {
	r.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			r.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	if reader != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

type answer struct {
	Sets map[string]string `json:"sets"`
	More bool              `json:"moreAvailable"`
}

func (r *rig) poll(body string, headers ...string) answer {
	r.t.Helper()
	status, text := r.call("POST", r.tx.PollURL("s1"), body, headers...)
	var a answer
	if err := json.Unmarshal(text, &a); err != nil || status != 200 {
		r.t.Fatalf("poll %s: got status %d, body %s (%v), want 200 and JSON", body, status, text, err)
	}
	if a.Sets == nil {
		r.t.Fatalf("poll %s: answer %s has no sets", body, text)
	}
	return a
}

func (r *rig) send(e pollertest.Event) string {
	r.t.Helper()
	jti, err := r.tx.Send(e)
	if err != nil {
		r.t.Fatal(err)
	}
	return jti
}

// assertion returns a good client assertion's claims, changed by over (nil removes).
func (r *rig) assertion(over map[string]any) map[string]any {
	r.jtis++
	now := time.Now().Unix()
	claims := map[string]any{"iss": "harken", "sub": "harken", "aud": issuer, "iat": now, "exp": now + 60, "jti": "a" + strconv.Itoa(r.jtis)}
	for name, value := range over {
		if value == nil {
			delete(claims, name)
		} else {
			claims[name] = value
		}
	}
	return claims
}

// askToken posts a token request with the assertion signed by key; over changes the form ("" removes).
func (r *rig) askToken(key *seceventtest.Key, claims map[string]any, over map[string]string) (int, map[string]any) {
	r.t.Helper()
	text, err := json.Marshal(claims)
	if err != nil {
		r.t.Fatal(err)
	}
	signed, err := seceventtest.Sign(key, map[string]any{"alg": key.Alg, "kid": key.ID, "typ": "JWT"}, text)
	if err != nil {
		r.t.Fatal(err)
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"ssf.read ssf.manage"}, "client_assertion": {signed},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	for name, value := range over {
		form.Set(name, value)
		if value == "" {
			form.Del(name)
		}
	}
	resp, err := r.client.PostForm(r.tx.TokenEndpoint(), form)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var body map[string]any
	if err := json.UnmarshalRead(resp.Body, &body); err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, body
}
