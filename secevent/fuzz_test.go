package secevent_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	stdjson "encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"harken/secevent"
	"harken/secevent/seceventtest"
	"harken/ssf"
	"harken/ssf/subject"
)

// fuzzKey is the same in every process of a fuzzing run, so that a corpus of signed tokens keeps its meaning. It is made
// from a seed of zeros and protects nothing.
func fuzzKey(t testing.TB) *seceventtest.Key {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	k, err := seceventtest.ParseKey("EdDSA", "fuzz", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// checkAccepted judges an accepted token a second time, by the standard library alone.
func checkAccepted(t *testing.T, k *seceventtest.Key, set ssf.VerifiedSET, tolerant bool) {
	t.Helper()
	parts := strings.Split(set.Raw(), ".")
	if len(parts) != 3 {
		t.Fatalf("accepted a token of %d parts", len(parts))
	}
	var decoded [3][]byte
	for i, p := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.DecodeString(p); err != nil || base64.RawURLEncoding.EncodeToString(decoded[i]) != p {
			t.Fatalf("accepted part %d that is not canonical base64url", i)
		}
	}
	if !ed25519.Verify(k.Public().(ed25519.PublicKey), []byte(parts[0]+"."+parts[1]), decoded[2]) {
		t.Fatal("accepted a signature that does not verify")
	}
	var h, c map[string]any
	if err := stdjson.Unmarshal(decoded[0], &h); err != nil {
		t.Fatalf("accepted header: %v", err)
	}
	if err := stdjson.Unmarshal(decoded[1], &c); err != nil {
		t.Fatalf("accepted claims: %v", err)
	}
	typ, _ := h["typ"].(string)
	if h["alg"] != "EdDSA" || strings.TrimPrefix(strings.ToLower(typ), "application/") != "secevent+jwt" {
		t.Fatalf("accepted header %s", decoded[0])
	}
	for _, forbidden := range []string{"crit", "b64"} {
		if _, sent := h[forbidden]; sent {
			t.Fatalf("accepted header %s", decoded[0])
		}
	}
	aud, _ := c["aud"].([]any)
	if c["iss"] != issuer || c["aud"] != audience && !slices.Contains(aud, any(audience)) {
		t.Fatalf("accepted claims %s", decoded[1])
	}
	_, exp := c["exp"]
	_, sub := c["sub"]
	events, _ := c["events"].(map[string]any)
	jti, _ := c["jti"].(string)
	if exp || sub || len(events) == 0 || jti == "" || jti != set.Claims().JTI || events[set.Claims().Type] == nil {
		t.Fatalf("accepted claims %s", decoded[1])
	}
	if id, ok := c["sub_id"].(map[string]any); !tolerant && (!ok || id["format"] != string(set.Claims().Subject.Format)) {
		t.Fatalf("accepted subject in %s", decoded[1])
	}
}

func fuzzVerifiers(f *testing.F) (k *seceventtest.Key, tolerant, strict *secevent.Verifier) {
	k = fuzzKey(f)
	keys := static(f, k)
	return k, verifier(f, keys, nil), verifier(f, keys, func(c *secevent.Config) { c.Strict = true })
}

func FuzzToken(f *testing.F) {
	k, tolerant, strict := fuzzVerifiers(f)
	good := sign(f, k, nil, claims(nil))
	for _, seed := range []string{good, good + "=", " " + good, good + "\n", strings.Replace(good, ".", "..", 1), "a.b.c", "a.b.c.d.e", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		set, err := tolerant.Verify(t.Context(), "", raw)
		if err == nil {
			checkAccepted(t, k, set, true)
		}
		if set, errStrict := strict.Verify(t.Context(), "", raw); errStrict == nil {
			checkAccepted(t, k, set, false)
			if err != nil {
				t.Fatalf("strict accepts what tolerant does not: %v", err)
			}
		}
	})
}

func FuzzTokenHeader(f *testing.F) {
	k, tolerant, _ := fuzzVerifiers(f)
	for _, seed := range []string{
		`{"alg":"EdDSA","typ":"secevent+jwt","kid":"fuzz"}`, `{"alg":"EdDSA","typ":"APPLICATION/SECEVENT+JWT"}`,
		`{"alg":"EdDSA","typ":"secevent+jwt","jwk":{"kty":"oct"},"x5c":[""],"nonce":1}`, `{"alg":"none"}`,
		`{"alg":"EdDSA","typ":"secevent+jwt","crit":[]}`, `{"alg":"EdDSA","typ":"secevent+jwt","cty":"JWT"}`, `{`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		set, err := tolerant.Verify(t.Context(), "", sign(t, k, header, claims(nil)))
		if err == nil {
			checkAccepted(t, k, set, true)
		}
	})
}

func FuzzTokenClaims(f *testing.F) {
	k, tolerant, strict := fuzzVerifiers(f)
	good := `{"iss":"` + issuer + `","aud":["` + audience + `"],"jti":"j","iat":1767225600,"sub_id":{"format":"email","email":"a@b.c"},"events":{"` + revoked + `":{}}}`
	for _, seed := range []string{
		good, strings.Replace(good, `"jti"`, `"JTI":"x","jti"`, 1), strings.Replace(good, `"jti"`, `"exp":null,"jti"`, 1),
		strings.Replace(good, `{"format":"email","email":"a@b.c"}`, `{"format":"complex","user":{"format":"opaque","id":"x"}}`, 1),
		strings.Replace(good, `:{}`, `:{"event_timestamp":1e11,"subject":{"format":"opaque","id":"x"}}`, 1), `{}`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		token := sign(t, k, nil, text)
		set, err := tolerant.Verify(t.Context(), "", token)
		if err == nil {
			checkAccepted(t, k, set, true)
			if id := set.Claims().Subject; len(set.Faults()) > 0 && id.Format == subject.Complex && id.Raw == "" {
				t.Fatalf("subject without its raw form: %+v", id)
			}
			if at, _ := ssf.HappenedAt(set.Claims()); at.After(set.Claims().IssuedAt.Add(ssf.ClockSkew)) {
				t.Fatalf("happened at %s, issued at %s", at, set.Claims().IssuedAt)
			}
		}
		if set, err := strict.Verify(t.Context(), "", token); err == nil {
			checkAccepted(t, k, set, false)
			if len(set.Faults()) > 0 {
				t.Fatalf("strict accepts faults %v", set.Faults())
			}
		}
	})
}

func FuzzKeySet(f *testing.F) {
	k := fuzzKey(f)
	good, err := k.JWK()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{"keys":[` + string(good) + `]}`, `{"keys":[` + string(good) + `,` + string(good) + `]}`, `{"keys":[{"kty":"oct","k":"AA"}]}`,
		`{"keys":[{"kty":"RSA","kid":"fuzz","n":"AQAB","e":"AQAB"},7,null]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, `{"keys":`,
	} {
		f.Add([]byte(seed))
	}
	token := sign(f, k, nil, claims(nil))
	public := []byte(base64.RawURLEncoding.EncodeToString(k.Public().(ed25519.PublicKey)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		source, alarms, err := secevent.NewStaticKeys(doc)
		if err != nil {
			return
		}
		for _, a := range alarms {
			if a.Reason == "" {
				t.Fatal("alarm without a reason")
			}
		}
		set, err := verifier(t, source, nil).Verify(t.Context(), "", token)
		if err != nil {
			return
		}
		checkAccepted(t, k, set, true)
		if !bytes.Contains(doc, public) && !bytes.Contains(doc, []byte(`\`)) {
			t.Fatalf("token verified by a key set without its key: %s", doc)
		}
	})
}
