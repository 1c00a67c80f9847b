package outbound_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"harken/outbound"
)

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func jwk(t *testing.T, k jose.JSONWebKey) []byte {
	t.Helper()
	data, err := k.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func newKey(t *testing.T, kind string) *outbound.SigningKey {
	t.Helper()
	var private any = ecKey(t, elliptic.P256())
	if kind == "RSA" {
		private = rsaKey(t, 2048)
	}
	k, err := outbound.ParseSigningKey(pkcs8(t, private), "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParseSigningKey(t *testing.T) {
	ec, rs := ecKey(t, elliptic.P256()), rsaKey(t, 2048)
	sec1, _ := x509.MarshalECPrivateKey(ec)
	params := append(block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}), block("EC PRIVATE KEY", sec1)...)
	thumb := func(key any) string {
		sum, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(sum)
	}
	for _, c := range []struct {
		name string
		data []byte
		kid  string
		want string // algorithm and key id
	}{
		{"pkcs8 ec", pkcs8(t, ec), "mine", "ES256 mine"},
		{"pkcs8 rsa", pkcs8(t, rs), "mine", "RS256 mine"},
		{"sec1 after parameters", params, "", "ES256 " + thumb(ec.Public())},
		{"pkcs1", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rs)), "", "RS256 " + thumb(rs.Public())},
		{"jwk", jwk(t, jose.JSONWebKey{Key: rs, KeyID: "own", Algorithm: "PS256", Use: "sig"}), "", "PS256 own"},
		{"jwk, id given", jwk(t, jose.JSONWebKey{Key: ec, KeyID: "own"}), "mine", "ES256 mine"},
	} {
		k, err := outbound.ParseSigningKey(c.data, c.kid)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := k.Algorithm() + " " + k.KeyID(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if text := fmt.Sprintf("%v %+v %#v %s", k, k, k, k); strings.Contains(text, "D:") || !strings.Contains(text, k.KeyID()) {
			t.Errorf("%s: got text %q, want the key id alone", c.name, text)
		}
		if public := string(k.PublicJWK()); strings.Contains(public, `"d"`) || !strings.Contains(public, k.KeyID()) {
			t.Errorf("%s: got public key %s", c.name, public)
		}
		signed, err := k.Sign("JWT", map[string]string{"a": "b"})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, claims := verify(t, k, signed); claims["a"] != "b" {
			t.Errorf("%s: got claims %v", c.name, claims)
		}
	}
}

func TestRefusedSigningKeys(t *testing.T) {
	ec := ecKey(t, elliptic.P256())
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	for name, data := range map[string][]byte{
		"nothing":      nil,
		"text":         []byte("hello"),
		"small rsa":    pkcs8(t, rsaKey(t, 1024)),
		"P-384":        pkcs8(t, ecKey(t, elliptic.P384())),
		"ed25519":      pkcs8(t, ed),
		"public jwk":   jwk(t, jose.JSONWebKey{Key: ec.Public()}),
		"symmetric":    jwk(t, jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef")}),
		"for secrecy":  jwk(t, jose.JSONWebKey{Key: ec, Use: "enc"}),
		"odd alg":      jwk(t, jose.JSONWebKey{Key: ec, Algorithm: "RS256"}),
		"encrypted":    block("ENCRYPTED PRIVATE KEY", []byte("x")),
		"broken":       block("PRIVATE KEY", []byte("x")),
		"certificate":  block("CERTIFICATE", []byte("x")),
		"doubled name": []byte(`{"kty":"EC","kty":"RSA"}`),
	} {
		if k, err := outbound.ParseSigningKey(data, ""); err == nil {
			t.Errorf("%s: got %v, want an error", name, k)
		}
	}
	if _, err := newKey(t, "EC").WithAlgorithm("PS256"); err == nil {
		t.Error("got PS256 with an elliptic key, want an error")
	}
	if k, err := newKey(t, "RSA").WithAlgorithm("PS256"); err != nil || k.Algorithm() != "PS256" {
		t.Errorf("got %v, %v, want PS256", k, err)
	}
}
