package storetest

import (
	"errors"
	"time"

	"harken/ssf"
)

func accessCases() []testCase {
	return []testCase{
		{"the first administrator spends the code", firstAdmin},
		{"the last administrator stays", lastAdmin},
		{"names are unique without regard to case", userNames},
		{"sessions", sessions},
		{"a disabled user has no sessions and no tokens", disabledUser},
		{"API tokens", apiTokens},
		{"throttling and notes", throttling},
	}
}

func (w *world) user(id ssf.UserID, role ssf.Role) ssf.User {
	w.t.Helper()
	u := ssf.User{ID: id, Name: string(id), Role: role, CreatedAt: start()}
	w.ok(w.PutUser(w.ctx, ssf.System("test"), u))
	return u
}

func firstAdmin(w *world) {
	web := ssf.System("web")
	admin := ssf.User{ID: "u1", Name: "Root", Role: ssf.RoleAdmin}
	if must[bool](w)(w.HasAdmin(w.ctx)) {
		w.t.Fatal("an empty store has an administrator")
	}
	if err := w.FirstAdmin(w.ctx, web, "", admin); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("without a code: got %v, want ErrNotFound", err)
	}
	w.ok(w.PutSetupCode(w.ctx, web, ssf.SetupCode{Hash: "old", ExpiresAt: start().Add(time.Hour)}))
	w.ok(w.PutSetupCode(w.ctx, web, ssf.SetupCode{Hash: "code", ExpiresAt: start().Add(30 * time.Minute)}))
	w.reopen()
	for _, hash := range []string{"old", "wrong", ""} {
		if err := w.FirstAdmin(w.ctx, web, hash, admin); !errors.Is(err, ssf.ErrNotFound) {
			w.t.Errorf("code %q: got %v, want ErrNotFound", hash, err)
		}
	}
	w.clock.Advance(30 * time.Minute)
	if err := w.FirstAdmin(w.ctx, web, "code", admin); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("old code: got %v, want ErrNotFound", err)
	}
	w.clock.Advance(-time.Minute)
	w.ok(w.FirstAdmin(w.ctx, web, "code", admin))
	if !must[bool](w)(w.HasAdmin(w.ctx)) {
		w.t.Error("no administrator")
	}
	if err := w.FirstAdmin(w.ctx, web, "code", ssf.User{ID: "u2", Name: "Two", Role: ssf.RoleAdmin}); !errors.Is(err, ssf.ErrConflict) {
		w.t.Errorf("a second time: got %v, want ErrConflict", err)
	}
	if err := w.PutSetupCode(w.ctx, web, ssf.SetupCode{Hash: "x", ExpiresAt: start().Add(time.Hour)}); !errors.Is(err, ssf.ErrConflict) {
		w.t.Errorf("a new code: got %v, want ErrConflict", err)
	}
}

func lastAdmin(w *world) {
	u := w.user("root", ssf.RoleAdmin)
	weaker, off := u, u
	weaker.Role, off.Disabled = ssf.RoleResponder, true
	for _, change := range []ssf.User{weaker, off} {
		if err := w.PutUser(w.ctx, ssf.System("test"), change); !errors.Is(err, ssf.ErrConflict) {
			w.t.Errorf("got %v, want ErrConflict", err)
		}
	}
	w.user("second", ssf.RoleAdmin)
	w.ok(w.PutUser(w.ctx, ssf.System("test"), off))
}

func userNames(w *world) {
	w.user("Ann", ssf.RoleViewer)
	if err := w.PutUser(w.ctx, ssf.System("test"), ssf.User{ID: "u2", Name: "ANN", Role: ssf.RoleViewer}); !errors.Is(err, ssf.ErrConflict) {
		w.t.Errorf("same name: got %v, want ErrConflict", err)
	}
	if u := must[ssf.User](w)(w.UserByName(w.ctx, " aNN ")); u.ID != "Ann" {
		w.t.Errorf("got %q, want Ann", u.ID)
	}
	w.ok(w.PutUser(w.ctx, ssf.System("test"), ssf.User{ID: "Ann", Name: "Anna", Role: ssf.RoleViewer}))
	if _, err := w.UserByName(w.ctx, "ann"); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("old name: got %v, want ErrNotFound", err)
	}
	if u := must[ssf.User](w)(w.User(w.ctx, "Ann")); u.Name != "Anna" || !u.CreatedAt.Equal(start()) {
		w.t.Errorf("got %+v", u)
	}
	if _, err := w.User(w.ctx, "nobody"); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("unknown user: got %v, want ErrNotFound", err)
	}
}

func session(handle, user string) ssf.Session {
	return ssf.Session{
		Handle: ssf.SessionHandle(handle), Hash: "hash-" + handle, User: ssf.UserID(user), Method: "password", CSRF: "c",
		CreatedAt: start(), LastUsed: start(), StepUpAt: start(), Address: "192.0.2.1", UserAgent: "test",
	}
}

func sessions(w *world) {
	w.sync("hr", account("hr", "1", "Ann", "ann@example.com", "i1"))
	w.ok(w.PutUser(w.ctx, ssf.System("test"), ssf.User{ID: "ann", Name: "Ann", Role: ssf.RoleResponder, Email: "ann@example.com"}))
	w.ok(w.PutSession(w.ctx, ann(), session("s1", "ann")))
	w.ok(w.PutSession(w.ctx, ann(), session("s2", "ann")))
	if err := w.PutSession(w.ctx, ann(), session("s3", "nobody")); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("session of nobody: got %v, want ErrNotFound", err)
	}
	w.reopen()
	got := must[ssf.Session](w)(w.SessionByHash(w.ctx, "hash-s1"))
	want := session("s1", "ann")
	want.Name, want.Role, want.Identity, want.Shortcuts = "Ann", ssf.RoleResponder, "i1", true
	if d := diff(want, got); d != "" {
		w.t.Errorf("session:\n%s", d)
	}
	before := w.entries()
	w.ok(w.TouchSession(w.ctx, "s1", start().Add(time.Minute)))
	w.ok(w.TouchSession(w.ctx, "s1", start()))
	if w.entries() != before {
		w.t.Error("a touch was audited")
	}
	w.ok(w.StepUpSession(w.ctx, ann(), "s1", "hash-new", start().Add(2*time.Minute)))
	if _, err := w.SessionByHash(w.ctx, "hash-s1"); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("old token: got %v, want ErrNotFound", err)
	}
	got = must[ssf.Session](w)(w.SessionByHash(w.ctx, "hash-new"))
	if !got.StepUpAt.Equal(start().Add(2*time.Minute)) || !got.LastUsed.Equal(start().Add(2*time.Minute)) {
		w.t.Errorf("stepped up: got %+v", got)
	}
	if list := must[[]ssf.Session](w)(w.Sessions(w.ctx, "ann")); len(list) != 2 || list[0].Role != ssf.RoleResponder {
		w.t.Errorf("got %d sessions, want 2 with role", len(list))
	}
	wake, stop := w.Watch(ssf.Topic{Kind: ssf.TopicSessions, ID: "s1"})
	defer stop()
	w.ok(w.DeleteSession(w.ctx, ann(), "s1"))
	w.ok(w.DeleteSession(w.ctx, ann(), "s1"))
	select {
	case <-wake:
	default:
		w.t.Error("the end of the session woke nobody")
	}
	for _, err := range []error{
		errOf(w.SessionByHash(w.ctx, "hash-new")), errOf(w.SessionByHash(w.ctx, "")), w.TouchSession(w.ctx, "s1", start()),
		w.StepUpSession(w.ctx, ann(), "s1", "h", start()),
	} {
		if !errors.Is(err, ssf.ErrNotFound) {
			w.t.Errorf("ended session: got %v, want ErrNotFound", err)
		}
	}
}

func disabledUser(w *world) {
	u := w.user("ann", ssf.RoleResponder)
	w.ok(w.PutSession(w.ctx, ann(), session("s1", "ann")))
	w.ok(w.PutToken(w.ctx, ann(), token("t1", "ann", ssf.RoleResponder)))
	u.Disabled = true
	w.ok(w.PutUser(w.ctx, ssf.System("test"), u))
	if _, err := w.SessionByHash(w.ctx, "hash-s1"); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("session: got %v, want ErrNotFound", err)
	}
	if _, err := w.TokenByHash(w.ctx, "hash-t1", start()); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("token: got %v, want ErrNotFound", err)
	}
	u.Disabled = false
	w.ok(w.PutUser(w.ctx, ssf.System("test"), u))
	if _, err := w.SessionByHash(w.ctx, "hash-s1"); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("enabled again, old session: got %v, want ErrNotFound", err)
	}
}

func token(id, owner string, role ssf.Role) ssf.APIToken {
	return ssf.APIToken{
		ID: ssf.TokenID(id), Name: id, Hash: "hash-" + id, Role: role, Owner: ssf.UserID(owner), CreatedAt: start(),
		ExpiresAt: start().Add(time.Hour),
	}
}

func apiTokens(w *world) {
	u := w.user("ann", ssf.RoleAdmin)
	w.user("root", ssf.RoleAdmin)
	w.ok(w.PutToken(w.ctx, ann(), token("t1", "ann", ssf.RoleAdmin)))
	w.ok(w.PutToken(w.ctx, ann(), token("t2", "root", ssf.RoleViewer)))
	if got := must[ssf.APIToken](w)(w.TokenByHash(w.ctx, "hash-t1", start())); got.Role != ssf.RoleAdmin {
		w.t.Errorf("got role %s, want admin", got.Role)
	}
	u.Role = ssf.RoleViewer
	w.ok(w.PutUser(w.ctx, ssf.System("test"), u))
	if got := must[ssf.APIToken](w)(w.TokenByHash(w.ctx, "hash-t1", start())); got.Role != ssf.RoleViewer {
		w.t.Errorf("got role %s, want the owner's, viewer", got.Role)
	}
	if _, err := w.TokenByHash(w.ctx, "hash-t1", start().Add(time.Hour)); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("expired: got %v, want ErrNotFound", err)
	}
	w.ok(w.TouchToken(w.ctx, "t1", start().Add(time.Minute)))
	if list := must[[]ssf.APIToken](w)(w.Tokens(w.ctx, "ann")); len(list) != 1 || !list[0].LastUsed.Equal(start().Add(time.Minute)) {
		w.t.Errorf("got tokens %+v", list)
	}
	w.ok(w.DeleteToken(w.ctx, ann(), "t1"))
	w.ok(w.DeleteToken(w.ctx, ann(), "t1"))
	if _, err := w.TokenByHash(w.ctx, "hash-t1", start()); !errors.Is(err, ssf.ErrNotFound) {
		w.t.Errorf("revoked: got %v, want ErrNotFound", err)
	}
	if list := must[[]ssf.APIToken](w)(w.Tokens(w.ctx, "root")); len(list) != 1 {
		w.t.Errorf("another's tokens: got %d, want 1", len(list))
	}
}

func throttling(w *world) {
	if got := must[ssf.Throttle](w)(w.Throttle(w.ctx, "name:ann")); got.Failures != 0 {
		w.t.Errorf("got %+v, want nothing known", got)
	}
	th := ssf.Throttle{Key: "name:ann", Failures: 6, Until: start().Add(time.Minute), LastAt: start()}
	before := w.entries()
	w.ok(w.PutThrottle(w.ctx, th))
	w.reopen()
	if d := diff(th, must[ssf.Throttle](w)(w.Throttle(w.ctx, "name:ann"))); d != "" {
		w.t.Error(d)
	}
	if w.entries() != before {
		w.t.Error("throttling was audited")
	}
	w.ok(w.PutThrottle(w.ctx, ssf.Throttle{Key: "name:ann"}))
	if got := must[ssf.Throttle](w)(w.Throttle(w.ctx, "name:ann")); got.Failures != 0 {
		w.t.Errorf("forgotten: got %+v", got)
	}
	w.clock.Advance(time.Minute)
	w.ok(w.Note(w.ctx, ssf.AuditEntry{
		N: 77, Actor: ssf.Actor{Kind: ssf.ActorPerson, Name: "ann", Address: "192.0.2.1"}, Action: "sign_in", Object: "user/ann",
		Result: "refused", Detail: "wrong\npassword",
	}))
	want := ssf.AuditEntry{
		N: before + 1, At: start().Add(time.Minute), Actor: ssf.Actor{Kind: ssf.ActorPerson, Name: "ann", Address: "192.0.2.1"},
		Action: "sign_in", Object: "user/ann", Result: "refused", Detail: "wrong password",
	}
	if d := diff(want, w.lastEntry()); d != "" {
		w.t.Errorf("entry:\n%s", d)
	}
}
