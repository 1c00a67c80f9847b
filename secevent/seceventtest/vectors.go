package seceventtest

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Vector is one test case: what to sign and how, what the receiver knows, and the verdict to expect. Exactly one of
// Claims, RawClaims, RawClaimsB64, RawCompact and Generate is set.
type Vector struct {
	// File is the name of the file without its folder and extension; LoadVectors fills it in.
	File string `json:"-"`

	Name   string `json:"name"`
	Source string `json:"source"`

	// Header is the JOSE header, used as written. RawHeader replaces it by exact text.
	Header    jsontext.Value `json:"header"`
	RawHeader *string        `json:"raw_header"`

	// Claims is the payload; RawClaims its exact text; RawClaimsB64 its exact bytes in base64; RawCompact the whole
	// token; Generate a recipe for something too big to write down.
	Claims       jsontext.Value `json:"claims"`
	RawClaims    *string        `json:"raw_claims"`
	RawClaimsB64 *string        `json:"raw_claims_b64"`
	RawCompact   *string        `json:"raw_compact"`
	Generate     *Generate      `json:"generate"`

	// SignAs is "valid" (also when empty), "none", "corrupt", "truncate", "wrong_key", "splice", "der",
	// "hmac_public_key" or "hmac_secret".
	SignAs string `json:"sign"`
	// Transform is empty or one of "pad", "std-alphabet", "newline-in-payload", "trailing-bits", "surround-whitespace";
	// it is applied to the finished token.
	Transform string `json:"transform"`
	// MapKey is the name under which a poll answer delivers the token; nil stands for the token's jti.
	MapKey *string `json:"map_key"`

	Context Context `json:"context"`
	Expect  Expect  `json:"expect"`
}

// Generate describes claims that are Base with something big set at the JSON pointer At (RFC 6901).
type Generate struct {
	Base jsontext.Value `json:"base"`
	At   string         `json:"at"`
	// Kind is "nest-object" or "nest-array" (Depth levels), "string" or "digits" (Bytes long; Count for digits too),
	// "object-members" or "aliases" (Count of them).
	Kind  string `json:"kind"`
	Depth int    `json:"depth"`
	Bytes int    `json:"bytes"`
	Count int    `json:"count"`
}

// Context is what the receiver knows. A zero field stands for its default: issuer and audience those of the claims, a
// clock after 2026-01-01, an empty memory, the skew of the program.
type Context struct {
	Iss                    string         `json:"iss"`
	Aud                    []string       `json:"aud"`
	OtherIssuers           []string       `json:"other_issuers"`
	StreamID               string         `json:"stream_id"`
	PendingStates          []string       `json:"pending_states"`
	KnownJTI               []string       `json:"known_jti"`
	KnownJTIDigest         string         `json:"known_jti_digest"`
	KnownJTIOtherIssuer    []string       `json:"known_jti_other_issuer"`
	CriticalSubjectMembers []string       `json:"critical_subject_members"`
	EventsDelivered        []string       `json:"events_delivered"`
	Now                    jsontext.Value `json:"now"`
	MaxSkewSeconds         int            `json:"max_skew_s"`
	AlgAllow               []string       `json:"alg_allow"`
	AlternativeURIs        [][]string     `json:"alternative_uris"`
	DenyIssuerOnStream     bool           `json:"deny_issuer_on_stream"`
	JWKS                   string         `json:"jwks"`
	Unknown                map[string]any `json:",unknown"`
}

// Expect is the verdict. Valid is the one of strict mode without tolerances; Tolerate names those that together make
// an invalid token acceptable.
type Expect struct {
	Valid       bool           `json:"valid"`
	Error       string         `json:"error"`
	Layer       string         `json:"layer"`
	Tolerate    []string       `json:"tolerate"`
	Warnings    []string       `json:"warnings"`
	EventType   string         `json:"event_type"`
	Format      string         `json:"format"`
	Canonical   jsontext.Value `json:"canonical"`
	Match       []Match        `json:"match"`
	SubjectFrom string         `json:"subject_from"`
	Action      string         `json:"action"`
	Notes       string         `json:"notes"`
}

// Match is one expectation on subject matching (SSF §8.1.3.1): whether the vector's subject matches With.
type Match struct {
	With   jsontext.Value `json:"with"`
	Result bool           `json:"result"`
}

// LoadVectors reads every *.json file of fsys in name order. An unknown member outside of a context is an error, so that
// a new kind of vector is never half understood; those of a context are kept in Context.Unknown.
func LoadVectors(fsys fs.FS) ([]Vector, error) {
	names, err := fs.Glob(fsys, "*.json")
	if err != nil {
		return nil, fmt.Errorf("load vectors: %w", err)
	}
	var all []Vector
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("load vectors: %w", err)
		}
		var vectors []Vector
		if err := json.Unmarshal(data, &vectors, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("load vectors: %s: %w", name, err)
		}
		file := strings.TrimSuffix(path.Base(name), ".json")
		for i := range vectors {
			vectors[i].File = file
		}
		all = append(all, vectors...)
	}
	return all, nil
}
