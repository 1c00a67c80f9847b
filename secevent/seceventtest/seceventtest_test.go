package seceventtest_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	stdjson "encoding/json"
	jose "github.com/go-jose/go-jose/v4"

	"harken/secevent/seceventtest"
)

var algs = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA}

// verify checks compact with an implementation that is not ours, by the published key set.
func verify(t *testing.T, set []byte, compact string) ([]byte, error) {
	t.Helper()
	var keys jose.JSONWebKeySet
	if err := stdjson.Unmarshal(set, &keys); err != nil {
		t.Fatalf("key set %s: %v", set, err)
	}
	jws, err := jose.ParseSignedCompact(compact, algs)
	if err != nil {
		return nil, err
	}
	found := keys.Key(jws.Signatures[0].Protected.KeyID)
	if len(found) != 1 {
		t.Fatalf("keys named %q: got %d, want 1", jws.Signatures[0].Protected.KeyID, len(found))
	}
	return jws.Verify(found[0].Key)
}

func TestSignIsReadByOthers(t *testing.T) {
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		key := seceventtest.MustKey(alg, "k-"+alg)
		pem, err := key.PEM()
		if err != nil {
			t.Fatal(err)
		}
		again, err := seceventtest.ParseKey(alg, "k-"+alg, pem)
		if err != nil {
			t.Fatalf("%s: parse own PEM: %v", alg, err)
		}
		compact, err := seceventtest.SignClaims(again, map[string]any{"iss": "x", "iat": 1})
		if err != nil {
			t.Fatalf("%s: sign: %v", alg, err)
		}
		set, err := seceventtest.JWKS(key)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := verify(t, set, compact)
		if err != nil || string(claims) != `{"iat":1,"iss":"x"}` {
			t.Errorf("%s: got claims %s and error %v, want the signed ones", alg, claims, err)
		}
	}
	if _, err := seceventtest.NewKey("HS256", "x"); err == nil {
		t.Error("NewKey(HS256): got no error, want ErrAlgorithm")
	}
}

func TestSignFollowsTheHeader(t *testing.T) {
	key := seceventtest.MustKey("RS256", "k")
	key.OmitAlg = true
	set, err := seceventtest.JWKS(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []string{"RS256", "PS256"} {
		compact, err := seceventtest.Sign(key, map[string]any{"alg": alg, "kid": "k"}, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t, set, compact); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestVectorTokens(t *testing.T) {
	vectors, err := seceventtest.LoadVectors(os.DirFS("../testdata/vectors"))
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 534 {
		t.Errorf("vectors: got %d, want 534", len(vectors))
	}
	keys, err := seceventtest.NewVectorKeys()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.File+"/"+v.Name, func(t *testing.T) {
			compact, key, err := v.Token(keys)
			if err != nil {
				t.Fatal(err)
			}
			if key == "" {
				t.Error("map key: got none")
			}
			if len(v.Context.Unknown) > 0 {
				t.Errorf("context: unknown members %v", v.Context.Unknown)
			}
			if !v.Expect.Valid || v.Name == "x5u-x5c-ignored" { // the library used here reads x5c, which must be ignored
				return
			}
			set, err := keys.JWKS(v)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verify(t, set, strings.TrimSpace(compact)); err != nil {
				t.Errorf("valid vector does not verify: %v", err)
			}
		})
	}
}

func TestSpoiltSignatures(t *testing.T) {
	keys, err := seceventtest.NewVectorKeys()
	if err != nil {
		t.Fatal(err)
	}
	for _, sign := range []string{"none", "corrupt", "truncate", "wrong_key", "splice"} {
		v := seceventtest.Vector{Name: sign, SignAs: sign, Header: []byte(`{"alg":"RS256","kid":"test-rs256"}`), Claims: []byte(`{"jti":"1"}`)}
		compact, _, err := v.Token(keys)
		if err != nil {
			t.Fatal(err)
		}
		set, _ := keys.JWKS(v)
		if _, err := verify(t, set, compact); err == nil {
			t.Errorf("%s: verifies, want a failure", sign)
		}
	}
	der := seceventtest.Vector{SignAs: "der", Header: []byte(`{"alg":"ES256","kid":"test-es256"}`), Claims: []byte(`{"jti":"1"}`)}
	compact, _, err := der.Token(keys)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(compact[strings.LastIndexByte(compact, '.')+1:])
	if len(raw) == 64 || raw[0] != 0x30 {
		t.Errorf("der: signature starts with %#x and has %d bytes, want ASN.1", raw[0], len(raw))
	}
}

func TestTransforms(t *testing.T) {
	keys, err := seceventtest.NewVectorKeys()
	if err != nil {
		t.Fatal(err)
	}
	for _, transform := range []string{"pad", "std-alphabet", "newline-in-payload", "trailing-bits", "surround-whitespace"} {
		v := seceventtest.Vector{Transform: transform, Header: []byte(`{"alg":"RS256","kid":"test-rs256"}`), Claims: []byte(`{"jti":"1","iss":"?>?>"}`)}
		compact, _, err := v.Token(keys)
		if err != nil {
			t.Errorf("%s: %v", transform, err)
			continue
		}
		v.Transform = ""
		plain, _, _ := v.Token(keys)
		if compact == plain {
			t.Errorf("%s: token is unchanged", transform)
		}
	}
	if _, _, err := (seceventtest.Vector{Transform: "?", Claims: []byte("{}"), Header: []byte("{}")}).Token(keys); err == nil {
		t.Error("unknown transform: got no error")
	}
}
