package web

import (
	"errors"
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
)

// writeJSON answers with a document.
func (s *Server) writeJSON(c *gin.Context, code int, kind string, body any) {
	data, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		s.log.Error("answer cannot be written", "request", requestID(c), "err", err)
		c.Data(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("unexpected error\n"))
		return
	}
	c.Data(code, kind, append(data, '\n'))
}

func (s *Server) answer(c *gin.Context, code int, body any) {
	s.writeJSON(c, code, "application/json", body)
}

// readJSON reads the body of an API request: one JSON value, exact names, nothing unknown, nothing twice.
func readJSON(c *gin.Context, into any) error {
	kind, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || kind != "application/json" {
		return problem(http.StatusUnsupportedMediaType, "Unsupported media type", "Send the body as application/json.")
	}
	err = json.UnmarshalRead(c.Request.Body, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.JSONPointer != "" {
		return problem(http.StatusBadRequest, "Unreadable body", "The member %.80q is unknown or has the wrong type.", string(semantic.JSONPointer))
	}
	return problem(http.StatusBadRequest, "Unreadable body", "The body is not one valid JSON value of the documented form.")
}
