package poller

import (
	"context"
	"errors"
	"fmt"

	"harken/ssf"
)

// pending is one batch that waits for the committer.
type pending struct {
	batch  ssf.IngestBatch
	answer chan answer // holds one
}

type answer struct {
	result ssf.IngestResult
	err    error
}

// send gives one batch to the committer and waits for its commit.
func (in *Intake) send(ctx context.Context, batch ssf.IngestBatch) ([]ssf.Verdict, error) {
	p := &pending{batch: batch, answer: make(chan answer, 1)}
	select {
	case in.queue <- p:
	case <-in.ended:
		return nil, fmt.Errorf("shutting down: %w", ssf.ErrUnavailable)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	a := <-p.answer
	if a.err != nil {
		return nil, a.err
	}
	return a.result.Verdicts, a.result.Err
}

// Run commits what Submit brings until ctx ends: everything that is ready, up to MaxGroup tokens, in one transaction. It
// ends early, with an error that wraps ssf.ErrUnsure, when the outcome of a commit is unknown: the process must then
// start again from its file. After Run, Submit answers ssf.ErrUnavailable. It can be called once.
func (in *Intake) Run(ctx context.Context) error {
	defer close(in.ended)
	var left *pending // taken from the queue, but too much for the last group
	for {
		first := left
		left = nil
		if first == nil {
			select {
			case first = <-in.queue:
			case <-ctx.Done():
				return nil
			}
		}
		group, size := []*pending{first}, len(first.batch.Deliveries)
		for more := true; more && size < MaxGroup; {
			select {
			case p := <-in.queue:
				if size+len(p.batch.Deliveries) > MaxGroup {
					left, more = p, false
					break
				}
				group, size = append(group, p), size+len(p.batch.Deliveries)
			default:
				more = false
			}
		}
		if err := in.commitGroup(context.WithoutCancel(ctx), group); err != nil {
			if left != nil {
				left.answer <- answer{err: fmt.Errorf("after a failed commit: %w", ssf.ErrUnavailable)}
			}
			return err
		}
	}
}

// commitGroup commits the batches together. A trouble that is not the whole store's may be one batch's: then each is
// tried alone, so that it harms no other.
func (in *Intake) commitGroup(ctx context.Context, group []*pending) error {
	batches := make([]ssf.IngestBatch, len(group))
	for i, p := range group {
		batches[i] = p.batch
	}
	results, err := in.store.Ingest(ctx, ssf.System("poller"), batches)
	if err == nil && len(results) != len(group) {
		err = fmt.Errorf("%d results for %d batches: %w", len(results), len(group), ssf.ErrUnsure)
	}
	switch {
	case err == nil:
		for i, p := range group {
			p.answer <- answer{result: results[i]}
		}
		return nil
	case len(group) > 1 && !errors.Is(err, ssf.ErrUnsure) && !errors.Is(err, ssf.ErrUnavailable):
		in.log.Warn("group of batches refused, trying each alone", "batches", len(group), "err", err)
		for i, p := range group {
			if err := in.commitGroup(ctx, []*pending{p}); err != nil {
				for _, rest := range group[i+1:] {
					rest.answer <- answer{err: fmt.Errorf("after a failed commit: %w", ssf.ErrUnavailable)}
				}
				return err
			}
		}
		return nil
	}
	for _, p := range group {
		p.answer <- answer{err: err}
	}
	if errors.Is(err, ssf.ErrUnsure) {
		return fmt.Errorf("intake: %w", err)
	}
	return nil
}
