package secevent_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"harken/secevent"
	"harken/secevent/seceventtest"
	"harken/ssf"
)

// TestForgedHeaders: none of these is accepted, and nothing is fetched but the key set.
func TestForgedHeaders(t *testing.T) {
	k := keyOf()["RS256"]
	own := `"typ":"secevent+jwt","kid":"k-RS256"`
	certificate := `["` + base64.StdEncoding.EncodeToString([]byte("not a certificate")) + `"]`
	attacker := seceventtest.MustKey("RS256", "attacker")
	attackerJWK, err := attacker.JWK()
	if err != nil {
		t.Fatal(err)
	}
	type forged struct{ name, header, want string }
	table := []forged{
		{"empty object", `{}`, "invalid_request/header"},
		{"no alg", `{` + own + `}`, "invalid_request/header"},
		{"alg null", `{"alg":null,` + own + `}`, "invalid_request/header"},
		{"alg number", `{"alg":256,` + own + `}`, "invalid_request/header"},
		{"alg list", `{"alg":["RS256"],` + own + `}`, "invalid_request/header"},
		{"alg object", `{"alg":{},` + own + `}`, "invalid_request/header"},
		{"alg twice", `{"alg":"RS256","alg":"none",` + own + `}`, "invalid_request/token"},
		{"alg twice by escape", `{"alg":"RS256","al\u0067":"none",` + own + `}`, "invalid_request/token"},
		{"alg in other case beside", `{"ALG":"RS256",` + own + `}`, "invalid_request/header"},
		{"alg lower case", `{"alg":"rs256",` + own + `}`, "invalid_key/header"},
		{"alg with space", `{"alg":"RS256 ",` + own + `}`, "invalid_key/header"},
		{"alg with NUL", `{"alg":"RS256\u0000",` + own + `}`, "invalid_key/header"},
		{"alg unknown", `{"alg":"XS256",` + own + `}`, "invalid_key/header"},
		{"alg SHA-1", `{"alg":"RS1",` + own + `}`, "invalid_key/header"},
		{"alg of encryption", `{"alg":"RSA-OAEP",` + own + `}`, "invalid_key/header"},
		{"alg dir", `{"alg":"dir",` + own + `}`, "invalid_key/header"},
		{"alg of another key type", `{"alg":"ES256",` + own + `}`, "invalid_key/header"},
		{"alg EdDSA with RSA key", `{"alg":"EdDSA",` + own + `}`, "invalid_key/header"},
		{"alg other than the key's own", `{"alg":"PS256",` + own + `}`, "invalid_key/header"},
		{"alg not listed", `{"alg":"RS384",` + own + `}`, "algorithm_not_listed"},
		{"alg not listed, PS512", `{"alg":"PS512",` + own + `}`, "algorithm_not_listed"},
		{"alg not listed, ES512", `{"alg":"ES512",` + own + `}`, "algorithm_not_listed"},
		{"alg not listed, Ed25519", `{"alg":"Ed25519",` + own + `}`, "algorithm_not_listed"},
		{"crit", `{"alg":"RS256","crit":["exp"],"exp":1,` + own + `}`, "invalid_request/header"},
		{"crit empty", `{"alg":"RS256","crit":[],` + own + `}`, "invalid_request/header"},
		{"crit null", `{"alg":"RS256","crit":null,` + own + `}`, "invalid_request/header"},
		{"crit text", `{"alg":"RS256","crit":"b64",` + own + `}`, "invalid_request/header"},
		{"b64 false", `{"alg":"RS256","b64":false,` + own + `}`, "invalid_request/header"},
		{"b64 true", `{"alg":"RS256","b64":true,` + own + `}`, "invalid_request/header"},
		{"b64 with crit", `{"alg":"RS256","b64":false,"crit":["b64"],` + own + `}`, "invalid_request/header"},
		{"cty JWT", `{"alg":"RS256","cty":"JWT",` + own + `}`, "invalid_request/header"},
		{"cty jwt", `{"alg":"RS256","cty":"application/jwt",` + own + `}`, "invalid_request/header"},
		{"cty number", `{"alg":"RS256","cty":1,` + own + `}`, "invalid_request/header"},
		{"typ absent", `{"alg":"RS256","kid":"k-RS256"}`, "invalid_request/header"},
		{"typ null", `{"alg":"RS256","kid":"k-RS256","typ":null}`, "invalid_request/header"},
		{"typ list", `{"alg":"RS256","kid":"k-RS256","typ":["secevent+jwt"]}`, "invalid_request/header"},
		{"kid null", `{"alg":"RS256","typ":"secevent+jwt","kid":null}`, "invalid_request/header"},
		{"kid number", `{"alg":"RS256","typ":"secevent+jwt","kid":7}`, "invalid_request/header"},
		{"kid list", `{"alg":"RS256","typ":"secevent+jwt","kid":["k-RS256"]}`, "invalid_request/header"},
		{"kid empty", `{"alg":"RS256","typ":"secevent+jwt","kid":""}`, "invalid_request/header"},
		{"kid long", `{"alg":"RS256","typ":"secevent+jwt","kid":"` + strings.Repeat("k", 2000) + `"}`, "invalid_request/header"},
		{"kid in other case", `{"alg":"RS256","typ":"secevent+jwt","kid":"K-rs256"}`, "unknown_key"},
		{"kid with NUL", `{"alg":"RS256","typ":"secevent+jwt","kid":"k-RS256\u0000"}`, "unknown_key"},
		{"kid path", `{"alg":"RS256","typ":"secevent+jwt","kid":"../../dev/null"}`, "unknown_key"},
		{"kid address", `{"alg":"RS256","typ":"secevent+jwt","kid":"https://evil.example/key"}`, "unknown_key"},
		{"kid SQL", `{"alg":"RS256","typ":"secevent+jwt","kid":"' OR 1=1 --"}`, "unknown_key"},
		{"jku", `{"alg":"RS256","typ":"secevent+jwt","kid":"attacker","jku":"https://evil.example/jwks"}`, "unknown_key"},
		{"x5u", `{"alg":"RS256","typ":"secevent+jwt","kid":"attacker","x5u":"https://evil.example/cert"}`, "unknown_key"},
		{"x5c", `{"alg":"RS256","typ":"secevent+jwt","kid":"attacker","x5c":` + certificate + `}`, "unknown_key"},
		{"jwk of the attacker", `{"alg":"RS256","typ":"secevent+jwt","kid":"attacker","jwk":` + string(attackerJWK) + `}`, "unknown_key"},
		{"jwk under our kid", `{"alg":"RS256","jwk":` + string(attackerJWK) + `,` + own + `}`, "authentication_failed/signature"},
		{"x5c under our kid", `{"alg":"RS256","x5c":` + certificate + `,` + own + `}`, "authentication_failed/signature"},
		{"plain forgery", `{"alg":"RS256",` + own + `}`, "authentication_failed/signature"},
		{"array", `["RS256"]`, "invalid_request/token"},
		{"null", `null`, "invalid_request/token"},
		{"text", `"RS256"`, "invalid_request/token"},
		{"not JSON", `alg=RS256`, "invalid_request/token"},
		{"two objects", `{"alg":"RS256",` + own + `}{}`, "invalid_request/token"},
		{"trailing comma", `{"alg":"RS256",` + own + `,}`, "invalid_request/token"},
		{"comment", `{/**/"alg":"RS256",` + own + `}`, "invalid_request/token"},
		{"BOM", "\ufeff" + `{"alg":"RS256",` + own + `}`, "invalid_request/token"},
		{"invalid UTF-8", "{\"alg\":\"RS256\",\"x\":\"\xff\"," + own + "}", "invalid_request/token"},
		{"lone surrogate", `{"alg":"RS256","x":"\ud800",` + own + `}`, "invalid_request/token"},
		{"deep", `{"alg":"RS256","x":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `,` + own + `}`, "invalid_request/token"},
		{"huge number", `{"alg":"RS256","x":1e999,` + own + `}`, "invalid_request/token"},
		{"too large", `{"alg":"RS256","x":"` + strings.Repeat("a", 9000) + `",` + own + `}`, "invalid_request/token"},
	}
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "hs256"} {
		table = append(table, forged{"alg " + alg, fmt.Sprintf(`{"alg":%q,%s}`, alg, own), "invalid_key/header"})
	}
	for _, typ := range []string{
		"", "JWT", "jwt", "at+jwt", "logout+jwt", "dpop+jwt", "secevent+json", "secevent", "secevent+jwt ",
		"text/secevent+jwt", "application/application/secevent+jwt", "application/jwt",
	} {
		table = append(table, forged{"typ " + typ, fmt.Sprintf(`{"alg":"RS256","kid":"k-RS256","typ":%q}`, typ), "invalid_request/header"})
	}
	if len(table) < 60 {
		t.Fatalf("forged headers: got %d, want at least 60", len(table))
	}
	e := &endpoint{body: jwks(t, k)}
	v := verifier(t, keySet(t, e, func() time.Time { return time.Unix(1767225700, 0) }), nil)
	if _, err := v.Verify(t.Context(), "j-1", sign(t, k, nil, claims(nil))); err != nil {
		t.Fatalf("sound token: %v", err)
	}
	for _, f := range table {
		for how, token := range map[string]string{
			"attacker's signature": sign(t, attacker, f.header, claims(nil)),
			"HMAC with public key": hmacToken(t, k, f.header),
			"no signature":         strings.TrimRight(sign(t, attacker, f.header, claims(nil)), "-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
		} {
			if _, err := v.Verify(t.Context(), "j-1", token); outcome(err) != f.want {
				t.Errorf("%s, %s: got %s (%v), want %s", f.name, how, outcome(err), err, f.want)
			}
		}
	}
	if n := e.fetches.Load(); n != 1 {
		t.Errorf("fetches: got %d, want the key set's one", n)
	}
}

func hmacToken(t *testing.T, k *seceventtest.Key, header string) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + strings.Split(sign(t, k, nil, claims(nil)), ".")[1]
	secret, err := k.JWK()
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// A token that is valid without the hints in its header stays valid, whatever they hold.
func TestHintsAreIgnored(t *testing.T) {
	for alg, k := range keyOf() {
		v := verifier(t, static(t, k), func(c *secevent.Config) { c.Algorithms = []string{alg} })
		for _, hint := range []string{
			`"jku":"http://169.254.169.254/"`, `"x5u":7`, `"x5c":["AAAA"]`, `"x5c":7`, `"x5t":"x"`, `"x5t#S256":[]`,
			`"jwk":{"kty":"RSA"}`, `"jwk":null`, `"jwk":{"kty":"oct","k":"AAAA"}`, `"nonce":7`, `"zip":"DEF"`, `"exp":"x"`, `"enc":"A128GCM"`,
		} {
			header := fmt.Sprintf(`{%s,"alg":%q,"kid":%q,"typ":"secevent+jwt"}`, hint, alg, k.ID)
			set, err := v.Verify(t.Context(), "j-1", sign(t, k, header, claims(nil)))
			if err != nil {
				t.Errorf("%s with %s: got %v, want accepted", alg, hint, err)
			} else if e := set.Evidence(); e.Algorithm != alg || e.KeyID != k.ID || len(e.Thumbprint) != 43 {
				t.Errorf("%s with %s: evidence: got %+v", alg, hint, e)
			}
			if _, err := v.Verify(t.Context(), "j-1", sign(t, seceventtest.MustKey("ES256", k.ID), header, claims(nil))); err == nil {
				t.Errorf("%s with %s and another signature: got accepted, want refused", alg, hint)
			}
		}
	}
}

// Every algorithm that a transmitter may be allowed verifies, by either way to verify.
func TestListedAlgorithms(t *testing.T) {
	rsa := *keyOf()["RS256"]
	rsa.OmitAlg = true
	for _, alg := range ssf.SigningAlgorithms() {
		k := keyOf()[alg]
		if alg[0] == 'R' || alg[0] == 'P' {
			k = &rsa
		}
		v := verifier(t, static(t, k), func(c *secevent.Config) { c.Algorithms = []string{alg} })
		for _, hint := range []string{"", `"x5c":["AAAA"],`} {
			header := fmt.Sprintf(`{%s"alg":%q,"kid":%q,"typ":"secevent+jwt"}`, hint, alg, k.ID)
			token := sign(t, k, header, claims(nil))
			if _, err := v.Verify(t.Context(), "j-1", token); err != nil {
				t.Errorf("%s %s: got %v, want accepted", alg, hint, err)
			}
			other := sign(t, k, header, claims(map[string]any{"txn": "t-2"}))
			spliced := other[:strings.LastIndexByte(other, '.')] + token[strings.LastIndexByte(token, '.'):]
			if _, err := v.Verify(t.Context(), "j-1", spliced); outcome(err) != "authentication_failed/signature" {
				t.Errorf("%s %s, another token's signature: got %s, want authentication_failed/signature", alg, hint, outcome(err))
			}
		}
	}
}

func TestTokensWithoutKeyID(t *testing.T) {
	a, b := seceventtest.MustKey("ES256", "a"), seceventtest.MustKey("ES256", "b")
	rsa := keyOf()["RS256"]
	header := `{"alg":"ES256","typ":"secevent+jwt"}`
	for name, tc := range map[string]struct {
		keys      []*seceventtest.Key
		tolerance []string
		signer    *seceventtest.Key
		want      string
	}{
		"one key fits":            {[]*seceventtest.Key{a, rsa}, nil, a, "accepted"},
		"none fits":               {[]*seceventtest.Key{rsa}, nil, a, "unknown_key"},
		"two fit":                 {[]*seceventtest.Key{a, b}, nil, a, "invalid_key/header"},
		"two fit, tolerated":      {[]*seceventtest.Key{a, b}, []string{"missing_kid"}, b, "accepted"},
		"none of two, tolerated":  {[]*seceventtest.Key{a, b}, []string{"missing_kid"}, seceventtest.MustKey("ES256", "c"), "unknown_key"},
		"more than five to try":   {manyKeys(6), []string{"missing_kid"}, a, "invalid_key/header"},
		"five to try, none fits ": {manyKeys(5), []string{"missing_kid"}, a, "unknown_key"},
	} {
		v := verifier(t, static(t, tc.keys...), func(c *secevent.Config) { c.Tolerances = tc.tolerance })
		set, err := v.Verify(t.Context(), "", sign(t, tc.signer, header, claims(nil)))
		if outcome(err) != tc.want {
			t.Errorf("%s: got %s, want %s", name, outcome(err), tc.want)
		}
		if err == nil && set.Evidence().KeyID != tc.signer.ID {
			t.Errorf("%s: evidence names key %q, want %q", name, set.Evidence().KeyID, tc.signer.ID)
		}
	}
}

func manyKeys(n int) []*seceventtest.Key {
	var keys []*seceventtest.Key
	for i := range n {
		keys = append(keys, seceventtest.MustKey("ES256", fmt.Sprint("m", i)))
	}
	return keys
}
