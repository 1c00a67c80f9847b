package outbound_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"harken/outbound"
	"harken/ssf"
)

const (
	endpoint = "https://as.test/token"
	resource = "https://api.test/poll"
)

// authServer hands out tok1, tok2 … and the API accepts what accept says.
type authServer struct {
	mu     sync.Mutex
	tokens int
	forms  []url.Values
	heads  []http.Header
	calls  []string                  // credentials that the API saw
	answer func(n int) (int, string) // of the token endpoint; nil means a token for an hour
	accept func(token string) int    // status of the API; nil means 200
	delay  time.Duration             // of the token endpoint
	header http.Header               // of the token endpoint's answers
}

func (a *authServer) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == "as.test" && a.delay > 0 {
		select {
		case <-time.After(a.delay):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	return handler(a.serve).RoundTrip(req)
}

func (a *authServer) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Host != "as.test" {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		a.calls = append(a.calls, token)
		if a.accept != nil {
			w.WriteHeader(a.accept(token))
		}
		return
	}
	a.tokens++
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	a.forms, a.heads = append(a.forms, form), append(a.heads, r.Header.Clone())
	for name, values := range a.header {
		w.Header()[name] = values
	}
	status, answer := http.StatusOK, fmt.Sprintf(`{"access_token":"tok%d","token_type":"bearer","expires_in":3600}`, a.tokens)
	if a.answer != nil {
		if s, text := a.answer(a.tokens); text != "" {
			status, answer = s, text
		}
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

func secretCredentials() outbound.ClientCredentials {
	return outbound.ClientCredentials{
		ClientID: "har ken", Secret: ssf.NewSecret("s3:cr%t"), TokenEndpoint: endpoint, Scopes: []string{"ssf.read", "ssf.manage"},
	}
}

func source(t *testing.T, a *authServer, cfg outbound.ClientCredentials) (*outbound.Client, *outbound.TokenSource) {
	t.Helper()
	c := newClient(t, outbound.Config{Transport: a, Origins: []string{endpoint, resource}})
	ts, err := c.NewTokenSource(cfg)
	if err != nil {
		t.Fatalf("NewTokenSource: %v", err)
	}
	return c, ts
}

func call(t *testing.T, c *outbound.Client, ts outbound.Authorizer) (*outbound.Response, error) {
	t.Helper()
	return c.Do(t.Context(), outbound.Request{Method: "POST", URL: resource, Body: []byte("{}"), Auth: ts})
}

func TestTokenIsKeptAndRenewed(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer string
		renew  time.Duration
	}{
		{"an hour", `{"access_token":"tok%d","token_type":"Bearer","expires_in":3600}`, 48 * time.Minute},
		{"as a string", `{"access_token":"tok%d","token_type":"BEARER","expires_in":"600"}`, 8 * time.Minute},
		{"no expires_in", `{"access_token":"tok%d","token_type":"bearer"}`, 4 * time.Minute},
		{"negative", `{"access_token":"tok%d","expires_in":-5}`, 4 * time.Minute},
		{"huge", `{"access_token":"tok%d","expires_in":1e300}`, 24 * time.Hour / 5 * 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &authServer{answer: func(n int) (int, string) { return 200, fmt.Sprintf(c.answer, n) }}
			client, ts := source(t, a, secretCredentials())
			start := time.Now()
			for time.Since(start) < c.renew {
				if _, err := call(t, client, ts); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.renew / 4)
			}
			if a.tokens != 1 {
				t.Errorf("%s: got %d token requests before %v, want 1", c.name, a.tokens, c.renew)
			}
			if _, err := call(t, client, ts); err != nil || a.tokens != 2 || a.calls[len(a.calls)-1] != "tok2" {
				t.Errorf("%s: got %d token requests after %v (%v), want 2", c.name, a.tokens, c.renew, err)
			}
		})
	}
}

func TestRenewalFailsButTokenStillServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authServer{answer: func(n int) (int, string) {
			if n > 1 {
				return 500, "down"
			}
			return 0, ""
		}}
		client, ts := source(t, a, secretCredentials())
		for _, at := range []time.Duration{0, 50 * time.Minute, 9 * time.Minute} {
			time.Sleep(at)
			if _, err := call(t, client, ts); err != nil {
				t.Errorf("got %v, want the old token to serve to its end", err)
			}
		}
		time.Sleep(2 * time.Minute)
		_, err := call(t, client, ts)
		wantKind(t, err, outbound.KindToken)
		if got := outbound.Classify(nil, err); got != outbound.ClassServer {
			t.Errorf("got class %v, want server", got)
		}
	})
}

func TestOneRefreshInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &authServer{delay: 5 * time.Second}
		client, ts := source(t, a, secretCredentials())
		var ok atomic.Int32
		for range 100 {
			go func() {
				if _, err := call(t, client, ts); err == nil {
					ok.Add(1)
				}
			}()
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if ok.Load() != 100 || a.tokens != 1 {
			t.Errorf("got %d answers by %d token requests, want 100 by 1", ok.Load(), a.tokens)
		}
		// One that gives up does not take the others with it.
		time.Sleep(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ok.Store(0)
		go func() { _, _ = client.Do(ctx, outbound.Request{Method: "GET", URL: resource, Auth: ts}) }()
		synctest.Wait()
		for range 10 {
			go func() {
				if _, err := call(t, client, ts); err == nil {
					ok.Add(1)
				}
			}()
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if ok.Load() != 10 {
			t.Errorf("got %d answers, want 10", ok.Load())
		}
	})
}

func TestFailureIsShared(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		header http.Header
		hold   time.Duration
	}{
		{500, "x", nil, time.Second},
		{401, `{"error":"invalid_client"}`, nil, 30 * time.Second},
		{429, "{}", http.Header{"Retry-After": {"90"}}, 90 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &authServer{delay: 100 * time.Millisecond, answer: func(int) (int, string) { return c.status, c.body }, header: c.header}
			client, ts := source(t, a, secretCredentials())
			for range 50 {
				go func() { _, _ = call(t, client, ts) }()
			}
			time.Sleep(c.hold)
			synctest.Wait()
			if a.tokens != 1 {
				t.Errorf("%d: got %d token requests within %v, want 1", c.status, a.tokens, c.hold)
			}
			time.Sleep(time.Second)
			_, _ = call(t, client, ts)
			if a.tokens != 2 {
				t.Errorf("%d: got %d token requests after %v, want 2", c.status, a.tokens, c.hold)
			}
		})
	}
}

func TestUnauthorized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A token that never worked is not worth a second try, nor a new token for 5 minutes.
		a := &authServer{accept: func(string) int { return 401 }}
		client, ts := source(t, a, secretCredentials())
		for range 3 {
			resp, err := call(t, client, ts)
			if err != nil || resp.Status != 401 {
				t.Fatalf("got %v, %v, want the 401", resp, err)
			}
		}
		if a.tokens != 1 || len(a.calls) != 3 {
			t.Errorf("never worked: got %d tokens and calls %v, want 1 and 3", a.tokens, a.calls)
		}
		time.Sleep(5 * time.Minute)
		_, _ = call(t, client, ts)
		if a.tokens != 2 || len(a.calls) != 4 {
			t.Errorf("later: got %d tokens and %d calls, want 2 and 4", a.tokens, len(a.calls))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		// One that has worked is renewed once, and the request repeated once.
		good := "tok1"
		a := &authServer{accept: func(token string) int {
			if token == good {
				return 200
			}
			return 401
		}}
		client, ts := source(t, a, secretCredentials())
		_, _ = call(t, client, ts)
		if info, err := ts.Token(t.Context()); err != nil || !info.Worked || info.Expires.Sub(info.Obtained) != time.Hour {
			t.Errorf("got %+v, %v, want a token that worked, for an hour", info, err)
		}
		good = "tok2"
		if resp, err := call(t, client, ts); err != nil || resp.Status != 200 {
			t.Errorf("got %v, %v, want 200 with the new token", resp, err)
		}
		good = "none"
		if resp, err := call(t, client, ts); err != nil || resp.Status != 401 {
			t.Errorf("got %v, %v, want the second 401", resp, err)
		}
		if resp, err := call(t, client, ts); err != nil || resp.Status != 401 {
			t.Errorf("got %v, %v, want a 401 without repetition", resp, err)
		}
		want := "tok1 tok1 tok2 tok2 tok3 tok3"
		if got := strings.Join(a.calls, " "); got != want || a.tokens != 3 {
			t.Errorf("got calls %s and %d tokens, want %s and 3", got, a.tokens, want)
		}
	})
}

func TestRefusedAfterSomebodyRenewed(t *testing.T) {
	a := &authServer{}
	client, ts := source(t, a, secretCredentials())
	_, _ = call(t, client, ts)
	old, _ := http.NewRequest("GET", resource, nil)
	if err := ts.Authorize(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if !ts.Refused(t.Context(), old) {
		t.Error("got no repetition for a token that worked")
	}
	_, _ = call(t, client, ts)
	if !ts.Refused(t.Context(), old) || a.tokens != 2 {
		t.Error("got no repetition though a newer token is there")
	}
	_, _ = call(t, client, ts)
	if a.tokens != 2 {
		t.Errorf("got %d tokens, want the newer one kept", a.tokens)
	}
}

func TestTokenGoesToItsOriginsOnly(t *testing.T) {
	a := &authServer{}
	c := newClient(t, outbound.Config{Transport: a})
	cfg := secretCredentials()
	if _, err := c.NewTokenSource(cfg); err == nil {
		t.Error("got a source whose token may go anywhere, want an error")
	}
	cfg.Origins = []string{resource}
	ts, err := c.NewTokenSource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"https://evil.test/", "https://api.test:8443/", "https://as.test/", "https://api.test.evil.test/"} {
		_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: target, Auth: ts})
		wantKind(t, err, outbound.KindToken)
	}
	if a.tokens != 0 || len(a.calls) != 0 {
		t.Errorf("got %d token requests and calls %v, want none", a.tokens, a.calls)
	}
}

func TestTokenEndpointSwapped(t *testing.T) {
	a := &authServer{}
	c := newClient(t, outbound.Config{Transport: a, Origins: []string{endpoint, resource}})
	cfg := outbound.ClientCredentials{ClientID: "harken", Key: newKey(t, "EC"), Issuer: "https://as.test", TokenEndpoint: "https://evil.test/token"}
	_, err := c.NewTokenSource(cfg)
	wantKind(t, err, outbound.KindOrigin)
	// One that redirects elsewhere gets one assertion, and nobody else sees it.
	a.header = http.Header{"Location": {"https://evil.test/token"}}
	a.answer = func(int) (int, string) { return 307, "moved" }
	cfg.TokenEndpoint = endpoint
	client, ts := source(t, a, cfg)
	_, err = call(t, client, ts)
	wantKind(t, err, outbound.KindToken)
	if got := outbound.Classify(nil, err); a.tokens != 1 || len(a.calls) != 0 || got != outbound.ClassRedirect {
		t.Errorf("got %d token requests, calls %v, class %v, want one, none and redirect", a.tokens, a.calls, got)
	}
}
