package bolt

import (
	"bytes"
	"encoding/binary"

	"go.etcd.io/bbolt"

	"harken/store"
)

// span is the part of a bucket below one prefix, whose keys end in a number.
type span struct {
	b      bucket
	prefix []byte
}

func (s span) key(n uint64) []byte {
	return store.Key(append([]byte(nil), s.prefix...)).Uint(n)
}

// filter is one condition of a list: the spans whose numbers fulfil it.
type filter []span

// holds reports whether number n fulfils the condition.
func (f filter) holds(v *view, n uint64) bool {
	for _, s := range f {
		if v.has(s.b, s.key(n)) {
			return true
		}
	}
	return false
}

// walk goes through the numbers of a filter's spans, newest first, each once.
type walk struct{ cursors []*spanCursor }

type spanCursor struct {
	span
	c     *bbolt.Cursor
	n     uint64
	value []byte
	ok    bool
}

// newWalk begins below the given number.
func newWalk(v *view, f filter, before uint64) *walk {
	w := &walk{}
	for _, s := range f {
		sc := &spanCursor{span: s, c: v.bucket(s.b).Cursor()}
		if k, _ := sc.c.Seek(s.key(before)); k == nil {
			sc.take(sc.c.Last())
		} else {
			sc.take(sc.c.Prev())
		}
		w.cursors = append(w.cursors, sc)
	}
	return w
}

func (s *spanCursor) take(k, value []byte) {
	s.ok = len(k) == len(s.prefix)+8 && bytes.HasPrefix(k, s.prefix)
	if s.ok {
		s.n, s.value = binary.BigEndian.Uint64(k[len(s.prefix):]), value
	}
}

// next returns the greatest number not returned yet.
func (w *walk) next() (n uint64, value []byte, ok bool) {
	for _, s := range w.cursors {
		if s.ok && (!ok || s.n > n) {
			n, value, ok = s.n, s.value, true
		}
	}
	if !ok {
		return 0, nil, false
	}
	for _, s := range w.cursors {
		if s.ok && s.n == n {
			s.take(s.c.Prev())
		}
	}
	return n, value, true
}

// scanBound is how many rows one call looks at before it returns what it has.
const scanBound = 20_000

// scan walks the first filter and calls hit for numbers above after that fulfil the others, until hit returns false. It
// returns the last number looked at where it stopped at its bound, else zero.
func (v *view) scan(filters []filter, before, after uint64, hit func(n uint64) (more bool, err error)) (stopped uint64, err error) {
	w := newWalk(v, filters[0], before)
	for looked := 1; ; looked++ {
		n, _, ok := w.next()
		if !ok || n <= after {
			return 0, nil
		}
		fits := true
		for _, f := range filters[1:] {
			if fits = f.holds(v, n); !fits {
				break
			}
		}
		if fits {
			if more, err := hit(n); err != nil || !more {
				return 0, err
			}
		}
		if looked >= scanBound {
			return n, nil
		}
	}
}
