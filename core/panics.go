package core

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

// A panic on the loop, or on a thread that works for it, is a defect. It must not
// take the programs down, nor leave them without a supervisor: the message that it
// was about is lost, a CRIT line tells of it with the stack, and the loop goes on with
// all processes. Where it does not stop, the daemon ends in an orderly way, and where
// that panics too, every process is killed.

const (
	// maxPanics within panicPeriod are too many to go on with.
	maxPanics   = 20
	panicPeriod = time.Minute
	// brokenStatus is what the daemon exits with then (sysexits.h, EX_SOFTWARE).
	brokenStatus = 70
)

// ErrInternal is the answer to a call that panicked on the loop. What it was about may be half done.
var ErrInternal = errors.New("internal error: the activity log has the stack")

// panics counts those that were caught.
type panics struct {
	mu     sync.Mutex
	recent []time.Time
	broken bool // there were too many, which was told
	beyond int  // and so many more since

	refused     uint64 // by subscribers; the loop's, as the next
	toldRefused time.Time
}

// add reports whether this one makes it too many, and how many there were since it was.
func (p *panics) add(now time.Time) (tooMany bool, beyond int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		p.beyond++
		return false, p.beyond
	}
	for len(p.recent) > 0 && now.Sub(p.recent[0]) > panicPeriod {
		p.recent = p.recent[1:]
	}
	p.recent = append(p.recent, now)
	p.broken = len(p.recent) > maxPanics
	return p.broken, 0
}

// hopeless tells that an orderly end does not come about either.
func (p *panics) hopeless() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.beyond > maxPanics
}

// safely runs f. A panic ends f and nothing else. It may be called on any thread.
func (s *Supervisor) safely(what string, f func()) {
	defer s.caught(what)
	f()
}

// caught is to be deferred.
func (s *Supervisor) caught(what string) {
	if p := recover(); p != nil {
		s.panicked(what, p)
	}
}

// panicked tells of a panic that was caught, from where it was.
func (s *Supervisor) panicked(what string, p any) {
	s.log(config.CRIT, fmt.Sprintf("internal error (%s): %v; the daemon continues with all processes; please report this\n%s", what, p, debug.Stack()))
	if tooMany, _ := s.panics.add(time.Now()); tooMany {
		s.log(config.CRIT, fmt.Sprintf("more than %d internal errors within %v: shutting down", maxPanics, panicPeriod))
		s.exitStatus.Store(brokenStatus)
		s.inbox.put(func() { s.setMood(MoodShutdown) })
	}
}

// refused tells, once in a panicPeriod, that a subscriber panics at events. It loses those, and the daemon goes on however often that is. Loop only.
func (s *Supervisor) refused(p any) {
	s.panics.refused++
	now := s.clock.Now()
	if now.Sub(s.panics.toldRefused) < panicPeriod {
		return
	}
	s.log(config.CRIT, fmt.Sprintf("internal error (a subscriber of events, %d so far): %v; please report this\n%s", s.panics.refused, p, debug.Stack()))
	s.panics.toldRefused = now
}

// abandon kills what runs, for a loop that cannot stop it. Every process is tried.
func (s *Supervisor) abandon() {
	s.log(config.CRIT, "internal errors without end: killing all processes")
	for _, g := range s.order {
		for _, m := range g.members {
			if pid := m.machine.Pid(); pid > 0 && m.machine.State() != process.Unknown {
				if syscall.Kill(-pid, syscall.SIGKILL) != nil {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		}
	}
}
