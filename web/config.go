package web

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config is what a Server needs besides its parts. The zero value listens for loopback names only, on plain HTTP.
type Config struct {
	// PublicURL is the address under which people reach the dashboard; empty on loopback. Its host is allowed, its origin
	// trusted.
	PublicURL string
	// Hosts are further names, without port, that a Host header may hold. Loopback names are allowed on a loopback listener.
	Hosts []string
	// TrustedProxies may name the caller's address in X-Forwarded-For; empty believes nobody.
	TrustedProxies []netip.Prefix
	// TLS is the configuration of the listener; nil is plain HTTP, which belongs on loopback or behind a proxy.
	TLS *tls.Config
	// Demo, if not nil, offers sign-in with one click, and marks every page. Only the demo sets it.
	Demo *DemoConfig
	// Version is shown on the status page and in /status.json.
	Version string
	// UndoHold is how long an action that a person starts can be undone before it leaves; zero is 5 s, negative none.
	UndoHold time.Duration
	// Now is the clock; nil is the machine's.
	Now func() time.Time
	// Logger takes the access log and what users see a reference number for; nil discards.
	Logger *slog.Logger
	// Rand gives secrets; nil is the system's random numbers.
	Rand io.Reader
}

// DemoConfig offers one-click sign-in as demo users, who are made at their first use. The zero value is usable.
type DemoConfig struct {
	// CRM is the address of the demo's application, for a link; empty shows none.
	CRM string
}

// Limits of the listener (R28).
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 60 * time.Second
	maxHeader     = 16 << 10
	maxBody       = 1 << 20
	maxLoginBody  = 64 << 10
	maxConns      = 512
	maxFields     = 100
)

func (c *Config) complete() error {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	switch {
	case c.UndoHold == 0:
		c.UndoHold = 5 * time.Second
	case c.UndoHold < 0:
		c.UndoHold = 0
	}
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("web: public URL %.80q is no http address", c.PublicURL)
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return errors.New("web: the public URL is an origin, without path, query or user")
	}
	c.PublicURL = u.Scheme + "://" + u.Host
	c.Hosts = append([]string{u.Hostname()}, c.Hosts...)
	return nil
}

// secure reports whether browsers reach the dashboard by TLS, ours or a proxy's.
func (c *Config) secure() bool { return c.TLS != nil || strings.HasPrefix(c.PublicURL, "https://") }
