package pollertest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"harken/secevent/seceventtest"
)

// Control returns a handler that steers the transmitter over HTTP, for scripts:
//
//	POST /events         an event, see controlEvent; answers 202 {"jti": …}
//	POST /sets           {"stream", "jti", "compact"}: any text as a SET; answers 202
//	POST /verification   {"stream"}: an unsolicited verification event; answers 202 {"jti": …}
//	POST /mode           a Mode and "target", an Endpoint ("poll" if absent); answers 204
//	POST /keys           {"op": "rotate" | "withdraw" | "restore", "kid", "alg"}; answers 200 {"kid": …}
//	POST /status         {"stream", "status", "reason"}: changes a stream's status and tells the receiver; answers 204
//	GET  /ledger         the Ledger
//	GET  /streams        the streams
//
// It has no authentication and is meant for loopback. It answers only requests for a loopback address or the issuer's
// own host, and takes JSON only, so that no page in somebody's browser can use it.
func (t *Transmitter) Control() http.Handler {
	mux := http.NewServeMux()
	post := func(path string, h func(map[string]jsontext.Value) (int, any, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			members, err := readObject(r)
			if err != nil {
				fail(w, http.StatusBadRequest, "invalid_request", err.Error())
				return
			}
			status, body, err := h(members)
			switch {
			case errors.Is(err, errNoStream):
				fail(w, http.StatusConflict, "no_stream", "no such stream, or the receiver has not created one yet")
			case err != nil:
				fail(w, http.StatusBadRequest, "invalid_request", err.Error())
			case body == nil:
				w.WriteHeader(status)
			default:
				reply(w, status, body)
			}
		})
	}
	post("/events", t.controlEvent)
	post("/sets", t.controlSET)
	post("/verification", t.controlVerification)
	post("/mode", t.controlMode)
	post("/keys", t.controlKeys)
	post("/status", t.controlStatus)
	mux.HandleFunc("GET /ledger", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, t.Ledger()) })
	mux.HandleFunc("GET /streams", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, t.Streams()) })
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.Host) && !strings.HasSuffix(strings.TrimSuffix(t.base, t.path), "//"+r.Host) {
			fail(w, http.StatusForbidden, "forbidden", "ask by a loopback address")
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// loopback reports whether a Host header names this machine.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

// controlEvent takes {"type", "subject" or "email", "payload", "initiating_entity", "reason", "event_timestamp" (RFC 3339),
// "txn", "jti", "claims", "delay" (a Go duration), "stream"}; only "type" is needed.
func (t *Transmitter) controlEvent(members map[string]jsontext.Value) (int, any, error) {
	var e Event
	var email, delay string
	err := errors.Join(take(members, "type", &e.Type), take(members, "email", &email), take(members, "payload", &e.Payload),
		take(members, "initiating_entity", &e.Initiator), take(members, "reason", &e.Reason), take(members, "event_timestamp", &e.At),
		take(members, "txn", &e.TXN), take(members, "jti", &e.JTI), take(members, "claims", &e.Claims), take(members, "delay", &delay),
		take(members, "stream", &e.Stream), known(members, "type", "subject", "email", "payload", "initiating_entity", "reason",
			"event_timestamp", "txn", "jti", "claims", "delay", "stream"))
	if err != nil {
		return 0, nil, err
	}
	if e.Subject = members["subject"]; e.Subject == nil && email != "" {
		e.Subject = Email(email)
	}
	if delay != "" {
		if e.Delay, err = time.ParseDuration(delay); err != nil {
			return 0, nil, err
		}
	}
	jti, err := t.Send(e)
	return http.StatusAccepted, map[string]any{"jti": jti, "type": e.Type}, err
}

// known refuses members that nobody reads, so that a typing error is noticed.
func known(members map[string]jsontext.Value, names ...string) error {
	left := len(members)
	for _, name := range names {
		if _, ok := members[name]; ok {
			left--
		}
	}
	if left > 0 {
		return fmt.Errorf("unknown member; known are %s", strings.Join(names, ", "))
	}
	return nil
}

func (t *Transmitter) controlSET(members map[string]jsontext.Value) (int, any, error) {
	var stream, jti, compact string
	err := errors.Join(take(members, "stream", &stream), take(members, "jti", &jti), take(members, "compact", &compact),
		known(members, "stream", "jti", "compact"))
	if err == nil {
		err = t.SendRaw(stream, jti, compact)
	}
	return http.StatusAccepted, nil, err
}

func (t *Transmitter) controlVerification(members map[string]jsontext.Value) (int, any, error) {
	var stream string
	if err := errors.Join(take(members, "stream", &stream), known(members, "stream")); err != nil {
		return 0, nil, err
	}
	jti, err := t.Verify(stream)
	return http.StatusAccepted, map[string]any{"jti": jti}, err
}

func (t *Transmitter) controlMode(members map[string]jsontext.Value) (int, any, error) {
	target := EndpointPoll
	var m Mode
	err := errors.Join(take(members, "target", &target), take(members, "kind", &m.Kind), take(members, "status", &m.Status),
		take(members, "retry_after", &m.RetryAfter), take(members, "retry_after_date", &m.RetryAfterDate),
		take(members, "location", &m.Location), take(members, "body", &m.Body), take(members, "content_type", &m.ContentType),
		take(members, "bytes", &m.Bytes), take(members, "times", &m.Times), take(members, "after_processing", &m.AfterProcessing),
		known(members, "target", "kind", "status", "retry_after", "retry_after_date", "location", "body", "content_type", "bytes",
			"times", "after_processing"))
	if err == nil {
		t.SetMode(target, m)
	}
	return http.StatusNoContent, nil, err
}

func (t *Transmitter) controlKeys(members map[string]jsontext.Value) (int, any, error) {
	var op, kid, alg string
	err := errors.Join(take(members, "op", &op), take(members, "kid", &kid), take(members, "alg", &alg), known(members, "op", "kid", "alg"))
	if err != nil {
		return 0, nil, err
	}
	switch op {
	case "rotate":
		if alg == "" {
			alg = t.SigningKey().Alg
		}
		if kid == "" {
			kid = t.random()
		}
		key, err := seceventtest.NewKey(alg, kid)
		if err != nil {
			return 0, nil, err
		}
		t.Rotate(key)
	case "withdraw", "restore":
		if kid == "" {
			kid = t.SigningKey().ID
		}
		if op == "withdraw" {
			t.Withdraw(kid)
		} else {
			t.Restore(kid)
		}
	default:
		return 0, nil, errors.New("op must be rotate, withdraw or restore")
	}
	return http.StatusOK, map[string]any{"kid": kid}, nil
}

func (t *Transmitter) controlStatus(members map[string]jsontext.Value) (int, any, error) {
	var stream, status, reason string
	err := errors.Join(take(members, "stream", &stream), take(members, "status", &status), take(members, "reason", &reason),
		known(members, "stream", "status", "reason"))
	if err == nil {
		err = t.SetStatus(stream, status, reason)
	}
	return http.StatusNoContent, nil, err
}
