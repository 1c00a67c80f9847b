package outbound

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
)

// minRSABits is the smallest RSA key that may sign.
const minRSABits = 2048

// SigningKey signs client assertions. It is immutable; its text forms show the key id alone.
type SigningKey struct {
	private   crypto.Signer
	kid       string
	algorithm jose.SignatureAlgorithm
}

// ParseSigningKey reads a private key: PEM (PKCS #8, SEC 1 or PKCS #1) or a private JWK (RFC 7517). RSA keys of at least
// 2048 bits sign RS256, or PS256 where the JWK or WithAlgorithm says so; P-256 keys sign ES256. Other keys are refused.
// An empty kid becomes that of the JWK, or the SHA-256 thumbprint (RFC 7638). Errors never hold key material.
func ParseSigningKey(data []byte, kid string) (*SigningKey, error) {
	var private any
	algorithm := ""
	if block := keyBlock(data); block != nil {
		var err error
		if private, err = parseBlock(block); err != nil {
			return nil, fmt.Errorf("signing key: %w", err)
		}
	} else {
		jwk, err := parseJWK(data)
		if err != nil {
			return nil, fmt.Errorf("signing key: %w", err)
		}
		private, algorithm = jwk.Key, jwk.Algorithm
		if kid == "" {
			kid = jwk.KeyID
		}
	}
	return newSigningKey(private, kid, algorithm)
}

func newSigningKey(private any, kid, algorithm string) (*SigningKey, error) {
	k := &SigningKey{kid: kid}
	switch p := private.(type) {
	case *rsa.PrivateKey:
		if p.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("signing key: rsa key of %d bits, need %d", p.N.BitLen(), minRSABits)
		}
		k.private, k.algorithm = p, jose.RS256
	case *ecdsa.PrivateKey:
		if p.Curve != elliptic.P256() {
			return nil, errors.New("signing key: elliptic curve is not P-256")
		}
		k.private, k.algorithm = p, jose.ES256
	default:
		return nil, errors.New("signing key: neither an rsa nor a P-256 private key")
	}
	if algorithm != "" {
		var err error
		if k, err = k.WithAlgorithm(algorithm); err != nil {
			return nil, err
		}
	}
	if k.kid == "" {
		sum, err := k.public().Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, fmt.Errorf("signing key: %w", err)
		}
		k.kid = base64.RawURLEncoding.EncodeToString(sum)
	}
	return k, nil
}

// WithAlgorithm returns the same key with another algorithm: RS256 or PS256 for RSA, ES256 for P-256.
func (k *SigningKey) WithAlgorithm(algorithm string) (*SigningKey, error) {
	_, isRSA := k.private.(*rsa.PrivateKey)
	a := jose.SignatureAlgorithm(algorithm)
	if (isRSA && (a == jose.RS256 || a == jose.PS256)) || (!isRSA && a == jose.ES256) {
		return &SigningKey{private: k.private, kid: k.kid, algorithm: a}, nil
	}
	return nil, fmt.Errorf("signing key: algorithm %s does not fit the key", excerpt(algorithm, 20))
}

func keyBlock(data []byte) *pem.Block {
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil
		}
		switch block.Type {
		case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			return block
		}
		data = rest
	}
}

func parseBlock(block *pem.Block) (any, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("the pem key is encrypted; decrypt it first")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, errors.New("the pem block holds no key of its kind")
	}
	return key, nil
}

func parseJWK(data []byte) (*jose.JSONWebKey, error) {
	if err := CheckJSON(data); err != nil {
		return nil, errors.New("neither a pem private key nor a jwk")
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(data); err != nil || !jwk.Valid() {
		return nil, errors.New("the jwk is not a key")
	}
	if jwk.IsPublic() {
		return nil, errors.New("the jwk is a public key; the private one is needed")
	}
	if jwk.Use != "" && jwk.Use != "sig" {
		return nil, errors.New("the jwk is not for signatures")
	}
	return &jwk, nil
}

func (k *SigningKey) public() *jose.JSONWebKey {
	return &jose.JSONWebKey{Key: k.private.Public(), KeyID: k.kid, Algorithm: string(k.algorithm), Use: "sig"}
}

// PublicJWK returns the public half as a JWK (RFC 7517 §4), to be registered with the authorization server.
func (k *SigningKey) PublicJWK() []byte {
	data, err := k.public().MarshalJSON()
	if err != nil {
		return nil // cannot be: the key's type was checked when it was made
	}
	return data
}

// Algorithm returns the JWS algorithm, for example "RS256".
func (k *SigningKey) Algorithm() string { return string(k.algorithm) }

// KeyID returns the key id, never empty.
func (k *SigningKey) KeyID() string { return k.kid }

// Format implements fmt.Formatter, so that no verb prints the key.
func (k *SigningKey) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "signing key %q", k.kid) }

// Sign returns claims, encoded as JSON, as a compact JWS with this key's id and the given header "typ" (empty: none).
func (k *SigningKey) Sign(typ string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	opts := new(jose.SignerOptions).WithHeader(jose.HeaderKey("kid"), k.kid)
	if typ != "" {
		opts = opts.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm, Key: k.private}, opts)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return jws.CompactSerialize()
}
