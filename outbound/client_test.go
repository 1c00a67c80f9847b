package outbound_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"harken/outbound"
	"harken/ssf"
)

func TestDo(t *testing.T) {
	s, pool := serveTLS(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("User-Agent"), " ",
			r.Header.Get("Content-Type"), " ", r.Header.Get("X-Own"), " ", r.Header.Get("Authorization"), " ", string(body)))
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout\x00\n")
	})
	c := newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback, CA: pool}, UserAgent: "harken/test"})
	header := http.Header{"X-Own": {"mine"}}
	resp, err := c.Do(t.Context(), outbound.Request{
		Method: "POST", URL: s.URL + "/a?b=c#d", Header: header, Body: []byte("hello"), ContentType: "text/plain",
		Auth: outbound.Bearer(ssf.NewSecret("tok")),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "POST /a?b=c harken/test text/plain mine Bearer tok hello"
	if got := resp.Header.Get("X-Seen"); got != want {
		t.Errorf("server saw %q, want %q", got, want)
	}
	if resp.Status != http.StatusTeapot || string(resp.Body) != "short and stout\x00\n" || resp.Took <= 0 {
		t.Errorf("got %d %q after %v, want 418 with its body and a duration", resp.Status, resp.Body, resp.Took)
	}
	if got, want := resp.Excerpt(), `short and stout\x00\n`; got != want {
		t.Errorf("got excerpt %q, want %q", got, want)
	}
	if len(header) != 1 {
		t.Errorf("the caller's header became %v", header)
	}
}

func TestAuthorizers(t *testing.T) {
	key := ssf.NewSecret("s3cret")
	for _, c := range []struct {
		auth outbound.Authorizer
		name string
		want string
	}{
		{outbound.Bearer(key), "Authorization", "Bearer s3cret"},
		{outbound.HeaderKey("X-Api-Key", key), "X-Api-Key", "s3cret"},
		{outbound.Basic("ann", key), "Authorization", "Basic YW5uOnMzY3JldA=="},
	} {
		calls, got := 0, ""
		client := newClient(t, outbound.Config{Transport: handler(func(w http.ResponseWriter, r *http.Request) {
			calls, got = calls+1, r.Header.Get(c.name)
			w.WriteHeader(http.StatusUnauthorized)
		})})
		resp, err := client.Do(t.Context(), outbound.Request{Method: "GET", URL: "https://a.test/", Auth: c.auth})
		if err != nil || resp.Status != http.StatusUnauthorized || calls != 1 || got != c.want {
			t.Errorf("got %q in %d calls (%v), want %q in one", got, calls, err, c.want)
		}
		if text := fmt.Sprintf("%v %+v %#v", c.auth, c.auth, c.auth); strings.Contains(text, "s3cret") {
			t.Errorf("the secret shows in %q", text)
		}
	}
	client := newClient(t, outbound.Config{Transport: handler(func(http.ResponseWriter, *http.Request) {
		t.Error("a request went out without its credential")
	})})
	for _, auth := range []outbound.Authorizer{
		outbound.Bearer(ssf.Secret{}), outbound.HeaderKey("X-Key", ssf.Secret{}), outbound.Basic("ann", ssf.Secret{}),
	} {
		_, err := client.Do(t.Context(), outbound.Request{Method: "GET", URL: "https://a.test/", Auth: auth})
		wantKind(t, err, outbound.KindToken)
	}
}

func TestUnusableRequests(t *testing.T) {
	c := newClient(t, outbound.Config{
		Origins:   []string{"https://A.test/path", "https://b.test:8443"},
		Transport: handler(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("a request went out to %s", r.URL) }),
	})
	for _, tc := range []struct {
		request outbound.Request
		want    outbound.Kind
	}{
		{outbound.Request{Method: "GET", URL: "https://c.test/"}, outbound.KindOrigin},
		{outbound.Request{Method: "GET", URL: "https://a.test:8443/"}, outbound.KindOrigin},
		{outbound.Request{Method: "GET", URL: "https://b.test/"}, outbound.KindOrigin},
		{outbound.Request{Method: "GET", URL: "https://a.test.c.test/"}, outbound.KindOrigin},
		{outbound.Request{Method: "GET", URL: "http://a.test/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https://user:pw@a.test/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https:///x"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "ftp://a.test/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "a.test"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https://а.test/"}, outbound.KindRequest}, // Cyrillic
		{outbound.Request{Method: "GET", URL: "https://a.test:0/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https://a.test:99999/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https://a.test/\n"}, outbound.KindRequest},
		{outbound.Request{Method: "G T", URL: "https://a.test/"}, outbound.KindRequest},
		{outbound.Request{Method: "GET", URL: "https://a.test/", Header: http.Header{"X": {"a\r\nb: c"}}}, outbound.KindRequest},
	} {
		_, err := c.Do(t.Context(), tc.request)
		if got := outbound.KindOf(err); err == nil || got != tc.want {
			t.Errorf("%s %q: got %q (%v), want %q", tc.request.Method, tc.request.URL, got, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("error shows user info: %v", err)
		}
	}
	if err := c.Allowed("https://a.TEST:443/other?x=y"); err != nil {
		t.Errorf("got %v, want the origin in another spelling allowed", err)
	}
}

func TestErrorTextHidesQuery(t *testing.T) {
	c := newClient(t, outbound.Config{Network: outbound.Network{Internal: loopback}})
	_, err := c.Do(t.Context(), outbound.Request{Method: "GET", URL: "https://127.0.0.1:1/path?key=s3cret"})
	wantKind(t, err, outbound.KindConnect)
	if got := err.Error(); strings.Contains(got, "s3cret") || !strings.HasPrefix(got, "get https://127.0.0.1:1: connect: ") {
		t.Errorf("got %q, want operation, origin and kind without the query", got)
	}
}

func TestErrorText(t *testing.T) {
	cause := errors.New("bad \x1b[2J\n" + strings.Repeat("z", 5000))
	err := &outbound.Error{Kind: outbound.KindProtocol, Op: "get", Origin: "https://a.test", Err: cause}
	got := err.Error()
	if want := `get https://a.test: malformed answer: bad \x1b[2J\nzzz`; !strings.HasPrefix(got, want) || len(got) > 400 {
		t.Errorf("got %q, want %q …, shortened", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("got no cause in the chain")
	}
	if got := outbound.Kind(99).String() + outbound.KindSlow.String(); got != "unknown troubleanswer too slow" {
		t.Errorf("got kinds %q", got)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var second atomic.Int32
	other := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		second.Add(1)
		t.Errorf("second server was called with credential %q", r.Header.Get("Authorization"))
	})
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		for _, method := range []string{"GET", "POST"} {
			var first atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				first.Add(1)
				w.Header().Set("Location", other.URL+"/steal?q=1")
				w.WriteHeader(status)
			})
			_, err := plainClient(t).Do(t.Context(), outbound.Request{
				Method: method, URL: s.URL, Body: []byte("secret"), Auth: outbound.Bearer(ssf.NewSecret("tok")),
			})
			var oe *outbound.Error
			if !errors.As(err, &oe) || oe.Kind != outbound.KindRedirect || oe.Target != other.URL || oe.Status != status {
				t.Errorf("%s %d: got %v, want a redirect error that names %s", method, status, err, other.URL)
			}
			if err != nil && strings.Contains(err.Error(), "q=1") {
				t.Errorf("%d: error shows the query: %v", status, err)
			}
			if got := outbound.Classify(nil, err); got != outbound.ClassRedirect {
				t.Errorf("%d: got class %v, want redirect", status, got)
			}
			if first.Load() != 1 {
				t.Errorf("%d: got %d requests, want 1", status, first.Load())
			}
		}
	}
	for _, location := range []string{"", "http://[", "javascript:x", "https://u:p@é.test/"} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
		_, err := plainClient(t).Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL})
		wantKind(t, err, outbound.KindRedirect)
	}
}

func TestRedirectLoop(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	})
	_, err := plainClient(t).Do(t.Context(), outbound.Request{Method: "GET", URL: s.URL + "/loop"})
	wantKind(t, err, outbound.KindRedirect)
	if calls.Load() != 1 {
		t.Errorf("got %d requests, want 1", calls.Load())
	}
}

func TestExcerpt(t *testing.T) {
	for body, want := range map[string]string{
		"":                                      "",
		"ok":                                    "ok",
		"a\nb\x1b[31m\xff":                      `a\nb\x1b[31m\xff`,
		strings.Repeat("a", 512):                strings.Repeat("a", 512),
		strings.Repeat("a", 513):                strings.Repeat("a", 512) + "…",
		strings.Repeat("a", 511) + "ü" + "tail": strings.Repeat("a", 511) + "…",
	} {
		if got := (&outbound.Response{Body: []byte(body)}).Excerpt(); got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

func TestJSONHelpers(t *testing.T) {
	var status int
	var body, seen string
	c := newClient(t, outbound.Config{Transport: handler(func(w http.ResponseWriter, r *http.Request) {
		in, _ := io.ReadAll(r.Body)
		seen = r.Method + " " + r.Header.Get("Accept") + " " + r.Header.Get("Content-Type") + " " + string(in)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})})
	r := outbound.Request{URL: "https://a.test/x?y=z"}
	var out struct {
		A int `json:"a"`
	}
	status, body = 200, `{"a":1,"unknown":[]}`
	if _, err := c.GetJSON(t.Context(), r, &out); err != nil || out.A != 1 || seen != "GET application/json  " {
		t.Errorf("got %v, %v after %q, want a = 1", out, err, seen)
	}
	status, body = 404, `not json`
	if resp, err := c.GetJSON(t.Context(), r, &out); err != nil || resp.Status != 404 || out.A != 1 {
		t.Errorf("got %v, %v, want a plain 404 and out untouched", out, err)
	}
	status, body = 200, `{"a":1,"a":2}`
	resp, err := c.GetJSON(t.Context(), r, &out)
	wantKind(t, err, outbound.KindAnswer)
	if resp == nil || !errors.Is(err, outbound.ErrJSON) {
		t.Errorf("got %v, %v, want the response and ErrJSON", resp, err)
	}
	status, body = 202, ""
	if _, err := c.PostJSON(t.Context(), r, map[string]int{"n": 1}, &out); err != nil || seen != `POST application/json application/json {"n":1}` {
		t.Errorf("got %v after %q, want a JSON post", err, seen)
	}
}
