package outbound

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	minRate   = 1 << 10          // bytes a second
	rateGrace = 10 * time.Second // before the rate counts
	rateEvery = 5 * time.Second  // how often it is looked at afterwards
)

var errTooLarge = errors.New("too large")

// watch cancels a call whose header does not come in time or whose body comes too slowly. It is a timer and a count, no
// goroutine.
type watch struct {
	mu     sync.Mutex
	cancel context.CancelCauseFunc
	timer  *time.Timer
	turn   int // the timer's generation: what an older one reports is void
	body   bool
	bytes  int64
	ended  bool
}

// arm starts the timer anew.
func (w *watch) arm(d time.Duration, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.body {
		return // a late report of the transport about the request
	}
	w.start(d, func() { w.cancel(cause) })
}

// start replaces the timer; f runs with mu held.
func (w *watch) start(d time.Duration, f func()) {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.turn++
	if w.ended {
		return
	}
	turn := w.turn
	w.timer = time.AfterFunc(d, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if turn == w.turn && !w.ended {
			f()
		}
	})
}

// bodyBegins ends the wait for the header and starts to look at the rate.
func (w *watch) bodyBegins() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.body {
		return
	}
	w.body = true
	w.start(rateGrace, w.measure)
}

// measure looks at what came in since the last look.
func (w *watch) measure() {
	if w.bytes < minRate*int64(rateEvery/time.Second) {
		w.cancel(errTooSlow)
		return
	}
	w.bytes = 0
	w.start(rateEvery, w.measure)
}

func (w *watch) count(n int) {
	if n == 0 {
		return
	}
	w.bodyBegins()
	w.mu.Lock()
	w.bytes += int64(n)
	w.mu.Unlock()
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// wire is the body as it comes in: counted, and bounded too, since a gzip stream can go on for ever without content.
type wire struct {
	body io.Reader
	left int64
	seen int64
	w    *watch
}

// Read implements io.Reader.
func (r *wire) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.body.Read(p)
	r.left -= int64(n)
	r.seen += int64(n)
	r.w.count(n)
	return n, err
}

// readBody reads the whole body, decompressed, of at most limit bytes.
func readBody(res *http.Response, limit int64, w *watch) ([]byte, error) {
	encoding := strings.ToLower(strings.TrimSpace(strings.Join(res.Header.Values("Content-Encoding"), ",")))
	raw := &wire{body: res.Body, left: limit + limit/64 + 64<<10, w: w}
	var src io.Reader = raw
	switch encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		zr, err := gzip.NewReader(raw)
		if errors.Is(err, io.EOF) && raw.seen == 0 {
			return nil, nil // no body at all, as with 204
		}
		if err != nil {
			return nil, fmt.Errorf("content encoding gzip: %w", err)
		}
		src = zr
	default:
		return nil, errors.New("content encoding that was not asked for")
	}
	return readUpTo(src, limit)
}

// readUpTo reads src to its end. The buffer doubles, but never beyond the limit, so that little is allocated in vain.
func readUpTo(src io.Reader, limit int64) ([]byte, error) {
	buf := make([]byte, 0, min(4<<10, limit+1))
	for {
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		}
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(2*int64(cap(buf)), limit+1))
			copy(grown, buf)
			buf = grown
		}
	}
}
