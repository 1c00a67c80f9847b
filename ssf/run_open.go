package ssf

// Open reports whether something still happens to the run by itself or waits for a decision: it is not final, and the
// worker has not stopped looking. An accepted run whose last observation proved nothing is not open any more, a partial one
// whose rest is still being retried is.
func (r Run) Open() bool {
	switch r.State {
	case RunAccepted, RunPartial:
		return !r.Due.IsZero()
	}
	return !r.State.Done()
}
