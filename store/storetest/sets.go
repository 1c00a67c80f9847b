package storetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"harken/ssf"
	"harken/ssf/payload"
	"harken/ssf/subject"
)

// SET makes a verified token of a session-revoked event by an administrator. Equal arguments make equal claims; edits
// change them before the digest is made.
func SET(tx ssf.TransmitterID, jti string, edits ...func(*ssf.SETFields)) ssf.VerifiedSET {
	f := ssf.SETFields{
		Transmitter: tx,
		Claims: ssf.Claims{
			Issuer: "https://issuer.example", JTI: jti, Audience: []string{"harken"}, IssuedAt: start(),
			Type: payload.SessionRevoked, Payload: payload.Fields{Known: true, InitiatingEntity: "admin"}, PayloadRaw: "{}",
			Subject: subject.Identifier{Format: subject.Email, Email: jti + "@example.com", Raw: `{"format":"email"}`},
		},
		Evidence: ssf.Evidence{Algorithm: "ES256", KeyID: "k1", Thumbprint: "thumb", Checks: []string{"signature"}},
	}
	for _, edit := range edits {
		edit(&f)
	}
	issued := f.Claims.IssuedAt
	f.Claims.IssuedAt = time.Time{}
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", f.Claims))
	f.Claims.IssuedAt = issued
	if f.Claims.Digest == "" {
		f.Claims.Digest = hex.EncodeToString(sum[:])
	}
	if f.Raw == "" {
		f.Raw = fmt.Sprintf("eyJ0.%s.%d.%x", jti, issued.UnixNano(), sum[:8])
	}
	return mustVerify(f)
}

func mustVerify(f ssf.SETFields) ssf.VerifiedSET {
	set, err := ssf.NewVerifiedSET(f)
	if err != nil {
		panic(err)
	}
	return set
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
