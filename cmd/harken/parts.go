package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// part is one thing that runs until its context ends.
type part struct {
	name string
	run  func(context.Context) error
}

// group runs parts that stop together. One that ends early, with an error or without, makes the group fail.
type group struct {
	failed chan error // receives the first early end

	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

// start starts the parts.
func start(ctx context.Context, parts ...part) *group {
	g := &group{failed: make(chan error, 1)}
	for _, p := range parts {
		g.wg.Go(func() {
			err := p.run(ctx)
			if ctx.Err() != nil {
				if err != nil && !errors.Is(err, context.Canceled) {
					g.mu.Lock()
					g.errs = append(g.errs, fmt.Errorf("stop %s: %w", p.name, err))
					g.mu.Unlock()
				}
				return
			}
			if err == nil {
				err = errors.New("ended by itself")
			}
			select {
			case g.failed <- fmt.Errorf("%s: %w", p.name, err):
			default: // another part failed first; its error is the one to show
			}
		})
	}
	return g
}

// wait waits for every part, which the caller has told to stop, and returns what went wrong while stopping.
func (g *group) wait() error {
	g.wg.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.errs...)
}
