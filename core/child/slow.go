package child

import (
	"sync"
	"time"
)

// slowAfter is when a spawn is called slow: a dead network file system, mostly.
const slowAfter = 5 * time.Second

// slowWatch notices the spawn that takes too long. One timer serves all spawns: it
// is set when none is running and looks, when it fires, at the spawn of that
// moment, so that a thousand quick spawns cost no thousand timers.
type slowWatch struct {
	after time.Duration

	mu      sync.Mutex
	timer   *time.Timer
	set     bool
	current *Request // the spawn in progress, until it was told
	since   time.Time
}

func (w *slowWatch) begin(r *Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current, w.since = r, time.Now()
	if w.set || r.Slow == nil {
		return
	}
	w.set = true
	if w.timer == nil {
		w.timer = time.AfterFunc(w.after, w.look)
	} else {
		w.timer.Reset(w.after)
	}
}

func (w *slowWatch) end() {
	w.mu.Lock()
	w.current = nil
	w.mu.Unlock()
}

// look runs on a goroutine of the timer's.
func (w *slowWatch) look() {
	w.mu.Lock()
	r := w.current
	if r == nil || r.Slow == nil {
		w.set = false
		w.mu.Unlock()
		return
	}
	if left := w.after - time.Since(w.since); left > 0 {
		w.timer.Reset(left)
		w.mu.Unlock()
		return
	}
	w.current, w.set = nil, false
	w.mu.Unlock()
	r.Slow()
}

func (w *slowWatch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = nil
	if w.timer != nil {
		w.timer.Stop()
	}
}
