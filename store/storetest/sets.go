package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"harken/secevent"
	"harken/secevent/seceventtest"
	"harken/ssf"
	"harken/ssf/payload"
	"harken/ssf/subject"
)

// SET makes a genuine token of a session-revoked event by an administrator: signed with a key of this process and verified
// by package secevent, because nothing else can make one. Equal arguments make equal claims. Edits change the claims
// before they are signed, except PayloadRaw, which replaces the whole payload, and Faults, which are added after.
func SET(tx ssf.TransmitterID, jti string, edits ...func(*ssf.SETFields)) ssf.VerifiedSET {
	f := ssf.SETFields{Transmitter: tx, Claims: ssf.Claims{
		Issuer: "https://issuer.example", JTI: jti, Audience: []string{"harken"}, IssuedAt: start(),
		Type: payload.SessionRevoked, Payload: payload.Fields{InitiatingEntity: "admin"},
		Subject: subject.Identifier{Format: subject.Email, Email: jti + "@example.com"},
	}}
	for _, edit := range edits {
		edit(&f)
	}
	return mustVerify(f)
}

// signing is the key of this process, made when it is first needed.
var signing = sync.OnceValue(func() *seceventtest.Key { return seceventtest.MustKey("EdDSA", "storetest") })

func mustVerify(f ssf.SETFields) ssf.VerifiedSET {
	check := func(err error) {
		if err != nil {
			panic(fmt.Sprintf("token %s: %v", f.Claims.JTI, err))
		}
	}
	raw, err := seceventtest.SignClaims(signing(), wireClaims(f.Claims))
	check(err)
	jwks, err := seceventtest.JWKS(signing())
	check(err)
	keys, _, err := secevent.NewStaticKeys(jwks)
	check(err)
	v, err := secevent.NewVerifier(secevent.Config{
		Transmitter: f.Transmitter, Issuer: f.Claims.Issuer, Audience: f.Claims.Audience, Keys: keys,
		Now: func() time.Time { return f.Claims.IssuedAt },
	})
	check(err)
	set, err := v.Verify(context.Background(), f.Claims.JTI, raw)
	check(err)
	return set.WithFaults(f.Faults...)
}

// wireClaims are the claims of a SET as a transmitter writes them (RFC 8417 §2.2).
func wireClaims(c ssf.Claims) map[string]any {
	out := map[string]any{
		"iss": c.Issuer, "jti": c.JTI, "aud": c.Audience, "iat": c.IssuedAt.Unix(), "sub_id": wireSubject(c.Subject),
		"events": map[string]any{c.Type: wirePayload(c)},
	}
	if c.Txn != "" {
		out["txn"] = c.Txn
	}
	if !c.TimeOfEvent.IsZero() {
		out["toe"] = c.TimeOfEvent.Unix()
	}
	return out
}

func wirePayload(c ssf.Claims) any {
	if c.PayloadRaw != "" {
		return jsontext.Value(c.PayloadRaw)
	}
	p, out := c.Payload, map[string]any{}
	if p.EventTimestamp != nil {
		out["event_timestamp"] = p.EventTimestamp.Unix()
	}
	for name, value := range map[string]string{
		"initiating_entity": p.InitiatingEntity, "credential_type": p.CredentialType, "change_type": p.ChangeType,
		"friendly_name": p.FriendlyName, "status": p.Status, "reason": p.StatusReason,
	} {
		if value != "" {
			out[name] = value
		}
	}
	for name, value := range map[string]map[string]string{"reason_admin": p.ReasonAdmin, "reason_user": p.ReasonUser} {
		if value != nil {
			out[name] = value
		}
	}
	if p.State != nil {
		out["state"] = *p.State
	}
	return out
}

func wireSubject(i subject.Identifier) any {
	out := map[string]any{"format": i.Format}
	for name, value := range map[string]string{"email": i.Email, "iss": i.Issuer, "sub": i.Subject, "id": i.ID} {
		if value != "" {
			out[name] = value
		}
	}
	for _, m := range i.Members {
		out[m.Name] = wireSubject(m.Identifier)
	}
	return out
}

// OfType changes the event type.
func OfType(typ string) func(*ssf.SETFields) {
	return func(f *ssf.SETFields) { f.Claims.Type = typ }
}

// IssuedAt changes "iat", which two deliveries of one token may differ in.
func IssuedAt(at time.Time) func(*ssf.SETFields) {
	return func(f *ssf.SETFields) { f.Claims.IssuedAt = at }
}

// WithPayload changes the claims: another payload makes a conflict.
func WithPayload(raw string) func(*ssf.SETFields) {
	return func(f *ssf.SETFields) { f.Claims.PayloadRaw = raw }
}

// Accepted is the delivery of a good token.
func Accepted(set ssf.VerifiedSET) ssf.Delivery {
	return ssf.Delivery{Key: set.Claims().JTI, Raw: set.Raw(), SET: set, ReceivedAt: start()}
}

// Rejected is the delivery of a bad token.
func Rejected(key string) ssf.Delivery {
	return ssf.Delivery{
		Key: key, Raw: "bad." + key, ReceivedAt: start(),
		Rejected: &ssf.RejectError{Code: ssf.RejectInvalidRequest, Layer: ssf.LayerClaims, Err: errors.New("jti is missing")},
	}
}

// Undecided is the delivery of a token that cannot be judged yet.
func Undecided(key string) ssf.Delivery {
	return ssf.Delivery{
		Key: key, Raw: "later." + key, ReceivedAt: start(),
		Undecided: &ssf.UndecidedError{Reason: ssf.UndecidedUnknownKey, Code: ssf.RejectInvalidKey, Err: errors.New("key k9 is not known")},
	}
}

// Batch is a poll answer of a transmitter that nobody leased.
func Batch(tx ssf.TransmitterID, ds ...ssf.Delivery) ssf.IngestBatch {
	return ssf.IngestBatch{Transmitter: tx, Deliveries: ds}
}

// Actors of the tests.
func poll() ssf.Actor { return ssf.System("poller") }

func person(name string, role ssf.Role) ssf.Actor {
	return ssf.Actor{Kind: ssf.ActorPerson, Name: name, User: ssf.UserID(name), Role: role}
}

// must unpacks a result that must have no error.
func must[T any](w *world) func(T, error) T {
	return func(v T, err error) T {
		w.t.Helper()
		if err != nil {
			w.t.Fatalf("got error %v, want none", err)
		}
		return v
	}
}

// ingest commits one batch and returns its verdicts.
func (w *world) ingest(tx ssf.TransmitterID, ds ...ssf.Delivery) []ssf.Verdict {
	w.t.Helper()
	results, err := w.Ingest(w.ctx, poll(), []ssf.IngestBatch{Batch(tx, ds...)})
	w.ok(err)
	w.ok(results[0].Err)
	return results[0].Verdicts
}

// outcomes of verdicts, for comparison.
func outcomes(vs []ssf.Verdict) (out []ssf.Outcome) {
	for _, v := range vs {
		out = append(out, v.Outcome)
	}
	return out
}

// equal compares what the store gave with what is wanted; times must be UTC on both sides.
func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// diff says how got differs from want; empty when it does not.
func diff(want, got any) string {
	if equal(want, got) {
		return ""
	}
	return fmt.Sprintf("got  %+v\nwant %+v", got, want)
}
