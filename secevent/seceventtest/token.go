package seceventtest

import (
	"crypto"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// VectorKeys are the keys that the vectors speak of. They are minted once and shared by all vectors of a run.
type VectorKeys struct {
	byID map[string]*Key
	// wrong stands behind "wrong_key" and unknown key ids: never published.
	wrong map[string]*Key
	// spare is the second RSA key of the set "several-rsa-keys".
	spare *Key
}

// NewVectorKeys mints them all, which takes up to a few seconds.
func NewVectorKeys() (*VectorKeys, error) {
	keys := &VectorKeys{byID: map[string]*Key{}, wrong: map[string]*Key{}}
	for _, alg := range []string{RS256, PS256, ES256, ES384, EdDSA} {
		id := "test-" + strings.ToLower(alg)
		if alg == EdDSA {
			id = "test-ed25519"
		}
		var err error
		if keys.byID[id], err = NewKey(alg, id); err != nil {
			return nil, err
		}
		if alg == PS256 {
			continue // the wrong RSA key signs either way
		}
		if keys.wrong[alg], err = NewKey(alg, id); err != nil {
			return nil, err
		}
	}
	encryption, err := NewRSAKey(RS256, "test-rsa-enc", rsaBits)
	if err != nil {
		return nil, err
	}
	encryption.Use = "enc"
	small, err := NewRSAKey(RS256, "test-rsa-1024", 1024)
	if err != nil {
		return nil, err
	}
	keys.byID[encryption.ID], keys.byID[small.ID] = encryption, small
	if keys.spare, err = NewKey(RS256, "test-rs256-b"); err != nil {
		return nil, err
	}
	return keys, nil
}

// Key returns the key with that id, nil if there is none.
func (k *VectorKeys) Key(id string) *Key { return k.byID[id] }

// JWKS returns the key set that the vector's transmitter publishes.
func (k *VectorKeys) JWKS(v Vector) ([]byte, error) {
	ids := []string{"test-rs256", "test-ps256", "test-es256", "test-es384", "test-ed25519", "test-rsa-enc", "test-rsa-1024"}
	var published []*Key
	for _, id := range ids {
		published = append(published, k.byID[id])
	}
	switch v.Context.JWKS {
	case "":
	case "several-rsa-keys":
		published = append(published, k.spare)
	default:
		return nil, fmt.Errorf("vector %s: unknown key set %q", v.Name, v.Context.JWKS)
	}
	return JWKS(published...)
}

// Token builds the vector's token and the name under which a poll answer delivers it (RFC 8936 §2.3): its map_key, else
// the jti of its claims, else, where no jti can be read, the vector's name.
func (v Vector) Token(keys *VectorKeys) (compact, mapKey string, err error) {
	if v.RawCompact != nil {
		return *v.RawCompact, v.key(nil), nil
	}
	claims, err := v.claims()
	if err != nil {
		return "", "", fmt.Errorf("vector %s: %w", v.Name, err)
	}
	header := []byte(v.Header)
	if v.RawHeader != nil {
		header = []byte(*v.RawHeader)
	}
	token, err := v.sign(keys, header, claims)
	if err != nil {
		return "", "", fmt.Errorf("vector %s: %w", v.Name, err)
	}
	token, err = transform(v.Transform, token)
	if err != nil {
		return "", "", fmt.Errorf("vector %s: %w", v.Name, err)
	}
	return token, v.key(claims), nil
}

func (v Vector) claims() ([]byte, error) {
	switch {
	case v.RawClaims != nil:
		return []byte(*v.RawClaims), nil
	case v.RawClaimsB64 != nil:
		return base64.StdEncoding.DecodeString(*v.RawClaimsB64)
	case v.Generate != nil:
		return v.Generate.claims()
	case v.Claims != nil:
		return v.Claims, nil
	}
	return nil, errors.New("no claims")
}

// jtiText finds the jti in claims that no decoder accepts.
var jtiText = regexp.MustCompile(`"jti"\s*:\s*"([^"\\]+)"`)

func (v Vector) key(claims []byte) string {
	if v.MapKey != nil {
		return *v.MapKey
	}
	var c struct {
		JTI jsontext.Value `json:"jti"`
	}
	if json.Unmarshal(claims, &c) == nil {
		var jti string
		if c.JTI.Kind() == '"' && json.Unmarshal(c.JTI, &jti) == nil && jti != "" {
			return jti
		}
		return v.Name
	}
	if m := jtiText.FindSubmatch(claims); m != nil {
		return string(m[1])
	}
	return v.Name
}

// signer chooses the key that the header names, else the one for its algorithm, else the RSA key.
func (k *VectorKeys) signer(header []byte) (key *Key, alg string) {
	var h struct {
		Alg any `json:"alg"`
		KID any `json:"kid"`
	}
	// A header that no decoder accepts is signed with the RSA key.
	_ = json.Unmarshal(header, &h, jsontext.AllowDuplicateNames(true))
	alg, _ = h.Alg.(string)
	if id, ok := h.KID.(string); ok && k.byID[id] != nil {
		return k.byID[id], alg
	}
	for _, id := range []string{"test-ps256", "test-es256", "test-es384", "test-ed25519"} {
		if k.byID[id].Alg == alg {
			return k.byID[id], alg
		}
	}
	return k.byID["test-rs256"], alg
}

// hmacSecret is the secret of "hmac_secret": what an operator might have given both sides.
const hmacSecret = "a client secret of at least thirty-two bytes"

func (v Vector) sign(keys *VectorKeys, header, claims []byte) (string, error) {
	key, alg := keys.signer(header)
	input := encode(header) + "." + encode(claims)
	var signature []byte
	var err error
	switch v.SignAs {
	case "", "valid", "corrupt", "truncate":
		signature, err = key.sign(key.algFor(header), []byte(input))
	case "none":
	case "wrong_key":
		wrong := keys.wrong[key.Alg]
		if wrong == nil {
			wrong = keys.wrong[RS256]
		}
		signature, err = wrong.sign(wrong.algFor(header), []byte(input))
	case "splice":
		other := encode(header) + "." + encode([]byte(`{"jti":"another token"}`))
		signature, err = key.sign(key.algFor(header), []byte(other))
	case "der":
		signature, err = key.signDER(key.Alg, []byte(input))
	case "hmac_public_key":
		var secret []byte
		if secret, err = key.publicPEM(); err == nil {
			signature = mac(alg, secret, input)
		}
	case "hmac_secret":
		signature = mac(alg, []byte(hmacSecret), input)
	default:
		err = fmt.Errorf("unknown sign %q", v.SignAs)
	}
	if err != nil {
		return "", err
	}
	switch v.SignAs {
	case "corrupt":
		signature[len(signature)/2] ^= 0x01
	case "truncate":
		signature = signature[:len(signature)/2]
	}
	return input + "." + encode(signature), nil
}

func mac(alg string, secret []byte, input string) []byte {
	hash := crypto.SHA256
	switch alg {
	case "HS384":
		hash = crypto.SHA384
	case "HS512":
		hash = crypto.SHA512
	}
	h := hmac.New(hash.New, secret)
	h.Write([]byte(input))
	return h.Sum(nil)
}
