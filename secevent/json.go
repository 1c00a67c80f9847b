package secevent

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Limits of documents from outside.
const (
	maxDepth   = 32
	maxMembers = 1000
)

var errJSON = errors.New("not one valid JSON object")

// member is one member of a JSON object, in the order sent.
type member struct {
	name  string
	value jsontext.Value
}

type object []member

func (o object) get(name string) (jsontext.Value, bool) {
	for i := range o {
		if o[i].name == name {
			return o[i].value, true
		}
	}
	return nil, false
}

// readObject reads data as exactly one JSON object: valid UTF-8 without lone surrogates, no duplicate name at any depth,
// nothing after the end, bounded depth and number of members, every number finite. Errors hold no values.
func readObject(data []byte) (object, error) {
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	return splitObject(data)
}

func checkJSON(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	if dec.PeekKind() != '{' {
		return errJSON
	}
	for {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) && dec.StackDepth() == 0 {
			return nil
		}
		if err != nil {
			return errJSON
		}
		if dec.StackDepth() > maxDepth {
			return errors.New("JSON nested too deeply")
		}
		switch token.Kind() {
		case '0':
			if f, err := strconv.ParseFloat(token.String(), 64); err != nil || math.IsInf(f, 0) {
				return errors.New("JSON number out of range")
			}
		case '}':
			if dec.StackDepth() == 0 && len(bytes.Trim(data[dec.InputOffset():], " \t\r\n")) > 0 {
				return errJSON
			}
		default:
			// Within an object both names and values count.
			if kind, n := dec.StackIndex(dec.StackDepth()); kind == '{' && n > 2*maxMembers {
				return errors.New("JSON object has too many members")
			}
		}
	}
}

// splitObject returns the members of a JSON object that was checked before. Values alias data.
func splitObject(data []byte) (object, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, errJSON
	}
	var o object
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return nil, errJSON
		}
		name := token.String()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, errJSON
		}
		o = append(o, member{name, value})
	}
	return o, nil
}

// text returns the value if it is a JSON string.
func text(v jsontext.Value) (string, bool) {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return "", false
	}
	return s, true
}
