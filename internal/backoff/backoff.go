// Package backoff says how long to wait before something that failed is tried again. It is a leaf that every package may
// import: nothing in this module doubles a wait by hand.
package backoff

import "time"

// After returns the wait after n failures in a row: first, doubled for each failure after the first, and at most limit.
// Without a failure, as after one, it is first.
func After(n int, first, limit time.Duration) time.Duration {
	wait := max(first, 0)
	for ; n > 1 && 0 < wait && wait < limit; n-- {
		if wait > limit/2 { // it would pass the limit, or the largest duration
			return limit
		}
		wait *= 2
	}
	return min(wait, limit)
}
