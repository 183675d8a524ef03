package child

import (
	"sync/atomic"
	"time"
)

// workLimit is how long work of a Reader, or the preparation of a spawn, may hold up what comes after it. A disk that is
// merely busy answers sooner; a frozen or dead one never.
const workLimit = time.Second

// guard notices that a thread has been in one piece of work for workLimit, and replaces it. The cost
// while all is well is two atomic operations a piece: a goroutine looks at a counter now and then, and sleeps
// while there is no work.
type guard[T any] struct {
	limit time.Duration
	// late is called, once for each piece, when it has taken too long: from then on leave answers false to the thread
	// that is in it. It runs on the guard's goroutine.
	late func(T)

	turn   atomic.Uint64 // odd while a piece of work is being done
	work   T             // which; whoever makes turn even after enter may use it
	asleep atomic.Bool
	wake   chan struct{} // of one slot
	stop   chan struct{}
	done   chan struct{}
}

func newGuard[T any](late func(T)) *guard[T] {
	g := &guard[T]{limit: workLimit, late: late, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	g.asleep.Store(true)
	return g
}

func (g *guard[T]) start() { go g.run() }

// close ends the watch. No work may be under way that should still be noticed.
func (g *guard[T]) close() {
	close(g.stop)
	<-g.done
}

// enter begins a piece of work. Only one thread at a time may be between enter and leave, except those that are late.
func (g *guard[T]) enter(work T) (turn uint64) {
	g.work = work
	turn = g.turn.Add(1)
	if g.asleep.Load() && g.asleep.CompareAndSwap(true, false) {
		g.wake <- struct{}{}
	}
	return turn
}

// leave ends it and reports whether that was in time.
func (g *guard[T]) leave(turn uint64) bool { return g.turn.CompareAndSwap(turn, turn+1) }

func (g *guard[T]) run() {
	defer close(g.done)
	for {
		select {
		case <-g.wake:
		case <-g.stop:
			return
		}
		if !g.watch() {
			return
		}
	}
}

// watch looks at the counter until nothing happens between two looks; false at the end.
func (g *guard[T]) watch() bool {
	const looks = 2 // a limit
	timer := time.NewTicker(g.limit / looks)
	defer timer.Stop()
	seen, same := g.turn.Load(), 0
	for {
		select {
		case <-timer.C:
		case <-g.stop:
			return false
		}
		switch turn := g.turn.Load(); {
		case turn != seen:
			seen, same = turn, 0
		case turn%2 == 0:
			g.asleep.Store(true)
			// One that began before it could see that is seen here.
			if g.turn.Load() == turn || !g.asleep.CompareAndSwap(true, false) {
				return true
			}
		default:
			if same++; same >= looks && g.turn.CompareAndSwap(turn, turn+1) {
				seen, same = turn+1, 0
				g.late(g.work)
			}
		}
	}
}
