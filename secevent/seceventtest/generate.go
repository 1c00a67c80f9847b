package seceventtest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// placeholder marks the place of the big value: an encoder would refuse the value itself.
const placeholder = `"\u0000generated\u0000"`

// claims returns the text of Base with the big value put in.
func (g *Generate) claims() ([]byte, error) {
	big, err := g.value()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(g.At, "/") {
		return nil, fmt.Errorf("generate: %q is no JSON pointer to a member", g.At)
	}
	marked, err := setAt(g.Base, strings.Split(g.At[1:], "/"))
	if err != nil {
		return nil, fmt.Errorf("generate at %s: %w", g.At, err)
	}
	return bytes.Replace(marked, []byte(placeholder), big, 1), nil
}

// setAt returns object with the placeholder as the value of the member that the pointer's tokens lead to.
func setAt(object jsontext.Value, tokens []string) (jsontext.Value, error) {
	members := map[string]jsontext.Value{}
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, err
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(tokens[0])
	if len(tokens) == 1 {
		members[name] = jsontext.Value(placeholder)
	} else {
		inner, err := setAt(members[name], tokens[1:])
		if err != nil {
			return nil, err
		}
		members[name] = inner
	}
	return json.Marshal(members, json.Deterministic(true))
}

func (g *Generate) value() ([]byte, error) {
	var b bytes.Buffer
	switch g.Kind {
	case "nest-object":
		b.WriteString(strings.Repeat(`{"a":`, g.Depth))
		b.WriteString("1")
		b.WriteString(strings.Repeat("}", g.Depth))
	case "nest-array":
		b.WriteString(strings.Repeat("[", g.Depth))
		b.WriteString(strings.Repeat("]", g.Depth))
	case "string":
		b.WriteString(`"` + strings.Repeat("a", g.Bytes) + `"`)
	case "digits":
		b.WriteString(strings.Repeat("9", max(g.Bytes, g.Count, 1)))
	case "object-members":
		b.WriteString("{")
		list(&b, g.Count, func(i int) string { return `"m` + strconv.Itoa(i) + `":1` })
		b.WriteString("}")
	case "aliases":
		b.WriteString(`{"format":"aliases","identifiers":[`)
		list(&b, g.Count, func(i int) string { return `{"format":"email","email":"a` + strconv.Itoa(i) + `@example.com"}` })
		b.WriteString("]}")
	default:
		return nil, fmt.Errorf("generate: unknown kind %q", g.Kind)
	}
	return b.Bytes(), nil
}

func list(b *bytes.Buffer, count int, item func(int) string) {
	for i := range count {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(item(i))
	}
}
