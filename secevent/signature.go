package secevent

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.SHA256.New
	_ "crypto/sha512" // crypto.SHA384.New, crypto.SHA512.New
	"errors"
	"fmt"
	"math/big"

	jose "github.com/go-jose/go-jose/v4"

	"harken/ssf"
)

// maxTries is how many keys are tried for a token that names none.
const maxTries = 5

// checkSignature finds the key and verifies the signature. It returns the key that did.
func (j *judgement) checkSignature(ctx context.Context, c compact, h header) (Key, error) {
	candidates, err := j.candidates(ctx, h)
	if err != nil {
		return Key{}, err
	}
	j.passed("key")
	if k, ok := j.v.verifiedBy(candidates, c, h); ok {
		j.passed("signature")
		return k, nil
	}
	// The keys may have changed since they were fetched; that must not make a good token a bad one.
	newer := j.v.keys.Renew(ctx, candidates[0])
	if err := ctx.Err(); err != nil {
		return Key{}, err
	}
	if newer {
		if candidates, err = j.candidates(ctx, h); err != nil {
			return Key{}, err
		}
		if k, ok := j.v.verifiedBy(candidates, c, h); ok {
			j.passed("signature")
			return k, nil
		}
	}
	if h.kid == nil && !newer && len(c.signature) > 0 {
		return Key{}, &ssf.UndecidedError{
			Reason: ssf.UndecidedUnknownKey, Code: ssf.RejectAuthFailed,
			Err: errors.New("signature does not verify, and the token does not say by which key it was made"),
		}
	}
	return Key{}, reject(ssf.RejectAuthFailed, ssf.LayerSignature, "signature does not verify")
}

// candidates returns the keys to try: never none.
func (j *judgement) candidates(ctx context.Context, h header) ([]Key, error) {
	kid := ""
	if h.kid != nil {
		kid = *h.kid
	}
	found, err := j.v.keys.Keys(ctx, kid, h.alg)
	switch {
	case err == nil && len(found) == 0:
		err = ErrUnknownKey
	case err == nil && len(found) > 1 && !(j.allows(tolMissingKid) && len(found) <= maxTries):
		return nil, reject(ssf.RejectInvalidKey, ssf.LayerHeader, "token names no key and several would fit")
	case err == nil:
		if len(found) > 1 {
			j.fire(tolMissingKid)
		}
		return found, nil
	}
	switch {
	case errors.Is(err, ErrUnfitKey):
		return nil, reject(ssf.RejectInvalidKey, ssf.LayerHeader, "key does not fit the algorithm")
	case errors.Is(err, ErrUnknownKey):
		return nil, &ssf.UndecidedError{Reason: ssf.UndecidedUnknownKey, Code: ssf.RejectInvalidKey, Err: err}
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, ssf.ErrKeysUnavailable):
		return nil, &ssf.UndecidedError{Reason: ssf.UndecidedNoKeys, Code: ssf.RejectInvalidKey, Err: err}
	}
	return nil, fmt.Errorf("find key: %w", err)
}

func (v *Verifier) verifiedBy(candidates []Key, c compact, h header) (Key, bool) {
	for _, k := range candidates {
		// The header's alg is on the list and fits the key before any signature is looked at.
		if !k.fits(h.alg) {
			continue
		}
		if h.interpreted && verifyPlain(k, h.alg, c) || !h.interpreted && v.verifyJOSE(k, c) {
			return k, true
		}
	}
	return Key{}, false
}

// verifyJOSE verifies by the JOSE library.
func (v *Verifier) verifyJOSE(k Key, c compact) bool {
	jws, err := jose.ParseSignedCompact(c.text, v.joseAlgorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return false
	}
	claims, err := jws.Verify(k.public)
	return err == nil && bytes.Equal(claims, c.claims)
}

// verifyPlain verifies by the standard library. It serves tokens whose header has a jwk or x5c: those are hints that are
// never used, and a token that is valid without stays valid, but the JOSE library reads them and refuses what it cannot
// read. Tests hold the two ways against each other.
func verifyPlain(k Key, alg string, c compact) bool {
	hash, ok := map[string]crypto.Hash{
		"RS256": crypto.SHA256, "PS256": crypto.SHA256, "ES256": crypto.SHA256,
		"RS384": crypto.SHA384, "PS384": crypto.SHA384, "ES384": crypto.SHA384,
		"RS512": crypto.SHA512, "PS512": crypto.SHA512, "EdDSA": 0,
	}[alg]
	if !ok || !k.fits(alg) {
		return false
	}
	digest := []byte(c.signedText)
	if hash != 0 {
		h := hash.New()
		h.Write(digest)
		digest = h.Sum(nil)
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		if alg[0] == 'P' {
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
			return rsa.VerifyPSS(public, hash, digest, c.signature, opts) == nil
		}
		return rsa.VerifyPKCS1v15(public, hash, digest, c.signature) == nil
	case *ecdsa.PublicKey: // R || S (RFC 7518 §3.4)
		size := (public.Params().BitSize + 7) / 8
		if len(c.signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(c.signature[:size]), new(big.Int).SetBytes(c.signature[size:])
		return ecdsa.Verify(public, digest, r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(public, digest, c.signature)
	}
	return false
}
