package ssf

import (
	"encoding"
	"fmt"
	"log/slog"
)

// Redacted is what every textual form of a Secret shows.
const Redacted = "[redacted]"

// Secret is a value that must never be printed, logged or encoded: each of its text forms is Redacted. The zero value
// is the empty secret. Only Reveal gives the value, and only code that puts it on the wire or hashes it may call it.
//
// The value lies behind a pointer: package fmt cannot call methods on an unexported field of another struct, and would
// print a plain string there.
type Secret struct{ value *string }

var (
	_ fmt.Formatter          = Secret{}
	_ encoding.TextMarshaler = Secret{}
	_ slog.LogValuer         = Secret{}
)

// NewSecret wraps value.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal returns the value itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil || *s.value == "" }

// String returns Redacted.
func (Secret) String() string { return Redacted }

// Format prints Redacted for every verb, %#v included.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// MarshalText returns Redacted, which also serves JSON.
func (Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue returns Redacted.
func (Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }
