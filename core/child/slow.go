package child

import (
	"sync"
	"time"
)

// slowAfter is when a spawn is called slow: a dead network file system, mostly.
const slowAfter = 5 * time.Second

// The steps that may hang, each on its own.
const (
	preparing = iota
	forking
	steps
)

// slowWatch notices the spawn that takes too long. One timer serves all spawns: it
// is set when none is running and looks, when it fires, at those of that moment, so
// that a thousand quick spawns cost no thousand timers.
type slowWatch struct {
	after time.Duration

	mu      sync.Mutex
	timer   *time.Timer
	set     bool
	current []inProgress // few: those in their steps, except those whose Late was called
}

// inProgress is a spawn in one of its steps.
type inProgress struct {
	spawn *Spawn
	since time.Time // when it would have begun, had its steps followed one another
}

func (w *slowWatch) begin(sp *Spawn) {
	if sp.request.Slow == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if sp.toldSlow {
		return
	}
	w.current = append(w.current, inProgress{sp, time.Now().Add(-sp.spent)})
	if w.set {
		return
	}
	w.set = true
	if w.timer == nil {
		w.timer = time.AfterFunc(w.after, w.look)
	} else {
		w.timer.Reset(w.after)
	}
}

func (w *slowWatch) end(sp *Spawn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.current {
		if now := &w.current[i]; now.spawn == sp {
			sp.spent = time.Since(now.since)
			w.forget(i)
			return
		}
	}
}

// forget removes one. Under the lock.
func (w *slowWatch) forget(i int) {
	last := len(w.current) - 1
	w.current[i] = w.current[last]
	w.current[last] = inProgress{}
	w.current = w.current[:last]
}

// look runs on a goroutine of the timer's.
func (w *slowWatch) look() {
	for _, sp := range w.takeSlow() {
		sp.request.Slow()
	}
}

// takeSlow takes those that have become slow, and sets the timer for the others.
func (w *slowWatch) takeSlow() (slow []*Spawn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set = false
	next := w.after
	for i := 0; i < len(w.current); {
		now := &w.current[i]
		if left := w.after - time.Since(now.since); left > 0 {
			w.set, next = true, min(next, left)
			i++
			continue
		}
		now.spawn.toldSlow = true
		slow = append(slow, now.spawn)
		w.forget(i)
	}
	if w.set {
		w.timer.Reset(next)
	}
	return slow
}

func (w *slowWatch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = nil
	if w.timer != nil {
		w.timer.Stop()
	}
}
