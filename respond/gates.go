package respond

import (
	"time"

	"harken/ssf"
)

const (
	tripAfter = 3           // failures in a row before a system is given rest
	maxRest   = time.Minute // so that all is done within minutes of its recovery
)

// gate is what the worker knows of one system: how many runs are at it, and whether it answers. It is a memory of the
// process only; what it decides is stored in the runs' Due.
type gate struct {
	working  int
	failures int
	restEnds time.Time // zero: not resting
}

// gates hold one gate for each system. They belong to the goroutine of Worker.Run.
type gates struct {
	perConnector int
	backoff      func(failures int) time.Duration
	m            map[ssf.ConnectorID]*gate
}

func (g *gates) of(id ssf.ConnectorID) *gate {
	if g.m[id] == nil {
		g.m[id] = &gate{}
	}
	return g.m[id]
}

// resting reports whether id is given rest at now, and until when. After its rest one run at a time tries, until one of
// them gets an answer.
func (g *gates) resting(id ssf.ConnectorID, now time.Time) (time.Time, bool) {
	gate := g.of(id)
	return gate.restEnds, now.Before(gate.restEnds)
}

// free reports whether one more run may begin at id.
func (g *gates) free(id ssf.ConnectorID) bool {
	gate := g.of(id)
	if gate.failures >= tripAfter {
		return gate.working == 0
	}
	return gate.working < g.perConnector
}

// report takes in how a run's call went: whether the system answered, and how long it asked to be left alone.
func (g *gates) report(id ssf.ConnectorID, r outcome, now time.Time) {
	gate := g.of(id)
	switch {
	case r.silent:
		gate.failures++
		if gate.failures >= tripAfter {
			gate.restEnds = later(gate.restEnds, now.Add(min(g.backoff(gate.failures-tripAfter+1), maxRest)))
		}
	case r.answered:
		gate.failures, gate.restEnds = 0, time.Time{}
	}
	if r.retryAfter > 0 {
		gate.restEnds = later(gate.restEnds, now.Add(r.retryAfter))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// outcome is what a run's work told about its system.
type outcome struct {
	// answered: the system answered in a usable way. silent: it did not, or was unable to. Neither: nothing was called.
	answered, silent bool
	retryAfter       time.Duration
}
