package ssf

import (
	"encoding/base64"
	"errors"
	"strings"
)

// ErrNotCompact is the error of DecodeUnverified.
var ErrNotCompact = errors.New("not a token in three parts")

// DecodeUnverified returns header and claims of a compact token as they were sent, for display and nothing else: neither
// signature nor form is checked, and nothing in them may be believed.
func DecodeUnverified(raw string) (header, claims []byte, err error) {
	parts := strings.Split(strings.TrimSpace(raw), ".")
	if len(parts) != 3 {
		return nil, nil, ErrNotCompact
	}
	if header, err = base64.RawURLEncoding.DecodeString(parts[0]); err != nil {
		return nil, nil, ErrNotCompact
	}
	if claims, err = base64.RawURLEncoding.DecodeString(parts[1]); err != nil {
		return nil, nil, ErrNotCompact
	}
	return header, claims, nil
}
