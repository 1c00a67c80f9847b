package connector

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/net/http/httpguts"

	"harken/outbound"
)

const (
	callTimeout = 20 * time.Second
	maxAnswer   = 1 << 20
	maxText     = 1 << 10 // bytes of one value that goes into an address or a header
)

// request is one compiled HTTP request.
type request struct {
	method  string
	path    []*template
	query   []field
	headers []field
	json    any // a tree of templates and constants
	form    []field
	answers []*answer
}

// field is a named value.
type field struct {
	name  string
	value *template
}

// build fills the request in. An error means that nothing may be sent.
func (r *request) build(ctx context.Context, base string, vars map[string]any) (outbound.Request, error) {
	out := outbound.Request{Method: r.method, Timeout: callTimeout, MaxBody: maxAnswer, Header: http.Header{}}
	var address strings.Builder
	address.WriteString(base)
	for i, t := range r.path {
		text, err := t.text(ctx, vars)
		if err != nil {
			return out, fmt.Errorf("path[%d]: %w", i, err)
		}
		escaped, err := segment(text)
		if err != nil {
			return out, fmt.Errorf("path[%d]: %w", i, err)
		}
		address.WriteString("/" + escaped)
	}
	query, err := values(ctx, r.query, vars)
	if err != nil {
		return out, fmt.Errorf("query: %w", err)
	}
	if len(query) > 0 {
		address.WriteString("?" + query.Encode())
	}
	out.URL = address.String()
	out.Header.Set("Accept", "application/json")
	for _, h := range r.headers {
		text, err := h.value.text(ctx, vars)
		if err != nil {
			return out, fmt.Errorf("headers.%s: %w", h.name, err)
		}
		if len(text) > maxText || !httpguts.ValidHeaderFieldValue(text) {
			return out, fmt.Errorf("headers.%s: the value has no place in a header", h.name)
		}
		out.Header.Set(h.name, text)
	}
	return out, r.addBody(ctx, &out, vars)
}

func (r *request) addBody(ctx context.Context, out *outbound.Request, vars map[string]any) error {
	switch {
	case r.json != nil:
		v, err := fill(ctx, r.json, vars)
		if err != nil {
			return fmt.Errorf("json: %w", err)
		}
		if out.Body, err = json.Marshal(v, json.Deterministic(true)); err != nil {
			return fmt.Errorf("json: %w", err)
		}
		out.ContentType = "application/json"
	case len(r.form) > 0:
		form, err := values(ctx, r.form, vars)
		if err != nil {
			return fmt.Errorf("form: %w", err)
		}
		out.Body, out.ContentType = []byte(form.Encode()), "application/x-www-form-urlencoded"
	}
	// SCIM, for one, has a media type of its own (RFC 7644 §3.1).
	if own := out.Header.Get("Content-Type"); own != "" && out.Body != nil {
		out.ContentType = own
	}
	return nil
}

func values(ctx context.Context, fields []field, vars map[string]any) (url.Values, error) {
	v := url.Values{}
	for _, f := range fields {
		text, err := f.value.text(ctx, vars)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		if len(text) > maxText {
			return nil, fmt.Errorf("%s: longer than %d bytes", f.name, maxText)
		}
		v.Set(f.name, text)
	}
	return v, nil
}

// fill evaluates a compiled JSON body.
func fill(ctx context.Context, node any, vars map[string]any) (any, error) {
	switch n := node.(type) {
	case *template:
		return n.value(ctx, vars)
	case map[string]any:
		object := make(map[string]any, len(n))
		for name, member := range n {
			v, err := fill(ctx, member, vars)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			object[name] = v
		}
		return object, nil
	case []any:
		list := make([]any, len(n))
		for i, item := range n {
			v, err := fill(ctx, item, vars)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			list[i] = v
		}
		return list, nil
	}
	return node, nil
}

// segment escapes text for one segment of a path. It refuses what could name another place on a server that decodes too
// early: nothing at all, "." and ".." (also between slashes of the value), and control characters.
func segment(text string) (string, error) {
	switch {
	case text == "":
		return "", errors.New("a segment of the path is empty")
	case len(text) > maxText:
		return "", fmt.Errorf("a segment of the path is longer than %d bytes", maxText)
	}
	for _, r := range text {
		if r < 0x20 || r == 0x7f {
			return "", errors.New("a segment of the path holds a control character")
		}
	}
	for _, piece := range strings.FieldsFunc(text, func(r rune) bool { return r == '/' || r == '\\' }) {
		if piece == "." || piece == ".." {
			return "", fmt.Errorf("%q is no segment of a path", piece)
		}
	}
	return url.PathEscape(text), nil
}

// allowedHeader refuses headers that belong to the connection or carry credentials.
func allowedHeader(name string) bool {
	if !httpguts.ValidHeaderFieldName(name) {
		return false
	}
	switch canonical := textproto.CanonicalMIMEHeaderKey(name); canonical {
	case "Authorization", "Cookie", "Host", "Content-Length", "Transfer-Encoding", "Connection", "Te", "Trailer", "Upgrade",
		"Accept-Encoding", "Expect", "Keep-Alive", "User-Agent":
		return false
	default:
		return !strings.HasPrefix(canonical, "Proxy-")
	}
}
