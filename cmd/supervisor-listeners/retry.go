package main

import (
	"fmt"
	"sync"

	"github.com/hark-supervisor/hark/sdk/listener"
)

const (
	// maxTries is how often what an event asks for is tried. With the pauses
	// between, that is half a minute, during which supervisord keeps the events
	// that follow in the pool's buffer.
	maxTries = 5
	// maxRejected bounds the memory for events rejected here and then, perhaps,
	// taken by another listener of the pool.
	maxRejected = 1000
)

// retry rejects an event whose handling failed, so that it comes again, until it
// has been tried often enough.
type retry struct {
	s     surroundings
	tries int // 0: without end

	mu     sync.Mutex
	failed map[int64]int // by serial
}

func newRetry(s surroundings, tries int) *retry {
	return &retry{s: s, tries: tries, failed: map[int64]int{}}
}

// judge is the answer to an event: err, or nil when enough has been tried.
func (r *retry) judge(e listener.Event, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	serial := e.Header.Serial
	if err == nil {
		delete(r.failed, serial)
		return nil
	}
	if len(r.failed) >= maxRejected {
		clear(r.failed)
	}
	r.failed[serial]++
	n := r.failed[serial]
	if r.tries > 0 && n >= r.tries {
		delete(r.failed, serial)
		r.s.logf("giving up on %s, serial %d, after %d tries: %v", e.Name(), serial, n, err)
		return nil
	}
	return fmt.Errorf("try %d: %w", n, err)
}
