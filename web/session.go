package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"harken/ssf"
)

// How long a session lasts.
const (
	sessionMost  = 12 * time.Hour
	idleViewer   = 30 * time.Minute
	idleActor    = 15 * time.Minute // for who may act
	stepUpFor    = 5 * time.Minute
	touchEvery   = 15 * time.Second
	clockBackMax = time.Minute
)

// headerLive marks requests that live updates cause, not the person: they do not keep a session alive.
const headerLive = "X-Harken-Live"

// principal is who asks.
type principal struct {
	actor ssf.Actor
	// session is nil for an API token.
	session *ssf.Session
}

// caller returns who asks; nil when nobody is signed in.
func caller(c *gin.Context) *principal {
	p, _ := c.Get(keyCaller)
	found, _ := p.(*principal)
	return found
}

// actor returns the actor of a route that needs one.
func actor(c *gin.Context) ssf.Actor {
	if p := caller(c); p != nil {
		return p.actor
	}
	return ssf.Actor{}
}

// identify finds out who asks, from committed state. A store that cannot be read is no access; only routes that need
// nobody go on without.
func (s *Server) identify(c *gin.Context) {
	r, ok := s.route(c)
	if !ok || r.Access == AccessBare {
		return
	}
	p, err := s.findCaller(c)
	switch {
	case err != nil && r.Access == AccessPublic && safeMethod(c.Request.Method):
		s.log.Warn("nobody can be identified", "request", requestID(c), "err", err)
	case err != nil:
		s.fail(c, err)
	case p != nil:
		c.Set(keyCaller, p)
	}
}

func (s *Server) findCaller(c *gin.Context) (*principal, error) {
	ctx := c.Request.Context()
	if isAPI(c) || c.FullPath() == "/status.json" {
		if scheme, token, ok := strings.Cut(c.GetHeader("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
			return s.byToken(ctx, token, s.remote(c))
		}
	}
	secret := cookie(c, cookieSession)
	if secret == "" {
		return nil, nil
	}
	sess, err := s.session(ctx, digest(secret))
	if err != nil || sess == nil {
		return nil, err
	}
	now := s.cfg.Now()
	r, _ := s.route(c)
	live := safeMethod(c.Request.Method) && (r.live || c.GetHeader(headerLive) != "")
	if !live && now.Sub(sess.LastUsed) >= touchEvery {
		if err := s.store.TouchSession(ctx, sess.Handle, now); err != nil && !errors.Is(err, ssf.ErrNotFound) {
			return nil, fmt.Errorf("session: %w", err)
		}
	}
	return &principal{actor: sessionActor(*sess, s.remote(c)), session: sess}, nil
}

// session returns the living session behind a token's hash, nil when there is none. One that ran out is deleted.
func (s *Server) session(ctx context.Context, hash string) (*ssf.Session, error) {
	sess, err := s.store.SessionByHash(ctx, hash)
	if errors.Is(err, ssf.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	if !expired(sess, s.cfg.Now()) {
		return &sess, nil
	}
	if err := s.store.DeleteSession(ctx, ssf.System("session-timeout"), sess.Handle); err != nil {
		s.log.Warn("an old session could not be deleted", "err", err)
	}
	return nil, nil
}

// expired reports whether a session ran out. A clock that jumped back ends it too: sessions end rather than extend.
func expired(sess ssf.Session, now time.Time) bool {
	idle := idleViewer
	if sess.Role.AtLeast(ssf.RoleResponder) {
		idle = idleActor
	}
	return now.Sub(sess.CreatedAt) >= sessionMost || now.Sub(sess.LastUsed) >= idle || sess.LastUsed.Sub(now) > clockBackMax
}

func sessionActor(sess ssf.Session, address string) ssf.Actor {
	return ssf.Actor{
		Kind: ssf.ActorPerson, Name: sess.Name, User: sess.User, Identity: sess.Identity, Session: sess.Handle,
		Method: sess.Method, Address: address, Role: sess.Role,
	}
}

func (s *Server) byToken(ctx context.Context, secret, address string) (*principal, error) {
	now := s.cfg.Now()
	t, err := s.store.TokenByHash(ctx, digest(secret), now)
	if errors.Is(err, ssf.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	if now.Sub(t.LastUsed) >= time.Minute {
		if err := s.store.TouchToken(ctx, t.ID, now); err != nil && !errors.Is(err, ssf.ErrNotFound) {
			return nil, fmt.Errorf("token: %w", err)
		}
	}
	return &principal{actor: ssf.Actor{
		Kind: ssf.ActorToken, Name: t.Name, User: t.Owner, Identity: t.Identity, Token: t.ID, Method: "token",
		Address: address, Role: t.Role,
	}}, nil
}

// startSession signs a user in: a new token, whatever came with the request before.
func (s *Server) startSession(c *gin.Context, u ssf.User, method string) error {
	ctx := c.Request.Context()
	if p := caller(c); p != nil && p.session != nil {
		if err := s.store.DeleteSession(ctx, p.actor, p.session.Handle); err != nil {
			return fmt.Errorf("sign-in: %w", err)
		}
	}
	secret, err := s.secret()
	if err != nil {
		return err
	}
	form, err := s.secret()
	if err != nil {
		return err
	}
	handle, err := s.id("s-")
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	sess := ssf.Session{
		Handle: ssf.SessionHandle(handle), Hash: digest(secret), User: u.ID, Method: method, CSRF: form,
		CreatedAt: now, LastUsed: now, StepUpAt: now, Address: s.remote(c), UserAgent: cut(c.Request.UserAgent(), 200),
	}
	who := ssf.Actor{
		Kind: ssf.ActorPerson, Name: u.Name, User: u.ID, Identity: u.Identity, Session: sess.Handle, Method: method,
		Address: sess.Address, Role: u.Role,
	}
	if err := s.store.PutSession(ctx, who, sess); err != nil {
		return fmt.Errorf("sign-in: %w", err)
	}
	s.setCookie(c, cookieSession, secret, int(sessionMost/time.Second))
	s.setCookie(c, cookieForm, "", -1)
	return nil
}

// steppedUp reports whether the person proved who they are a moment ago. API tokens cannot, and need not: their owner did
// when the token was made.
func (s *Server) steppedUp(c *gin.Context) bool {
	p := caller(c)
	if p == nil || p.session == nil {
		return p != nil
	}
	age := s.cfg.Now().Sub(p.session.StepUpAt)
	return age >= -clockBackMax && age < stepUpFor
}

// cut shortens text to at most n bytes at a character's border.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
