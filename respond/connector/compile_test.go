package connector_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"harken/respond/connector"
	"harken/ssf"
	"harken/ssf/doc"
)

func TestCompileSaysWhereAndWhat(t *testing.T) {
	op := func(request string) string {
		return "operations:\n  disable_account:\n    requests:\n      - " + request
	}
	for _, c := range []struct{ name, document, path, message string }{
		{"unknown operation", "operations: {delete_everything: {requests: [{method: POST, path: [\"${account.id}\"], answers: [{meaning: success}]}]}}", "document.operations.delete_everything", "no operation"},
		{"method", op(`{method: TRACE, path: ["${account.id}"], answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0].method", "GET, POST"},
		{"misspelt member", op(`{method: POST, path: ["${account.emial}"], answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0].path[0]", "emial"},
		{"no expression", op(`{method: POST, path: [a, "${}${account.id}"], answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0].path[1]", "no expression"},
		{"open expression", op(`{method: POST, path: ["${account.id"], answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0].path[0]", "without its"},
		{"list in a path", op(`{method: POST, path: ["${[account.id]}"], answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0].path[0]", "list"},
		{"slash", op(`{method: POST, path: [a/b, "${account.id}"], answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0].path[0]", "by itself"},
		{"dots", op(`{method: POST, path: [.., "${account.id}"], answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0].path[0]", "no segment"},
		{"acts on everybody", op(`{method: POST, path: [users, disable], answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0]", "everybody"},
		{"credential", op(`{method: POST, path: ["${account.id}"], headers: {authorization: x}, answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0].headers.authorization", "may not"},
		{"two bodies", op(`{method: POST, path: ["${account.id}"], json: {a: 1}, form: {a: "1"}, answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0].form", "either"},
		{"scalar body", op(`{method: POST, path: ["${account.id}"], json: text, answers: [{meaning: success}]}`), "document.operations.disable_account.requests[0].json", "object or a list"},
		{"meaning", op(`{method: POST, path: ["${account.id}"], answers: [{meaning: done}]}`), "document.operations.disable_account.requests[0].answers[0].meaning", "success"},
		{"no answer", op(`{method: POST, path: ["${account.id}"], answers: []}`), "document.operations.disable_account.requests[0].answers", "1 to"},
		{"condition", op(`{method: POST, path: ["${account.id}"], answers: [{meaning: success, when: "'text'"}]}`), "document.operations.disable_account.requests[0].answers[0].when", "string"},
		{"inputs in a condition", op(`{method: POST, path: ["${account.id}"], answers: [{meaning: success, when: account.id == ''}]}`), "document.operations.disable_account.requests[0].answers[0].when", "account"},
		{"each of nothing", "operations: {terminate_sessions: {for_each: list_sessions, requests: [{method: DELETE, path: [\"${session.id}\"], answers: [{meaning: success}]}]}}", "document.operations.terminate_sessions.for_each", "must be an operation"},
		{"unread account", "operations: {get_account: {requests: [{method: GET, path: [\"${account.id}\"], answers: [{meaning: success}]}]}}", "document.operations.get_account", "reads the account"},
		{"nothing", "title: x", "document.operations", "could do nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, problems := connector.Compile(spec(t, c.document), ssf.ConnectorDocument{})
			if p != nil || len(problems) == 0 {
				t.Fatal("compiled, want problems")
			}
			if !slices.ContainsFunc(problems, func(p ssf.Problem) bool { return p.Path == c.path && strings.Contains(p.Message, c.message) }) {
				t.Errorf("got %v, want %s: …%s…", problems, c.path, c.message)
			}
		})
	}
}

func TestExpensiveExpressionIsStopped(t *testing.T) {
	costly := strings.Replace(disable, "body.ok == false", `"body.a.all(x, body.a.all(y, body.a.all(z, x + y + z < 0 || true)))"`, 1)
	e := engine(t, costly, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id": "a1", "a": [`+strings.TrimSuffix(strings.Repeat("1,", 3000), ",")+`]}`)
	})
	if res := e.Do(t.Context(), ssf.OpDisableAccount, account("a1")); res.Meaning != ssf.AnswerSuccess {
		t.Errorf("got %q (%s), want the next answer tried", res.Meaning, res.Detail)
	}
}

func FuzzDocument(f *testing.F) {
	f.Add(disable)
	f.Add(sessions)
	f.Add("operations: {get_account: {requests: [{path: ['${{\"a\": \"}\"}[\"a\"]}']}]}}")
	f.Fuzz(func(t *testing.T, text string) {
		s := ssf.ConnectorSpec{ID: "crm", Source: "crm", URL: base}
		if ps := doc.Decode([]byte(text), &s.Document); len(ps) > 0 {
			return
		}
		p, problems := connector.Compile(s, ssf.ConnectorDocument{})
		if (p == nil) != (len(problems) > 0) {
			t.Errorf("program %t, problems %v", p != nil, problems)
		}
		if p != nil {
			p.Capabilities()
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, `{"id": "7", "active": true, "name": "x"}`)
	f.Add(200, `{"items": [{"id": "s", "user": "7", "at": "2026-11-24T10:42:07Z"}]}`)
	f.Add(404, ``)
	f.Fuzz(func(t *testing.T, status int, body string) {
		status = 200 + max(status%400, -status%400)
		e := engine(t, sessions, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, op := range []ssf.OperationName{ssf.OpGetAccount, ssf.OpListSessions, ssf.OpTerminateSessions} {
			res := e.Do(ctx, op, account("7"))
			if len(res.Detail) > 700 {
				t.Errorf("%s: detail of %d bytes", op, len(res.Detail))
			}
			if res.Account != nil && res.Account.ID != "7" {
				t.Errorf("%s: believed an answer about %q", op, res.Account.ID)
			}
		}
	})
}
