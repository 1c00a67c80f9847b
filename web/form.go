package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// Names of cookies. The prefix makes browsers insist on Secure, path "/" and no domain.
const (
	cookieSession = "__Host-harken"
	// cookieForm holds the secret behind the forms of people who are not signed in yet.
	cookieForm  = "__Host-harken-form"
	cookieFlash = "__Host-harken-flash"
	cookieTheme = "__Host-harken-theme"
)

// headerFormToken may carry the token instead of the form field; the API knows it alone.
const headerFormToken = "X-CSRF-Token"

func (s *Server) setCookie(c *gin.Context, name, value string, seconds int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func cookie(c *gin.Context, name string) string {
	ck, err := c.Request.Cookie(name)
	if err != nil {
		return ""
	}
	return ck.Value
}

// checkForm wants the session's token in everything that changes something. API tokens are no ambient authority: they
// need none.
func (s *Server) checkForm(c *gin.Context) {
	if safeMethod(c.Request.Method) || c.FullPath() == "" {
		return
	}
	want := ""
	switch p := caller(c); {
	case p != nil && p.session == nil:
		return
	case p != nil && !s.beforeSession(c):
		want = p.session.CSRF
	default:
		want = formToken(cookie(c, cookieForm))
	}
	got := c.GetHeader(headerFormToken)
	if got == "" && c.Request.PostForm != nil {
		got = c.Request.PostForm.Get("csrf")
	}
	if want == "" || subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		s.fail(c, errFormToken)
	}
}

// beforeSession reports whether the route is one of those that make a session: their forms never carry a session's token.
func (s *Server) beforeSession(c *gin.Context) bool {
	r, _ := s.route(c)
	return r.login
}

// formToken is the token that goes with the cookie of somebody not signed in.
func formToken(secret string) string {
	if len(secret) < 20 {
		return ""
	}
	sum := sha256.Sum256([]byte("form:" + secret))
	return hex.EncodeToString(sum[:])
}

// csrf returns the token for a form on the page that is being made, and sets the cookie behind it where there is no
// session.
func (s *Server) csrf(c *gin.Context) (string, error) {
	if p := caller(c); p != nil && p.session != nil && !s.preSessionPage(c) {
		return p.session.CSRF, nil
	}
	if have := cookie(c, cookieForm); len(have) >= 20 {
		return formToken(have), nil
	}
	for _, line := range c.Writer.Header().Values("Set-Cookie") { // set by an earlier form of the same page
		if value, ok := strings.CutPrefix(line, cookieForm+"="); ok {
			value, _, _ = strings.Cut(value, ";")
			return formToken(value), nil
		}
	}
	secret, err := s.secret()
	if err != nil {
		return "", err
	}
	s.setCookie(c, cookieForm, secret, 0)
	return formToken(secret), nil
}

// preSessionPage reports whether the page holds the forms of beforeSession routes.
func (s *Server) preSessionPage(c *gin.Context) bool {
	return c.FullPath() == "/login" || c.FullPath() == "/setup"
}
