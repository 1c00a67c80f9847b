package bolt

import (
	"sync"

	"harken/ssf"
)

// watchers wakes whoever waits for committed changes. The zero value is ready; it is safe for concurrent use.
type watchers struct {
	mu   sync.Mutex
	next int
	by   map[ssf.Topic]map[int]chan struct{}
}

// Watch returns a channel that receives after commits that touch one of the topics, and a function that ends the watch.
// The channel holds one wake: several commits before the receiver looks are one. A topic without id gets every member
// of its class.
func (db *DB) Watch(topics ...ssf.Topic) (<-chan struct{}, func()) { return db.watch.add(topics) }

func (w *watchers) add(topics []ssf.Topic) (<-chan struct{}, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[ssf.Topic]map[int]chan struct{}{}
	}
	w.next++
	id, ch := w.next, make(chan struct{}, 1)
	topics = append([]ssf.Topic(nil), topics...)
	for _, t := range topics {
		if w.by[t] == nil {
			w.by[t] = map[int]chan struct{}{}
		}
		w.by[t][id] = ch
	}
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, t := range topics {
			delete(w.by[t], id)
			if len(w.by[t]) == 0 {
				delete(w.by, t)
			}
		}
	}
}

func (w *watchers) fire(topics map[ssf.Topic]struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for t := range topics {
		w.wake(t)
		if t.ID != "" {
			w.wake(ssf.Topic{Kind: t.Kind})
		}
	}
}

func (w *watchers) wake(t ssf.Topic) {
	for _, ch := range w.by[t] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
