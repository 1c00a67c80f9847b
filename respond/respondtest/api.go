package respondtest

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// LogEntry is one call to the admin API, in the order of arrival.
type LogEntry struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	// Path includes the query.
	Path string    `json:"path"`
	Op   Operation `json:"op"`
	// Status is 0 where the connection was cut or the call hung.
	Status int `json:"status"`
	// Effect says what changed: "nothing", "2 sessions ended", "account disabled", "accepted for later".
	Effect string    `json:"effect"`
	Fault  FaultKind `json:"fault,omitempty"`
}

// maxLog bounds the log; older entries go.
const maxLog = 5_000

// Log returns the latest calls to the admin API, oldest first. The caller owns the result.
func (c *CRM) Log() []LogEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.log)
}

// The parts of an API answer that say what changed.
const (
	nothing  = "nothing"
	forLater = "accepted for later"
)

// answer is the outcome of one operation.
type answer struct {
	status int
	body   any
	effect string
}

func refuse(status int, code, message string) answer {
	return answer{status: status, body: problem(code, message), effect: nothing}
}

func problem(code, message string) map[string]any {
	return map[string]any{"error": code, "message": message}
}

func fail(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, problem(code, message))
}

// reply writes a JSON answer; a nil body is none.
func reply(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	text, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		http.Error(w, "cannot encode the answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func (c *CRM) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.servePage)
	mux.HandleFunc("GET /me", c.serveMe)
	mux.HandleFunc("GET /style.css", serveStyle)
	operation := func(pattern string, op Operation, run func(*http.Request, Fault) answer) {
		mux.Handle(pattern, c.operation(op, run))
	}
	operation("GET /api/accounts", OpFind, c.opFind)
	operation("GET /api/accounts/{account}", OpGet, c.opGet)
	operation("GET /api/accounts/{account}/sessions", OpListSessions, c.opListSessions)
	operation("POST /api/accounts/{account}/sessions", OpSignIn, c.opSignIn)
	operation("DELETE /api/accounts/{account}/sessions", OpTerminateSessions, c.opTerminateSessions)
	operation("DELETE /api/sessions/{session}", OpTerminateSession, c.opTerminateSession)
	operation("POST /api/accounts/{account}/disable", OpDisable, c.opSwitch(OpDisable))
	operation("POST /api/accounts/{account}/enable", OpEnable, c.opSwitch(OpEnable))
	mux.HandleFunc("GET /api/log", c.admin(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"log": c.Log()})
	}))
	mux.HandleFunc("GET /api/ledger", c.admin(func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, c.Ledger()) }))
	mux.HandleFunc("POST /api/faults", c.admin(c.serveAddFault))
	mux.HandleFunc("DELETE /api/faults", c.admin(func(w http.ResponseWriter, _ *http.Request) {
		c.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("/api/", c.admin(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "not_found", "no such resource")
	}))
	return mux
}

// admin lets only bearers of the token through.
func (c *CRM) admin(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(kind, "Bearer") || subtle.ConstantTimeCompare([]byte(value), []byte(c.cfg.Token)) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="acme-crm"`)
			fail(w, http.StatusUnauthorized, "unauthorized", "a valid bearer token is needed")
			return
		}
		next(w, r)
	}
}

// operation counts, spoils, runs under the lock, logs and answers.
func (c *CRM) operation(op Operation, run func(*http.Request, Fault) answer) http.HandlerFunc {
	return c.admin(func(w http.ResponseWriter, r *http.Request) {
		target := r.PathValue("account") + r.PathValue("session") + r.URL.Query().Get("email")
		unlock := c.lock()
		c.state.Ledger.Calls[string(op)+" "+target]++
		f := c.fault(op)
		entry := c.enter(LogEntry{At: c.cfg.Now(), Method: r.Method, Path: r.URL.RequestURI(), Op: op, Effect: nothing, Fault: f.Kind})
		if f.Kind == FaultStatus || f.Kind == FaultHang || f.Kind == FaultReset {
			if f.Kind == FaultStatus {
				entry(f.status(), nothing)
			}
			unlock()
			spoil(w, r, f)
			return
		}
		a := run(r, f)
		status := a.status
		if f.Kind == FaultEffectThenReset || f.Kind == FaultEffectThenHang {
			status = 0
		}
		entry(status, a.effect)
		unlock()
		if !cut(r, f) {
			reply(w, a.status, a.body)
		}
	})
}

// enter adds a log entry and returns how to complete it. The lock is held, at completion too.
func (c *CRM) enter(e LogEntry) (complete func(status int, effect string)) {
	if len(c.log) >= maxLog {
		c.log = slices.Delete(c.log, 0, len(c.log)-maxLog+1)
	}
	c.log = append(c.log, e)
	at := len(c.log) - 1
	return func(status int, effect string) { c.log[at].Status, c.log[at].Effect = status, effect }
}

// accountView is an account on the wire.
type accountView struct {
	Account
	ActiveSessions int `json:"active_sessions"`
}

func (c *CRM) view(a Account) accountView {
	return accountView{Account: a, ActiveSessions: len(c.sessions(a.ID))}
}

func noAccount() answer { return refuse(http.StatusNotFound, "account_not_found", "no such account") }

func (c *CRM) opFind(r *http.Request, _ Fault) answer {
	query := r.URL.Query()
	list := c.state.Accounts
	if query.Has("email") {
		list = c.find(query.Get("email"))
	}
	views := make([]accountView, 0, len(list))
	for _, a := range list {
		views = append(views, c.view(a))
	}
	return answer{status: http.StatusOK, body: map[string]any{"accounts": views}, effect: nothing}
}

func (c *CRM) opGet(r *http.Request, _ Fault) answer {
	a := c.account(r.PathValue("account"))
	if a == nil {
		return noAccount()
	}
	return answer{status: http.StatusOK, body: c.view(*a), effect: nothing}
}

func (c *CRM) opListSessions(r *http.Request, _ Fault) answer {
	a := c.account(r.PathValue("account"))
	if a == nil {
		return noAccount()
	}
	return answer{status: http.StatusOK, body: map[string]any{"sessions": c.sessions(a.ID)}, effect: nothing}
}

func (c *CRM) opSignIn(r *http.Request, _ Fault) answer {
	var d Device
	if err := readJSON(r, &d); err != nil {
		return refuse(http.StatusBadRequest, "bad_request", err.Error())
	}
	s, err := c.signIn(r.PathValue("account"), d)
	switch {
	case errors.Is(err, ErrNotFound):
		return noAccount()
	case errors.Is(err, ErrDisabled):
		return refuse(http.StatusConflict, "account_disabled", "the account is disabled")
	case err != nil:
		return refuse(http.StatusInternalServerError, "internal", "cannot store the session")
	}
	return answer{status: http.StatusCreated, body: s, effect: "session started"}
}

func (c *CRM) opTerminateSession(r *http.Request, f Fault) answer {
	id := r.PathValue("session")
	i := slices.IndexFunc(c.state.Sessions, func(s Session) bool { return s.ID == id })
	if i < 0 {
		return refuse(http.StatusNotFound, "session_not_found", "no such session")
	}
	change := pending{Op: OpTerminateSession, Account: c.state.Sessions[i].Account, Session: id}
	return c.change(change, f, func(int) answer { return answer{status: http.StatusNoContent} })
}

// opTerminateSessions ends all sessions of the account, or those started before the time "started_before" (RFC 3339).
func (c *CRM) opTerminateSessions(r *http.Request, f Fault) answer {
	a := c.account(r.PathValue("account"))
	if a == nil {
		return noAccount()
	}
	change := pending{Op: OpTerminateSessions, Account: a.ID}
	if text := r.URL.Query().Get("started_before"); text != "" {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return refuse(http.StatusBadRequest, "bad_request", "started_before is no RFC 3339 time")
		}
		change.Before = at
	}
	return c.change(change, f, func(ended int) answer {
		return answer{status: http.StatusOK, body: map[string]any{"ended": ended}}
	})
}

// opSwitch disables or enables. Doing it again is no error and changes nothing.
func (c *CRM) opSwitch(op Operation) func(*http.Request, Fault) answer {
	return func(r *http.Request, f Fault) answer {
		a := c.account(r.PathValue("account"))
		if a == nil {
			return noAccount()
		}
		return c.change(pending{Op: op, Account: a.ID}, f, func(changed int) answer {
			after := c.view(*a)
			after.Enabled = op == OpEnable // also where the change is a lie
			return answer{status: http.StatusOK, body: struct {
				accountView
				Changed bool `json:"changed"`
			}{after, changed > 0}}
		})
	}
}

// change makes a change, now, later or never, and stores it. The lock is held.
func (c *CRM) change(p pending, f Fault, done func(changed int) answer) answer {
	switch f.Kind {
	case FaultNoEffect:
		a := done(1)
		a.effect = nothing
		return a
	case FaultAsync:
		p.Due = c.cfg.Now().Add(f.Delay)
		c.state.Pending = append(c.state.Pending, p)
		if err := c.save(); err != nil {
			return refuse(http.StatusInternalServerError, "internal", "cannot store the change")
		}
		return answer{status: http.StatusAccepted, body: map[string]any{"status": "accepted"}, effect: forLater}
	}
	changed := c.apply(p)
	if err := c.save(); err != nil {
		return refuse(http.StatusInternalServerError, "internal", "cannot store the change")
	}
	a := done(changed)
	a.effect = describe(p.Op, changed)
	return a
}

func describe(op Operation, changed int) string {
	switch {
	case changed == 0:
		return nothing
	case op == OpDisable:
		return "account disabled"
	case op == OpEnable:
		return "account enabled"
	case changed == 1:
		return "1 session ended"
	}
	return fmt.Sprintf("%d sessions ended", changed)
}

// readJSON reads a small JSON body strictly.
func readJSON(r *http.Request, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errors.New("content type must be application/json")
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v, json.RejectUnknownMembers(true))
}

// serveAddFault takes a Fault, its delay as a Go duration.
func (c *CRM) serveAddFault(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Fault
		Delay string `json:"delay"`
	}
	err := readJSON(r, &body)
	if err == nil && body.Delay != "" {
		body.Fault.Delay, err = time.ParseDuration(body.Delay)
	}
	if err == nil && !slices.Contains([]FaultKind{
		FaultNoEffect, FaultStatus, FaultHang, FaultReset, FaultEffectThenReset, FaultEffectThenHang, FaultAsync,
	}, body.Kind) {
		err = fmt.Errorf("unknown kind %q", body.Kind)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "bad_request", err.Error())
		return
	}
	c.AddFault(body.Fault)
	w.WriteHeader(http.StatusNoContent)
}
