// Package guard keeps a panic to what it is about. A panic on the loop, or on a thread that works for it,
// is a defect. It must not take the programs down, nor leave them without a supervisor: the message that it
// was about is lost, a line tells of it with the stack, and the loop goes on with
// all processes. Where it does not stop, the daemon ends in an orderly way, and where
// that panics too, every process is killed.
package guard

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// Max within period are too many to go on with.
	Max    = 20
	period = time.Minute
	// Status is what the daemon exits with then (sysexits.h, EX_SOFTWARE).
	Status = 70
)

// ErrInternal is the answer to a call that panicked on the loop. What it was about may be half done.
var ErrInternal = errors.New("internal error: the activity log has the stack")

// Guard counts the panics that were caught. It may be used on any thread.
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

// New logs panics as critical, and calls tooMany once there are too many to go on with.
func New(log func(text string), tooMany func()) *Guard { return &Guard{log: log, tooMany: tooMany} }

// add reports whether this one makes it too many.
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

// Hopeless reports whether an orderly end does not come about either.
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

// Caught is to be deferred.
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

// Refused logs, once in a period, that a subscriber panics at events. It loses those, and the daemon goes on however often that is.
func (g *Guard) Refused(now time.Time, p any) {
	if n := g.refusal(now); n > 0 {
		g.log(fmt.Sprintf("internal error (a subscriber of events, %d so far): %v; please report this\n%s", n, p, debug.Stack()))
	}
}

// refusal counts one, and gives how many there were if that is to be logged.
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
