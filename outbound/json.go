package outbound

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxJSONDepth is how deeply objects and arrays of a document from outside may be nested.
const MaxJSONDepth = 32

// ErrJSON is in the chain of every error of CheckJSON and DecodeJSON.
var ErrJSON = errors.New("not acceptable JSON")

// CheckJSON reports whether data is one JSON value as we accept it from outside: no duplicate names, at most MaxJSONDepth
// levels, valid UTF-8 (RFC 8259 §8.1), nothing but white space after the end. It is safe on any input.
func CheckJSON(data []byte) error {
	if err := checkDepth(data); err != nil {
		return err
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	if _, err := dec.ReadValue(); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("%w: %w", ErrJSON, err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something after the end", ErrJSON)
	}
	return nil
}

// DecodeJSON decodes a document from outside into v, a non-nil pointer, with the strictness of CheckJSON: member names
// match in exact case, unknown members are ignored. opts may add to that, for example json.RejectUnknownMembers(true).
// When it fails, v is in an undefined state.
func DecodeJSON(data []byte, v any, opts ...json.Options) error {
	if err := checkDepth(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v, opts...); err != nil {
		return fmt.Errorf("%w: %w", ErrJSON, err)
	}
	return nil
}

// checkDepth counts brackets outside strings. On broken JSON its answer means nothing, but then the decoder refuses.
func checkDepth(data []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > MaxJSONDepth {
				return fmt.Errorf("%w: nested deeper than %d", ErrJSON, MaxJSONDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
