package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"harken/ssf"
	"harken/store"
)

func TestKeyOrder(t *testing.T) {
	texts := []string{"", "\x00", "\x00\x00", "\x00a", "a", "a\x00", "a\x00b", "a\x01", "aa", "b", "\xff", "\xff\xff"}
	for i, a := range texts {
		for j, b := range texts {
			ka, kb := store.Key{}.Text(a).Uint(1), store.Key{}.Text(b).Uint(1)
			if got := bytes.Compare(ka, kb); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("keys of %q and %q compare as %d", a, b, got)
			}
		}
		back, rest, err := store.CutText(store.Key{}.Text(a).Uint(7))
		if err != nil || back != a || len(rest) != 8 {
			t.Errorf("text %q came back as %q, %d bytes left, %v", a, back, len(rest), err)
		}
	}
	times := []time.Time{{}, time.Unix(-5, 0), time.Unix(0, 0), time.Unix(0, 1), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	for i := 1; i < len(times); i++ {
		if bytes.Compare(store.Key{}.Time(times[i-1]), store.Key{}.Time(times[i])) >= 0 {
			t.Errorf("%v does not come before %v", times[i-1], times[i])
		}
	}
	for _, at := range times {
		n, _, err := store.CutUint(store.Key{}.Time(at))
		if err != nil || !store.KeyTime(n).Equal(at) {
			t.Errorf("time %v came back as %v (%v)", at, store.KeyTime(n), err)
		}
	}
}

func TestHashSeparatesParts(t *testing.T) {
	if bytes.Equal(store.Hash("ab", "c"), store.Hash("a", "bc")) {
		t.Error("different parts have one hash")
	}
}

func FuzzCutText(f *testing.F) {
	for _, seed := range []string{"", "a\x00\x01", "a\x00\xffb\x00\x01rest", "a\x00", "a\x00\x02"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		text, rest, err := store.CutText(key)
		if err != nil {
			return
		}
		if again := append(store.Key{}.Text(text), rest...); !bytes.Equal(again, key) {
			t.Errorf("key %x was read as %q and %x, which is key %x", key, text, rest, again)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("", "x")
	f.Add(store.SeqCursor("events", 7), "events")
	f.Fuzz(func(t *testing.T, cursor, kind string) {
		n, err := store.ParseSeqCursor(kind, cursor)
		if err != nil {
			if !errors.Is(err, ssf.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
			return
		}
		if cursor != "" && store.SeqCursor(kind, n) != cursor {
			t.Errorf("cursor %q was read as %d, whose cursor is %q", cursor, n, store.SeqCursor(kind, n))
		}
	})
}
