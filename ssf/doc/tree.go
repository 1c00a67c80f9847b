package doc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"harken/ssf"
)

// maxDepth bounds nesting.
const maxDepth = 32

// node is one value of the document with its position.
type node struct {
	line, column int
	// scalar is the value's JSON; empty for maps and lists.
	scalar   jsontext.Value
	isMap    bool
	names    []string // of a map, beside children
	children []*node
}

// parse reads one YAML document. An empty one is nil without problems.
func parse(data []byte) (*node, []ssf.Problem) {
	if len(data) > MaxBytes {
		return nil, []ssf.Problem{{Message: fmt.Sprintf("larger than %d MiB", MaxBytes>>20)}}
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		var bad yaml.Error
		if errors.As(err, &bad) && bad.GetToken() != nil {
			at := bad.GetToken().Position
			return nil, []ssf.Problem{{Line: at.Line, Column: at.Column, Message: "not valid YAML: " + bad.GetMessage()}}
		}
		return nil, []ssf.Problem{{Message: "not valid YAML"}}
	}
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if body != nil {
			return nil, []ssf.Problem{{Line: d.GetToken().Position.Line, Message: "a second document; one file holds one"}}
		}
		body = d.Body
	}
	if body == nil {
		return nil, nil
	}
	b := &builder{}
	root := b.value(body, 0)
	if len(b.problems) > 0 {
		return nil, b.problems
	}
	return root, nil
}

// builder turns the YAML tree into ours and collects what it refuses.
type builder struct{ problems []ssf.Problem }

func (b *builder) refuse(n ast.Node, message string) *node {
	p := ssf.Problem{Message: message}
	if tok := n.GetToken(); tok != nil && tok.Position != nil {
		p.Line, p.Column = tok.Position.Line, tok.Position.Column
	}
	b.problems = append(b.problems, p)
	return &node{line: p.Line, column: p.Column, scalar: jsontext.Value("null")}
}

func (b *builder) value(n ast.Node, depth int) *node {
	if depth > maxDepth {
		return b.refuse(n, fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return b.mapping(n, n.Values, depth)
	case *ast.MappingValueNode:
		return b.mapping(n, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		list := b.at(n)
		for _, item := range n.Values {
			list.children = append(list.children, b.value(item, depth+1))
		}
		return list
	}
	return b.scalar(n)
}

func (b *builder) at(n ast.Node) *node {
	out := &node{}
	if tok := n.GetToken(); tok != nil && tok.Position != nil {
		out.line, out.column = tok.Position.Line, tok.Position.Column
	}
	return out
}

func (b *builder) mapping(n ast.Node, values []*ast.MappingValueNode, depth int) *node {
	out := b.at(n)
	out.isMap = true
	for _, v := range values {
		name, ok := v.Key.(*ast.StringNode)
		if !ok {
			b.refuse(v.Key, "a key must be plain text")
			continue
		}
		if slices.Contains(out.names, name.Value) {
			b.refuse(v.Key, fmt.Sprintf("key %.60q stands here twice", name.Value))
			continue
		}
		child := b.value(v.Value, depth+1)
		child.line, child.column = name.GetToken().Position.Line, name.GetToken().Position.Column
		out.names = append(out.names, name.Value)
		out.children = append(out.children, child)
	}
	return out
}

func (b *builder) scalar(n ast.Node) *node {
	out := b.at(n)
	switch n := n.(type) {
	case *ast.StringNode:
		return b.text(out, n, n.Value)
	case *ast.LiteralNode:
		return b.text(out, n, n.Value.Value)
	case *ast.IntegerNode:
		out.scalar = fmt.Append(nil, n.Value)
	case *ast.FloatNode:
		out.scalar = strconv.AppendFloat(nil, n.Value, 'g', -1, 64)
	case *ast.BoolNode:
		out.scalar = strconv.AppendBool(nil, n.Value)
	case *ast.NullNode:
		out.scalar = jsontext.Value("null")
	default:
		return b.refuse(n, "anchors, aliases, merges, tags and infinities are not used here")
	}
	return out
}

func (b *builder) text(out *node, n ast.Node, text string) *node {
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		return b.refuse(n, "not valid UTF-8")
	}
	out.scalar = quoted
	return out
}

// json writes the tree as one JSON value.
func (n *node) json() []byte { return n.appendJSON(nil) }

func (n *node) appendJSON(out []byte) []byte {
	if n.scalar != nil {
		return append(out, n.scalar...)
	}
	open, end := byte('['), byte(']')
	if n.isMap {
		open, end = '{', '}'
	}
	out = append(out, open)
	for i, c := range n.children {
		if i > 0 {
			out = append(out, ',')
		}
		if n.isMap {
			// Names come from text that is valid UTF-8 or was refused; invalid bytes would be replaced here.
			out, _ = jsontext.AppendQuote(out, n.names[i])
			out = append(out, ':')
		}
		out = c.appendJSON(out)
	}
	return append(out, end)
}

// find follows a JSON pointer as far as it leads.
func (n *node) find(pointer string) *node {
	for _, part := range parts(pointer) {
		i := n.index(part)
		if i < 0 {
			return n
		}
		n = n.children[i]
	}
	return n
}

// remove takes the value at pointer out, so that decoding can go on; a list keeps its numbering by holding null.
func (n *node) remove(pointer string) bool {
	ps := parts(pointer)
	if len(ps) == 0 {
		return false
	}
	for _, part := range ps[:len(ps)-1] {
		i := n.index(part)
		if i < 0 {
			return false
		}
		n = n.children[i]
	}
	i := n.index(ps[len(ps)-1])
	if i < 0 || string(n.children[i].scalar) == "null" {
		return false
	}
	if n.isMap {
		n.names = slices.Delete(n.names, i, i+1)
		n.children = slices.Delete(n.children, i, i+1)
		return true
	}
	n.children[i] = &node{line: n.children[i].line, column: n.children[i].column, scalar: jsontext.Value("null")}
	return true
}

func (n *node) index(part string) int {
	if n.isMap {
		return slices.Index(n.names, part)
	}
	i, err := strconv.Atoi(part)
	if err != nil || i < 0 || i >= len(n.children) {
		return -1
	}
	return i
}

func parts(pointer string) []string {
	if pointer == "" {
		return nil
	}
	ps := strings.Split(pointer[1:], "/")
	for i := range ps {
		ps[i] = unescape(ps[i])
	}
	return ps
}
