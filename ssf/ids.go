package ssf

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// TransmitterID names one configured sender with one stream. It is a slug, immutable and never reused.
type TransmitterID string

// SourceID names a system that lists people. It is a slug, immutable and never reused.
type SourceID string

// ConnectorID names a system on which Harken acts. It is a slug, immutable and never reused.
type ConnectorID string

// PolicyID names a policy. It is a slug, immutable and never reused.
type PolicyID string

// IdentityID names one person or machine. It is minted once; a merge leaves the old one as an alias.
type IdentityID string

// RunID names a run. It is the hex SHA-256 of the run's effect key.
type RunID string

// IntentID stands in for the event in the effect key of an action that has none. The server mints it with the form.
type IntentID string

// UserID names a dashboard user.
type UserID string

// SessionHandle names a dashboard session without being its secret.
type SessionHandle string

// TokenID names an API token without being its secret.
type TokenID string

// Seq is the log number of a stored event: gapless, given in the ingest commit, commit order is log order. Zero means
// "before the first event".
type Seq uint64

// String returns the decimal form that addresses use.
func (s Seq) String() string { return strconv.FormatUint(uint64(s), 10) }

// ParseSeq reads the form that String writes. Anything else is ErrNotFound: it names no event.
func ParseSeq(text string) (Seq, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != text {
		return 0, fmt.Errorf("event %.40q: %w", text, ErrNotFound)
	}
	return Seq(n), nil
}

// AccountRef names an account: a source and the native id that the source gives it. The id is compared byte for byte.
type AccountRef struct {
	Source SourceID `json:"source"`
	ID     string   `json:"id"`
}

// String returns "source/id", for people only.
func (r AccountRef) String() string { return string(r.Source) + "/" + r.ID }

// IsZero reports whether r names nothing.
func (r AccountRef) IsZero() bool { return r == AccountRef{} }

var slug = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

// ErrSlug is the error of CheckSlug.
var ErrSlug = errors.New(`must be 1 to 63 of a-z, 0-9 and "-", starting and ending with a letter or digit`)

// CheckSlug returns ErrSlug unless id can name a configured object.
func CheckSlug(id string) error {
	if !slug.MatchString(id) {
		return ErrSlug
	}
	return nil
}
