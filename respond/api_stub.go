package respond

import (
	"context"
	"errors"

	"harken/ssf"
)

var errTODO = errors.New("not built yet")

// Preview says what each kind of action would do.
func (s *Service) Preview(ctx context.Context, actor ssf.Actor, r PreviewRequest) (Preview, error) {
	return Preview{}, errTODO
}

// Ask records the runs of an action, one for each account and system, before anything leaves.
func (s *Service) Ask(ctx context.Context, actor ssf.Actor, a Ask) ([]ssf.Run, error) {
	return nil, errTODO
}

// Sessions lists the open sessions of an identity, each system by itself and within 3 s.
func (s *Service) Sessions(ctx context.Context, id ssf.IdentityID) ([]ConnectorSessions, error) {
	return nil, errTODO
}

// Test tries a connector without changing anything.
func (s *Service) Test(ctx context.Context, id ssf.ConnectorID) (TestReport, error) {
	return TestReport{}, errTODO
}

// WorkerConfig tunes a Worker. The zero value is usable.
type WorkerConfig struct {
	// Holder names this process in claims; empty means "respond".
	Holder string
	// Parallel is how many runs are worked on at once (0: 16), PerConnector how many of one system (0: 4).
	Parallel, PerConnector int
}

// Worker carries recorded runs out.
type Worker struct {
	cfg WorkerConfig
	svc *Service
}

// NewWorker returns a worker on the service's store and systems.
func NewWorker(cfg WorkerConfig, svc *Service) (*Worker, error) {
	return &Worker{cfg: cfg, svc: svc}, nil
}

// Run works until ctx ends, then lets calls under way finish for a few seconds. It returns nil on a clean stop.
func (w *Worker) Run(ctx context.Context) error { <-ctx.Done(); return nil }
