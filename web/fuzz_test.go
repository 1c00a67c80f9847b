package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"harken/respond"
	"harken/ssf/apiv1"
	"harken/store/storetest"
	"harken/web"
)

func contains(body, part string) bool { return part != "" && strings.Contains(body, part) }

// fuzzServer is one server for all inputs of a target, with an API token.
func fuzzServer(f *testing.F) (*web.Server, string) {
	f.Helper()
	db := storetest.Open(f)
	responder, err := respond.New(respond.Config{Now: time.Now}, db)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(responder.Close)
	cfg := web.Config{PublicURL: "https://harken.example.com", Demo: &web.DemoConfig{}}
	server, err := web.New(cfg, web.Parts{Store: db, Responder: responder, Machinery: &machinery{}})
	if err != nil {
		f.Fatal(err)
	}
	token, err := server.DemoToken(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	return server, token
}

// FuzzLoginForm posts any body to the sign-in: it never gets in, and never fails inside.
func FuzzLoginForm(f *testing.F) {
	f.Add("csrf=x&name=a&password=b")
	f.Add("name=%zz&csrf")
	f.Add("csrf=&csrf=&next=//evil.example")
	server, _ := fuzzServer(f)
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Host = "harken.example.com"
		rec := httptest.NewRecorder()
		server.Handler().ServeHTTP(rec, req)
		if rec.Code < 400 || rec.Code >= 500 {
			t.Errorf("%q: got %d, want 4xx", body, rec.Code)
		}
	})
}

// FuzzAPIBody posts any body to the API. What is accepted must be what a strict decoder reads.
func FuzzAPIBody(f *testing.F) {
	f.Add(`{"kind":"terminate_sessions","event":1}`)
	f.Add(`{"kind":"x","kind":"y"}`)
	f.Add(`[]`)
	f.Add("{\"kind\":\"\xff\"}")
	server, token := fuzzServer(f)
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/runs", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		req.Host = "harken.example.com"
		rec := httptest.NewRecorder()
		server.Handler().ServeHTTP(rec, req)
		var strict apiv1.RunRequest
		err := json.Unmarshal([]byte(body), &strict, json.RejectUnknownMembers(true))
		if bad := rec.Code == http.StatusBadRequest; bad != (err != nil) || rec.Code < 400 || rec.Code >= 500 {
			t.Errorf("%q: got %d, strict reading says %v", body, rec.Code, err)
		}
	})
}

// FuzzLocalPath never lets a redirect leave this server.
func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/", "//evil.example", "/\\evil.example", "https://evil.example/", "/x?y=z#f", "javascript:alert(1)", "/%2f/evil.example", "/\t/evil.example"} {
		f.Add(s)
	}
	base, err := url.Parse("https://harken.example.com/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := web.LocalPath(s)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") {
			t.Errorf("%q: got %q, which leaves the server", s, got)
		}
	})
}

// FuzzTopics never lets a name break the event stream's lines.
func FuzzTopics(f *testing.F) {
	f.Add("inbox,event-12,identity-a,jobs")
	f.Add("event-0,identity-a\nevent: x,,inbox,inbox")
	f.Fuzz(func(t *testing.T, s string) {
		got := web.ParseTopics(s)
		if len(got) > 8 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
			t.Errorf("%q: got %q", s, got)
		}
		for _, name := range got {
			if strings.ContainsAny(name, "\r\n: ") {
				t.Errorf("%q: got the name %q", s, name)
			}
		}
	})
}

// FuzzTokenParts shows any stored token without failing.
func FuzzTokenParts(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln")
	f.Add("..")
	f.Add("a.b")
	f.Fuzz(func(t *testing.T, s string) {
		if got := web.RawModel(s); got.Token != s {
			t.Errorf("%q: got %q", s, got.Token)
		}
		web.ParsePHC(s)
	})
}

func TestCheckPassword(t *testing.T) {
	for password, good := range map[string]bool{
		"seven green bicycles ride": true, "fünfzehn Zeichen": true, "short": false, "fourteen chars": false, "aaaaaaaaaaaaaaaaaaaa": false,
		"abcdefghijklmnopqrst": false, "qwertyuiopasdfghjkl": false, "Cleopatra-cleopatra1": false, strings.Repeat("long enough ", 100): false,
		"twelve\xff bad bytes": false,
	} {
		if got := web.CheckPassword(password, "cleopatra"); (got == "") != good {
			t.Errorf("%q: got %q, want good=%v", password, got, good)
		}
	}
}
