package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"harken/ssf"
	"harken/ssf/apiv1"
)

func userV1(u ssf.User) apiv1.User {
	return apiv1.User{
		ID: string(u.ID), Name: u.Name, Role: string(u.Role), Email: u.Email, Disabled: u.Disabled, CreatedAt: utc(u.CreatedAt),
		Password: u.PasswordHash != "",
	}
}

func (s *Server) apiUser(c *gin.Context) {
	u, err := s.store.UserByName(c.Request.Context(), c.Param("name"))
	if err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, http.StatusOK, userV1(u))
}

// apiPutUser creates a user, or replaces what is given of one. A person must have proved who they are a moment ago.
func (s *Server) apiPutUser(c *gin.Context) {
	ctx, name := c.Request.Context(), c.Param("name")
	var req apiv1.UserRequest
	if err := readJSON(c, &req); err != nil {
		s.fail(c, err)
		return
	}
	if !s.steppedUp(c) {
		s.fail(c, errStepUp)
		return
	}
	if trouble := userTrouble(name, req); trouble != "" {
		s.fail(c, problem(http.StatusUnprocessableEntity, "Not possible", "%s.", trouble))
		return
	}
	u, err := s.store.UserByName(ctx, name)
	code := http.StatusOK
	if errors.Is(err, ssf.ErrNotFound) {
		code = http.StatusCreated
		var id string
		if id, err = s.id("u-"); err == nil {
			u = ssf.User{ID: ssf.UserID(id), Name: name, CreatedAt: s.cfg.Now()}
		}
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	u.Role, u.Email, u.Disabled = ssf.Role(req.Role), req.Email, req.Disabled
	if req.Password != "" {
		if u.PasswordHash, err = s.hashes.hash(ctx, req.Password); err != nil {
			s.fail(c, err)
			return
		}
	}
	if err := s.store.PutUser(ctx, actor(c), u); err != nil {
		s.fail(c, err)
		return
	}
	s.answer(c, code, userV1(u))
}

// userTrouble says what is wrong with a request; empty if nothing is.
func userTrouble(name string, req apiv1.UserRequest) string {
	if trouble := checkName(name); trouble != "" || name != strings.TrimSpace(name) {
		return "The name is no good: " + fmt.Sprint(trouble)
	}
	if !slices.Contains([]ssf.Role{ssf.RoleViewer, ssf.RoleResponder, ssf.RoleAdmin}, ssf.Role(req.Role)) {
		return "The role is viewer, responder or admin"
	}
	if req.Email != "" && (!strings.Contains(req.Email, "@") || len(req.Email) > 320 || checkName(req.Email) != "") {
		return "The e-mail address is none"
	}
	if req.Password != "" {
		if trouble := checkPassword(req.Password, name); trouble != "" {
			return "The password " + trouble
		}
	}
	return ""
}

// apiRelease lets a held sync go on.
func (s *Server) apiRelease(c *gin.Context) {
	var req apiv1.ReleaseRequest
	if err := readJSON(c, &req); err != nil {
		s.fail(c, err)
		return
	}
	switch {
	case s.parts.Syncer == nil:
		s.fail(c, errNoPage)
		return
	case !s.steppedUp(c):
		s.fail(c, errStepUp)
		return
	}
	if err := s.parts.Syncer.Release(c.Request.Context(), actor(c), ssf.SourceID(c.Param("id")), req.Digest); err != nil {
		s.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}
