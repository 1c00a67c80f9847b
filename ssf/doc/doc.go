// Package doc reads documents that people write. The configuration file, presets and forms all take the same way: YAML
// becomes a tree with positions, the tree becomes strict JSON, and the JSON fills a Go value. Every problem is reported
// at once, each with its path, line and column. YAML's anchors, aliases, merges, tags and non-string keys are refused:
// they hide what a reader must see.
package doc

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"harken/ssf"
)

// MaxBytes is the largest document that is read.
const MaxBytes = 4 << 20

// maxProblems bounds one report; a document with more is not worth reading on.
const maxProblems = 50

// Decode fills v from the YAML or JSON document data. Unknown members, duplicates and wrong types are problems; v is
// filled as far as the document is right. No problems means that all of it was taken over.
func Decode(data []byte, v any) []ssf.Problem {
	root, ps := parse(data)
	if len(ps) > 0 || root == nil {
		return ps
	}
	for len(ps) < maxProblems {
		err := json.Unmarshal(root.json(), v, json.RejectUnknownMembers(true))
		if err == nil {
			break
		}
		var sem *json.SemanticError
		if !errors.As(err, &sem) {
			return append(ps, ssf.Problem{Message: err.Error()})
		}
		at := string(sem.JSONPointer)
		n := root.find(at)
		ps = append(ps, ssf.Problem{Path: path(at), Line: n.line, Column: n.column, Message: explain(sem, at)})
		if !root.remove(at) {
			break
		}
		reflect.ValueOf(v).Elem().SetZero()
	}
	return ps
}

// Locate adds the line and column of each problem's path, as far as the document holds it: for problems that were found
// after decoding.
func Locate(data []byte, ps []ssf.Problem) []ssf.Problem {
	root, bad := parse(data)
	if len(bad) > 0 || root == nil {
		return ps
	}
	out := make([]ssf.Problem, len(ps))
	for i, p := range ps {
		if p.Line == 0 {
			n := root.find(pointer(p.Path))
			p.Line, p.Column = n.line, n.column
		}
		out[i] = p
	}
	return out
}

// explain words an error of the JSON package for the person who wrote the document.
func explain(e *json.SemanticError, at string) string {
	if errors.Is(e.Err, json.ErrUnknownName) {
		name := at[strings.LastIndexByte(at, '/')+1:]
		if near := nearest(unescape(name), members(e.GoType)); near != "" {
			return fmt.Sprintf("unknown key; did you mean %s?", near)
		}
		return "unknown key"
	}
	if t := e.GoType; t != nil && e.JSONKind != '"' && reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return fmt.Sprintf("a %s cannot stand here, want text", kindWord(e.JSONKind)) // the library's words are about JSON
	}
	if e.Err != nil {
		return e.Err.Error()
	}
	return fmt.Sprintf("a %s cannot stand here, want %s", kindWord(e.JSONKind), typeWord(e.GoType))
}

func kindWord(k jsontext.Kind) string {
	switch k {
	case '"':
		return "text"
	case '0':
		return "number"
	case 't', 'f':
		return "true or false"
	case '{':
		return "map"
	case '[':
		return "list"
	}
	return "value"
}

func typeWord(t reflect.Type) string {
	if t == nil {
		return "something else"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a map"
	case reflect.Float64, reflect.Float32:
		return "a number"
	}
	return "a whole number"
}

// path turns a JSON pointer into the form that people read: /transmitters/2/poll is transmitters[2].poll.
func path(pointer string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		part = unescape(part)
		if _, err := strconv.ParseUint(part, 10, 31); err == nil {
			fmt.Fprintf(&b, "[%s]", part)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	return b.String()
}

// pointer is the inverse of path for members without dots and brackets.
func pointer(path string) string {
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	if path = strings.Trim(path, "."); path == "" {
		return ""
	}
	return "/" + strings.ReplaceAll(path, ".", "/")
}

func unescape(part string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
}

// members lists the JSON names of a struct's fields.
func members(t reflect.Type) (names []string) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// nearest returns the name at most two edits from word, or "".
func nearest(word string, names []string) string {
	best, at := "", 3
	for _, name := range names {
		if d := distance(word, name); d < at {
			best, at = name, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diag+cost)
		}
	}
	return row[len(b)]
}
