package secevent

import (
	"errors"
	"slices"
	"strings"

	"harken/ssf"
)

const maxKeyID = 1024

// header is what is used of a JOSE header (RFC 7515 §4).
type header struct {
	alg string
	// kid is nil when the header names no key.
	kid *string
	// missingTyp is set when typ was absent or plain "JWT" and a tolerance let it pass: then the claims must make up for it.
	missingTyp bool
	// interpreted is set when the header has members that the JOSE library would read although SETs are judged without.
	interpreted bool
}

// readHeader checks everything about the header but the key.
func (j *judgement) readHeader(data []byte) (header, error) {
	members, err := readObject(data)
	if err != nil {
		return header{}, reject(ssf.RejectInvalidRequest, ssf.LayerToken, "header: "+err.Error())
	}
	h, err := parseHeader(members)
	if err != nil {
		return header{}, reject(ssf.RejectInvalidRequest, ssf.LayerHeader, err.Error())
	}
	j.passed("header")
	if err := j.checkAlgorithm(h.alg); err != nil {
		return header{}, err
	}
	j.passed("alg")
	for _, hint := range []string{"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256"} {
		if _, ok := members.get(hint); ok {
			// Never used and never fetched; the token must be valid without.
			j.warn("key_hint_ignored")
			h.interpreted = true
		}
	}
	if _, ok := members.get("nonce"); ok {
		h.interpreted = true
	}
	if err := j.checkType(members, &h); err != nil {
		return header{}, err
	}
	if !h.missingTyp {
		j.passed("typ")
	}
	return h, nil
}

func parseHeader(members object) (header, error) {
	var h header
	v, sent := members.get("alg")
	alg, ok := text(v)
	if !sent || !ok {
		return header{}, errors.New("alg must be a string")
	}
	h.alg = alg
	for _, name := range []string{"crit", "b64"} {
		if _, sent := members.get(name); sent {
			return header{}, errors.New(name + " is not allowed in the header")
		}
	}
	if v, sent := members.get("cty"); sent {
		cty, ok := text(v)
		cty = strings.ToLower(cty)
		if !ok || cty == "jwt" || cty == "application/jwt" {
			return header{}, errors.New("cty must not announce a nested token")
		}
	}
	if v, sent := members.get("kid"); sent {
		kid, ok := text(v)
		if !ok || kid == "" || len(kid) > maxKeyID {
			return header{}, errors.New("kid must be a string, not empty and not too long")
		}
		h.kid = &kid
	}
	return h, nil
}

// checkAlgorithm lets through what the transmitter's list names. Another signature algorithm with a public key may be
// missing from our list by our own fault; everything else, "none" and HMAC first, is never taken.
func (j *judgement) checkAlgorithm(alg string) error {
	switch {
	case slices.Contains(j.v.algorithms, alg):
		return nil
	case asymmetric(alg):
		return j.ours(ssf.UndecidedAlgorithm, ssf.RejectInvalidKey, ssf.LayerHeader, "signature algorithm is not on the list of this transmitter")
	}
	return reject(ssf.RejectInvalidKey, ssf.LayerHeader, "signature algorithm is not acceptable")
}

// asymmetric reports whether alg is a registered signature algorithm with a public key (RFC 7518 §3.1, RFC 8037, RFC 8812,
// RFC 9864), whether or not it can be listed.
func asymmetric(alg string) bool {
	return slices.Contains(ssf.SigningAlgorithms(), alg) || slices.Contains([]string{"ES512", "ES256K", "Ed25519", "Ed448"}, alg)
}

// checkType wants the explicit type of SETs (SSF §4.1.1, RFC 8417 §2.3), which keeps other tokens of the same issuer out.
func (j *judgement) checkType(members object, h *header) error {
	v, sent := members.get("typ")
	typ, ok := text(v)
	typ = strings.ToLower(typ)
	switch {
	case sent && ok && (typ == "secevent+jwt" || typ == "application/secevent+jwt"):
		return nil
	case (!sent || ok && typ == "jwt") && j.allows(tolMissingTyp):
		h.missingTyp = true
		return nil
	}
	return reject(ssf.RejectInvalidRequest, ssf.LayerHeader, "typ must be secevent+jwt")
}
