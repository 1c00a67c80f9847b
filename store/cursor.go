package store

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"harken/ssf"
)

// cursorVersion is the version of all cursors so far.
const cursorVersion = 1

// Cursor makes an opaque cursor of one kind of list.
func Cursor(kind string, pos []byte) string {
	b := append([]byte{cursorVersion}, kind...)
	b = append(append(b, 0), pos...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor returns the position in a cursor of the given kind; anything else is ssf.ErrNotFound.
func ParseCursor(kind, cursor string) ([]byte, error) {
	bad := fmt.Errorf("cursor of list %s: %w", kind, ssf.ErrNotFound)
	if len(cursor) > 4096 {
		return nil, bad
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < 1 || b[0] != cursorVersion {
		return nil, bad
	}
	head := append([]byte(kind), 0)
	pos, ok := bytes.CutPrefix(b[1:], head)
	if !ok {
		return nil, bad
	}
	return pos, nil
}

// SeqCursor makes the cursor of a list that is ordered by a number, newest first.
func SeqCursor(kind string, before uint64) string { return Cursor(kind, Key{}.Uint(before)) }

// ParseSeqCursor returns the number below which the next page begins; for the empty cursor, the greatest.
func ParseSeqCursor(kind, cursor string) (uint64, error) {
	if cursor == "" {
		return ^uint64(0), nil
	}
	pos, err := ParseCursor(kind, cursor)
	if err != nil {
		return 0, err
	}
	n, rest, err := CutUint(pos)
	if err != nil || len(rest) != 0 || n == 0 {
		return 0, fmt.Errorf("cursor of list %s: %w", kind, ssf.ErrNotFound)
	}
	return n, nil
}
