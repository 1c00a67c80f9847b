package seceventtest

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
	"errors"
	"fmt"
	"math/big"

	"github.com/go-json-experiment/json"
)

// The signature algorithms that keys can be minted for (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	RS256 = "RS256"
	PS256 = "PS256"
	ES256 = "ES256"
	ES384 = "ES384"
	EdDSA = "EdDSA"
)

// ErrAlgorithm is returned for an algorithm that this package cannot mint keys for or sign with.
var ErrAlgorithm = errors.New("algorithm not supported")

// rsaBits is the size of ordinary RSA keys.
const rsaBits = 2048

// Key is a private signature key with the members under which its public half is published. Its exported fields may
// be changed before the key is used; after that the key is safe for concurrent use.
type Key struct {
	// ID is the "kid" (RFC 7517 §4.5). Empty leaves the member out.
	ID string
	// Alg is the algorithm to sign with, and the published "alg" (RFC 7517 §4.4).
	Alg string
	// Use is the published "use" (RFC 7517 §4.2). Empty leaves the member out.
	Use string
	// OmitAlg leaves "alg" out of the published key.
	OmitAlg bool

	signer crypto.Signer
}

// NewKey mints a key for alg: RSA with 2048 bits, P-256, P-384 or Ed25519. Its use is "sig". An unknown algorithm gives
// ErrAlgorithm.
func NewKey(alg, kid string) (*Key, error) {
	switch alg {
	case RS256, PS256:
		return NewRSAKey(alg, kid, rsaBits)
	case ES256:
		return newECKey(alg, kid, elliptic.P256())
	case ES384:
		return newECKey(alg, kid, elliptic.P384())
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("mint key %s: %w", kid, err)
		}
		return &Key{ID: kid, Alg: alg, Use: "sig", signer: private}, nil
	}
	return nil, fmt.Errorf("mint key %s: %q: %w", kid, alg, ErrAlgorithm)
}

// NewRSAKey mints an RSA key of the given size, for those that must be too small or too large.
func NewRSAKey(alg, kid string, bits int) (*Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("mint key %s: %w", kid, err)
	}
	return &Key{ID: kid, Alg: alg, Use: "sig", signer: private}, nil
}

func newECKey(alg, kid string, curve elliptic.Curve) (*Key, error) {
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("mint key %s: %w", kid, err)
	}
	return &Key{ID: kid, Alg: alg, Use: "sig", signer: private}, nil
}

// MustKey is NewKey for callers with a constant algorithm. It panics on an error.
func MustKey(alg, kid string) *Key {
	k, err := NewKey(alg, kid)
	if err != nil {
		panic(err)
	}
	return k
}

// ParseKey reads a private key in PKCS #8 PEM form, as PEM writes it. The use becomes "sig".
func ParseKey(alg, kid string, data []byte) (*Key, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("parse key %s: no PEM block", kid)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse key %s: %w", kid, err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("parse key %s: %T cannot sign: %w", kid, parsed, ErrAlgorithm)
	}
	k := &Key{ID: kid, Alg: alg, Use: "sig", signer: signer}
	if _, err := k.sign(alg, []byte("probe")); err != nil {
		return nil, fmt.Errorf("parse key %s: %w", kid, err)
	}
	return k, nil
}

// PEM returns the private key in PKCS #8 PEM form.
func (k *Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return nil, fmt.Errorf("encode key %s: %w", k.ID, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Public returns the public half: *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.signer.Public() }

// Signer returns the private half.
func (k *Key) Signer() crypto.Signer { return k.signer }

// publicPEM returns the public half in PKIX PEM form, the text that HMAC confusion attacks use as their secret.
func (k *Key) publicPEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		return nil, fmt.Errorf("encode key %s: %w", k.ID, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// jwk is one published key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
type jwk struct {
	Type  string `json:"kty"`
	ID    string `json:"kid,omitempty"`
	Alg   string `json:"alg,omitempty"`
	Use   string `json:"use,omitempty"`
	Curve string `json:"crv,omitempty"`
	X     string `json:"x,omitempty"`
	Y     string `json:"y,omitempty"`
	N     string `json:"n,omitempty"`
	E     string `json:"e,omitempty"`
}

// JWK returns the public key as a JSON Web Key.
func (k *Key) JWK() ([]byte, error) {
	j, err := k.jwk()
	if err != nil {
		return nil, err
	}
	return json.Marshal(j)
}

func (k *Key) jwk() (jwk, error) {
	j := jwk{ID: k.ID, Alg: k.Alg, Use: k.Use}
	if k.OmitAlg {
		j.Alg = ""
	}
	switch public := k.Public().(type) {
	case *rsa.PublicKey:
		j.Type = "RSA"
		j.N = encode(public.N.Bytes())
		j.E = encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 0x04, X, Y
		if err != nil {
			return jwk{}, fmt.Errorf("publish key %s: %w", k.ID, err)
		}
		half := (len(point) - 1) / 2
		j.Type, j.Curve = "EC", public.Params().Name
		j.X, j.Y = encode(point[1:1+half]), encode(point[1+half:])
	case ed25519.PublicKey:
		j.Type, j.Curve, j.X = "OKP", "Ed25519", encode(public)
	default:
		return jwk{}, fmt.Errorf("publish key %s: %T: %w", k.ID, public, ErrAlgorithm)
	}
	return j, nil
}

// JWKS returns the public halves of keys as a JSON Web Key Set document (RFC 7517 §5).
func JWKS(keys ...*Key) ([]byte, error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: make([]jwk, 0, len(keys))}
	for _, k := range keys {
		j, err := k.jwk()
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, j)
	}
	return json.Marshal(set)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
