// Package turns gives a state to one thread at a time. The state is a Loop's: nobody reaches it but by a
// function that the Loop calls with it, in a turn.
//
// The turn is Run's, except while that waits: a thread that then brings the only message takes the turn
// itself (AtOnce), for a change of threads costs more than all that follows from most messages. There is
// still one turn at a time, and messages are taken in order.
package turns

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core/guard"
)

// ErrEnded is returned by calls made after the loop has ended.
var ErrEnded = errors.New("cannot call the supervisor: it has ended")

// State is what a Loop owns.
type State interface {
	// Settle brings everything to rest at the end of a turn. It returns when there is something to do without
	// a message, zero for never, and whether that was the last turn.
	Settle() (next time.Time, over bool)
}

// Loop is a state and its turns.
type Loop[S State] struct {
	state S // of who holds the turn; before Run and after it, of Alone
	clock Clock
	guard *guard.Guard
	inbox *inbox[S]
	early early[S]
	stats stats
	ended chan struct{}

	// turn is held by who is the loop at the moment: Run, but for the time it waits
	// in; then a thread that has something for the loop may take the turn (AtOnce).
	// Before Run and after it nobody is the loop.
	turn    sync.Mutex
	looping bool // between the first turn and the last
	alarm   alarm
}

// New makes the loop of a state, which is to be kept nowhere else.
func New[S State](state S, clock Clock, g *guard.Guard) *Loop[S] {
	return &Loop[S]{state: state, clock: clock, guard: g, inbox: newInbox[S](), ended: make(chan struct{})}
}

// Handlers are what Run does with the state beside messages.
type Handlers[S any] struct {
	First  func(S)            // the first turn, after what was put Early
	Signal func(S, os.Signal) // what a signal asks for
	Last   func(S)            // what is to be done when nobody can put messages any more
}

// Run is the loop: it returns when Settle has reported the last turn.
func (l *Loop[S]) Run(signals <-chan os.Signal, h Handlers[S]) {
	defer l.end(h.Last)
	for fires, over := l.firstTurn(h.First); !over; {
		select {
		case <-l.inbox.wake:
			fires, over = l.nextTurn(func() {})
		case sig := <-signals:
			fires, over = l.nextTurn(func() { l.guard.Safely("a signal", func() { h.Signal(l.state, sig) }) })
		case <-fires:
			// What was put lazily before a spawn that hangs is in the inbox.
			fires, over = l.nextTurn(l.alarm.off)
		}
	}
}

// end closes the inbox and answers whoever still waits.
func (l *Loop[S]) end(last func(S)) {
	l.alarm.off()
	l.inbox.close()
	close(l.ended)
	last(l.state)
}

// Alone gives the state to f before Run or after it; false while that has it.
func (l *Loop[S]) Alone(f func(S)) bool {
	if !l.turn.TryLock() {
		return false
	}
	defer l.turn.Unlock()
	if l.looping {
		return false
	}
	f(l.state)
	return true
}

// firstTurn is the beginning of the loop, with the results of settled.
func (l *Loop[S]) firstTurn(first func(S)) (fires <-chan time.Time, over bool) {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.looping = true
	for _, f := range l.early.begin() {
		l.do("a subscription", f)
	}
	first(l.state)
	return l.settled()
}

// nextTurn does first what ended the wait, then what is in the inbox, with the results of settled.
func (l *Loop[S]) nextTurn(first func()) (fires <-chan time.Time, over bool) {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.stats.begin()
	first()
	for _, f := range l.inbox.take() {
		l.do("a message to the loop", f)
	}
	return l.settled()
}

// do gives the state to f. A panic ends f and nothing else.
func (l *Loop[S]) do(what string, f func(S)) {
	defer l.guard.Caught(what)
	f(l.state)
}

// settled ends a turn of Run's: with what fires when there is something to be done by itself, or with the end of the loop.
func (l *Loop[S]) settled() (fires <-chan time.Time, over bool) {
	next, over := l.state.Settle()
	if over {
		l.looping = false
		return nil, true
	}
	l.alarm.set(l.clock, next)
	l.stats.end()
	return l.alarm.fires, false
}

// AtOnce is a turn of the loop on the caller's thread, if the loop waits and has no
// other message: f and what follows from it, up to events on their way to
// listeners. Else, and after the end, it does nothing and reports so. A listener
// that is given an event for each answer would otherwise cost two changes of threads each.
func (l *Loop[S]) AtOnce(f func(S)) bool {
	if !l.turn.TryLock() {
		return false
	}
	defer l.turn.Unlock()
	if !l.looping || !l.Idle() {
		return false
	}
	l.stats.begin()
	l.do("a turn of the loop", f)
	next, over := l.state.Settle()
	l.stats.end()
	if over || l.alarm.tooLate(next) {
		l.inbox.ring() // Run has to see to it
	}
	return true
}

// Idle reports whether no message waits.
func (l *Loop[S]) Idle() bool { return l.inbox.idle() }

// Deliver has the loop do f, at once if it can be.
func (l *Loop[S]) Deliver(f func(S)) {
	if !l.AtOnce(f) {
		l.inbox.put(f)
	}
}

// Put adds a message; false once the loop has ended. It does not block.
func (l *Loop[S]) Put(f func(S)) bool { return l.inbox.put(f) }

// PutLazy adds a message that more of the like follow at once: see LazyLook.
func (l *Loop[S]) PutLazy(f func(S)) { l.inbox.putLazy(f) }

// PutOutput adds a message that stands for n bytes of output, waiting while
// too many are on their way; false once the loop has ended.
func (l *Loop[S]) PutOutput(n int, f func(S)) bool { return l.inbox.putOutput(n, f) }

// Ended is closed when the loop has ended.
func (l *Loop[S]) Ended() <-chan struct{} { return l.ended }

// Ask runs f on the loop and waits for it. A ctx that is over already is an error and f is not run. One that ends later is not looked at:
// the loop waits for nothing and so f is done soon, and a caller who went away before would share with it what f writes. Errors: ErrEnded,
// guard.ErrInternal where f panicked, ctx's.
func (l *Loop[S]) Ask(ctx context.Context, f func(S)) error {
	c := &call[struct{}]{done: make(chan struct{})}
	return l.wait(ctx, c.done, &c.whole, func(state S) {
		defer close(c.done) // nobody waits for what panicked
		f(state)
		c.whole = true
	})
}

// Call is Ask for an f that has a result.
func Call[S State, R any](ctx context.Context, l *Loop[S], f func(S) R) (R, error) {
	c := &call[R]{done: make(chan struct{})}
	err := l.wait(ctx, c.done, &c.whole, func(state S) {
		defer close(c.done)
		c.result = f(state)
		c.whole = true
	})
	return c.result, err
}

// call is an Ask or Call under way.
type call[R any] struct {
	done   chan struct{}
	whole  bool // f did not panic
	result R
}

// wait puts a message and waits until done is closed.
func (l *Loop[S]) wait(ctx context.Context, done <-chan struct{}, whole *bool, message func(S)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !l.inbox.put(message) {
		return ErrEnded
	}
	select {
	case <-done:
	case <-l.ended:
		// The last batch may have run it all the same.
		select {
		case <-done:
		default:
			return ErrEnded
		}
	}
	if !*whole {
		return guard.ErrInternal
	}
	return nil
}

// Early keeps f until Run begins, and has it done before anything else then; false if that has begun.
func (l *Loop[S]) Early(f func(S)) bool { return l.early.put(f) }

// early holds what is to be done before Run does anything.
type early[S any] struct {
	mu    sync.Mutex
	queue []func(S)
	over  bool
}

// put is false once Run has begun.
func (e *early[S]) put(f func(S)) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.queue = append(e.queue, f)
	}
	return !e.over
}

func (e *early[S]) begin() []func(S) {
	e.mu.Lock()
	defer e.mu.Unlock()
	queue := e.queue
	e.queue, e.over = nil, true
	return queue
}
