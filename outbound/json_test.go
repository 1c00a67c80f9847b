package outbound_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"harken/outbound"
)

func TestStrictJSON(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		data string
		ok   bool
	}{
		{`{"iss":"a"}`, true},
		{" \n{\"iss\":\"a\"}\t\r\n", true},
		{`{"iss":"a","other":{"x":[1,2,{"y":null}]}}`, true},
		{`{"iss":"a","ISS":"b"}`, true}, // two names; only the exact one counts
		{`{"iss":"a","iss":"b"}`, false},
		{`{"iss":"a","\u0069ss":"b"}`, false},
		{`{"x":{"a":1,"a":2},"iss":"a"}`, false},
		{`{"x":[{"a":1,"a":2}],"iss":"a"}`, false},
		{`{"iss":"a"}{}`, false},
		{`{"iss":"a"} x`, false},
		{`{"iss":"a"`, false},
		{`{"iss":"a",}`, false},
		{"{\"iss\":\"\xff\"}", false},
		{"{\"\xff\":1,\"iss\":\"a\"}", false},
		{`{"iss":"\ud800"}`, false},
		{"\ufeff{\"iss\":\"a\"}", false},
		{``, false},
		{` `, false},
		{`{"iss":"a","x":` + deep(31) + `}`, true},
		{`{"iss":"a","x":` + deep(32) + `}`, false},
		{`{"iss":"a","x":"` + strings.Repeat("[", 100) + `\"` + strings.Repeat("{", 100) + `"}`, true},
		{strings.Repeat("[", 1_000_000), false},
	} {
		var v struct {
			Iss string `json:"iss"`
		}
		err := outbound.DecodeJSON([]byte(c.data), &v)
		if (err == nil) != c.ok || (err != nil && !errors.Is(err, outbound.ErrJSON)) {
			t.Errorf("decode %.60q: got %v, want ok %v", c.data, err, c.ok)
		}
		if err := outbound.CheckJSON([]byte(c.data)); (err == nil) != c.ok {
			t.Errorf("check %.60q: got %v, want ok %v", c.data, err, c.ok)
		}
	}
	var v struct {
		Iss string `json:"iss"`
	}
	if err := outbound.DecodeJSON([]byte(`{"iss":"a","ISS":"b"}`), &v); err != nil || v.Iss != "a" {
		t.Errorf("got %q, %v, want the exact name to count", v.Iss, err)
	}
	if err := outbound.DecodeJSON([]byte(`{"x":1}`), &v, json.RejectUnknownMembers(true)); err == nil {
		t.Error("got no error, want the caller's option to hold")
	}
	if err := outbound.DecodeJSON([]byte(`{"iss":1}`), &v); !errors.Is(err, outbound.ErrJSON) {
		t.Errorf("got %v, want ErrJSON for another type", err)
	}
}

func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{`{"a":{"b":[1,2.5e3,"x\u0041"]}}`, `{"a":1,"a":2}`, `[[[[]]]]`, `"\ud83d\ude00"`, "\xff", `{"a":"\\"}`, `1 2`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checked := outbound.CheckJSON(data)
		var v any
		decoded := outbound.DecodeJSON(data, &v)
		// Decoding may refuse more (a number that does not fit), never less.
		if checked != nil && decoded == nil {
			t.Errorf("decoded %q though the check says %v", data, checked)
		}
		if checked == nil && depth(v) > outbound.MaxJSONDepth {
			t.Errorf("accepted %q of depth %d", data, depth(v))
		}
	})
}

func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			deepest = max(deepest, depth(e))
		}
	case []any:
		for _, e := range v {
			deepest = max(deepest, depth(e))
		}
	default:
		return 0
	}
	return deepest + 1
}
