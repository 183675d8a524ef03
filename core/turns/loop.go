// Package turns makes a state available to one thread at a time. The state belongs to a Loop: it is used only by
// functions that the Loop calls with it, in a turn.
//
// Turns run on the goroutine of Run, with one exception: while Run waits, a thread that brings the only
// message runs a turn itself (AtOnce), because a change of threads costs more than the work that most
// messages cause. There is still one turn at a time, and messages are taken in order.
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
	// Settle does what is due at the end of a turn. next is when it must be called again without a message;
	// zero means never. over reports whether this was the last turn.
	Settle() (next time.Time, over bool)
}

// Loop is a state and its turns.
type Loop[S State] struct {
	state S // belongs to the holder of the turn; before Run and after it, of Alone
	clock Clock
	guard *guard.Guard
	inbox *inbox[S]
	early early[S]
	stats stats
	ended chan struct{}

	// turn is held during a turn: by Run, except while it waits; then a thread that has
	// a message may hold it (AtOnce). Before Run and after it, only Alone holds it.
	turn    sync.Mutex
	looping bool // between the first turn and the last
	alarm   alarm
}

// New returns the loop of a state. The caller must not use the state any more.
func New[S State](state S, clock Clock, g *guard.Guard) *Loop[S] {
	return &Loop[S]{state: state, clock: clock, guard: g, inbox: newInbox[S](), ended: make(chan struct{})}
}

// Handlers are the functions, other than messages, that Run calls with the state.
type Handlers[S any] struct {
	First  func(S)            // the first turn, after what was put Early
	Signal func(S, os.Signal) // what a signal asks for
	Last   func(S)            // called when no more messages can be put
}

// Run runs the loop. It returns when Settle has reported the last turn. It must be called once.
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

// end closes the inbox and ends the calls that still wait.
func (l *Loop[S]) end(last func(S)) {
	l.alarm.off()
	l.inbox.close()
	close(l.ended)
	last(l.state)
}

// Alone calls f with the state before Run or after it; while Run runs, it does not call f and returns false.
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

// firstTurn runs the first turn and returns the results of settled.
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

// nextTurn calls first, which handles what ended the wait, then runs the messages of the inbox, and returns the results of
// settled.
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

// do calls f with the state. A panic ends f and nothing else.
func (l *Loop[S]) do(what string, f func(S)) {
	defer l.guard.Caught(what)
	f(l.state)
}

// settled ends a turn of Run. fires is the channel of the next alarm; over reports whether the loop has ended.
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

// AtOnce runs f, and what is due after it, as a turn of the loop on the caller's thread, and returns true. If the loop does not
// wait, has other messages, or has ended, AtOnce does nothing and returns false. Without it, each event that a listener gets for
// an answer would cost two changes of threads.
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
		l.inbox.ring() // Run must end the loop or set the alarm
	}
	return true
}

// Idle reports whether no message waits.
func (l *Loop[S]) Idle() bool { return l.inbox.idle() }

// Deliver runs f by AtOnce if possible, otherwise it adds f as a message. It does not wait for the loop.
func (l *Loop[S]) Deliver(f func(S)) {
	if !l.AtOnce(f) {
		l.inbox.put(f)
	}
}

// Put adds a message; false once the loop has ended. It does not block.
func (l *Loop[S]) Put(f func(S)) bool { return l.inbox.put(f) }

// PutLazy adds a message that similar ones follow at once, without waking the loop for each: see LazyLook. It does not block.
func (l *Loop[S]) PutLazy(f func(S)) { l.inbox.putLazy(f) }

// PutOutput adds a message that stands for n bytes of output. It blocks while more than 4 MiB of output wait for the loop;
// it returns false once the loop has ended.
func (l *Loop[S]) PutOutput(n int, f func(S)) bool { return l.inbox.putOutput(n, f) }

// Ended returns a channel that is closed when the loop has ended.
func (l *Loop[S]) Ended() <-chan struct{} { return l.ended }

// Ask runs f on the loop and waits until f has returned. If ctx has ended before the call, f is not run and ctx's error is returned.
// A ctx that ends later is ignored: the loop never waits, so f runs soon, and if Ask returned earlier, f would write to variables that
// the caller uses. Errors: ErrEnded, guard.ErrInternal if f panicked, ctx's.
func (l *Loop[S]) Ask(ctx context.Context, f func(S)) error {
	c := &call[struct{}]{done: make(chan struct{})}
	return l.wait(ctx, c.done, &c.whole, func(state S) {
		defer close(c.done) // also after a panic, so that the caller does not wait forever
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
		// The last turn may nevertheless have run it.
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

// Early has f run when Run begins, before anything else. If Run has begun already, it does nothing and returns false.
func (l *Loop[S]) Early(f func(S)) bool { return l.early.put(f) }

// early holds the functions that Run calls first.
type early[S any] struct {
	mu    sync.Mutex
	queue []func(S)
	over  bool
}

// put adds f; false once Run has begun.
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
