package seceventtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.SHA256.New
	_ "crypto/sha512" // crypto.SHA384.New, crypto.SHA512.New
	"encoding/asn1"
	"fmt"
	"math/big"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TypeSET is the JOSE "typ" of a SET (RFC 8417 §2.3).
const TypeSET = "secevent+jwt"

// Sign returns the compact JWS of claims, byte for byte as given (RFC 7515 §3.1). A nil header stands for the key's
// alg, kid and the type of a SET; []byte, string and jsontext.Value are used as the exact header text; anything else is
// encoded as JSON. Where header names an algorithm that the key can do, that one signs; otherwise the key's own, so
// that a header may lie.
func Sign(k *Key, header any, claims []byte) (string, error) {
	text, err := k.headerText(header)
	if err != nil {
		return "", err
	}
	input := encode(text) + "." + encode(claims)
	signature, err := k.sign(k.algFor(text), []byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + encode(signature), nil
}

// SignClaims encodes claims as JSON with sorted names and signs them as an ordinary SET.
func SignClaims(k *Key, claims any) (string, error) {
	text, err := json.Marshal(claims, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("sign SET: encode claims: %w", err)
	}
	return Sign(k, nil, text)
}

func (k *Key) headerText(header any) ([]byte, error) {
	switch h := header.(type) {
	case nil:
		own := map[string]any{"alg": k.Alg, "typ": TypeSET}
		if k.ID != "" {
			own["kid"] = k.ID
		}
		header = own
	case []byte:
		return h, nil
	case string:
		return []byte(h), nil
	case jsontext.Value:
		return h, nil
	}
	text, err := json.Marshal(header, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("sign SET: encode header: %w", err)
	}
	return text, nil
}

// algFor returns the header's algorithm if the key's type can do it, else the key's own.
func (k *Key) algFor(header []byte) string {
	var h struct {
		Alg any `json:"alg"`
	}
	if json.Unmarshal(header, &h) != nil {
		return k.Alg
	}
	alg, _ := h.Alg.(string)
	switch k.signer.(type) {
	case *rsa.PrivateKey:
		if hash, _ := rsaHash(alg); hash != 0 {
			return alg
		}
	case *ecdsa.PrivateKey, ed25519.PrivateKey:
	}
	return k.Alg
}

func rsaHash(alg string) (hash crypto.Hash, pss bool) {
	switch alg {
	case "RS256":
		return crypto.SHA256, false
	case "RS384":
		return crypto.SHA384, false
	case "RS512":
		return crypto.SHA512, false
	case "PS256":
		return crypto.SHA256, true
	case "PS384":
		return crypto.SHA384, true
	case "PS512":
		return crypto.SHA512, true
	}
	return 0, false
}

// sign returns the raw JWS signature of input (RFC 7518 §3, RFC 8037 §3.1).
func (k *Key) sign(alg string, input []byte) ([]byte, error) {
	switch private := k.signer.(type) {
	case *rsa.PrivateKey:
		hash, pss := rsaHash(alg)
		if hash == 0 {
			break
		}
		var opts crypto.SignerOpts = hash
		if pss {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		return private.Sign(rand.Reader, digest(hash, input), opts)
	case *ecdsa.PrivateKey:
		der, err := k.signDER(alg, input)
		if err != nil {
			return nil, err
		}
		return rawECDSA(der, (private.Params().BitSize+7)/8)
	case ed25519.PrivateKey:
		if alg == EdDSA {
			return ed25519.Sign(private, input), nil
		}
	}
	return nil, fmt.Errorf("sign with key %s as %q: %w", k.ID, alg, ErrAlgorithm)
}

// signDER signs with an elliptic curve key and leaves the signature in the ASN.1 form that JWS does not allow.
func (k *Key) signDER(alg string, input []byte) ([]byte, error) {
	private, ok := k.signer.(*ecdsa.PrivateKey)
	var hash crypto.Hash
	switch {
	case ok && alg == ES256 && private.Params().BitSize == 256:
		hash = crypto.SHA256
	case ok && alg == ES384 && private.Params().BitSize == 384:
		hash = crypto.SHA384
	default:
		return nil, fmt.Errorf("sign with key %s as %q: %w", k.ID, alg, ErrAlgorithm)
	}
	return private.Sign(rand.Reader, digest(hash, input), hash)
}

// rawECDSA turns an ASN.1 signature into R || S with size bytes each (RFC 7518 §3.4).
func rawECDSA(der []byte, size int) ([]byte, error) {
	var parts struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &parts); err != nil {
		return nil, fmt.Errorf("read ECDSA signature: %w", err)
	}
	raw := make([]byte, 2*size)
	parts.R.FillBytes(raw[:size])
	parts.S.FillBytes(raw[size:])
	return raw, nil
}

func digest(hash crypto.Hash, input []byte) []byte {
	h := hash.New()
	h.Write(input)
	return h.Sum(nil)
}
