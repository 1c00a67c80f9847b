package web

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
	"golang.org/x/crypto/argon2"
)

// AddUndeclared registers a handler past the table of routes.
func AddUndeclared(s *Server, path string, call func()) {
	s.engine.GET(path, func(c *gin.Context) { call() })
}

// BoundedListener is the listener that Run serves on, and the wrapper of its handler.
func BoundedListener(ln net.Listener, most int) (net.Listener, func(*http.Server)) {
	l := newBoundedListener(ln, most)
	return l, func(srv *http.Server) { srv.ConnContext, srv.Handler = l.connContext, l.mark(srv.Handler) }
}

// AddPanic registers a public handler that panics.
func AddPanic(s *Server, path string) {
	s.handle(Route{Method: http.MethodGet, Pattern: path, Access: AccessPublic, handler: func(*gin.Context) { panic("boom") }})
}

// Parse and check, for fuzzing.
var (
	LocalPath   = localPath
	ParsePHC    = func(text string) bool { _, ok := parsePHC(text); return ok }
	ParseTopics = func(text string) []string {
		return each(parseTopics(text), func(t liveTopic) string { return t.name })
	}
	CheckPassword = checkPassword
	RawModel      = rawModel
)

// HashWith makes a password hash with other parameters than today's.
func HashWith(password string, memory, time uint32, threads uint8) string {
	salt := []byte("a fixed salt 123")
	key := argon2.IDKey([]byte(password), salt, time, memory, threads, 32)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, time, threads, enc.EncodeToString(salt), enc.EncodeToString(key))
}
