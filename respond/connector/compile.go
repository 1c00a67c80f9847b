package connector

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"harken/outbound"
	"harken/ssf"
)

// Bounds of a document.
const (
	maxRequests = 8
	maxSegments = 16
	maxAnswers  = 16
)

// Program is a compiled connector document. It is immutable and safe for concurrent use.
type Program struct {
	id         ssf.ConnectorID
	base       string // without a trailing slash
	origin     string
	document   ssf.ConnectorDocument
	operations map[ssf.OperationName]*operation
}

type operation struct {
	requests []*request
	// forEach repeats the requests for each session of list_sessions.
	forEach    bool
	idempotent bool
}

// Merge returns the preset's document with the members of own laid over it, operation by operation.
func Merge(preset, own ssf.ConnectorDocument) ssf.ConnectorDocument {
	merged := preset
	merged.Operations = maps.Clone(preset.Operations)
	if merged.Operations == nil {
		merged.Operations = map[ssf.OperationName]ssf.Operation{}
	}
	maps.Copy(merged.Operations, own.Operations)
	if own.Title != "" {
		merged.Title = own.Title
	}
	if own.Residual != 0 {
		merged.Residual = own.Residual
	}
	merged.IdentityProvider = preset.IdentityProvider || own.IdentityProvider
	return merged
}

// Compile checks the document of spec, laid over preset, and makes it executable. Problems have paths as in spec; those
// of an operation that came from the preset have them too. The program is nil if there is any problem.
func Compile(spec ssf.ConnectorSpec, preset ssf.ConnectorDocument) (*Program, []ssf.Problem) {
	c := &compiler{}
	env, err := newEnvironments()
	if err != nil {
		return nil, []ssf.Problem{{Path: "document", Message: err.Error()}}
	}
	c.env = env
	p := &Program{
		id: spec.ID, base: strings.TrimRight(spec.URL, "/"), document: Merge(preset, spec.Document),
		operations: map[ssf.OperationName]*operation{},
	}
	if p.origin, err = outbound.Origin(spec.URL); err != nil {
		c.add("url", "%v", err)
	} else if strings.ContainsAny(spec.URL, "?#") {
		c.add("url", "must have neither a query nor a fragment")
	}
	if len(p.document.Operations) == 0 {
		c.add("document.operations", "no operation: the system could do nothing")
	}
	for _, name := range slices.Sorted(maps.Keys(p.document.Operations)) {
		p.operations[name] = c.operation("document.operations."+string(name), name, p.document)
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	p.emulate()
	return p, nil
}

// emulate gives a system that ends single sessions and lists them the ability to end all.
func (p *Program) emulate() {
	_, all := p.operations[ssf.OpTerminateSessions]
	one, single := p.operations[ssf.OpTerminateSession]
	_, list := p.operations[ssf.OpListSessions]
	if !all && single && list {
		p.operations[ssf.OpTerminateSessions] = &operation{requests: one.requests, forEach: true, idempotent: one.idempotent}
	}
}

// Can reports whether the system has the operation.
func (p *Program) Can(op ssf.OperationName) bool { return p.operations[op] != nil }

// Idempotent reports whether repeating the operation does no harm.
func (p *Program) Idempotent(op ssf.OperationName) bool {
	o := p.operations[op]
	return o != nil && (o.idempotent || isRead(op))
}

// Origin is the only origin that requests go to.
func (p *Program) Origin() string { return p.origin }

// Title names the system for people; empty when the document does not say.
func (p *Program) Title() string { return p.document.Title }

func isRead(op ssf.OperationName) bool {
	return op == ssf.OpFindAccount || op == ssf.OpGetAccount || op == ssf.OpListSessions
}

// compiler gathers every problem, so that the writer sees all of them at once.
type compiler struct {
	env      environments
	problems []ssf.Problem
}

func (c *compiler) add(path, format string, args ...any) {
	c.problems = append(c.problems, ssf.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *compiler) operation(path string, name ssf.OperationName, doc ssf.ConnectorDocument) *operation {
	spec := doc.Operations[name]
	o := &operation{idempotent: spec.Idempotent}
	if !slices.Contains(operationNames(), name) {
		c.add(path, "is no operation; known are %s", join(operationNames()))
	}
	if n := len(spec.Requests); n == 0 || n > maxRequests {
		c.add(path+".requests", "needs 1 to %d requests", maxRequests)
	}
	switch spec.ForEach {
	case "":
	case ssf.OpListSessions:
		o.forEach = true
		if _, ok := doc.Operations[ssf.OpListSessions]; !ok || isRead(name) {
			c.add(path+".for_each", "list_sessions must be an operation of its own here")
		}
	default:
		c.add(path+".for_each", "only list_sessions lists something")
	}
	for i, r := range spec.Requests {
		o.requests = append(o.requests, c.request(fmt.Sprintf("%s.requests[%d]", path, i), name, r))
	}
	c.readings(path, name, o)
	return o
}

// readings checks that an operation that reads tells how to.
func (c *compiler) readings(path string, name ssf.OperationName, o *operation) {
	has := func(want func(*answer) bool) bool {
		for _, r := range o.requests {
			if slices.ContainsFunc(r.answers, want) {
				return true
			}
		}
		return false
	}
	switch name {
	case ssf.OpGetAccount, ssf.OpFindAccount:
		if !has(func(a *answer) bool { return a.meaning == ssf.AnswerSuccess && a.account != nil }) {
			c.add(path, "needs an answer of meaning success that reads the account")
		}
	case ssf.OpListSessions:
		if !has(func(a *answer) bool { return a.meaning == ssf.AnswerSuccess && a.sessions != nil }) {
			c.add(path, "needs an answer of meaning success that reads the sessions")
		}
	}
	if isRead(name) && len(o.requests) > 1 {
		c.add(path+".requests", "reading takes one request")
	}
}

func (c *compiler) request(path string, name ssf.OperationName, spec ssf.OperationRequest) *request {
	r := &request{method: spec.Method}
	if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, spec.Method) {
		c.add(path+".method", "must be GET, POST, PUT, PATCH or DELETE")
	}
	if spec.Method == "GET" && !isRead(name) {
		c.add(path+".method", "GET changes nothing, and %s should", name)
	}
	if len(spec.Path) == 0 || len(spec.Path) > maxSegments {
		c.add(path+".path", "needs 1 to %d segments", maxSegments)
	}
	for i, text := range spec.Path {
		at := fmt.Sprintf("%s.path[%d]", path, i)
		t := c.template(at, text)
		if t.literal() {
			if _, err := segment(text); err != nil {
				c.add(at, "%v", err)
			} else if strings.ContainsAny(text, "/?#%") {
				c.add(at, `write each segment by itself, without "/", "?", "#" and "%%"`)
			}
		}
		r.path = append(r.path, t)
	}
	r.query = c.fields(path+".query", spec.Query)
	r.headers = c.fields(path+".headers", spec.Headers)
	for _, h := range r.headers {
		if !allowedHeader(h.name) {
			c.add(path+".headers."+h.name, "may not be set here")
		}
	}
	c.body(path, spec, r)
	if !isRead(name) && !mentions(spec, "account.", "session.") {
		c.add(path, "names neither account nor session: it would act on everybody")
	}
	if n := len(spec.Answers); n == 0 || n > maxAnswers {
		c.add(path+".answers", "needs 1 to %d answers", maxAnswers)
	}
	for i, a := range spec.Answers {
		r.answers = append(r.answers, c.answer(fmt.Sprintf("%s.answers[%d]", path, i), a))
	}
	return r
}

func (c *compiler) body(path string, spec ssf.OperationRequest, r *request) {
	switch {
	case spec.JSON == nil && len(spec.Form) == 0:
		return
	case spec.Method == "GET":
		c.add(path+".method", "GET has no body")
	case spec.JSON != nil && len(spec.Form) > 0:
		c.add(path+".form", "a body is either json or form")
	}
	r.form = c.fields(path+".form", spec.Form)
	if spec.JSON == nil {
		return
	}
	switch spec.JSON.(type) {
	case map[string]any, []any:
		r.json = c.json(path+".json", spec.JSON, 0)
	default:
		c.add(path+".json", "must be an object or a list")
	}
}

func (c *compiler) template(path, text string, kinds ...*cel.Type) *template {
	t, err := parseTemplate(c.env.request, text, kinds...)
	if err != nil {
		c.add(path, "%v", err)
		return &template{}
	}
	return t
}

func (c *compiler) expression(path string, env *cel.Env, text string, kinds ...*cel.Type) *expression {
	e, err := compile(env, text, kinds...)
	if err != nil {
		c.add(path, "%v", err)
	}
	return e
}

func (c *compiler) fields(path string, spec map[string]string) []field {
	var fields []field
	for _, name := range slices.Sorted(maps.Keys(spec)) {
		if name == "" {
			c.add(path, "has a member without a name")
		}
		fields = append(fields, field{name: name, value: c.template(path+"."+name, spec[name])})
	}
	return fields
}

// json compiles a body: a node is a *template, a constant, or a list or map of nodes.
func (c *compiler) json(path string, v any, depth int) any {
	if depth > 8 {
		c.add(path, "nested deeper than 8")
		return nil
	}
	switch v := v.(type) {
	case string:
		return c.template(path, v, append(slices.Clone(scalars), cel.DoubleType, cel.NullType, cel.ListType(cel.DynType))...)
	case map[string]any:
		node := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			node[name] = c.json(path+"."+name, v[name], depth+1)
		}
		return node
	case []any:
		node := []any{}
		for i, item := range v {
			node = append(node, c.json(fmt.Sprintf("%s[%d]", path, i), item, depth+1))
		}
		return node
	case nil, bool, float64, int, int64, uint64:
		return v
	}
	c.add(path, "%T has no form in JSON", v)
	return nil
}

// mentions reports whether some expression of the request contains one of words.
func mentions(spec ssf.OperationRequest, words ...string) bool {
	var look func(v any) bool
	look = func(v any) bool {
		switch v := v.(type) {
		case string:
			_, inside, found := strings.Cut(v, "${")
			return found && slices.ContainsFunc(words, func(w string) bool { return strings.Contains(inside, w) })
		case map[string]any:
			for _, member := range v {
				if look(member) {
					return true
				}
			}
		case []any:
			return slices.ContainsFunc(v, look)
		case map[string]string:
			for _, member := range v {
				if look(member) {
					return true
				}
			}
		}
		return false
	}
	for _, s := range spec.Path {
		if look(s) {
			return true
		}
	}
	return look(spec.Query) || look(spec.JSON) || look(spec.Form)
}

func operationNames() []ssf.OperationName {
	return []ssf.OperationName{
		ssf.OpFindAccount, ssf.OpGetAccount, ssf.OpListSessions, ssf.OpTerminateSession, ssf.OpTerminateSessions,
		ssf.OpDisableAccount, ssf.OpEnableAccount, ssf.OpRevokeTokens, ssf.OpRevokeKeys, ssf.OpRequireReauth, ssf.OpStepUp,
	}
}

func join(names []ssf.OperationName) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}
