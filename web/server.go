package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"harken/respond"
	"harken/ssf"
	"harken/web/assets"
)

// Server answers everything that comes in by HTTP. It is safe for concurrent use.
type Server struct {
	cfg    Config
	store  Store
	parts  Parts
	log    *slog.Logger
	engine *gin.Engine
	// handler is engine behind the cross-origin protection.
	handler http.Handler
	// access maps "METHOD pattern" to what the route needs.
	access map[string]Route
	files  *assets.Files
	// presets are the documents that connectors name.
	presets map[string]ssf.ConnectorDocument
	hashes  *hasher
	gate    *gate
	live    *live
	// stopping is set once Run's context has ended: /readyz says so.
	stopping atomic.Bool
}

// New checks cfg and returns a server. It opens nothing and starts no goroutine.
func New(cfg Config, parts Parts) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if parts.Store == nil || parts.Responder == nil || parts.Machinery == nil {
		return nil, errors.New("web: store, responder and machinery are needed")
	}
	files, err := assets.New()
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	presets, err := respond.Presets()
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	gin.SetMode(gin.ReleaseMode)
	s := &Server{
		cfg: cfg, store: parts.Store, parts: parts, log: cfg.Logger, engine: gin.New(), access: map[string]Route{},
		files: files, presets: presets, hashes: newHasher(cfg.Rand), gate: &gate{store: parts.Store, now: cfg.Now}, live: newLive(),
	}
	e := s.engine
	if err := e.SetTrustedProxies(nil); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	e.HandleMethodNotAllowed, e.RedirectTrailingSlash, e.RedirectFixedPath = true, false, false
	e.UseRawPath, e.UnescapePathValues = true, true
	e.Use(s.begin, s.recovered, s.errors, s.checkHost, s.checkOrigin, s.limitBody, s.identify, s.authorize, s.checkForm)
	e.NoRoute(func(c *gin.Context) { s.fail(c, errNoPage) })
	e.NoMethod(func(c *gin.Context) { s.fail(c, errMethod) })
	for _, r := range s.routes() {
		s.handle(r)
	}
	guard := http.NewCrossOriginProtection()
	if cfg.PublicURL != "" {
		if err := guard.AddTrustedOrigin(cfg.PublicURL); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), crossOrigin{}, true)))
	}))
	s.handler = guard.Handler(e)
	return s, nil
}

// Handler returns the handler of everything, cross-origin protection included.
func (s *Server) Handler() http.Handler { return s.handler }

// Run serves on ln until ctx ends, then ends live streams at once and lets requests under way finish for a few seconds. It
// closes ln, returns nil on a clean stop, and can be called once.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	bounded := newBoundedListener(ln, maxConns)
	srv := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnContext:       bounded.connContext,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	srv.Handler = bounded.mark(s.handler)
	var inner net.Listener = bounded
	if s.cfg.TLS != nil {
		conf := s.cfg.TLS.Clone()
		conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
		if len(conf.NextProtos) == 0 {
			conf.NextProtos = []string{"h2", "http/1.1"}
		}
		inner = tls.NewListener(bounded, conf)
	}
	srv.RegisterOnShutdown(s.live.stop)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(inner) }()
	select {
	case err := <-done:
		s.live.stop()
		return fmt.Errorf("web: serve: %w", err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(grace)
	if err != nil {
		s.log.Warn("requests were cut off at the stop", "err", err)
		err = srv.Close()
	}
	<-done
	if err != nil {
		return fmt.Errorf("web: stop: %w", err)
	}
	return nil
}
