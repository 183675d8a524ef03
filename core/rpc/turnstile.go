package rpc

import (
	"runtime"
	"slices"
	"sync"
)

// turnstile limits how many connections compute at a time, of those that are not the owner's. The rest wait in order, so that the owner's request shares the
// processors with few, however many there are. A connection that waits for something else, such as its client or memory, releases its turn meanwhile.
type turnstile struct {
	pressed func() bool // whether connections are closed for others to get their places: then there are fewer turns

	mu    sync.Mutex
	taken int
	queue []chan struct{}
}

func newTurnstile(pressed func() bool) *turnstile { return &turnstile{pressed: pressed} }

// most is how many there are.
func (t *turnstile) most() int {
	processors := min(runtime.NumCPU(), runtime.GOMAXPROCS(0))
	if t.pressed() {
		return max(processors/2, 1)
	}
	return 2 * processors
}

// take waits for one, and reports false when gone is closed before there is.
func (t *turnstile) take(gone <-chan struct{}) bool {
	granted := t.ask()
	if granted == nil {
		return true
	}
	select {
	case <-granted:
		return true
	case <-gone:
	}
	if !t.withdraw(granted) { // it was granted just now
		t.give()
	}
	return false
}

// ask takes one if there is one, and nil is returned; else a place in the queue.
func (t *turnstile) ask() (granted chan struct{}) {
	most := t.most()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken < most && len(t.queue) == 0 {
		t.taken++
		return nil
	}
	granted = make(chan struct{})
	t.queue = append(t.queue, granted)
	return granted
}

func (t *turnstile) withdraw(granted chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.queue, granted)
	if i >= 0 {
		t.queue = slices.Delete(t.queue, i, i+1)
	}
	return i >= 0
}

// give returns one, for the one that has waited longest.
func (t *turnstile) give() {
	most := t.most()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	for t.taken < most && len(t.queue) > 0 {
		t.taken++
		close(t.queue[0])
		t.queue = t.queue[1:]
	}
}

// turn is what a connection has of the turns.
type turn struct {
	of   *turnstile // nil: it needs none
	gone <-chan struct{}

	mu    sync.Mutex
	needs bool // what needs turns is under way
	asks  bool // it waits for one
	has   bool
}

// begin makes what follows need turns. It has none yet.
func (t *turn) begin() { t.is(true) }

// end ends what begin was for.
func (t *turn) end() {
	t.is(false)
	t.rest()
}

func (t *turn) is(needs bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.needs = needs
}

func (t *turn) asking(is bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asks = is
}

// busy reports whether it is computing, or waits for its turn to.
func (t *turn) busy() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.has || t.asks
}

func (t *turn) waits() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.needs && !t.has && t.of != nil
}

// work waits for a turn, unless none is needed or there is one. It reports false when the client has gone.
func (t *turn) work() bool {
	if !t.waits() {
		return true
	}
	t.asking(true)
	defer t.asking(false)
	if !t.of.take(t.gone) {
		return false
	}
	if !t.keep() { // the request has ended: net/http reads, and TLS may write, at the same time
		t.of.give()
	}
	return true
}

func (t *turn) keep() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.has || !t.needs {
		return false
	}
	t.has = true
	return true
}

// rest releases the turn, and reports whether there was one.
func (t *turn) rest() bool {
	had := t.drop()
	if had {
		t.of.give()
	}
	return had
}

func (t *turn) drop() (had bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	had, t.has = t.has, false
	return had
}

// yield lets those that wait have their turns.
func (t *turn) yield() bool { return !t.rest() || t.work() }
