package connector

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// template is text with "${…}" in it: literal and expression parts in their order.
type template struct{ parts []part }

// part is either literal text or an expression.
type part struct {
	literal    string
	expression *expression
}

var scalars = []*cel.Type{cel.StringType, cel.IntType, cel.UintType, cel.BoolType}

// parseTemplate reads text with expressions of env. kinds are the result types that a text of one whole expression may
// have; expressions amid text are scalars always.
func parseTemplate(env *cel.Env, text string, kinds ...*cel.Type) (*template, error) {
	t := &template{}
	for rest := text; rest != ""; {
		at := strings.Index(rest, "${")
		if at < 0 {
			t.parts = append(t.parts, part{literal: rest})
			break
		}
		if at > 0 {
			t.parts = append(t.parts, part{literal: rest[:at]})
		}
		length, err := expressionEnd(rest[at+2:])
		if err != nil {
			return nil, err
		}
		source := rest[at+2 : at+2+length]
		rest = rest[at+2+length+1:]
		allowed := scalars
		if len(t.parts) == 0 && rest == "" && len(kinds) > 0 {
			allowed = kinds
		}
		e, err := compile(env, source, allowed...)
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, part{expression: e})
	}
	return t, nil
}

// expressionEnd returns the length of the expression before its closing brace. Braces inside its strings and of its own
// maps do not close it.
func expressionEnd(s string) (int, error) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\'':
			for i++; i < len(s) && s[i] != c; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case '{':
			depth++
		case '}':
			if depth == 0 {
				if strings.TrimSpace(s[:i]) == "" {
					return 0, errors.New(`"${}" holds no expression`)
				}
				return i, nil
			}
			depth--
		}
	}
	return 0, errors.New(`"${" without its "}"`)
}

// literal reports whether the template has no expression.
func (t *template) literal() bool {
	return len(t.parts) == 0 || len(t.parts) == 1 && t.parts[0].expression == nil
}

// text evaluates to plain text, not escaped for any place.
func (t *template) text(ctx context.Context, vars map[string]any) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.expression == nil {
			b.WriteString(p.literal)
			continue
		}
		s, err := p.expression.evalText(ctx, vars)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// value evaluates to a JSON value: a text of one whole expression keeps that expression's type.
func (t *template) value(ctx context.Context, vars map[string]any) (any, error) {
	if len(t.parts) == 1 && t.parts[0].expression != nil {
		v, err := t.parts[0].expression.eval(ctx, vars)
		if err != nil {
			return nil, err
		}
		return plain(v, 0)
	}
	return t.text(ctx, vars)
}

// plain turns a CEL value into one that JSON encodes.
func plain(v ref.Val, depth int) (any, error) {
	if depth > 8 {
		return nil, errors.New("nested too deeply")
	}
	switch v.Type() {
	case types.StringType, types.IntType, types.UintType, types.BoolType, types.DoubleType:
		return v.Value(), nil
	case types.NullType:
		return nil, nil
	case types.ListType:
		list := []any{}
		for it := v.(traits.Lister).Iterator(); it.HasNext() == types.True; {
			item, err := plain(it.Next(), depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return list, nil
	case types.MapType:
		m := v.(traits.Mapper)
		object := map[string]any{}
		for it := m.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			name, ok := key.Value().(string)
			if !ok {
				return nil, errors.New("a name in an object is not text")
			}
			member, err := plain(m.Get(key), depth+1)
			if err != nil {
				return nil, err
			}
			object[name] = member
		}
		return object, nil
	}
	return nil, fmt.Errorf("%s has no form in JSON", v.Type().TypeName())
}
