package web

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"harken/ssf"
)

// Access says who may use a route. The zero value is nobody.
type Access string

// The degrees of access.
const (
	// AccessBare: everybody, and nothing is looked up in the store.
	AccessBare Access = "bare"
	// AccessPublic: everybody; who is signed in is known.
	AccessPublic    Access = "public"
	AccessViewer    Access = "viewer"
	AccessResponder Access = "responder"
	AccessAdmin     Access = "admin"
)

func (a Access) role() ssf.Role {
	switch a {
	case AccessViewer:
		return ssf.RoleViewer
	case AccessResponder:
		return ssf.RoleResponder
	case AccessAdmin:
		return ssf.RoleAdmin
	}
	return ssf.RoleNone
}

// Route is one route with what it needs.
type Route struct {
	Method, Pattern string
	Access          Access
	handler         gin.HandlerFunc
	// login marks the routes that a person without a session posts to: their body is smaller.
	login bool
	// person refuses API tokens.
	person bool
	// head answers HEAD like GET, without the body.
	head bool
	// about, in and out describe a route of the API: one sentence, and values of the types of body and answer; nil is none.
	about   string
	in, out any
	// code is the status of a good answer; zero is 200.
	code int
	// live marks what only live updates read: it never keeps a session alive.
	live bool
}

// Routes lists all routes by pattern and method.
func (s *Server) Routes() []Route {
	out := make([]Route, 0, len(s.access))
	for _, r := range s.access {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Method, b.Method))
	})
	return out
}

// handle registers a route together with its declaration.
func (s *Server) handle(r Route) {
	s.access[r.Method+" "+r.Pattern] = r
	s.engine.Handle(r.Method, r.Pattern, r.handler)
	if r.head {
		h := r
		h.Method = http.MethodHead
		s.access[h.Method+" "+h.Pattern] = h
		s.engine.HEAD(h.Pattern, r.handler)
	}
}

// route returns the declaration of the route that c goes to; false for an address that is no route.
func (s *Server) route(c *gin.Context) (Route, bool) {
	r, ok := s.access[c.Request.Method+" "+c.FullPath()]
	return r, ok
}

// authorize lets a request through to its handler if the route is declared and the caller may use it.
func (s *Server) authorize(c *gin.Context) {
	if c.FullPath() == "" {
		return // 404 and 405 have no secrets
	}
	r, declared := s.route(c)
	p := caller(c)
	switch {
	case !declared:
		s.fail(c, errUndeclared)
	case r.Access == AccessBare, r.Access == AccessPublic:
	case p == nil:
		s.fail(c, errSignIn)
	case r.person && p.session == nil:
		s.fail(c, errPersonOnly)
	case !p.actor.Role.AtLeast(r.Access.role()):
		s.fail(c, errRole)
	}
}
