package poller

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"harken/outbound"
)

// The steps on the way to an event, as ssf.PollState and Status name them.
const (
	StepDiscovery    = "discovery"
	StepToken        = "token"
	StepStream       = "stream"
	StepKeys         = "keys"
	StepPoll         = "poll"
	StepStore        = "store"
	StepVerification = "verification"
)

// StepError says which step failed and what a person can do about it.
type StepError struct {
	Step string
	// Err is what happened.
	Err error
	// Advice is one sentence without a full stop; empty when waiting is all there is to do.
	Advice string
	// RetryAfter is how long the peer asked us to wait.
	RetryAfter time.Duration
	// onceFine is set for what may happen once to a healthy connection: it waits like any failure, but is none unless it
	// comes again.
	onceFine bool
}

func (e *StepError) Error() string { return e.Step + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// fail makes a StepError.
func fail(step, advice, format string, args ...any) *StepError {
	return &StepError{Step: step, Advice: advice, Err: fmt.Errorf(format, args...)}
}

// asStep returns err as a StepError; one that is none belongs to step.
func asStep(step string, err error) *StepError {
	if e, ok := errors.AsType[*StepError](err); ok {
		return e
	}
	return &StepError{Step: step, Err: err}
}

// explain turns the outcome of a call into a StepError. resp and err are those of the client.
func explain(step, what string, client *outbound.Client, spec authName, resp *outbound.Response, err error) *StepError {
	if err != nil {
		return explainError(step, what, spec, err)
	}
	e := &StepError{Step: step, RetryAfter: client.RetryAfter(resp)}
	e.Err = fmt.Errorf("%s: the transmitter answered %d%s", what, resp.Status, bodyHint(resp))
	switch outbound.Classify(resp, nil) {
	case outbound.ClassUnauthorized:
		e.Advice = "the credential is not accepted: check the method, the client id and the scopes under auth"
		if spec.method == "" {
			e.Advice = "the transmitter wants a credential: set auth"
		}
	case outbound.ClassForbidden:
		e.Advice = "the credential is known but not allowed to do this: check its scopes, and that the stream belongs to this client"
	case outbound.ClassNotFound:
		e.Advice = "the address or the stream is unknown there: check the issuer and the stream id"
	case outbound.ClassNotOffered:
		e.Advice = "the transmitter does not offer this: name the stream with stream.id or stream.poll_url"
	case outbound.ClassThrottled:
		e.Advice = "too many requests: Harken waits as long as it was told"
	case outbound.ClassServer:
		e.Advice = "the transmitter has a fault of its own: Harken goes on trying"
	case outbound.ClassBadRequest:
		e.Advice = "the transmitter does not understand the request: see its log"
	}
	return e
}

// authName is what messages say about the credential.
type authName struct{ method, clientID string }

// explainError is explain for a call without answer.
func explainError(step, what string, spec authName, err error) *StepError {
	e := &StepError{Step: step, Err: fmt.Errorf("%s: %w", what, err)}
	if te, ok := errors.AsType[*outbound.TokenError](err); ok {
		e.Step, e.RetryAfter, e.Err = StepToken, te.RetryAfter, te
		switch te.Code {
		case "invalid_client", "unauthorized_client":
			e.Advice = fmt.Sprintf("the authorization server does not accept client %q: register its public key there", spec.clientID)
		case "invalid_scope":
			e.Advice = "the authorization server does not give these scopes to this client: check auth.scope"
		case "invalid_grant", "unsupported_grant_type":
			e.Advice = "allow the client credentials grant for this client at the authorization server"
		}
		return e
	}
	switch outbound.KindOf(err) {
	case outbound.KindToken:
		e.Step = StepToken
		if inner := errors.Unwrap(errors.Unwrap(e.Err)); inner != nil && outbound.KindOf(inner) != outbound.KindUnknown {
			e.Advice = kindAdvice(outbound.KindOf(inner))
		}
	default:
		e.Advice = kindAdvice(outbound.KindOf(err))
	}
	return e
}

func kindAdvice(k outbound.Kind) string {
	switch k {
	case outbound.KindDNS:
		return "the name does not resolve: check the address and the name server"
	case outbound.KindConnect:
		return "nobody answers there: check the address, the port and the firewall for outgoing connections"
	case outbound.KindTLS:
		return "the certificate is not trusted: check the name, or set network.ca to the certificate of your own authority"
	case outbound.KindAddress:
		return "the address is not public: if it is meant, list its range under network.internal"
	case outbound.KindTimeout, outbound.KindSlow:
		return "no answer in time: check that the transmitter is up"
	case outbound.KindRedirect:
		return "redirects are never followed: configure the address it points to"
	case outbound.KindRequest:
		return "the address cannot be used: it must be https (http only on loopback, with network.plain_http)"
	case outbound.KindTooLarge:
		return "the answer is larger than allowed"
	case outbound.KindAnswer:
		return "this is not the JSON that a transmitter sends: check that the address is the right one"
	case outbound.KindOrigin:
		return "the transmitter names an address elsewhere than the confirmed ones"
	}
	return ""
}

// bodyHint says in a few words what an unusual answer is.
func bodyHint(resp *outbound.Response) string {
	if isHTML(resp) {
		return " with an HTML page"
	}
	if resp.Status/100 == 2 {
		return ""
	}
	var problem struct {
		Error       string `json:"error"`
		Err         string `json:"err"`
		Description string `json:"description"`
		Detail      string `json:"error_description"`
	}
	if outbound.DecodeJSON(resp.Body, &problem) != nil {
		return ""
	}
	text := firstOf(problem.Error, problem.Err)
	if d := firstOf(problem.Detail, problem.Description); d != "" {
		text += " (" + d + ")"
	}
	if text == "" {
		return ""
	}
	return " " + printable(text, 200)
}

func isHTML(resp *outbound.Response) bool {
	kind := strings.ToLower(resp.Header.Get("Content-Type"))
	return strings.HasPrefix(kind, "text/html") || strings.HasPrefix(strings.ToLower(http.DetectContentType(resp.Body)), "text/html")
}

// printable makes one bounded line of foreign text.
func printable(text string, n int) string {
	return shorten(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == '\uFFFD' || (r >= 0x80 && r < 0xA0) || (r >= 0x200B && r <= 0x200F) || (r >= 0x202A && r <= 0x202E) || (r >= 0x2066 && r <= 0x2069) {
			return -1
		}
		return r
	}, text), n)
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
