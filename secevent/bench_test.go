package secevent_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

// BenchmarkVerify puts the whole judgement of a token beside the bare signature check, which no verifier can beat.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range []string{"ES256", "RS256"} {
		k := keyOf()[alg]
		token := sign(b, k, nil, claims(nil))
		at := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[at+1:])
		if err != nil {
			b.Fatal(err)
		}
		b.Run(alg+"/crypto", func(b *testing.B) {
			for b.Loop() {
				digest := sha256.Sum256([]byte(token[:at]))
				ok := false
				switch public := k.Public().(type) {
				case *ecdsa.PublicKey:
					ok = ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
				case *rsa.PublicKey:
					ok = rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
				}
				if !ok {
					b.Fatal("signature does not verify")
				}
			}
		})
		v := verifier(b, static(b, k), nil)
		b.Run(alg+"/verifier", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), "j-1", token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
