package subject_test

import (
	"slices"
	"strings"
	"testing"

	"harken/ssf/subject"
)

func TestParse(t *testing.T) {
	for raw, want := range map[string]string{
		`{"format":"email","email":"Ada@Example.com"}`:                                 "email: Ada@Example.com",
		`{"format":"email","email":" ada@example.com\n"}`:                              "email: ada@example.com",
		`{"format":"email","email":"\"a b\"@example.com"}`:                             "email: \"a b\"@example.com",
		`{"format":"iss_sub","iss":"https://i.example","sub":"42"}`:                    "iss_sub: 42 (https://i.example)",
		`{"format":"opaque","id":" x "}`:                                               "opaque:  x ",
		`{"format":"complex","user":{"format":"opaque","id":"u"},"x":{"format":"b"}}`:  `user opaque: u; x b: {"format":"b"}`,
		`{"format":"complex","user":{"format":"opaque","id":"u"},"note":"no member"}`:  "user opaque: u",
		`{"format":"complex","user":{"format":"aliases","identifiers":[]}}`:            `user aliases: {"format":"aliases","identifiers":[]}`,
		`{"format":"badge","n":7}`:                                                     `badge: {"format":"badge","n":7}`,
		`{"format":"phone_number","phone_number":"1"}`:                                 `phone_number: {"format":"phone_number","phone_number":"1"}`,
		`{"format":"Email","email":"a@b"}`:                                             `Email: {"format":"Email","email":"a@b"}`,
		` {"format":"opaque","id":"x","other":[1]} `:                                   "opaque: x",
		`{"format":"opaque","id":"` + strings.Repeat("x", 1024) + `"}`:                 "opaque: " + strings.Repeat("x", 1024),
		`{"format":"complex","tenant":{"format":"iss_sub","iss":"i","sub":"s"},"f":1}`: "tenant iss_sub: s (i)",
	} {
		id, err := subject.Parse([]byte(raw))
		if err != nil || id.String() != want {
			t.Errorf("%s: got %q, %v, want %q", raw, id.String(), err, want)
		}
		if id.Raw != strings.TrimSpace(raw) {
			t.Errorf("%s: raw: got %q", raw, id.Raw)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, raw := range []string{
		``, `null`, `"a@b"`, `[]`, `{`, `{}x`, `{}`, `{"format":null}`, `{"format":7}`, `{"format":""}`,
		`{"format":"opaque","format":"email","id":"x"}`, `{"Format":"opaque","id":"x"}`, `{"format":"opaque","ID":"x"}`,
		`{"format":"opaque","id":"x"}{}`, "{\"format\":\"opaque\",\"id\":\"\xff\"}", `{"format":"opaque","id":"\ud800"}`,
		`{"format":"opaque"}`, `{"format":"opaque","id":""}`, `{"format":"opaque","id":7}`, `{"format":"opaque","id":null}`,
		`{"format":"opaque","id":"` + strings.Repeat("x", 1025) + `"}`,
		`{"format":"iss_sub","iss":"i"}`, `{"format":"iss_sub","sub":"s"}`, `{"format":"iss_sub","iss":"","sub":"s"}`,
		`{"format":"email","email":"ada"}`, `{"format":"email","email":"@b"}`, `{"format":"email","email":"a@"}`,
		`{"format":"email","email":"Ada <a@b>"}`, `{"format":"email","email":"a@b,c@d"}`, `{"format":"email","email":"a b@c"}`,
		`{"format":"email","email":"a@b\r\nX: y"}`, `{"format":"email","email":"a\u0000@b"}`, `{"format":"email","email":"a@b c"}`,
		`{"format":"email","email":"a@b@c"}`,
		`{"format":"complex"}`, `{"format":"complex","user":"a"}`, `{"format":"complex","user":{}}`,
		`{"format":"complex","user":{"format":"complex","user":{"format":"opaque","id":"x"}}}`,
		`{"format":"complex","user":{"format":"email"}}`, `{"user":{"format":"opaque","id":"x"}}`,
	} {
		id, err := subject.Parse([]byte(raw))
		if err == nil {
			t.Errorf("%s: got no error, want one", raw)
		}
		if _, ok := id.Key(); ok || len(id.Members) > 0 {
			t.Errorf("%s: a refused identifier has something to match by: %+v", raw, id)
		}
	}
}

func TestParseWith(t *testing.T) {
	all := func(string) bool { return true }
	for raw, tc := range map[string]struct {
		format             subject.Format
		warnings, tolerant []string
	}{
		`{"format":"iss_sub","iss":"i","sub":145234573}`:                     {subject.IssSub, nil, []string{"number_as_string"}},
		`{"user":{"format":"opaque","id":"x"}}`:                              {subject.Complex, nil, []string{"implicit_complex"}},
		`{"format":"iss-sub","iss":"i","sub":"s"}`:                           {"iss-sub", []string{"unknown_subject_format", "legacy_format_name"}, nil},
		`{"format":"email","email":" a@b "}`:                                 {subject.Email, []string{"trimmed"}, nil},
		`{"format":"complex","user":{"format":"x"},"device":{"format":"y"}}`: {subject.Complex, []string{"unknown_subject_format"}, nil},
	} {
		p, err := subject.ParseWith([]byte(raw), subject.Options{Tolerate: all})
		if err != nil || p.Identifier.Format != tc.format || !slices.Equal(p.Warnings, tc.warnings) || !slices.Equal(p.Tolerances, tc.tolerant) {
			t.Errorf("%s: got %+v, %v, want %+v", raw, p, err, tc)
		}
	}
	for _, raw := range []string{
		`{"format":"opaque","id":1.5}`, `{"format":"opaque","id":9007199254740993}`, `{"format":"opaque","id":1e3}`,
		`{"user":{"format":"opaque","id":"x"},"other":{"format":"opaque","id":"x"}}`, `{"user":"x"}`, `{}`,
	} {
		if p, err := subject.ParseWith([]byte(raw), subject.Options{Tolerate: all}); err == nil {
			t.Errorf("%s, all tolerated: got %+v, want an error", raw, p)
		}
	}
}

func TestEmailKey(t *testing.T) {
	for text, want := range map[string]string{
		"Ada@Example.COM":           "ada@example.com",
		" ada@example.com\t":        "ada@example.com",
		"a.d.a+tag@example.com":     "a.d.a+tag@example.com",
		"ann@bücher.example":        "ann@xn--bcher-kva.example",
		"ann@BÜCHER.example":        "ann@xn--bcher-kva.example",
		"ann@XN--BCHER-KVA.example": "ann@xn--bcher-kva.example",
		"ジェーン@example.com":          "ジェーン@example.com",
		"Jose\u0301@example.com":    "jos\u00e9@example.com",
		"JOSÉ@example.com":          "jos\u00e9@example.com",
		"a@my_host.example":         "a@my_host.example",
		"o'brien@example.com":       "o'brien@example.com",
		"a@例え。example":              "a@xn--r8jz45g.example",
	} {
		if got, err := subject.EmailKey(text); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "@", "a", "a@", "@b", "Ada <a@b.c>", "a@b;c@d", "a@xn--a.example", "a@b\x00c", "a@[192.0.2.1] x"} {
		if got, err := subject.EmailKey(text); err == nil {
			t.Errorf("%q: got %q, want an error", text, got)
		}
	}
}

func TestKeysAreUnambiguous(t *testing.T) {
	pairs := [][2]subject.Identifier{
		{{Format: subject.IssSub, Issuer: "a:1", Subject: "b"}, {Format: subject.IssSub, Issuer: "a", Subject: "1:b"}},
		{{Format: subject.IssSub, Issuer: "a", Subject: "b"}, {Format: subject.IssSub, Issuer: "A", Subject: "b"}},
		{{Format: subject.IssSub, Issuer: "i/", Subject: "b"}, {Format: subject.IssSub, Issuer: "i", Subject: "b"}},
		{{Format: subject.Opaque, ID: "a@b"}, {Format: subject.Email, Email: "a@b"}},
		{{Format: subject.Opaque, ID: "x"}, {Format: subject.Opaque, ID: " x"}},
	}
	for _, p := range pairs {
		a, ok1 := p[0].Key()
		b, ok2 := p[1].Key()
		if !ok1 || !ok2 || a == b {
			t.Errorf("%s and %s: got keys %q and %q, want two different ones", p[0], p[1], a, b)
		}
	}
	for _, id := range []subject.Identifier{{}, {Format: subject.Complex}, {Format: "badge"}, {Format: subject.Email}, {Format: subject.Opaque}} {
		if k, ok := id.Key(); ok {
			t.Errorf("%+v: got key %q, want none", id, k)
		}
	}
}

func TestCanonical(t *testing.T) {
	id, err := subject.Parse([]byte(`{"user":{"email":"Ada@Example.com","format":"email","x":1},"format":"complex","session":{"format":"opaque","id":"S"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"format":"complex","session":{"format":"opaque","id":"S"},"user":{"email":"ada@example.com","format":"email"}}`
	if got, ok := id.Canonical(); !ok || got != want {
		t.Errorf("got %s, %v, want %s", got, ok, want)
	}
	if m, ok := id.Member("session"); !ok || m.ID != "S" {
		t.Errorf("member session: got %+v, %v", m, ok)
	}
	if _, ok := id.Member("device"); ok {
		t.Error("member device: got one, want none")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"format":"email","email":"Ada@Example.com"}`, `{"format":"iss_sub","iss":"i","sub":"s"}`, `{"format":"opaque","id":"x"}`,
		`{"format":"complex","user":{"format":"email","email":"a@bücher.example"}}`, `{"format":"x","format":"y"}`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		id, err := subject.Parse(raw)
		_ = id.String()
		key, ok := id.Key()
		if err != nil {
			if ok {
				t.Fatalf("refused, yet has key %q", key)
			}
			return
		}
		again, err := subject.Parse([]byte(id.Raw))
		if err != nil || again.String() != id.String() {
			t.Fatalf("raw does not read back: %v, %q and %q", err, again, id)
		}
		if !ok {
			return
		}
		// What is compared must not change by being compared.
		text, ok := id.Canonical()
		if !ok {
			t.Fatalf("key %q without canonical form", key)
		}
		canonical, err := subject.Parse([]byte(text))
		if err != nil {
			t.Fatalf("canonical form %s: %v", text, err)
		}
		if k, ok := canonical.Key(); !ok || k != key {
			t.Fatalf("canonical form has key %q, want %q", k, key)
		}
	})
}
