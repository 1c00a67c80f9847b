package secevent

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a key set.
const (
	maxKeySet  = 256 << 10
	maxKeys    = 50
	minRSABits = 2048
	maxRSABits = 8192
)

// Key is one public key that may verify tokens. The zero value verifies nothing.
type Key struct {
	// ID is the key id (RFC 7517 §4.5); empty for a key without.
	ID string
	// Thumbprint is the RFC 7638 thumbprint, base64url of SHA-256.
	Thumbprint string

	public crypto.PublicKey
	// alg is the algorithm that the key is for; empty leaves it open (RFC 7517 §4.4).
	alg string
	// set is the generation of the key set that the key came with.
	set uint64
}

// fits reports whether the key may verify signatures of the algorithm: its type and curve must suit, and its own alg, if
// it names one, must be the same.
func (k Key) fits(alg string) bool {
	if k.alg != "" && k.alg != alg {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		switch alg {
		case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
			return true
		}
	case *ecdsa.PublicKey:
		return alg == "ES256" && public.Curve == elliptic.P256() || alg == "ES384" && public.Curve == elliptic.P384()
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// KeyAlarm says why a key of a key set is not used.
type KeyAlarm struct {
	// KeyID is the key's id, or "#2" for the second key where it has none.
	KeyID  string
	Reason string
	// Minor is set for what is merely not ours to use, such as an encryption key; the others need somebody to look.
	Minor bool
}

func (a KeyAlarm) String() string { return fmt.Sprintf("key %.64q: %s", a.KeyID, a.Reason) }

// parseKeySet reads a JSON Web Key Set (RFC 7517 §5). A key that cannot be used is left out, with the reason; it never
// takes down the rest.
func parseKeySet(data []byte) ([]Key, []KeyAlarm, error) {
	if len(data) > maxKeySet {
		return nil, nil, fmt.Errorf("key set is larger than %d KiB", maxKeySet>>10)
	}
	members, err := readObject(data)
	if err != nil {
		return nil, nil, fmt.Errorf("key set: %w", err)
	}
	list, ok := members.get("keys")
	if !ok || list.Kind() != '[' {
		return nil, nil, errors.New(`key set has no list "keys"`)
	}
	var raws []jsontext.Value
	if err := json.Unmarshal(list, &raws); err != nil {
		return nil, nil, errors.New(`key set: "keys" cannot be read`)
	}
	if len(raws) > maxKeys {
		return nil, nil, fmt.Errorf("key set holds more than %d keys", maxKeys)
	}
	keys, alarms := sortKeys(raws)
	return keys, alarms, nil
}

// sortKeys separates the keys that can be used from those that cannot. Keys that share an id are all left out: which one
// is meant cannot be known.
func sortKeys(raws []jsontext.Value) ([]Key, []KeyAlarm) {
	var parsed []parsedKey
	ids := map[string]int{}
	for n, raw := range raws {
		p := parseJWK(raw)
		if p.key.ID != "" {
			ids[p.key.ID]++
		} else {
			p.name = fmt.Sprintf("#%d", n+1)
		}
		parsed = append(parsed, p)
	}
	var keys []Key
	var alarms []KeyAlarm
	for _, p := range parsed {
		switch {
		case p.key.ID != "" && ids[p.key.ID] > 1:
			alarms = append(alarms, KeyAlarm{KeyID: p.name, Reason: "several keys have this id"})
		case p.reason != "":
			alarms = append(alarms, KeyAlarm{KeyID: p.name, Reason: p.reason, Minor: p.minor})
		default:
			keys = append(keys, p.key)
		}
	}
	return keys, alarms
}

type parsedKey struct {
	key    Key
	name   string
	reason string // why the key cannot be used; empty if it can
	minor  bool
}

// jwkText are the members of a key that must be strings where they are present.
type jwkText struct {
	kty, kid, use, alg, crv, n, e, x, y string
}

func parseJWK(raw jsontext.Value) parsedKey {
	if raw.Kind() != '{' {
		return parsedKey{reason: "is no JSON object"}
	}
	members, err := splitObject(raw)
	if err != nil {
		return parsedKey{reason: "cannot be read"}
	}
	var t jwkText
	bad := ""
	for name, into := range map[string]*string{
		"kid": &t.kid, "kty": &t.kty, "use": &t.use, "alg": &t.alg, "crv": &t.crv, "n": &t.n, "e": &t.e, "x": &t.x, "y": &t.y,
	} {
		if v, sent := members.get(name); sent {
			s, ok := text(v)
			if !ok {
				bad = name + " must be a string"
			}
			*into = s
		}
	}
	p := parsedKey{key: Key{ID: t.kid, alg: t.alg}, name: t.kid, reason: bad}
	if len(t.kid) > maxKeyID {
		p.reason = "kid is too long"
	}
	if p.reason == "" {
		p.reason, p.minor = unusable(members, t)
	}
	if p.reason == "" {
		if p.key.public, p.key.Thumbprint, err = publicKey(t); err != nil {
			p.reason = err.Error()
		}
	}
	return p
}

// unusable says why a key is not for verifying signatures, whatever its numbers are.
func unusable(members object, t jwkText) (reason string, minor bool) {
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if _, sent := members.get(private); sent {
			return "holds a private or symmetric key: its owner must replace it", false
		}
	}
	switch {
	case t.kty == "oct":
		return "is symmetric", false
	case t.use != "" && t.use != "sig":
		return "is not for signatures", true
	case t.alg != "" && !asymmetric(t.alg):
		return "is for another algorithm", true
	}
	if v, sent := members.get("key_ops"); sent {
		var ops []string
		if v.Kind() != '[' || json.Unmarshal(v, &ops) != nil {
			return "key_ops must be a list of strings", false
		}
		for _, op := range ops {
			if op == "verify" {
				return "", false
			}
		}
		return "is not for verifying", true
	}
	return "", false
}

// publicKey builds the key and its thumbprint (RFC 7638 §3.2, RFC 8037 §2).
func publicKey(t jwkText) (crypto.PublicKey, string, error) {
	switch t.kty {
	case "RSA":
		return rsaKey(t)
	case "EC":
		return ecKey(t)
	case "OKP":
		x, err := decodePart(t.x)
		if t.crv != "Ed25519" || err != nil || len(x) != ed25519.PublicKeySize {
			return nil, "", errors.New("is not a valid Ed25519 key")
		}
		return ed25519.PublicKey(x), thumbprint(`{"crv":"Ed25519","kty":"OKP","x":"` + t.x + `"}`), nil
	}
	return nil, "", errors.New("is of a kind that is not supported")
}

func rsaKey(t jwkText) (crypto.PublicKey, string, error) {
	nBytes, err1 := decodePart(t.n)
	eBytes, err2 := decodePart(t.e)
	if err1 != nil || err2 != nil || len(nBytes) > 2*maxRSABits/8 {
		return nil, "", errors.New("is not a valid RSA key")
	}
	n, e := new(big.Int).SetBytes(nBytes), new(big.Int).SetBytes(eBytes)
	switch {
	case n.BitLen() < minRSABits || n.BitLen() > maxRSABits:
		return nil, "", fmt.Errorf("has %d bits, not %d to %d", n.BitLen(), minRSABits, maxRSABits)
	case n.Bit(0) == 0:
		return nil, "", errors.New("is not a valid RSA key")
	case e.BitLen() > 31 || e.Int64() < 65537 || e.Bit(0) == 0: // crypto/rsa takes no more than 31 bits
		return nil, "", errors.New("has an exponent that is not acceptable")
	}
	members := `{"e":"` + base64.RawURLEncoding.EncodeToString(e.Bytes()) + `","kty":"RSA","n":"` + base64.RawURLEncoding.EncodeToString(n.Bytes()) + `"}`
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, thumbprint(members), nil
}

func ecKey(t jwkText) (crypto.PublicKey, string, error) {
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()}
	curve, ok := curves[t.crv]
	if !ok {
		return nil, "", errors.New("has a curve that is not supported")
	}
	size := (curve.Params().BitSize + 7) / 8
	x, err1 := decodePart(t.x)
	y, err2 := decodePart(t.y)
	if err1 != nil || err2 != nil || len(x) != size || len(y) != size {
		return nil, "", errors.New("is not a valid EC key")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, "", errors.New("is not a point of its curve")
	}
	return public, thumbprint(`{"crv":"` + t.crv + `","kty":"EC","x":"` + t.x + `","y":"` + t.y + `"}`), nil
}

func thumbprint(members string) string {
	sum := sha256.Sum256([]byte(members))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
