package poller

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"harken/ssf"
)

const (
	historyLength = 60               // runs kept in memory for each job
	historyFlush  = 10 * time.Second // how often runs are written
	historyBound  = 10_000           // runs kept while the store does not take them
)

// history buffers runs, so that a job costs no transaction each time.
type history struct {
	store HistoryStore
	log   *slog.Logger

	mu      sync.Mutex
	waiting []ssf.JobRun
}

func newHistory(store HistoryStore, log *slog.Logger) *history {
	return &history{store: store, log: log}
}

func (h *history) add(r ssf.JobRun) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) < historyBound {
		h.waiting = append(h.waiting, r)
	}
}

// run flushes until ctx ends.
func (h *history) run(ctx context.Context) {
	ticker := time.NewTicker(historyFlush)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.flush(ctx)
		}
	}
}

// flush writes what waits. What the store does not take stays.
func (h *history) flush(ctx context.Context) {
	h.mu.Lock()
	runs := h.waiting
	h.waiting = nil
	h.mu.Unlock()
	if len(runs) == 0 {
		return
	}
	if err := h.store.PutJobRuns(ctx, runs); err != nil {
		h.log.Warn("job history not written", "err", err)
		h.mu.Lock()
		h.waiting = append(runs, h.waiting...)
		h.mu.Unlock()
	}
}

// last reads a job's history. Without one the job starts as new.
func (h *history) last(ctx context.Context, id ssf.JobID) []ssf.JobRun {
	runs, err := h.store.JobRuns(ctx, id, historyLength)
	if err != nil {
		h.log.Warn("job history not read", "job", id, "err", err)
	}
	return runs
}
