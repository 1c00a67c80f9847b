package web

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"harken/ssf/apiv1"
)

type object = map[string]any

// getOpenAPI describes the API (OpenAPI 3.1). It is made from the table of routes and the types themselves, so it cannot
// say anything else than what is served.
func (s *Server) getOpenAPI(c *gin.Context) {
	schemas, paths := object{}, object{}
	fault := object{"description": "What went wrong (RFC 9457)", "content": object{
		"application/problem+json": object{"schema": schemaOf(reflect.TypeFor[apiv1.Problem](), schemas)},
	}}
	for _, r := range s.Routes() {
		if !strings.HasPrefix(r.Pattern, "/api/v1/") {
			continue
		}
		path, parameters := openPath(r)
		item, _ := paths[path].(object)
		if item == nil {
			item = object{}
			paths[path] = item
		}
		good := object{"description": "Done"}
		if r.out != nil {
			good["content"] = object{"application/json": object{"schema": schemaOf(reflect.TypeOf(r.out), schemas)}}
		}
		code := r.code
		if code == 0 {
			code = http.StatusOK
		}
		operation := object{
			"summary": r.about, "description": "Needs the role " + string(r.Access) + ".", "parameters": parameters,
			"responses": object{strconv.Itoa(code): good, "default": fault},
		}
		if r.Access == AccessPublic {
			operation["description"], operation["security"] = "Needs no sign-in.", []any{}
		}
		if r.in != nil {
			operation["requestBody"] = object{"required": true, "content": object{
				"application/json": object{"schema": schemaOf(reflect.TypeOf(r.in), schemas)},
			}}
		}
		item[strings.ToLower(r.Method)] = operation
	}
	s.answer(c, http.StatusOK, object{
		"openapi": "3.1.0", "info": object{"title": "Harken", "version": "1", "summary": "Security signals, and what to do about them"},
		"paths": paths, "security": []any{object{"token": []any{}}},
		"components": object{"schemas": schemas, "securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}}},
	})
}

// openPath writes the pattern as OpenAPI does, and lists the parameters of path and query.
func openPath(r Route) (string, []any) {
	parameters := []any{}
	add := func(name, in string) {
		parameters = append(parameters, object{"name": name, "in": in, "required": in == "path", "schema": object{"type": "string"}})
	}
	parts := strings.Split(r.Pattern, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
			add(name, "path")
		}
	}
	query := map[string][]string{
		"/api/v1/events":     {"tab", "type", "sev", "tx", "identity", "uncorrelated", "after", "cursor", "limit"},
		"/api/v1/identities": {"q", "cursor", "limit"},
		"/api/v1/runs":       {"event", "identity", "state", "cursor", "limit"},
		"/api/v1/audit":      {"cursor", "limit"},
	}
	if r.Method == http.MethodGet {
		for _, name := range query[r.Pattern] {
			add(name, "query")
		}
	}
	return strings.Join(parts, "/"), parameters
}

// schemaOf describes a type; structs go into schemas and are referred to.
func schemaOf(t reflect.Type, schemas object) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[jsontext.Value]():
		return object{"type": "object"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), schemas)
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem(), schemas)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem(), schemas)}
	case reflect.Struct:
		name := schemaName(t)
		if _, known := schemas[name]; !known {
			schemas[name] = object{} // a type that holds itself ends here
			properties, required := object{}, []any{}
			members(t, schemas, properties, &required)
			schemas[name] = object{"type": "object", "properties": properties, "required": required}
		}
		return object{"$ref": "#/components/schemas/" + name}
	}
	return object{}
}

// members adds the members of a struct; an embedded one's are its own.
func members(t reflect.Type, schemas, properties object, required *[]any) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Tag.Get("json") == "" {
			members(f.Type, schemas, properties, required)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		properties[name] = schemaOf(f.Type, schemas)
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
	}
}

// schemaName makes "EventList" of List[…Event].
func schemaName(t reflect.Type) string {
	name, argument, generic := strings.Cut(t.Name(), "[")
	if !generic {
		return name
	}
	argument = strings.TrimSuffix(argument, "]")
	return argument[strings.LastIndexByte(argument, '.')+1:] + name
}
