package secevent

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"harken/ssf"
	"harken/ssf/payload"
)

// Limits of claims, in bytes.
const (
	maxJTI = 512
	maxURI = 2048
)

func badClaim(message string) error {
	return reject(ssf.RejectInvalidRequest, ssf.LayerClaims, message)
}

// readClaims reads the payload of a token whose signature has been verified.
func (j *judgement) readClaims(data []byte, key string, h header) (ssf.Claims, error) {
	members, err := readObject(data)
	if err != nil {
		return ssf.Claims{}, reject(ssf.RejectInvalidRequest, ssf.LayerToken, "claims: "+err.Error())
	}
	j.passed("json")
	var c ssf.Claims
	for _, step := range []func() error{
		func() error { return j.readIssuer(members, &c) },
		func() error { return j.readAudience(members, &c) },
		func() error { return j.readJTI(members, &c, key) },
		func() error { return j.readIssuedAt(members, &c) },
		func() error { return j.checkForbidden(members, h) },
		func() error { return j.readEvents(members, &c) },
		func() error { return j.readSubject(members, &c) },
		func() error { return j.readPayload(&c) },
	} {
		if err := step(); err != nil {
			return ssf.Claims{}, err
		}
	}
	j.readOptional(members, &c)
	if c.Digest, err = digest(members); err != nil {
		return ssf.Claims{}, reject(ssf.RejectInvalidRequest, ssf.LayerToken, "claims: "+err.Error())
	}
	_, warnings := ssf.HappenedAt(c)
	j.warn(warnings...)
	return c, nil
}

func (j *judgement) readIssuer(members object, c *ssf.Claims) error {
	v, _ := members.get("iss")
	iss, ok := text(v)
	switch {
	case !ok || iss == "" || len(iss) > maxURI:
		return badClaim("iss must be a string, not empty and not too long")
	case iss != j.v.issuer:
		return j.ours(ssf.UndecidedIssuer, ssf.RejectInvalidIssuer, ssf.LayerClaims, "iss is not the issuer of this transmitter")
	}
	c.Issuer = iss
	j.passed("iss")
	return nil
}

func (j *judgement) readAudience(members object, c *ssf.Claims) error {
	v, sent := members.get("aud")
	if !sent && j.allows(tolMissingAud) {
		j.fire(tolMissingAud)
		return nil
	}
	if !sent {
		return reject(ssf.RejectInvalidAudience, ssf.LayerClaims, "aud is missing")
	}
	values, ok := audience(v)
	if !ok {
		return badClaim("aud must be a string or a list of strings")
	}
	named := false
	for _, value := range values {
		if len(value) > maxURI {
			return badClaim("aud is too long")
		}
		named = named || value != ""
	}
	if !named {
		return reject(ssf.RejectInvalidAudience, ssf.LayerClaims, "aud is empty")
	}
	if !slices.ContainsFunc(values, func(value string) bool { return slices.Contains(j.v.audience, value) }) {
		return j.ours(ssf.UndecidedAudience, ssf.RejectInvalidAudience, ssf.LayerClaims, "aud does not name this receiver")
	}
	c.Audience = values
	j.passed("aud")
	return nil
}

func audience(v jsontext.Value) ([]string, bool) {
	if one, ok := text(v); ok {
		return []string{one}, true
	}
	var list []jsontext.Value
	if v.Kind() != '[' || json.Unmarshal(v, &list) != nil {
		return nil, false
	}
	values := make([]string, len(list))
	for i, item := range list {
		value, ok := text(item)
		if !ok {
			return nil, false
		}
		values[i] = value
	}
	return values, true
}

func (j *judgement) readJTI(members object, c *ssf.Claims, key string) error {
	v, _ := members.get("jti")
	jti, ok := text(v)
	switch {
	case !ok || jti == "" || len(jti) > maxJTI:
		return badClaim("jti must be a string, not empty and not too long")
	case key != "" && jti != key:
		return badClaim("jti differs from the name under which the token was delivered")
	}
	c.JTI = jti
	j.passed("jti")
	return nil
}

// readIssuedAt has no lower bound: after a pause tokens may be old.
func (j *judgement) readIssuedAt(members object, c *ssf.Claims) error {
	v, sent := members.get("iat")
	number := string(v)
	if s, ok := text(v); ok && j.allows(tolIatString) && s != "" && strings.Trim(s, "0123456789") == "" {
		number = s
		j.fire(tolIatString)
	} else if !sent || v.Kind() != '0' {
		return badClaim("iat must be a number")
	}
	at, ms, ok := payload.Seconds(number)
	switch {
	case strings.HasPrefix(number, "-") || !ok && !ms:
		return badClaim("iat must be a time since 1970")
	case ms && j.allows(tolIatMS) && ok:
		j.fire(tolIatMS)
	case ms:
		return j.ours(ssf.UndecidedFuture, ssf.RejectInvalidRequest, ssf.LayerClaims, "iat lies ahead of our clock")
	}
	if at.After(j.now.Add(j.v.skew)) {
		return j.ours(ssf.UndecidedFuture, ssf.RejectInvalidRequest, ssf.LayerClaims, "iat lies ahead of our clock")
	}
	c.IssuedAt = at
	j.passed("iat")
	return nil
}

// checkForbidden refuses claims that a SET must not have (SSF §4.1.2, §4.1.7): they belong to other kinds of token.
func (j *judgement) checkForbidden(members object, h header) error {
	for _, forbidden := range []struct{ claim, tolerance string }{{"exp", tolExpClaim}, {"sub", tolSubClaim}} {
		if _, sent := members.get(forbidden.claim); !sent {
			continue
		}
		if h.missingTyp {
			return reject(ssf.RejectInvalidRequest, ssf.LayerHeader, "typ must be secevent+jwt on a token with exp or sub")
		}
		if !j.allows(forbidden.tolerance) {
			return badClaim(forbidden.claim + " must not be present")
		}
		j.fire(forbidden.tolerance)
	}
	if v, sent := members.get("nbf"); sent {
		at, _, ok := payload.Seconds(string(v))
		if v.Kind() != '0' || !ok || at.After(j.now.Add(j.v.skew)) {
			return badClaim("nbf must be a time that has come")
		}
	}
	if h.missingTyp {
		j.fire(tolMissingTyp)
	}
	j.passed("forbidden")
	return nil
}

// readOptional reads claims that may be odd without harm.
func (j *judgement) readOptional(members object, c *ssf.Claims) {
	if v, sent := members.get("txn"); sent {
		var ok bool
		if c.Txn, ok = text(v); !ok {
			j.warn("txn_not_string")
			if v.Kind() == '0' {
				c.Txn = string(v)
			}
		}
	}
	if v, sent := members.get("toe"); sent {
		at, ms, ok := payload.Seconds(string(v))
		switch {
		case v.Kind() != '0' || !ok:
			j.warn("toe_unreadable")
		default:
			c.TimeOfEvent = at
			if ms {
				j.warn(payload.WarnTimestampMS)
			}
			if at.Before(time.Unix(1, 0)) {
				j.warn(payload.WarnTimestampImplausible)
			}
		}
	}
	known := []string{"iss", "jti", "iat", "aud", "events", "sub_id", "txn", "toe", "sub", "exp", "nbf"}
	for _, m := range members {
		for _, name := range known {
			if m.name != name && strings.EqualFold(m.name, name) {
				j.warn("case_variant_member")
			}
		}
	}
}
