package secevent

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"harken/ssf"
	"harken/ssf/payload"
	"harken/ssf/subject"
)

// maxEvents is how many events one token may hold where several are legal.
const maxEvents = 8

func badEvents(message string) error {
	return reject(ssf.RejectInvalidRequest, ssf.LayerEvents, message)
}

// readEvents reads the events claim (RFC 8417 §2.2): exactly one, save where several are legal. The first in the order
// sent is the event's type.
func (j *judgement) readEvents(members object, c *ssf.Claims) error {
	v, _ := members.get("events")
	if v.Kind() != '{' {
		return badEvents("events must be an object")
	}
	events, err := splitObject(v)
	if err != nil || len(events) == 0 {
		return badEvents("events must not be empty")
	}
	uris := make([]string, len(events))
	for i, e := range events {
		if !absoluteURI(e.name) {
			return badEvents("event types must be absolute URIs")
		}
		if e.value.Kind() != '{' {
			return badEvents("event payload must be an object")
		}
		uris[i] = e.name
	}
	if len(events) > 1 {
		if len(events) > maxEvents || !j.severalLegal(uris) {
			return badEvents("token must hold one event")
		}
		j.warn("multi_events")
		for _, uri := range uris[1:] { // what their payloads hold stays in the raw token
			if decoded, err := payload.Decode(uri, []byte("{}"), payload.Options{}); err == nil {
				j.warn(decoded.Warnings...)
			}
		}
	}
	c.Type, c.OtherTypes = uris[0], uris[1:]
	if len(c.OtherTypes) == 0 {
		c.OtherTypes = nil
	}
	c.PayloadRaw = string(events[0].value)
	j.passed("events")
	return nil
}

// severalLegal reports whether the URIs may stand in one token: all are SCIM events of one transaction (RFC 9967), or all
// are alternative names of one type (SSF §4.1.9).
func (j *judgement) severalLegal(uris []string) bool {
	scim := !slices.ContainsFunc(uris, func(uri string) bool { return !strings.HasPrefix(uri, payload.SCIMBase) })
	return scim || slices.ContainsFunc(j.v.alternatives, func(set []string) bool {
		return !slices.ContainsFunc(uris, func(uri string) bool { return !slices.Contains(set, uri) })
	})
}

func absoluteURI(text string) bool {
	if text == "" || len(text) > maxURI {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "" || u.Path != "")
}

// readSubject reads sub_id (RFC 9493 §4.1, SSF §4.1.2), which always wins over a subject inside of the event.
func (j *judgement) readSubject(members object, c *ssf.Claims) error {
	inner, nested := legacySubject(*c)
	v, sent := members.get("sub_id")
	switch {
	case !sent && j.allows(tolMissingSubID):
		j.fire(tolMissingSubID)
		if !nested || !j.allows(tolLegacySubject) {
			return nil
		}
		j.fire(tolLegacySubject)
		v = inner
	case !sent:
		return j.fault(ssf.LayerSubject, "sub_id is missing")
	}
	parsed, err := subject.ParseWith(v, subject.Options{Tolerate: j.allows})
	c.Subject = parsed.Identifier
	j.warn(parsed.Warnings...)
	j.fire(parsed.Tolerances...)
	if err != nil {
		return j.fault(ssf.LayerSubject, err.Error())
	}
	if nested && sent && !sameSubject(parsed.Identifier, inner) {
		j.warn("subject_conflict")
	}
	j.passed("sub_id")
	return nil
}

// legacySubject returns the member "subject" of an event of a family whose drafts had the subject there.
func legacySubject(c ssf.Claims) (jsontext.Value, bool) {
	for _, base := range []string{payload.CAEPBase, payload.RISCBase, payload.OAuthBase} {
		if !strings.HasPrefix(c.Type, base) {
			continue
		}
		if !strings.Contains(c.PayloadRaw, "subject") && !strings.Contains(c.PayloadRaw, `\`) {
			return nil, false // most have none: not worth decoding
		}
		members, err := splitObject([]byte(c.PayloadRaw))
		if err != nil {
			return nil, false
		}
		return members.get("subject")
	}
	return nil, false
}

// sameSubject compares by canonical form, or where there is none by canonical JSON.
func sameSubject(id subject.Identifier, other jsontext.Value) bool {
	parsed, err := subject.Parse(other)
	if err != nil {
		return false
	}
	a, ok1 := id.Canonical()
	b, ok2 := parsed.Canonical()
	if ok1 && ok2 {
		return a == b
	}
	x, y := jsontext.Value(id.Raw).Clone(), jsontext.Value(parsed.Raw).Clone()
	return x.Canonicalize() == nil && y.Canonicalize() == nil && string(x) == string(y)
}

// readPayload decodes the event's payload.
func (j *judgement) readPayload(c *ssf.Claims) error {
	decoded, err := payload.Decode(c.Type, []byte(c.PayloadRaw), payload.Options{Tolerate: j.allows})
	if err != nil {
		return j.fault(ssf.LayerPayload, err.Error())
	}
	c.Payload = decoded.Fields
	j.warn(decoded.Warnings...)
	j.fire(decoded.Tolerances...)
	for _, message := range decoded.Faults {
		if err := j.fault(ssf.LayerPayload, message); err != nil {
			return err
		}
	}
	if len(decoded.Faults) == 0 {
		j.passed("payload")
	}
	return nil
}

// digest is the hex SHA-256 over the canonical JSON (RFC 8785) of all claims but iat: some transmitters sign a token anew
// for each delivery, which changes iat and nothing else.
func digest(members object) (string, error) {
	rest := jsontext.Value{'{'}
	for _, m := range members {
		if m.name == "iat" {
			continue
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		var err error
		if rest, err = jsontext.AppendQuote(rest, m.name); err != nil {
			return "", errJSON
		}
		rest = append(append(rest, ':'), m.value...)
	}
	rest = append(rest, '}')
	if err := rest.Canonicalize(); err != nil {
		return "", errJSON
	}
	sum := sha256.Sum256(rest)
	return hex.EncodeToString(sum[:]), nil
}
