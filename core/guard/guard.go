// Package guard limits the effect of a panic. A panic on the loop, or on a thread that works for it, is a
// defect. It must not end the programs, nor leave them without a supervisor: the message that panicked is
// lost, the panic is logged with its stack, and the loop continues with all processes. If there are too many
// panics, the daemon shuts down in an orderly way, and if the shutdown panics too, every process is killed.
package guard

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// Max is how many panics within period are tolerated; after one more the daemon shuts down.
	Max    = 20
	period = time.Minute
	// Status is the daemon's exit status after too many panics (sysexits.h, EX_SOFTWARE).
	Status = 70
)

// ErrInternal is returned by a call that panicked on the loop. What the call does may be half done.
var ErrInternal = errors.New("internal error: the activity log has the stack")

// Guard counts the panics that were caught. Its methods may be called from any goroutine.
type Guard struct {
	log     func(text string)
	tooMany func()

	mu     sync.Mutex
	recent []time.Time
	broken bool // there were too many, which was logged
	beyond int  // and so many more since

	refused     uint64 // by subscribers
	toldRefused time.Time
}

// New returns a Guard that passes a text about each panic to log, and calls tooMany once, when there are more than Max within a
// minute.
func New(log func(text string), tooMany func()) *Guard { return &Guard{log: log, tooMany: tooMany} }

// add counts a panic and reports whether it is the first that is too many.
func (g *Guard) add(now time.Time) (tooMany bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken {
		g.beyond++
		return false
	}
	for len(g.recent) > 0 && now.Sub(g.recent[0]) > period {
		g.recent = g.recent[1:]
	}
	g.recent = append(g.recent, now)
	g.broken = len(g.recent) > Max
	return g.broken
}

// Hopeless reports whether there were too many panics during the orderly shutdown too.
func (g *Guard) Hopeless() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.beyond > Max
}

// Safely runs f. A panic ends f and nothing else.
func (g *Guard) Safely(what string, f func()) {
	defer g.Caught(what)
	f()
}

// Caught recovers and logs a panic. It must be called by a defer statement.
func (g *Guard) Caught(what string) {
	if p := recover(); p != nil {
		g.panicked(what, p)
	}
}

// panicked logs a panic that was caught, with where it was.
func (g *Guard) panicked(what string, p any) {
	g.log(fmt.Sprintf("internal error (%s): %v; the daemon continues with all processes; please report this\n%s", what, p, debug.Stack()))
	if g.add(time.Now()) {
		g.log(fmt.Sprintf("more than %d internal errors within %v: shutting down", Max, period))
		g.tooMany()
	}
}

// Refused logs, at most once in a period, that a subscriber panicked in Accept. The subscriber loses the event. These panics do
// not count for tooMany.
func (g *Guard) Refused(now time.Time, p any) {
	if n := g.refusal(now); n > 0 {
		g.log(fmt.Sprintf("internal error (a subscriber of events, %d so far): %v; please report this\n%s", n, p, debug.Stack()))
	}
}

// refusal counts a panic of a subscriber, and returns how many there were if that is to be logged, otherwise 0.
func (g *Guard) refusal(now time.Time) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused++
	if now.Sub(g.toldRefused) < period {
		return 0
	}
	g.toldRefused = now
	return g.refused
}
