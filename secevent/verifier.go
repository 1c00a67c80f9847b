package secevent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"harken/ssf"
)

// Config configures a Verifier for one transmitter. Transmitter, Issuer, Audience, Keys and Now are needed.
type Config struct {
	Transmitter ssf.TransmitterID
	// Issuer is compared byte for byte with "iss" (SSF §4.1.6).
	Issuer string
	// Audience lists the values that name this receiver; one of them must be in "aud" (SSF §4.1.8).
	Audience []string
	// Algorithms replaces the default RS256, PS256, ES256, EdDSA.
	Algorithms []string
	// Strict refuses what tolerant handling accepts with a fault, and what may be our own fault instead of keeping it
	// undecided. Unknown keys stay undecided either way; how long, the caller knows.
	Strict bool
	// Tolerances lifts single checks; see Tolerances.
	Tolerances []string
	// AlternativeURIs are sets of event type URIs that mean the same: a token may hold several of one set (SSF §4.1.9).
	AlternativeURIs [][]string
	Keys            KeySource
	Now             func() time.Time
	// Skew is how far the transmitter's clock may run ahead; zero is ssf.ClockSkew.
	Skew time.Duration
}

// Verifier judges the tokens of one transmitter. It is safe for concurrent use.
type Verifier struct {
	transmitter    ssf.TransmitterID
	issuer         string
	audience       []string
	algorithms     []string
	joseAlgorithms []jose.SignatureAlgorithm
	strict         bool
	tolerances     []string
	alternatives   [][]string
	keys           KeySource
	now            func() time.Time
	skew           time.Duration
}

// NewVerifier returns an error for a configuration that would leave something unchecked.
func NewVerifier(cfg Config) (*Verifier, error) {
	switch {
	case cfg.Transmitter == "":
		return nil, errors.New("verifier: transmitter is needed")
	case cfg.Issuer == "":
		return nil, errors.New("verifier: issuer is needed")
	case len(cfg.Audience) == 0 || slices.Contains(cfg.Audience, ""):
		return nil, errors.New("verifier: audience is needed, without empty values")
	case cfg.Keys == nil:
		return nil, errors.New("verifier: key source is needed")
	case cfg.Now == nil:
		return nil, errors.New("verifier: clock is needed")
	case cfg.Skew < 0:
		return nil, errors.New("verifier: clock skew must not be negative")
	}
	if err := CheckTolerances(cfg.Tolerances); err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	algorithms := cfg.Algorithms
	if len(algorithms) == 0 {
		algorithms = ssf.SigningAlgorithms()[:4]
	}
	v := &Verifier{
		transmitter: cfg.Transmitter, issuer: cfg.Issuer, audience: slices.Clone(cfg.Audience),
		algorithms: slices.Clone(algorithms), strict: cfg.Strict, tolerances: slices.Clone(cfg.Tolerances),
		alternatives: cfg.AlternativeURIs, keys: cfg.Keys, now: cfg.Now, skew: cfg.Skew,
	}
	if v.skew == 0 {
		v.skew = ssf.ClockSkew
	}
	for _, a := range algorithms {
		if !slices.Contains(ssf.SigningAlgorithms(), a) {
			return nil, fmt.Errorf("verifier: algorithm %.40q is never allowed", a)
		}
		v.joseAlgorithms = append(v.joseAlgorithms, jose.SignatureAlgorithm(a))
	}
	return v, nil
}

// Verify judges one token that came under the name key in a poll answer (RFC 8936 §2.3); key is empty where a token comes
// alone. The error is an *ssf.RejectError for a token that is permanently bad, an *ssf.UndecidedError for one that cannot
// be judged yet, or the context's error.
func (v *Verifier) Verify(ctx context.Context, key, raw string) (ssf.VerifiedSET, error) {
	j := &judgement{v: v, now: v.now(), evidence: ssf.Evidence{Checks: make([]string, 0, 16)}}
	c, err := splitCompact(raw)
	if err != nil {
		return ssf.VerifiedSET{}, reject(ssf.RejectInvalidRequest, ssf.LayerToken, err.Error())
	}
	if c.surroundingTrimmed {
		j.warn("trimmed")
	}
	j.passed("compact")
	h, err := j.readHeader(c.header)
	if err != nil {
		return ssf.VerifiedSET{}, err
	}
	k, err := j.checkSignature(ctx, c, h)
	if err != nil {
		return ssf.VerifiedSET{}, err
	}
	claims, err := j.readClaims(c.claims, key, h)
	if err != nil {
		return ssf.VerifiedSET{}, err
	}
	j.evidence.Algorithm, j.evidence.KeyID, j.evidence.Thumbprint = h.alg, k.ID, k.Thumbprint
	set, err := ssf.NewVerifiedSET(ssf.SETFields{
		Transmitter: v.transmitter, Raw: c.text, Claims: claims, Evidence: j.evidence, Faults: j.faults,
	})
	if err != nil {
		return ssf.VerifiedSET{}, reject(ssf.RejectInvalidRequest, ssf.LayerClaims, err.Error())
	}
	return set, nil
}

// judgement is the state of one verification.
type judgement struct {
	v        *Verifier
	now      time.Time
	evidence ssf.Evidence
	faults   []ssf.Fault
}

func (j *judgement) passed(check string) { j.evidence.Checks = append(j.evidence.Checks, check) }

func (j *judgement) allows(tolerance string) bool { return slices.Contains(j.v.tolerances, tolerance) }

func (j *judgement) fire(tolerances ...string) {
	for _, t := range tolerances {
		if !slices.Contains(j.evidence.Tolerances, t) {
			j.evidence.Tolerances = append(j.evidence.Tolerances, t)
		}
	}
}

func (j *judgement) warn(warnings ...string) {
	for _, w := range warnings {
		if !slices.Contains(j.evidence.Warnings, w) {
			j.evidence.Warnings = append(j.evidence.Warnings, w)
		}
	}
}

// fault notes what is wrong with a token that is proven; strict handling refuses the token.
func (j *judgement) fault(layer ssf.Layer, message string) error {
	if j.v.strict {
		return reject(ssf.RejectInvalidRequest, layer, message)
	}
	if len(j.faults) < maxFaults {
		j.faults = append(j.faults, ssf.Fault{Layer: layer, Code: ssf.RejectInvalidRequest, Message: message})
	}
	return nil
}

// maxFaults bounds what is noted of one token.
const maxFaults = 10

// ours is the verdict on what may be our own fault: undecided, or refused at once under strict handling.
func (j *judgement) ours(reason ssf.UndecidedReason, code ssf.RejectCode, layer ssf.Layer, message string) error {
	if j.v.strict {
		return reject(code, layer, message)
	}
	return &ssf.UndecidedError{Reason: reason, Code: code, Err: errors.New(message)}
}

func reject(code ssf.RejectCode, layer ssf.Layer, message string) error {
	return &ssf.RejectError{Code: code, Layer: layer, Err: errors.New(message)}
}
