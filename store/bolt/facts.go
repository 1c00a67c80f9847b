package bolt

import (
	"bytes"
	"encoding/binary"

	"harken/store"
)

// facts are everything that a record implies: entries of indexes and shares of counters. Writing, Reindex and Check all
// use the same functions that make facts, so they cannot disagree.
type facts struct {
	entries []entry
	counts  []countKey
}

type entry struct {
	b          bucket
	key, value []byte
}

// present is the value of entries whose key says all.
func present() []byte { return []byte{1} }

func (f *facts) add(b bucket, key []byte) { f.set(b, key, present()) }

func (f *facts) set(b bucket, key, value []byte) {
	f.entries = append(f.entries, entry{b: b, key: key, value: value})
}

func (f *facts) count(name string) { f.countIn(bCounts, name) }

func (f *facts) countIn(b bucket, key string) { f.counts = append(f.counts, countKey{b, key}) }

func (f *facts) holds(e entry) bool {
	for _, own := range f.entries {
		if own.b == e.b && bytes.Equal(own.key, e.key) && bytes.Equal(own.value, e.value) {
			return true
		}
	}
	return false
}

func (f *facts) holdsKey(e entry) bool {
	for _, own := range f.entries {
		if own.b == e.b && bytes.Equal(own.key, e.key) {
			return true
		}
	}
	return false
}

// apply replaces what an old version of a record implied by what the new one does.
func (m *mutation) apply(old, now facts) error {
	for _, e := range old.entries {
		if !now.holdsKey(e) {
			if err := m.del(e.b, e.key); err != nil {
				return err
			}
		}
	}
	for _, e := range now.entries {
		if !old.holds(e) {
			if err := m.putRaw(e.b, e.key, e.value); err != nil {
				return err
			}
		}
	}
	for _, c := range old.counts {
		m.counts[c]--
	}
	for _, c := range now.counts {
		m.counts[c]++
	}
	return nil
}

// flushCounts adds up the counters once, at the end of the transaction.
func (m *mutation) flushCounts() error {
	for c, delta := range m.counts {
		if delta == 0 {
			continue
		}
		n := int64(m.counted(c.b, c.key)) + delta
		switch {
		case n <= 0: // below zero only after damage, which Check reports and Reindex mends
			if err := m.del(c.b, []byte(c.key)); err != nil {
				return err
			}
		default:
			if err := m.putRaw(c.b, []byte(c.key), store.Key{}.Uint(uint64(n))); err != nil {
				return err
			}
		}
	}
	clear(m.counts)
	return nil
}

// counted reads a counter as of the start of the transaction.
func (v *view) counted(b bucket, key string) int {
	value := v.bucket(b).Get([]byte(key))
	if len(value) != 8 {
		return 0
	}
	return int(binary.BigEndian.Uint64(value))
}

// countsBelow reads all counters whose name starts with prefix, by the rest of the name.
func (v *view) countsBelow(prefix string) map[string]int {
	found := map[string]int{}
	c := v.bucket(bCounts).Cursor()
	for k, value := c.Seek([]byte(prefix)); bytes.HasPrefix(k, []byte(prefix)); k, value = c.Next() {
		if len(value) == 8 {
			found[string(k[len(prefix):])] = int(binary.BigEndian.Uint64(value))
		}
	}
	return found
}
