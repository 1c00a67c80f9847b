package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A stored record is an envelope of six bytes and a body: its form, the version of the record's type, and a checksum
// (CRC-32C, big-endian) over bucket, key, form, version and body. CRC-32C notices every change of up to three bits in
// records of any length that occurs here; and because the key is part of it, a record found under another key is
// noticed too.
const (
	formJSON  = 1
	formBytes = 2

	headerLen = 6
	// recordVersion is the version of all record types so far.
	recordVersion = 1
)

// ErrDamaged is the error of every record whose bytes are not the ones that were written. Damaged records are not
// used: runs are not executed, events appear in lists as damaged.
var ErrDamaged = errors.New("record damaged")

// DamagedError names a damaged record. It is ErrDamaged.
type DamagedError struct {
	Bucket string
	Key    []byte
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("record %s/%x is damaged: %s", e.Bucket, e.Key, e.Reason)
}

// Unwrap returns ErrDamaged.
func (e *DamagedError) Unwrap() error { return ErrDamaged }

// options let invalid UTF-8 in foreign text pass as U+FFFD: a record that cannot be written would block a whole stream.
func options() json.Options {
	return json.JoinOptions(jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
}

// Encode makes the record of v under key in bucket.
func Encode(bucket string, key []byte, v any) ([]byte, error) {
	body, err := json.Marshal(v, options())
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", bucket, err)
	}
	return seal(formJSON, bucket, key, body), nil
}

// Decode reads a record of Encode into v. A record that was changed, or that lies under another key, is a
// *DamagedError.
func Decode(bucket string, key, value []byte, v any) error {
	body, err := unseal(formJSON, bucket, key, value)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v, options()); err != nil {
		return &DamagedError{Bucket: bucket, Key: append([]byte(nil), key...), Reason: err.Error()}
	}
	return nil
}

// EncodeBytes makes the record of plain bytes.
func EncodeBytes(bucket string, key, body []byte) []byte { return seal(formBytes, bucket, key, body) }

// DecodeBytes reads a record of EncodeBytes; the result shares memory with value.
func DecodeBytes(bucket string, key, value []byte) ([]byte, error) {
	return unseal(formBytes, bucket, key, value)
}

func seal(form byte, bucket string, key, body []byte) []byte {
	out := make([]byte, headerLen, headerLen+len(body))
	out[0], out[1] = form, recordVersion
	out = append(out, body...)
	binary.BigEndian.PutUint32(out[2:], checksum(bucket, key, out))
	return out
}

func unseal(form byte, bucket string, key, value []byte) ([]byte, error) {
	damaged := func(format string, args ...any) error {
		return &DamagedError{Bucket: bucket, Key: append([]byte(nil), key...), Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case len(value) < headerLen:
		return nil, damaged("%d bytes are too few", len(value))
	case binary.BigEndian.Uint32(value[2:]) != checksum(bucket, key, value):
		return nil, damaged("its checksum does not fit")
	case value[0] != form:
		return nil, damaged("its form is %d, want %d", value[0], form)
	case value[1] != recordVersion:
		return nil, damaged("its version is %d, want %d", value[1], recordVersion)
	}
	return value[headerLen:], nil
}

// checksum leaves out the four bytes that hold it.
func checksum(bucket string, key, value []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum([]byte(bucket), table)
	sum = crc32.Update(sum, table, []byte{0, byte(len(key) >> 8), byte(len(key))})
	sum = crc32.Update(sum, table, key)
	sum = crc32.Update(sum, table, value[:2])
	return crc32.Update(sum, table, value[headerLen:])
}
