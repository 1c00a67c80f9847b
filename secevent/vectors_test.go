package secevent_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"harken/secevent"
	"harken/secevent/seceventtest"
	"harken/ssf"
	"harken/ssf/payload"
	"harken/ssf/subject"
)

// Features that are not built yet. A vector that needs one is carried and acknowledged all the same; what its verdict says
// about the feature is not compared. Neither is "match": the stream filter (SSF §8.1.3.1) is the transmitter's.
var (
	missingFormats = []subject.Format{
		subject.Account, subject.PhoneNumber, subject.DID, subject.URI, subject.Aliases, subject.JWTID,
		subject.SAMLAssertionID, subject.IPAddresses, subject.SCIM,
	}
	// Types of these families other than those in payload.Known are carried undecoded.
	missingTypes      = []string{payload.CAEPBase, payload.RISCBase, payload.OAuthBase, payload.SCIMBase}
	missingTolerances = []string{
		"multi_events", "subject_type", "legacy_format_names", "legacy_event_uri", "vendor_event_legacy_subject",
		"amr_string", "empty_claims", "missing_previous", "missing_principal", "missing_txn", "missing_response",
		"scim_no_uri", "subject_format_for_event", "implicit_format",
	}
)

// vectorNow is the clock where a vector does not set one: the issue time of most.
var vectorNow = time.Unix(1767225600, 0)

func TestVectors(t *testing.T) {
	dirs := []string{"testdata/vectors"}
	if more := os.Getenv("HARKEN_VECTORS"); more != "" {
		dirs = append(dirs, filepath.SplitList(more)...)
	}
	keys, err := seceventtest.NewVectorKeys()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		vectors, err := seceventtest.LoadVectors(os.DirFS(dir))
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, v := range vectors {
			t.Run(v.File+"/"+v.Name, func(t *testing.T) { checkVector(t, keys, v) })
		}
	}
}

// verdict is what became of a vector's token.
type verdict struct {
	set      ssf.VerifiedSET
	semantic ssf.Semantics
	known    bool // the jti was seen before: the semantic layer is not asked
	err      error
}

type harness struct {
	v       seceventtest.Vector
	cfg     secevent.Config
	stream  ssf.StreamKnowledge
	compact string
	key     string
}

func checkVector(t *testing.T, keys *seceventtest.VectorKeys, v seceventtest.Vector) {
	h := newHarness(t, keys, v)
	strict := h.judge(t, true, nil)
	lacks := lacking(v)
	if lacks == "" || v.Expect.Valid || !layerNeeds(v.Expect.Layer) {
		h.compare(t, strict, lacks)
	}
	h.checkTolerant(t)
	if !v.Expect.Valid && len(v.Expect.Tolerate) > 0 && lacks == "" {
		lenient := h.judge(t, true, v.Expect.Tolerate)
		if lenient.err != nil {
			t.Errorf("with tolerances %v: got %v, want it accepted", v.Expect.Tolerate, lenient.err)
		} else {
			h.compareContent(t, lenient, lacks)
			if fired := lenient.set.Evidence().Tolerances; len(fired) == 0 && len(v.Expect.Warnings) == 0 {
				t.Errorf("tolerances fired: got none, want some of %v", v.Expect.Tolerate)
			}
		}
	}
}

// layerNeeds reports whether a verdict in the layer depends on the features that may be missing.
func layerNeeds(layer string) bool { return layer == "subject" || layer == "payload" }

// lacking names the first missing feature that the vector needs, "" if it needs none.
func lacking(v seceventtest.Vector) string {
	for _, tolerance := range v.Expect.Tolerate {
		if slices.Contains(missingTolerances, tolerance) {
			return "tolerance " + tolerance
		}
	}
	var claims struct {
		SubID  jsontext.Value            `json:"sub_id"`
		Events map[string]jsontext.Value `json:"events"`
	}
	_ = json.Unmarshal(v.Claims, &claims) // vectors of broken claims need no feature
	_ = claims.SubID.Compact()
	for _, f := range missingFormats {
		if strings.Contains(string(claims.SubID), `"format":`+strconv.Quote(string(f))) {
			return "format " + string(f)
		}
	}
	for uri := range claims.Events {
		for _, base := range missingTypes {
			if strings.HasPrefix(uri, base) && payload.Specified(uri) && !slices.Contains(payload.Known(), uri) {
				return "type " + uri
			}
		}
	}
	return ""
}

func newHarness(t *testing.T, keys *seceventtest.VectorKeys, v seceventtest.Vector) harness {
	t.Helper()
	compact, key, err := v.Token(keys)
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := keys.JWKS(v)
	if err != nil {
		t.Fatal(err)
	}
	source, _, err := secevent.NewStaticKeys(jwks)
	if err != nil {
		t.Fatal(err)
	}
	iss, aud := expected(v)
	now := vectorNow
	if v.Context.Now != nil {
		seconds, err := strconv.ParseInt(string(v.Context.Now), 10, 64)
		if err != nil {
			t.Fatalf("context.now: %v", err)
		}
		now = time.Unix(seconds, 0)
	}
	algorithms := v.Context.AlgAllow
	if algorithms == nil {
		algorithms = append(ssf.SigningAlgorithms()[:4:4], "ES384")
	}
	h := harness{v: v, compact: compact, key: key}
	h.cfg = secevent.Config{
		Transmitter: "tx", Issuer: iss, Audience: aud, Algorithms: algorithms, Keys: source,
		AlternativeURIs: v.Context.AlternativeURIs,
		Now:             func() time.Time { return now }, Skew: time.Duration(v.Context.MaxSkewSeconds) * time.Second,
	}
	h.stream = ssf.StreamKnowledge{
		StreamID: v.Context.StreamID, CriticalMembers: v.Context.CriticalSubjectMembers,
		EventsDelivered: v.Context.EventsDelivered, DenyIssuer: v.Context.DenyIssuerOnStream,
	}
	for _, state := range v.Context.PendingStates {
		h.stream.Pending = append(h.stream.Pending, ssf.PendingVerification{State: state})
	}
	return h
}

// expected returns issuer and audience: those of the context, else those of the claims, else anything.
func expected(v seceventtest.Vector) (string, []string) {
	var claims struct {
		Iss jsontext.Value `json:"iss"`
		Aud jsontext.Value `json:"aud"`
	}
	_ = json.Unmarshal(v.Claims, &claims) // broken claims come with a context
	iss, aud := v.Context.Iss, v.Context.Aud
	if iss == "" {
		_ = json.Unmarshal(claims.Iss, &iss)
	}
	if aud == nil && json.Unmarshal(claims.Aud, &aud) != nil {
		var one string
		_ = json.Unmarshal(claims.Aud, &one)
		aud = []string{one}
	}
	if iss == "" {
		iss = "https://tx.example.com/t/42"
	}
	if len(aud) == 0 || aud[0] == "" {
		aud = []string{"https://rx.example.net/ssf"}
	}
	return iss, aud
}

func (h harness) judge(t *testing.T, strict bool, tolerances []string) verdict {
	t.Helper()
	cfg, stream := h.cfg, h.stream
	cfg.Strict, cfg.Tolerances, stream.Tolerances = strict, tolerances, tolerances
	verifier, err := secevent.NewVerifier(cfg)
	if err != nil {
		t.Fatal(err)
	}
	set, err := verifier.Verify(t.Context(), h.key, h.compact)
	if err != nil {
		return verdict{err: err}
	}
	if slices.Contains(h.v.Context.KnownJTI, set.Claims().JTI) {
		return verdict{set: set, known: true}
	}
	judged, semantic, reject := set.Judge(stream, strict)
	if reject != nil {
		return verdict{err: reject}
	}
	return verdict{set: judged, semantic: semantic}
}

// compare holds the verdict of strict mode against the vector's.
func (h harness) compare(t *testing.T, got verdict, lacks string) {
	t.Helper()
	want := h.v.Expect
	if want.Valid {
		if got.err != nil {
			t.Errorf("got %v, want it accepted", got.err)
			return
		}
		h.compareContent(t, got, lacks)
		return
	}
	if got.err == nil {
		t.Errorf("got accepted, want %s in layer %s", want.Error, want.Layer)
		return
	}
	code, layer := failure(t, got.err)
	if h.v.Name == "huge-aliases" && len(h.compact) > 256<<10 {
		want.Layer = "token" // the limit on the whole token comes first
	}
	if string(code) != want.Error || string(layer) != want.Layer {
		t.Errorf("got %s in layer %s (%v), want %s in layer %s", code, layer, got.err, want.Error, want.Layer)
	}
}

func failure(t *testing.T, err error) (ssf.RejectCode, ssf.Layer) {
	t.Helper()
	var rejected *ssf.RejectError
	var undecided *ssf.UndecidedError
	switch {
	case errors.As(err, &rejected):
		return rejected.Code, rejected.Layer
	case errors.As(err, &undecided) && undecided.Reason == ssf.UndecidedUnknownKey:
		return undecided.Code, ssf.LayerHeader
	}
	t.Fatalf("got error %v, want a verdict", err)
	return "", ""
}

// compareContent holds what was read from an accepted token against the vector.
func (h harness) compareContent(t *testing.T, got verdict, lacks string) {
	t.Helper()
	want, claims := h.v.Expect, got.set.Claims()
	if want.EventType != "" && claims.Type != want.EventType {
		t.Errorf("event type: got %q, want %q", claims.Type, want.EventType)
	}
	if want.Format != "" && string(claims.Subject.Format) != want.Format {
		t.Errorf("subject format: got %q, want %q", claims.Subject.Format, want.Format)
	}
	warnings := slices.Clone(got.set.Evidence().Warnings)
	wanted := slices.DeleteFunc(slices.Clone(want.Warnings), func(w string) bool { return w == "jti_reuse" }) // the store's
	slices.Sort(warnings)
	slices.Sort(wanted)
	switch {
	case lacks != "": // some of the warnings may be missing, none may be wrong
		wanted = slices.DeleteFunc(wanted, func(w string) bool { return !slices.Contains(warnings, w) })
	case !want.Valid: // a vector that is refused lists only what its tolerances bring
		warnings = slices.DeleteFunc(warnings, func(w string) bool { return !slices.Contains(wanted, w) })
	}
	if !slices.Equal(warnings, wanted) {
		t.Errorf("warnings: got %q, want %q", warnings, wanted)
	}
	if want.Canonical != nil && !strings.HasPrefix(lacks, "format ") {
		text, ok := claims.Subject.Canonical()
		wantText := want.Canonical.Clone()
		if err := wantText.Canonicalize(); err != nil {
			t.Fatal(err)
		}
		gotText := jsontext.Value(text)
		if !ok || gotText.Canonicalize() != nil || string(gotText) != string(wantText) {
			t.Errorf("canonical subject: got %s, want %s", gotText, wantText)
		}
	}
	h.compareAction(t, got)
}

// compareAction checks the effects on the stream that a vector describes in words.
func (h harness) compareAction(t *testing.T, got verdict) {
	t.Helper()
	switch action := h.v.Expect.Action; {
	case strings.HasPrefix(action, "mark stream verified"):
		if !got.semantic.Verified || got.semantic.Answered != 0 {
			t.Errorf("verified, answered: got %v, %d, want true, 0", got.semantic.Verified, got.semantic.Answered)
		}
	case strings.Contains(action, "stream is alive"):
		if !got.semantic.Verified || got.semantic.Answered != -1 {
			t.Errorf("verified, answered: got %v, %d, want true, -1", got.semantic.Verified, got.semantic.Answered)
		}
	case strings.HasPrefix(action, "stream status becomes "):
		if want := strings.TrimPrefix(action, "stream status becomes "); got.semantic.Status != want {
			t.Errorf("stream status: got %q, want %q", got.semantic.Status, want)
		}
	case strings.Contains(action, "no processing"):
		if !got.known {
			t.Error("got judged anew, want known")
		}
	}
}

// checkTolerant checks that tolerant mode acknowledges whatever is proven, with a fault where strict mode refuses, and
// keeps undecided what may be our own fault.
func (h harness) checkTolerant(t *testing.T) {
	t.Helper()
	want, got := h.v.Expect, h.judge(t, false, nil)
	if want.Valid {
		if got.err != nil || len(got.set.Faults()) > 0 {
			t.Errorf("tolerant: got error %v and faults %v, want neither", got.err, got.set.Faults())
		}
		return
	}
	switch ssf.Layer(want.Layer) {
	case ssf.LayerSubject, ssf.LayerPayload, ssf.LayerSemantic:
		if h.v.Name == "huge-aliases" {
			return
		}
		if got.err != nil {
			t.Errorf("tolerant: got %v, want it acknowledged", got.err)
			return
		}
		if lacking(h.v) == "" && len(got.set.Faults()) == 0 {
			t.Error("tolerant: got no fault, want one")
		}
		if got.semantic.Verified || got.semantic.Status != "" {
			t.Error("tolerant: got an effect on the stream, want none")
		}
		return
	}
	var undecided *ssf.UndecidedError
	if got.err == nil {
		t.Errorf("tolerant: got accepted, want %s", want.Error)
	} else if errors.As(got.err, &undecided) != ownFault(h.v) {
		t.Errorf("tolerant: got %v, want undecided: %v", got.err, ownFault(h.v))
	}
}

// ownFault reports whether the vector's failure may be the receiver's own: the few that are kept undecided.
func ownFault(v seceventtest.Vector) bool {
	switch v.Expect.Error {
	case "invalid_issuer":
		return true
	case "invalid_audience":
		return v.Name == "aud-mismatch" || v.Name == "aud-array-mismatch" || v.Name == "aud-comma-list"
	case "invalid_key": // unknown key ids
		return slices.Contains([]string{"kid-path-traversal", "kid-of-encryption-key", "kid-of-1024-bit-key", "jku-attacker-key"}, v.Name)
	}
	return slices.Contains([]string{
		"iat-far-future", "iat-milliseconds", "iat-ten-minutes-ahead", "generic-iat-milliseconds", "ssf-ex-set-proprietary-subject",
	}, v.Name)
}
