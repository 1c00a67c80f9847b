package poller

import (
	"context"
	"time"

	"harken/ssf"
)

// Verifier proves tokens of one transmitter. It must be safe for concurrent use.
type Verifier interface {
	// Verify returns the proven token, or an error that holds an *ssf.RejectError or an *ssf.UndecidedError. key is the
	// name under which a poll answer held the token (RFC 8936 §2.3).
	Verify(ctx context.Context, key, raw string) (ssf.VerifiedSET, error)
}

// Keys is the key set behind a Verifier. It must be safe for concurrent use.
type Keys interface {
	// Refresh fetches the key set anew, unless that happened a moment ago.
	Refresh(ctx context.Context) error
	// Status describes the set without its keys.
	Status() KeyStatus
}

// KeyStatus describes a transmitter's key set. The zero value is a set never fetched.
type KeyStatus struct {
	// Count is the number of usable keys.
	Count int
	// FetchedAt is when the set in use was fetched.
	FetchedAt time.Time
	// RefreshAt is when it should be fetched again; zero means at once.
	RefreshAt time.Time
	// Generation grows with every change of the set; undecided tokens are judged again then.
	Generation uint64
	// Error says why the last fetch failed; empty when it did not.
	Error string
}

// VerifierConfig is all that proving tokens of one transmitter takes.
type VerifierConfig struct {
	Transmitter ssf.TransmitterID
	// Issuer and Audience are never empty.
	Issuer     string
	Audience   []string
	Algorithms []string // empty means the default ones
	Tolerances []string
	// Strict reports what may be our own fault at once instead of keeping it undecided.
	Strict bool
	// KeysURL is "jwks_uri" of the metadata (SSF §7.1).
	KeysURL string
	// Fetch reads KeysURL, and nothing else, through the transmitter's guarded client. maxAge is what Cache-Control
	// allows; zero if it says nothing.
	Fetch func(ctx context.Context, url string) (body []byte, maxAge time.Duration, err error)
}

// NewVerifier makes the Verifier of a transmitter and its Keys. It connects to nothing.
type NewVerifier func(cfg VerifierConfig) (Verifier, Keys, error)
