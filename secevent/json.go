package secevent

import (
	"bytes"
	"errors"
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
// nothing after the end, bounded depth and number of members, every number finite. Errors hold no values. The values
// alias data.
func readObject(data []byte) (object, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	if dec.PeekKind() != '{' {
		return nil, errJSON
	}
	o := make(object, 0, 12)
	began := int64(0) // where the value of the last member begins, its colon included
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return nil, errJSON
		}
		depth := dec.StackDepth()
		kind, n := dec.StackIndex(depth)
		switch {
		case depth == 0:
			if len(bytes.Trim(data[dec.InputOffset():], " \t\r\n")) > 0 {
				return nil, errJSON
			}
			return o, nil
		case depth > maxDepth:
			return nil, errors.New("JSON nested too deeply")
		case kind == '{' && n > 2*maxMembers: // names and values both count
			return nil, errors.New("JSON object has too many members")
		case token.Kind() == '0':
			if f, err := strconv.ParseFloat(token.String(), 64); err != nil || math.IsInf(f, 0) {
				return nil, errors.New("JSON number out of range")
			}
		}
		if depth != 1 || n == 0 {
			continue
		}
		if n%2 == 1 {
			o, began = append(o, member{name: token.String()}), dec.InputOffset()
			continue
		}
		o[len(o)-1].value = jsontext.Value(bytes.TrimLeft(data[began:dec.InputOffset()], ": \t\r\n"))
	}
}

// splitObject returns the members of a JSON object that lies within one that readObject has read; so duplicate names are
// not looked for again. Values alias data.
func splitObject(data []byte) (object, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
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
