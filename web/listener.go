package web

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// boundedListener holds at most max connections. A new one is never refused: the one that has waited longest without a
// request in a handler goes instead. So connections that send their header byte by byte give way to people.
type boundedListener struct {
	net.Listener
	max int

	mu sync.Mutex
	// idle lists connections without a request in a handler, the longest waiting first; open counts all.
	idle *list.List
	open int
}

type boundedConn struct {
	net.Conn
	owner *boundedListener
	// at is the place in owner.idle, nil while requests are handled; busy counts those (HTTP/2 has several).
	at     *list.Element
	busy   int
	closed bool
}

type connKey struct{}

func newBoundedListener(ln net.Listener, most int) *boundedListener {
	return &boundedListener{Listener: ln, max: most, idle: list.New()}
}

// Accept waits for the next connection and makes room for it.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &boundedConn{Conn: conn, owner: l}
		if victim, ok := l.admit(c); !ok {
			_ = conn.Close() // every connection is being served
		} else {
			if victim != nil {
				_ = victim.Close()
			}
			return c, nil
		}
	}
}

func (l *boundedListener) admit(c *boundedConn) (victim *boundedConn, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.max {
		first := l.idle.Front()
		if first == nil {
			return nil, false
		}
		victim = first.Value.(*boundedConn)
		l.drop(victim)
	}
	l.open++
	c.at = l.idle.PushBack(c)
	return victim, true
}

// drop forgets a connection; mu is held.
func (l *boundedListener) drop(c *boundedConn) {
	if c.closed {
		return
	}
	c.closed = true
	l.open--
	if c.at != nil {
		l.idle.Remove(c.at)
		c.at = nil
	}
}

// Close closes the connection and gives its place back.
func (c *boundedConn) Close() error {
	c.owner.mu.Lock()
	c.owner.drop(c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

func (l *boundedListener) connContext(ctx context.Context, conn net.Conn) context.Context {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, conn)
}

// mark keeps connections with a request in next from being closed to make room.
func (l *boundedListener) mark(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*boundedConn); ok {
			l.busy(c, 1)
			defer l.busy(c, -1)
		}
		next.ServeHTTP(w, r)
	})
}

func (l *boundedListener) busy(c *boundedConn, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.busy += n
	switch {
	case c.closed:
	case c.busy > 0 && c.at != nil:
		l.idle.Remove(c.at)
		c.at = nil
	case c.busy == 0 && c.at == nil:
		c.at = l.idle.PushBack(c)
	}
}
