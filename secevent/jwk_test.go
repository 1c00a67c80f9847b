package secevent_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"harken/secevent"
	"harken/secevent/seceventtest"
)

func TestKeySetDocuments(t *testing.T) {
	good := string(jwkOf(t, keyOf()["ES256"]))
	for name, doc := range map[string]string{
		"html": "<html>", "empty": "", "array": "[]", "no keys": "{}", "keys null": `{"keys":null}`, "keys object": `{"keys":{}}`,
		"duplicate": `{"keys":[],"keys":[]}`, "trailing": `{"keys":[]}x`, "other case": `{"Keys":[]}`,
		"deep":          `{"keys":[` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `]}`,
		"51 keys":       `{"keys":[` + strings.Repeat(good+",", 50) + good + `]}`,
		"too large":     `{"keys":[],"x":"` + strings.Repeat("a", 256<<10) + `"}`,
		"invalid UTF-8": "{\"keys\":[],\"x\":\"\xff\"}",
	} {
		if _, _, err := secevent.NewStaticKeys([]byte(doc)); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
	if source, alarms, err := secevent.NewStaticKeys([]byte(`{"keys":[]}`)); err != nil || source == nil || len(alarms) > 0 {
		t.Errorf("empty set: got %v and alarms %v, want neither", err, alarms)
	}
}

func jwkOf(t *testing.T, k *seceventtest.Key) []byte {
	t.Helper()
	j, err := k.JWK()
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestUnusableKeysNeverTakeDownTheRest(t *testing.T) {
	k := keyOf()["ES256"]
	good := string(jwkOf(t, k))
	b64 := base64.RawURLEncoding.EncodeToString
	modulus := func(bits int) string {
		n := make([]byte, bits/8)
		n[0], n[len(n)-1] = 0xff, 0x01
		return b64(n)
	}
	enc := func(with string) string { return strings.Replace(good, `"kid":"k-ES256"`, `"kid":"bad",`+with, 1) }
	for name, tc := range map[string]struct {
		jwk   string
		minor bool
	}{
		"not an object":       {jwk: `7`},
		"symmetric":           {jwk: `{"kty":"oct","kid":"bad","k":"AAAA"}`},
		"private member":      {jwk: enc(`"d":"AAAA"`)},
		"wrong use":           {jwk: strings.Replace(enc(`"x":"y"`), `"use":"sig"`, `"use":"enc"`, 1), minor: true},
		"key_ops":             {jwk: enc(`"key_ops":["sign"]`), minor: true},
		"kid number":          {jwk: `{"kty":"OKP","crv":"Ed25519","kid":7,"x":"` + modulus(256) + `"}`},
		"other kind":          {jwk: `{"kty":"AKP","kid":"bad"}`},
		"RSA 1024":            {jwk: `{"kty":"RSA","kid":"bad","e":"AQAB","n":"` + modulus(1024) + `"}`},
		"RSA 16384":           {jwk: `{"kty":"RSA","kid":"bad","e":"AQAB","n":"` + modulus(16384) + `"}`},
		"RSA huge":            {jwk: `{"kty":"RSA","kid":"bad","e":"AQAB","n":"` + modulus(1<<20) + `"}`},
		"RSA even exponent":   {jwk: `{"kty":"RSA","kid":"bad","e":"AQAC","n":"` + modulus(2048) + `"}`},
		"RSA exponent 3":      {jwk: `{"kty":"RSA","kid":"bad","e":"Aw","n":"` + modulus(2048) + `"}`},
		"RSA exponent huge":   {jwk: `{"kty":"RSA","kid":"bad","e":"_____w_____8","n":"` + modulus(2048) + `"}`},
		"RSA padded":          {jwk: `{"kty":"RSA","kid":"bad","e":"AQAB==","n":"` + modulus(2048) + `"}`},
		"EC off curve":        {jwk: `{"kty":"EC","crv":"P-256","kid":"bad","x":"` + modulus(256) + `","y":"` + modulus(256) + `"}`},
		"EC infinity":         {jwk: `{"kty":"EC","crv":"P-256","kid":"bad","x":"` + b64(make([]byte, 32)) + `","y":"` + b64(make([]byte, 32)) + `"}`},
		"EC short":            {jwk: `{"kty":"EC","crv":"P-256","kid":"bad","x":"AA","y":"AA"}`},
		"EC unknown curve":    {jwk: `{"kty":"EC","crv":"secp256k1","kid":"bad","x":"AA","y":"AA"}`},
		"Ed25519 short":       {jwk: `{"kty":"OKP","crv":"Ed25519","kid":"bad","x":"AA"}`},
		"X25519":              {jwk: `{"kty":"OKP","crv":"X25519","kid":"bad","x":"` + modulus(256) + `"}`},
		"encryption alg":      {jwk: `{"kty":"RSA","kid":"bad","alg":"RSA-OAEP","e":"AQAB","n":"` + modulus(2048) + `"}`, minor: true},
		"HMAC alg on RSA key": {jwk: `{"kty":"RSA","kid":"bad","alg":"HS256","e":"AQAB","n":"` + modulus(2048) + `"}`, minor: true},
	} {
		if tc.jwk == enc(`"x":"y"`) {
			t.Fatalf("%s: the test changed nothing", name)
		}
		tc.jwk = strings.Replace(tc.jwk, `"x":"y",`, "", 1)
		source, alarms, err := secevent.NewStaticKeys([]byte(`{"keys":[` + tc.jwk + `,` + good + `]}`))
		if err != nil {
			t.Errorf("%s: got %v, want the rest of the set", name, err)
			continue
		}
		if len(alarms) != 1 || alarms[0].Minor != tc.minor {
			t.Errorf("%s: alarms: got %v, want one with minor %v", name, alarms, tc.minor)
		}
		if _, err := verifier(t, source, nil).Verify(t.Context(), "", sign(t, k, nil, claims(nil))); err != nil {
			t.Errorf("%s: token of the good key: got %v, want accepted", name, err)
		}
	}
}

func TestDuplicateKeyIDsAreDropped(t *testing.T) {
	k, twin := keyOf()["ES256"], seceventtest.MustKey("ES384", "k-ES256")
	other := keyOf()["EdDSA"]
	source, alarms, err := secevent.NewStaticKeys(jwks(t, k, other, twin))
	if err != nil {
		t.Fatal(err)
	}
	if len(alarms) != 2 || alarms[0].KeyID != "k-ES256" || alarms[0].Minor {
		t.Errorf("alarms: got %v, want two for k-ES256", alarms)
	}
	v := verifier(t, source, nil)
	if _, err := v.Verify(t.Context(), "", sign(t, k, nil, claims(nil))); outcome(err) != "unknown_key" {
		t.Errorf("duplicate id: got %s, want unknown_key", outcome(err))
	}
	if _, err := v.Verify(t.Context(), "", sign(t, other, nil, claims(nil))); err != nil {
		t.Errorf("other key: got %v, want accepted", err)
	}
}
