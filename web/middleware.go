package web

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// crossOrigin marks the context of a request that the cross-origin protection refused.
type crossOrigin struct{}

// The keys of values in a gin.Context.
const (
	keyRequest = "request"
	keyCaller  = "caller"
	keyBegan   = "began"
)

// begin gives the request its id and the headers that every answer carries, and logs it when it is done.
func (s *Server) begin(c *gin.Context) {
	id := make([]byte, 5)
	if _, err := io.ReadFull(s.cfg.Rand, id); err != nil {
		s.log.Error("no random numbers", "err", err)
	}
	start := s.cfg.Now()
	c.Set(keyRequest, hex.EncodeToString(id))
	c.Set(keyBegan, start)
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "HX-Request, HX-Request-Type, Cookie")
	h.Set("X-Request-Id", requestID(c))
	if s.cfg.secure() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	c.Next()
	s.log.Debug("request", "request", requestID(c), "method", c.Request.Method, "route", c.FullPath(),
		"status", c.Writer.Status(), "took", s.cfg.Now().Sub(start).Round(time.Microsecond))
}

func requestID(c *gin.Context) string { return c.GetString(keyRequest) }

// recovered turns a panic into an error of this one request.
func (s *Server) recovered(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			c.Abort()
			return
		}
		s.log.Error("panic in a request", "request", requestID(c), "route", c.FullPath(),
			"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		s.fail(c, errors.New("panic"))
		s.answerError(c)
	}()
	c.Next()
}

// checkHost refuses names that are not ours: a foreign name that resolves to us is somebody's trick.
func (s *Server) checkHost(c *gin.Context) {
	if r, ok := s.route(c); ok && r.Access == AccessBare {
		return
	}
	host := c.Request.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.Trim(strings.ToLower(host), "[]"), ".")
	for _, ours := range s.cfg.Hosts {
		if strings.EqualFold(strings.Trim(ours, "[]"), host) && host != "" {
			return
		}
	}
	if isLoopback(host) && localLoopback(c.Request) {
		return
	}
	s.fail(c, errHost)
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func localLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	ap, err := netip.ParseAddrPort(addr.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// checkOrigin answers what the cross-origin protection refused.
func (s *Server) checkOrigin(c *gin.Context) {
	if c.Request.Context().Value(crossOrigin{}) != nil {
		s.fail(c, errCrossOrigin)
	}
}

// limitBody bounds the body and reads a form.
func (s *Server) limitBody(c *gin.Context) {
	r := c.Request
	if r.Body == nil || r.Body == http.NoBody || safeMethod(r.Method) {
		return
	}
	limit := int64(maxBody)
	if route, ok := s.route(c); ok && route.login {
		limit = maxLoginBody
	}
	r.Body = http.MaxBytesReader(c.Writer, r.Body, limit)
	if isAPI(c) {
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		s.fail(c, errFormType)
		return
	}
	if err := r.ParseForm(); err != nil {
		s.fail(c, formError(err))
		return
	}
	fields := 0
	for _, values := range r.PostForm {
		fields += len(values)
	}
	if fields > maxFields {
		s.fail(c, errFields)
	}
}

func formError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return problem(http.StatusBadRequest, "Unreadable form", "The form could not be read.")
}

func safeMethod(m string) bool {
	return m == http.MethodGet || m == http.MethodHead || m == http.MethodOptions
}

func isAPI(c *gin.Context) bool { return strings.HasPrefix(c.Request.URL.Path, "/api/") }

// remote is the caller's address without port. Behind listed proxies it is the right-most address in X-Forwarded-For that
// is not one of theirs: what stands further left is what the caller says.
func (s *Server) remote(c *gin.Context) string {
	ap, err := netip.ParseAddrPort(c.Request.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	addr := ap.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(c.Request.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap().WithZone("")
	}
	return addr.String()
}

func (s *Server) trusted(addr netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}
