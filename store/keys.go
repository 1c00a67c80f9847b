package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// Key is the key of a record or of an index entry. Its parts are joined so that the order of bytes is the order of the
// parts, and so that no two different lists of parts give one key. The zero value is the empty key; methods return a
// longer key and may share memory with the shorter one.
type Key []byte

// Uint adds a number, big-endian.
func (k Key) Uint(n uint64) Key { return binary.BigEndian.AppendUint64(k, n) }

// Text adds a text of any bytes, terminated. A zero byte within is escaped, so that a prefix of the text is a prefix of
// the key.
func (k Key) Text(s string) Key { return append(k.Prefix(s), 0, 1) }

// Prefix adds the beginning of a text: every key whose text starts with s starts with the result.
func (k Key) Prefix(s string) Key {
	for i := range len(s) {
		k = append(k, s[i])
		if s[i] == 0 {
			k = append(k, 0xff)
		}
	}
	return k
}

// Time adds an instant; the zero time comes first.
func (k Key) Time(t time.Time) Key {
	if t.IsZero() {
		return k.Uint(0)
	}
	return k.Uint(uint64(t.UnixNano()) ^ 1<<63)
}

// Raw adds bytes as they are; they must be the last part, or of a fixed length.
func (k Key) Raw(b []byte) Key { return append(k, b...) }

// errKey is the error of keys that were not made here.
var errKey = errors.New("malformed key")

// CutText takes a text from the start of a key.
func CutText(key []byte) (text string, rest []byte, err error) {
	out := make([]byte, 0, len(key))
	for i := 0; i < len(key); i++ {
		if key[i] != 0 {
			out = append(out, key[i])
			continue
		}
		if i+1 == len(key) {
			break
		}
		switch key[i+1] {
		case 1:
			return string(out), key[i+2:], nil
		case 0xff:
			out = append(out, 0)
			i++
		default:
			return "", nil, errKey
		}
	}
	return "", nil, errKey
}

// CutUint takes a number from the start of a key.
func CutUint(key []byte) (n uint64, rest []byte, err error) {
	if len(key) < 8 {
		return 0, nil, errKey
	}
	return binary.BigEndian.Uint64(key), key[8:], nil
}

// KeyTime reads what Key.Time wrote.
func KeyTime(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n^1<<63)).UTC()
}

// Hash condenses texts of any length to a fixed part of a key. Different lists of texts have different hashes.
func Hash(parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write(Key{}.Uint(uint64(len(p))))
		_, _ = h.Write([]byte(p))
	}
	return h.Sum(nil)[:20]
}

// maxText is the longest foreign text that becomes part of an index key as it is.
const maxText = 200

// Bound returns text, or a name made from its hash where text is too long for a key.
func Bound(text string) string {
	if len(text) <= maxText {
		return text
	}
	return "#" + hex.EncodeToString(Hash(text))
}
