package doc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"harken/ssf"
	"harken/ssf/doc"
)

type sample struct {
	Listen string `json:"listen"`
	Items  []item `json:"items"`
}

type item struct {
	ID    string       `json:"id"`
	Count int          `json:"count"`
	Wait  ssf.Duration `json:"wait"`
	On    bool         `json:"on"`
}

func TestDecodeFillsFromYAMLAndJSON(t *testing.T) {
	want := sample{Listen: "127.0.0.1:8080", Items: []item{{ID: "a", Count: 3, Wait: ssf.Duration(90 * time.Second), On: true}}}
	for name, text := range map[string]string{
		"yaml": "listen: 127.0.0.1:8080\nitems:\n  - {id: a, count: 3, wait: 1m30s, on: true}\n",
		"json": `{"listen":"127.0.0.1:8080","items":[{"id":"a","count":3,"wait":"90s","on":true}]}`,
	} {
		var got sample
		if ps := doc.Decode([]byte(text), &got); len(ps) > 0 {
			t.Errorf("%s: problems %v, want none", name, ps)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestDecodeReportsEveryProblemWithItsPlace(t *testing.T) {
	text := "listn: x\nitems:\n  - id: a\n    cuont: 3\n    wait: soon\n  - id: [1]\n    count: many\n"
	var got sample
	ps := doc.Decode([]byte(text), &got)
	want := []ssf.Problem{
		{Path: "listn", Line: 1, Column: 1, Message: "unknown key; did you mean listen?"},
		{Path: "items[0].cuont", Line: 4, Column: 5, Message: "unknown key; did you mean count?"},
		{Path: "items[0].wait", Line: 5, Column: 5, Message: `duration "soon": want a form such as "30s" or "5m"`},
		{Path: "items[1].id", Line: 6, Column: 5, Message: "a list cannot stand here, want text"},
		{Path: "items[1].count", Line: 7, Column: 5, Message: "a text cannot stand here, want a whole number"},
	}
	if diff := cmp.Diff(want, ps); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if len(got.Items) != 2 || got.Items[0].ID != "a" {
		t.Errorf("the right parts were not kept: %+v", got)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"duplicate key", "listen: a\nlisten: b\n", "already defined"},
		{"alias", "listen: &a x\nitems: *a\n", "anchors"},
		{"merge", "a: &a {id: x}\nitems: [{<<: *a}]\n", "anchors"},
		{"two documents", "listen: a\n---\nlisten: b\n", "second document"},
		{"broken", "listen: [a\n", "not valid YAML"},
		{"number key", "1: x\n", "plain text"},
		{"deep", strings.Repeat("[", 60) + strings.Repeat("]", 60), "deeper"},
		{"infinity", "listen: .inf\n", "infinities"},
	} {
		var got sample
		ps := doc.Decode([]byte(tt.text), &got)
		if len(ps) == 0 || !strings.Contains(ps[0].Message, tt.want) {
			t.Errorf("%s: got %v, want a problem with %q", tt.name, ps, tt.want)
		}
	}
}

func TestLocateAddsThePlace(t *testing.T) {
	text := []byte("items:\n  - id: a\n  - id: b\n    count: 0\n")
	ps := doc.Locate(text, []ssf.Problem{{Path: "items[1].count", Message: "must be 1"}, {Path: "items[1].wait", Message: "missing"}})
	if ps[0].Line != 4 || ps[0].Column != 5 {
		t.Errorf("got %d:%d, want 4:5", ps[0].Line, ps[0].Column)
	}
	if ps[1].Line != 3 {
		t.Errorf("a missing member points to its object: got line %d, want 3", ps[1].Line)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("listen: a\nitems: [{id: x}]\n"))
	f.Add([]byte("items: [null, {count: 1e99}]\n? a\n: b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v sample
		ps := doc.Decode(data, &v)
		for _, p := range ps {
			if p.Message == "" {
				t.Errorf("a problem without words for %q", data)
			}
		}
		doc.Locate(data, ps)
	})
}
