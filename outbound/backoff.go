package outbound

import "time"

const (
	backoffFirst = time.Second
	backoffMax   = 5 * time.Minute
)

// Backoff returns how long to wait after the given number of failures in a row. The window doubles from 1 s to 5 min; the
// wait is uniform in its upper three quarters, and never shorter than retryAfter. No failures: retryAfter alone.
//
// The lower quarter is left out so that the limit of 70 requests an hour to a peer that always fails holds for every
// sequence of random numbers (56 at worst), and not merely on average. rnd returns numbers in [0, 1); nil waits the whole window.
func Backoff(failures int, retryAfter time.Duration, rnd func() float64) time.Duration {
	retryAfter = min(max(retryAfter, 0), MaxRetryAfter)
	if failures <= 0 {
		return retryAfter
	}
	window := backoffMax
	if shift := failures - 1; shift < 9 {
		window = min(backoffFirst<<shift, backoffMax)
	}
	wait := window
	if rnd != nil {
		floor := window / 4
		wait = floor + time.Duration(min(max(rnd(), 0), 1)*float64(window-floor))
	}
	return max(wait, retryAfter)
}
