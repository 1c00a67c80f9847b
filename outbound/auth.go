package outbound

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"harken/ssf"
)

// Authorizer puts a credential on a request. It must be safe for concurrent use.
type Authorizer interface {
	// Authorize sets the credential's header. An error keeps the request from being sent.
	Authorize(ctx context.Context, req *http.Request) error
	// Refused tells that req, which Authorize prepared, was answered 401. True means that a fresh credential is
	// there or can be had, so the request is worth one repetition; Client.Do never makes a second one.
	Refused(ctx context.Context, req *http.Request) bool
}

// Accepter is what an Authorizer may implement too, to learn that the credential on req was answered with 2xx.
type Accepter interface {
	Accepted(req *http.Request)
}

type static struct {
	header string
	prefix string
	value  ssf.Secret
}

// Bearer authorizes with a fixed bearer token (RFC 6750 §2.1). A 401 is an operator's problem: it is never repeated.
func Bearer(token ssf.Secret) Authorizer {
	return static{header: "Authorization", prefix: "Bearer ", value: token}
}

// HeaderKey authorizes with a fixed value in the named header.
func HeaderKey(name string, value ssf.Secret) Authorizer {
	return static{header: name, value: value}
}

// Authorize implements Authorizer. An empty secret is an error: it is a configuration that lost its value.
func (s static) Authorize(_ context.Context, req *http.Request) error {
	if s.value.IsZero() || s.header == "" {
		return errors.New("the credential is empty")
	}
	req.Header.Set(s.header, s.prefix+s.value.Reveal())
	return nil
}

// Format keeps the secret from every verb: fmt does not call the methods of unexported fields.
func (s static) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%s %s", s.header, ssf.Redacted) }

// Refused implements Authorizer.
func (static) Refused(context.Context, *http.Request) bool { return false }

type basic struct {
	user     string
	password ssf.Secret
}

// Basic authorizes with user and password (RFC 7617).
func Basic(user string, password ssf.Secret) Authorizer { return basic{user: user, password: password} }

// Authorize implements Authorizer.
func (b basic) Authorize(_ context.Context, req *http.Request) error {
	if b.password.IsZero() {
		return errors.New("the password is empty")
	}
	req.SetBasicAuth(b.user, b.password.Reveal())
	return nil
}

// Format keeps the password from every verb.
func (b basic) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "Basic %q %s", b.user, ssf.Redacted)
}

// Refused implements Authorizer.
func (basic) Refused(context.Context, *http.Request) bool { return false }
