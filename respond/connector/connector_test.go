package connector_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"harken/outbound"
	"harken/respond"
	"harken/respond/connector"
	"harken/ssf"
	"harken/ssf/doc"
)

// handler serves requests in memory.
type handler func(w http.ResponseWriter, r *http.Request)

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	// As a server would see it: parsed from the request line.
	in := httptest.NewRequest(r.Method, r.URL.RequestURI(), r.Body)
	in.Header = r.Header
	h(w, in)
	return w.Result(), nil
}

const base = "https://crm.example.com"

func spec(t testing.TB, document string) ssf.ConnectorSpec {
	t.Helper()
	s := ssf.ConnectorSpec{ID: "crm", Source: "crm", URL: base + "/v1/"}
	if ps := doc.Decode([]byte(document), &s.Document); len(ps) > 0 {
		t.Fatalf("decode document: %v", ps)
	}
	return s
}

func engine(t testing.TB, document string, h handler) *connector.Engine {
	t.Helper()
	p, problems := connector.Compile(spec(t, document), ssf.ConnectorDocument{})
	if len(problems) > 0 {
		t.Fatalf("compile: %v", problems)
	}
	client, err := outbound.NewClient(outbound.Config{Origins: []string{base}, Transport: h})
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.Engine(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func account(id string) connector.Inputs {
	return connector.Inputs{Account: connector.Account{ID: id, Email: "ada@example.com", Name: "Ada"}}
}

const disable = `
operations:
  disable_account:
    requests:
      - method: POST
        path: [users, "${account.id}", disable]
        query: {by: "harken:${connector.id}"}
        headers: {X-Cause: "${event.id}"}
        json: {name: "${account.name}!", list: ["${account.id}", 5, true], flags: "${[account.email]}", n: "${1 + 1}", nothing: null}
        answers:
          - {status: [200], when: body.ok == false, meaning: refused}
          - {status: [200], meaning: success, account: {id: body.id}}
          - {status: [409], meaning: already}
          - {status: [404], meaning: not_found}
`

func TestRequestIsBuiltForItsPlace(t *testing.T) {
	var got, body string
	e := engine(t, disable, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r.Method+" "+r.RequestURI+" "+r.Header.Get("X-Cause")+" "+r.Header.Get("Content-Type"), string(b)
		_, _ = io.WriteString(w, `{"id": "a 1", "ok": true}`)
	})
	in := account("a 1")
	in.Event.ID = "jti-1"
	res := e.Do(t.Context(), ssf.OpDisableAccount, in)
	if res.Meaning != ssf.AnswerSuccess {
		t.Fatalf("got %q (%s), want success", res.Meaning, res.Detail)
	}
	if want := "POST /v1/users/a%201/disable?by=harken%3Acrm jti-1 application/json"; got != want {
		t.Errorf("request: got %s, want %s", got, want)
	}
	if want := `{"flags":["ada@example.com"],"list":["a 1",5,true],"n":2,"name":"Ada!","nothing":null}`; body != want {
		t.Errorf("body: got %s, want %s", body, want)
	}
}

// Whatever an account id holds, it stays one segment of the path, or nothing is sent.
func TestHostileAccountIDs(t *testing.T) {
	for _, id := range []string{
		"../../admin", "..", ".", "a/../b", `a\..\b`, "", "a\x00b", "a\nb", "a\r\nX-Evil: 1", "\x7f",
		"a/b", "?x=1", "#frag", "%2f", "%2e%2e", "a;b", `"quoted"`, "'; drop", "ü", "a b", "${1}", "//evil.example", "a@b", strings.Repeat("x", 1000),
		strings.Repeat("x", 5000), "\xff\xfe",
	} {
		sent := ""
		e := engine(t, disable, func(w http.ResponseWriter, r *http.Request) {
			sent = r.URL.EscapedPath()
			w.WriteHeader(409)
		})
		res := e.Do(t.Context(), ssf.OpDisableAccount, account(id))
		if sent == "" {
			if res.Meaning != ssf.AnswerRefused || res.Sent {
				t.Errorf("id %.30q: not sent, but got %q, sent %t", id, res.Meaning, res.Sent)
			}
			continue
		}
		segments := strings.Split(sent, "/")
		if len(segments) != 5 || segments[1] != "v1" || segments[2] != "users" || segments[4] != "disable" {
			t.Errorf("id %.30q: reached the path %s", id, sent)
		}
		if slices.Contains([]string{"..", ".", "a/../b", "", "a\x00b", "a\nb", "../../admin"}, id) {
			t.Errorf("id %.30q: was sent as %s, want nothing sent", id, sent)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		header string // Retry-After
		want   ssf.AnswerMeaning
		other  bool
		detail string
	}{
		{name: "success", status: 200, body: `{"id": "a1", "ok": true}`, want: ssf.AnswerSuccess},
		{name: "condition without its member does not fit", status: 200, body: `{"id": "a1"}`, want: ssf.AnswerSuccess},
		{name: "refused in the body", status: 200, body: `{"ok": false}`, want: ssf.AnswerRefused, detail: "status 200"},
		{name: "already", status: 409, want: ssf.AnswerAlready},
		{name: "not found", status: 404, want: ssf.AnswerNotFound},
		{name: "another account", status: 200, body: `{"id": "a2", "ok": true}`, want: ssf.AnswerRefused, other: true},
		{name: "html", status: 200, body: `<html>`, want: "", detail: "not JSON"},
		{name: "no body", status: 200, want: "", detail: "not JSON"},
		{name: "duplicate member", status: 200, body: `{"id": "a1", "id": "a1"}`, want: "", detail: "not JSON"},
		{name: "deep", status: 200, body: strings.Repeat("[", 10000), want: "", detail: "not JSON"},
		{name: "unexpected 2xx", status: 204, want: ssf.AnswerRefused, detail: "does not expect"},
		{name: "too many", status: 429, header: "7", want: ssf.AnswerRetry},
		{name: "server", status: 503, want: ssf.AnswerRetry},
		{name: "credential", status: 401, want: ssf.AnswerRetry},
		{name: "forbidden", status: 403, body: `nope`, want: ssf.AnswerRefused, detail: "nope"},
		{name: "redirect", status: 302, want: ssf.AnswerRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := engine(t, disable, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", c.header)
				w.Header().Set("Date", "Tue, 24 Nov 2026 10:42:07 GMT")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			res := e.Do(t.Context(), ssf.OpDisableAccount, account("a1"))
			if res.Meaning != c.want || res.Other != c.other || !strings.Contains(res.Detail, c.detail) {
				t.Errorf("got %q, other %t, detail %q, want %q, %t, …%q…", res.Meaning, res.Other, res.Detail, c.want, c.other, c.detail)
			}
			if c.header != "" && res.RetryAfter.Seconds() != 7 {
				t.Errorf("retry after: got %s, want 7s", res.RetryAfter)
			}
			if c.status == 200 && res.ServerTime.IsZero() {
				t.Error("the system's clock was not read")
			}
		})
	}
}

const sessions = `
operations:
  get_account:
    requests:
      - method: GET
        path: [users, "${account.id}"]
        answers: [{meaning: success, account: {id: body.id, enabled: body.active, name: body.name}}, {status: [404], meaning: not_found}]
  list_sessions:
    requests:
      - method: GET
        path: [sessions]
        query: {user: "${account.id}"}
        answers:
          - meaning: success
            sessions: {items: body.items, id: item.id, account: item.user, started: timestamp(item.at), device: item.device}
  terminate_session:
    idempotent: true
    requests:
      - method: DELETE
        path: [sessions, "${session.id}"]
        answers: [{meaning: success}, {status: [404], meaning: not_found}, {status: [403], meaning: refused}]
`

func TestReadings(t *testing.T) {
	list := `{"items": [{"id": 9007199254740993, "user": "7", "at": 1795516928, "device": "phone"}, {"id": "b", "user": "7", "at": 1, "device": null}]}`
	e := engine(t, sessions, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/users/7"):
			_, _ = io.WriteString(w, `{"id": 7, "active": false, "name": "Ada"}`)
		case strings.HasSuffix(r.URL.Path, "/users/8"):
			w.WriteHeader(404)
		default:
			_, _ = io.WriteString(w, list)
		}
	})
	res := e.Do(t.Context(), ssf.OpGetAccount, account("7"))
	if res.Account == nil || res.Account.ID != "7" || res.Account.Enabled == nil || *res.Account.Enabled || res.Account.Name != "Ada" {
		t.Errorf("account: got %+v (%s)", res.Account, res.Detail)
	}
	if res = e.Do(t.Context(), ssf.OpGetAccount, account("8")); res.Meaning != ssf.AnswerNotFound {
		t.Errorf("account 8: got %q, want not_found", res.Meaning)
	}
	res = e.Do(t.Context(), ssf.OpListSessions, account("7"))
	if len(res.Sessions) != 2 || res.Sessions[0].ID != "9007199254740993" || res.Sessions[0].Started.Unix() != 1795516928 ||
		res.Sessions[0].Device != "phone" || res.Sessions[1].Device != "" {
		t.Errorf("sessions: got %+v (%s)", res.Sessions, res.Detail)
	}
	if res = e.Do(t.Context(), ssf.OpListSessions, account("9")); !res.Other || res.Listed {
		t.Errorf("sessions of somebody else: got %+v, want them refused", res)
	}
	list = `{"items": []}`
	if res = e.Do(t.Context(), ssf.OpListSessions, account("9")); !res.Listed || res.Sessions == nil {
		t.Errorf("no sessions: got listed %t", res.Listed)
	}
	list = `{"items": "none"}`
	if res = e.Do(t.Context(), ssf.OpListSessions, account("9")); res.Listed || res.Meaning != "" {
		t.Errorf("sessions that are no list: got %q, listed %t", res.Meaning, res.Listed)
	}
}

func TestForEachSession(t *testing.T) {
	for _, c := range []struct {
		name       string
		answers    map[string]int
		want       ssf.AnswerMeaning
		done, of   int
		sent       bool
		calledLast bool
	}{
		{name: "all", answers: map[string]int{"s1": 204, "s2": 204, "s3": 204}, want: ssf.AnswerSuccess, of: 3, sent: true, calledLast: true},
		{name: "one gone since", answers: map[string]int{"s1": 404, "s2": 204, "s3": 204}, want: ssf.AnswerSuccess, of: 3, sent: true, calledLast: true},
		{name: "one refused", answers: map[string]int{"s1": 204, "s2": 403, "s3": 204}, want: ssf.AnswerRefused, done: 2, of: 3, sent: true, calledLast: true},
		{name: "system fails", answers: map[string]int{"s1": 204, "s2": 500, "s3": 204}, want: ssf.AnswerRetry, done: 1, of: 3, sent: true},
		{name: "none", answers: map[string]int{}, want: ssf.AnswerAlready},
	} {
		t.Run(c.name, func(t *testing.T) {
			var called []string
			e := engine(t, sessions, func(w http.ResponseWriter, r *http.Request) {
				id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
				if r.Method == http.MethodGet {
					var items []string
					for i := range len(c.answers) {
						items = append(items, fmt.Sprintf(`{"id": "s%d", "user": "7", "at": 5}`, i+1))
					}
					_, _ = io.WriteString(w, `{"items": [`+strings.Join(items, ",")+`]}`)
					return
				}
				called = append(called, id)
				w.WriteHeader(c.answers[id])
			})
			res := e.Do(t.Context(), ssf.OpTerminateSessions, account("7"))
			if res.Meaning != c.want || res.Of != c.of || res.Sent != c.sent || c.want != ssf.AnswerSuccess && res.Done != c.done {
				t.Errorf("got %q, %d of %d, sent %t (%s), want %q, %d of %d, sent %t",
					res.Meaning, res.Done, res.Of, res.Sent, res.Detail, c.want, c.done, c.of, c.sent)
			}
			if last := slices.Contains(called, "s3"); last != c.calledLast {
				t.Errorf("called %v, want the last called: %t", called, c.calledLast)
			}
		})
	}
}

func TestLostAnswerIsNoSuccess(t *testing.T) {
	client, err := outbound.NewClient(outbound.Config{Origins: []string{base}, Transport: failing{}})
	if err != nil {
		t.Fatal(err)
	}
	p, problems := connector.Compile(spec(t, disable), ssf.ConnectorDocument{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	e, err := p.Engine(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	res := e.Do(t.Context(), ssf.OpDisableAccount, account("a1"))
	if res.Meaning != "" || !res.Sent || res.Err == nil {
		t.Errorf("got %+v, want no meaning, sent, and the cause", res)
	}
}

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func TestCapabilities(t *testing.T) {
	p, problems := connector.Compile(spec(t, sessions), ssf.ConnectorDocument{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := p.Capabilities()
	if !c.ReadsAccount || !c.ReadsSessions || !c.StartTimes {
		t.Errorf("reads: got %+v, want all", c)
	}
	for kind, want := range map[ssf.Kind]connector.Support{
		ssf.KindTerminateSession: connector.Supported, ssf.KindTerminateSessions: connector.Emulated,
		ssf.KindDisableAccount: connector.Unsupported, ssf.KindDisableAndTerminate: connector.Unsupported,
		ssf.KindNotify: connector.Unsupported,
	} {
		a := c.Kinds[kind]
		if a.Support != want || (a.Reason == "") == (want == connector.Unsupported) {
			t.Errorf("%s: got %s (%s), want %s", kind, a.Support, a.Reason, want)
		}
	}
	if len(c.Kinds) != len(ssf.Kinds()) {
		t.Errorf("got %d kinds, want %d", len(c.Kinds), len(ssf.Kinds()))
	}
}

func TestPresetOfTheDemo(t *testing.T) {
	presets, err := respond.Presets()
	if err != nil {
		t.Fatal(err)
	}
	for name, preset := range presets {
		p, problems := connector.Compile(ssf.ConnectorSpec{ID: "x", Source: "x", URL: base}, preset)
		if len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
			continue
		}
		if name != "acme-crm" {
			continue
		}
		both := p.Capabilities().Kinds[ssf.KindDisableAndTerminate]
		if want := []ssf.OperationName{ssf.OpDisableAccount, ssf.OpTerminateSessions}; !slices.Equal(both.Operations, want) || !both.Confirms {
			t.Errorf("disable_and_terminate: got %+v, want %v, confirmed", both, want)
		}
	}
}
