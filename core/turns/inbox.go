package turns

import (
	"sync"
	"time"
)

// inboxBytes is how much output may wait for the loop before the thread that
// reads it must wait: a child that writes faster than events can be made is
// slowed by its full pipe, and its output does not fill our memory.
const inboxBytes = 4 << 20

// inbox holds the messages to the loop, in order. Any goroutine may put; only the loop
// takes. Only output has a size and may wait; calls, exits of children and
// spawns are few and must never wait behind it.
type inbox[S any] struct {
	mu     sync.Mutex
	room   sync.Cond
	queue  []func(S)
	spare  []func(S)
	bytes  int
	closed bool
	quiet  bool      // something was put without a ring
	rung   time.Time // by putLazy
	wake   chan struct{}
}

func newInbox[S any]() *inbox[S] {
	b := &inbox[S]{wake: make(chan struct{}, 1)}
	b.room.L = &b.mu
	return b
}

// put adds a message; false once the loop has ended.
func (b *inbox[S]) put(f func(S)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.add(f)
}

// add is put, with the lock.
func (b *inbox[S]) add(f func(S)) bool {
	if b.closed {
		return false
	}
	b.queue = append(b.queue, f)
	if len(b.queue) == 1 || b.quiet {
		b.ring()
	}
	b.quiet = false
	return true
}

// lazyAfter is how long putLazy may leave the loop asleep: a small part of the time
// of a start, and many times that of a spawn.
const lazyAfter = 2 * time.Millisecond

// LazyLook is how often a loop must look into its inbox by itself while more messages are to come by PutLazy.
const LazyLook = 100 * time.Millisecond

// putLazy adds a message that similar ones follow at once: the loop is not woken for each of a thousand spawns, but only if
// putLazy has not woken it for lazyAfter. The last of the messages is added by put; since its spawn may hang, the loop looks
// into the inbox every LazyLook while spawns are under way.
func (b *inbox[S]) putLazy(f func(S)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.queue = append(b.queue, f)
	b.quiet = true
	if now := time.Now(); now.Sub(b.rung) >= lazyAfter {
		b.rung, b.quiet = now, false
		b.ring()
	}
}

// putOutput adds a message that stands for n bytes of output, waiting while
// too many are on their way.
func (b *inbox[S]) putOutput(n int, f func(S)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.bytes > inboxBytes && !b.closed {
		b.room.Wait()
	}
	b.bytes += n
	return b.add(f)
}

// idle reports whether no message waits for the loop, and the inbox is not closed.
func (b *inbox[S]) idle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue) == 0 && !b.closed
}

func (b *inbox[S]) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take removes and returns all messages. The slice is valid until the next take.
func (b *inbox[S]) take() []func(S) {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.spare)
	taken := b.queue
	b.quiet = false
	b.queue, b.spare = b.spare[:0], taken
	if b.bytes > 0 {
		b.bytes = 0
		b.room.Broadcast()
	}
	return taken
}

// close makes every later put fail and wakes the waiting callers of putOutput; the messages in the inbox are dropped.
func (b *inbox[S]) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.queue = nil
	b.room.Broadcast()
}
