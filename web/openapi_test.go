package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// TestOpenAPI holds the description against the router, and each answer against the description.
func TestOpenAPI(t *testing.T) {
	w := newWorld(t)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			Summary   string `json:"summary"`
			Responses map[string]struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					} `json:"schema"`
				} `json:"content"`
			} `json:"responses"`
		} `json:"paths"`
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
				Required   []string       `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}
	a := w.browser().get("/api/v1/openapi.json")
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || a.code != http.StatusOK || doc.OpenAPI != "3.1.0" {
		t.Fatalf("got %d %q, %v", a.code, doc.OpenAPI, err)
	}
	described := 0
	for _, operations := range doc.Paths {
		described += len(operations)
	}
	routed := 0
	for _, r := range w.server.Routes() {
		if !strings.HasPrefix(r.Pattern, "/api/") {
			continue
		}
		routed++
		path := r.Pattern
		for _, name := range []string{"id", "name"} {
			path = strings.ReplaceAll(path, ":"+name, "{"+name+"}")
		}
		op, ok := doc.Paths[path][strings.ToLower(r.Method)]
		if !ok || op.Summary == "" || len(op.Responses) != 2 {
			t.Errorf("%s %s: got %+v, want it described", r.Method, path, op)
		}
	}
	if described != routed || routed < 20 {
		t.Errorf("operations: got %d described and %d routed", described, routed)
	}
	w.configure()
	w.event("", "one")
	b := w.script()
	for path, operations := range doc.Paths {
		op, ok := operations["get"]
		ref := strings.TrimPrefix(op.Responses["200"].Content["application/json"].Schema.Ref, "#/components/schemas/")
		if !ok || strings.Contains(path, "{") || ref == "" {
			continue
		}
		schema := doc.Components.Schemas[ref]
		var body map[string]any
		if err := json.Unmarshal([]byte(b.get(path).body), &body); err != nil {
			t.Fatal(err)
		}
		for name := range body {
			if _, known := schema.Properties[name]; !known {
				t.Errorf("GET %s: the member %s is not in %s", path, name, ref)
			}
		}
		for _, name := range schema.Required {
			if _, there := body[name]; !there {
				t.Errorf("GET %s: the member %s of %s is missing", path, name, ref)
			}
		}
	}
}
