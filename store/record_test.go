package store_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"harken/store"
)

type sample struct {
	Name string `json:"name"`
	N    int    `json:"n,omitempty"`
}

// Every flip of one bit in a record is noticed, and so is a record under another key or in another bucket.
func TestEveryFlipIsNoticed(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	key := []byte("key")
	rec := must(store.Encode("bucket", key, sample{Name: strings.Repeat("data ", 200), N: 7}))(t)
	for range 1000 {
		bad := append([]byte(nil), rec...)
		bit := rng.IntN(len(bad) * 8)
		bad[bit/8] ^= 1 << (bit % 8)
		var got sample
		if err := store.Decode("bucket", key, bad, &got); !errors.Is(err, store.ErrDamaged) {
			t.Fatalf("flip of bit %d: got %v, want ErrDamaged", bit, err)
		}
	}
	var got sample
	for name, err := range map[string]error{
		"another key":    store.Decode("bucket", []byte("kex"), rec, &got),
		"another bucket": store.Decode("bucke", key, rec, &got),
		"shorter":        store.Decode("bucket", key, rec[:len(rec)-1], &got),
		"empty":          store.Decode("bucket", key, nil, &got),
		"longer":         store.Decode("bucket", key, append(append([]byte(nil), rec...), 0), &got),
	} {
		var damaged *store.DamagedError
		if !errors.As(err, &damaged) || damaged.Bucket == "" {
			t.Errorf("%s: got %v, want a DamagedError", name, err)
		}
	}
	if err := store.Decode("bucket", key, rec, &got); err != nil || got.N != 7 {
		t.Errorf("untouched: got %+v, %v", got, err)
	}
	if _, err := store.DecodeBytes("bucket", key, rec); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a record of another form: got %v, want ErrDamaged", err)
	}
}

func TestForeignTextIsNeverLost(t *testing.T) {
	rec := must(store.Encode("b", nil, sample{Name: "bad \xff text"}))(t)
	var got sample
	if err := store.Decode("b", nil, rec, &got); err != nil || got.Name != "bad \ufffd text" {
		t.Errorf("got %q, %v", got.Name, err)
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{"a\nb\x00c": "a b c", "": "", "\xff": "\ufffd"} {
		if got := store.Line(in); got != want {
			t.Errorf("Line(%q): got %q, want %q", in, got, want)
		}
	}
	if got := store.Line(strings.Repeat("é", 600)); len(got) > 512 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
		t.Errorf("a long line: got %d bytes, %q at the end", len(got), got[len(got)-6:])
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
