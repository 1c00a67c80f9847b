package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/views/layout"
	"harken/views/login"
)

// setupFor is how long a one-time code lives.
const setupFor = 30 * time.Minute

// NewSetupCode makes the one-time code with which the first administrator is made, valid for 30 minutes; an earlier one is
// void. It returns ssf.ErrConflict once an administrator exists.
func (s *Server) NewSetupCode(ctx context.Context) (string, error) {
	return NewSetupCode(ctx, s.store, s.cfg.Rand, s.cfg.Now())
}

// NewSetupCode is the same without a server: for a command that prepares a first start.
func NewSetupCode(ctx context.Context, store AccessStore, random io.Reader, now time.Time) (string, error) {
	code, err := secret(random)
	if err != nil {
		return "", err
	}
	err = store.PutSetupCode(ctx, ssf.System("setup"), ssf.SetupCode{Hash: digest(code), ExpiresAt: now.Add(setupFor)})
	if err != nil {
		return "", fmt.Errorf("setup code: %w", err)
	}
	return code, nil
}

func (s *Server) getSetup(c *gin.Context) {
	s.showSetup(c, http.StatusOK, login.Setup{Code: cut(c.Query("code"), 100)})
}

// showSetup shows the form while there is no administrator, and the sign-in page afterwards.
func (s *Server) showSetup(c *gin.Context, code int, m login.Setup) {
	has, err := s.store.HasAdmin(c.Request.Context())
	if err != nil {
		s.fail(c, err)
		return
	}
	if has {
		s.seeOther(c, "/login")
		return
	}
	if m.CSRF, err = s.csrf(c); err != nil {
		s.fail(c, err)
		return
	}
	s.showPage(c, code, layout.Page{Title: "First administrator"}, setupView(m))
}

func (s *Server) postSetup(c *gin.Context) {
	form := c.Request.PostForm
	m := login.Setup{Code: strings.TrimSpace(form.Get("code")), Name: strings.TrimSpace(form.Get("name")), Email: strings.TrimSpace(form.Get("email"))}
	password := form.Get("password")
	m.Errors = setupProblems(m, password, form.Get("again"))
	if len(m.Errors) > 0 {
		s.showSetup(c, http.StatusUnprocessableEntity, m)
		return
	}
	u, err := s.firstAdmin(c, m, password)
	var p *problemError
	switch {
	case errors.Is(err, ssf.ErrNotFound):
		s.note(c, "setup.refused", "setup", "wrong or old code")
		m.Errors = map[string]string{"code": "is wrong or older than 30 minutes; harken init prints a new one"}
		s.showSetup(c, http.StatusUnprocessableEntity, m)
	case errors.Is(err, ssf.ErrConflict):
		s.seeOther(c, "/login")
	case errors.As(err, &p):
		m.Errors = map[string]string{"": p.detail}
		s.showSetup(c, p.status, m)
	case err != nil:
		s.fail(c, err)
	default:
		s.signIn(c, u, methodSetup, "/")
	}
}

func (s *Server) firstAdmin(c *gin.Context, m login.Setup, password string) (ssf.User, error) {
	ctx := c.Request.Context()
	key := addressKey(s.remote(c))
	if err := s.gate.try(ctx, key); err != nil {
		return ssf.User{}, err
	}
	phc, err := s.hashes.hash(ctx, password)
	if err != nil {
		return ssf.User{}, err
	}
	id, err := s.id("u-")
	if err != nil {
		return ssf.User{}, err
	}
	u := ssf.User{
		ID: ssf.UserID(id), Name: m.Name, Role: ssf.RoleAdmin, PasswordHash: phc, Email: m.Email, CreatedAt: s.cfg.Now(),
	}
	who := ssf.Actor{Kind: ssf.ActorPerson, Name: u.Name, User: u.ID, Method: methodSetup, Address: s.remote(c)}
	if err := s.store.FirstAdmin(ctx, who, digest(m.Code), u); err != nil {
		return ssf.User{}, err
	}
	return u, s.gate.succeeded(ctx, key)
}

func setupProblems(m login.Setup, password, again string) map[string]string {
	out := map[string]string{}
	if m.Code == "" {
		out["code"] = "is printed by harken init and at the first start"
	}
	if problem := checkName(m.Name); problem != "" {
		out["name"] = problem
	}
	if m.Email != "" && (!strings.Contains(m.Email, "@") || len(m.Email) > 320 || checkName(m.Email) != "") {
		out["email"] = "is no e-mail address"
	}
	if problem := checkPassword(password, m.Name); problem != "" {
		out["password"] = problem
	}
	if again != password {
		out["again"] = "differs from the password"
	}
	return out
}

// checkName says what is wrong with the name of a user or a token; empty if nothing is.
func checkName(name string) string {
	switch {
	case name == "":
		return "is needed"
	case utf8.RuneCountInString(name) > 80 || !utf8.ValidString(name):
		return "has at most 80 characters"
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "must not hold control characters"
	}
	return ""
}
