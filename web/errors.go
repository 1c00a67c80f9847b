package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"harken/respond"
	"harken/ssf"
	"harken/ssf/apiv1"
)

// A problemError is an answer with a text for whoever asked. Its texts are English sentences of ours.
type problemError struct {
	status        int
	title, detail string
	// action is what a browser is sent to instead: the sign-in or step-up page; empty for an ordinary error.
	action string
	// retry is when trying again may help; zero: unknown.
	retry time.Duration
}

func (e *problemError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.title, e.detail) }

func problem(status int, title, format string, args ...any) *problemError {
	return &problemError{status: status, title: title, detail: fmt.Sprintf(format, args...)}
}

// The refusals that do not depend on the request.
var (
	errNoPage      = problem(http.StatusNotFound, "Not found", "There is nothing at this address.")
	errMethod      = problem(http.StatusMethodNotAllowed, "Method not allowed", "This address does not answer to that method.")
	errUndeclared  = problem(http.StatusForbidden, "Not allowed", "This address declares no permission, so nobody has it.")
	errRole        = problem(http.StatusForbidden, "Not allowed", "Your role does not include this.")
	errPersonOnly  = problem(http.StatusForbidden, "Not allowed", "This is for people who are signed in, not for API tokens.")
	errCrossOrigin = problem(http.StatusForbidden, "Not allowed", "The request came from another site.")
	errFormToken   = problem(http.StatusForbidden, "Form out of date", "The form does not belong to this session. Reload the page and try again.")
	errFormType    = problem(http.StatusUnsupportedMediaType, "Unsupported form", "Send the form as application/x-www-form-urlencoded.")
	errFields      = problem(http.StatusRequestEntityTooLarge, "Form too large", "A form may have at most %d fields.", maxFields)
	errHost        = problem(http.StatusMisdirectedRequest, "Unknown host", "This name is not one of the dashboard's. Set public_url to the address in use.")
	errSignIn      = &problemError{status: http.StatusUnauthorized, title: "Sign in", detail: "Sign in first.", action: "/login"}
	errStepUp      = &problemError{status: http.StatusForbidden, title: "Confirm it is you", detail: "This needs your password again, given less than 5 minutes ago.", action: "/step-up"}
	errBusy        = &problemError{status: http.StatusServiceUnavailable, title: "Busy", detail: "Too many people are signing in at once. Try again.", retry: 5 * time.Second}
)

// fail ends a request with err. The answer is written by the errors middleware, in the form that suits the caller.
func (s *Server) fail(c *gin.Context, err error) {
	_ = c.Error(err)
	c.Abort()
}

// errors is the middleware that answers for handlers that failed.
func (s *Server) errors(c *gin.Context) {
	c.Next()
	s.answerError(c)
}

func (s *Server) answerError(c *gin.Context) {
	last := c.Errors.Last()
	if last == nil || c.Writer.Written() {
		return
	}
	p := s.explain(c, last.Err)
	if p.retry > 0 {
		c.Header("Retry-After", strconv.Itoa(int((p.retry+time.Second-1)/time.Second)))
	}
	switch {
	case isAPI(c):
		if p.status == http.StatusUnauthorized {
			c.Header("WWW-Authenticate", `Bearer realm="harken"`)
		}
		s.writeProblem(c, p)
	case p.action != "" && isHTMX(c):
		c.Header("HX-Redirect", p.action+"?next="+url.QueryEscape(here(c)))
		c.Data(p.status, "text/plain; charset=utf-8", []byte(p.detail))
	case p.action != "":
		c.Redirect(http.StatusSeeOther, p.action+"?next="+url.QueryEscape(here(c)))
	case partial(c):
		c.Header("HX-Retarget", "#toasts")
		c.Header("HX-Reswap", "beforeend")
		s.errorToast(c, p)
	default:
		s.errorPage(c, p)
	}
}

// explain chooses status and words for an error. What is not known is logged, and shown as a reference number.
func (s *Server) explain(c *gin.Context, err error) *problemError {
	var (
		ready       *problemError
		refused     *ssf.RefusedError
		unsupported *respond.UnsupportedError
		ask         *respond.AskError
		tooLarge    *http.MaxBytesError
	)
	switch {
	case errors.As(err, &ready):
		return ready
	case errors.As(err, &refused):
		return problem(http.StatusForbidden, "Refused", "%s.", sentence(refused.Reason))
	case errors.As(err, &unsupported):
		return problem(http.StatusUnprocessableEntity, "Not supported", "%s.", sentence(unsupported.Error()))
	case errors.As(err, &ask):
		return problem(http.StatusUnprocessableEntity, "Not possible", "%s.", sentence(ask.Error()))
	case errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, "Too large", "The request may have at most %d bytes.", tooLarge.Limit)
	case errors.Is(err, ssf.ErrNotFound):
		return problem(http.StatusNotFound, "Not found", "What you asked for does not exist, or does no longer.")
	case errors.Is(err, ssf.ErrConflict):
		return problem(http.StatusConflict, "Changed in the meantime", "Somebody or something was faster. Look again before you decide.")
	case errors.Is(err, ssf.ErrUnavailable):
		return &problemError{
			status: http.StatusServiceUnavailable, title: "Not available",
			detail: "The store cannot serve now. Nothing was changed; try again.", retry: 10 * time.Second,
		}
	}
	s.log.Error("unexpected error", "request", requestID(c), "route", c.FullPath(), "err", err)
	return problem(http.StatusInternalServerError, "Unexpected error",
		"Something went wrong here. The log says more under reference %s.", requestID(c))
}

// sentence begins text with a capital and drops a full stop at the end.
func sentence(text string) string {
	text = strings.TrimSuffix(text, ".")
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func (s *Server) writeProblem(c *gin.Context, p *problemError) {
	s.writeJSON(c, p.status, "application/problem+json", apiv1.Problem{
		Type: "about:blank", Title: p.title, Status: p.status, Detail: p.detail, Reference: requestID(c),
	})
}

func isHTMX(c *gin.Context) bool { return c.GetHeader("HX-Request") == "true" }

// partial reports whether htmx wants a part of the page; boosted links and history restores want the whole.
func partial(c *gin.Context) bool { return c.GetHeader("HX-Request-Type") == "partial" }

// here is the page that a person comes back to after signing in: the address itself, or for a form the page it stood on.
func here(c *gin.Context) string {
	if c.Request.Method == http.MethodGet && !partial(c) {
		return localPath(c.Request.URL.RequestURI())
	}
	for _, from := range []string{c.GetHeader("HX-Current-URL"), c.GetHeader("Referer")} {
		if u, err := url.Parse(from); err == nil && from != "" && u.Host == c.Request.Host {
			return localPath(u.RequestURI())
		}
	}
	return "/"
}

// localPath returns target if it is a path of this server, else "/".
func localPath(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(target, "/") ||
		strings.HasPrefix(target, "//") || strings.ContainsAny(target, "\\\r\n\t") || len(target) > 2048 {
		return "/"
	}
	switch u.Path {
	case "/login", "/logout", "/step-up", "/setup":
		return "/"
	}
	return target
}
