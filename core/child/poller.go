package child

import (
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The measures of a poller.
const (
	// bufferSize is the most that is read of one pipe in one round, as Supervisor does
	// (options.py, readfd).
	bufferSize = 128 << 10
	// restTime is the pause after a busy round: what the children write meanwhile is
	// read at once, which halves the cost of many small writes.
	restTime = time.Millisecond
	// busyGap is how soon after the last round the next must come to be called busy. A
	// lone write is neither left waiting nor followed by a pause.
	busyGap = 2 * time.Millisecond
	// loudRate is how many bytes in a restTime are too many for a pause: half of what
	// a pipe holds, or the pause would hold up the writer.
	loudRate = 32 << 10
	// hurry is how short a wait must be, and hurries how many in a row, for those that follow to be hurried ones, until one takes as long as calm.
	hurry   = 500 * time.Microsecond
	hurries = 16
	calm    = 5 * time.Millisecond
	// fullReads is after how many reads in a row of a full pipe it is made larger.
	fullReads = 4
	fullPipe  = 60 << 10
)

// waiter waits for descriptors: epoll on Linux, poll elsewhere. Its readiness is
// level-triggered. add, remove and wake may be called from any thread.
type waiter interface {
	// add begins to watch fd for reading, or for writing. An eager one is
	// seen by a wait for eager ones only, too.
	add(fd int, write, eager bool) error
	remove(fd int, eager bool)
	// wait appends what is ready. It waits at most timeout, forever when negative,
	// and returns early, perhaps with nothing, on wake or a signal. hurried: the wait is likely to be a short one.
	wait(ready []int, timeout time.Duration, eagerOnly, hurried bool) []int
	wake()
	close()
}

// poller reads children's pipes in a goroutine of its own, which is called its thread because its work may block one, with one buffer. Other
// threads enter and pause streams under mu; only the poller's thread reads and
// closes them, and runs what was posted. It holds work meanwhile, so the holder of
// that lock knows that no Reader is running.
//
// When the Work of a Reader takes too long, another thread becomes the poller: the thread that hangs is no longer the
// poller, and a new one continues, with the lock. So what is left to do is in the fields below, never on the
// stack: steps, the last one first, then ready from next on.
type poller struct {
	waiter waiter
	linger time.Duration
	rests  bool                 // makes pauses; the listeners' poller doesn't
	now    func() time.Duration // the time since the start
	done   chan struct{}

	mu      sync.Mutex
	table   []*stream // by descriptor
	posted  []step
	woken   bool
	closing bool

	due atomic.Bool // posted isn't empty

	work sync.Mutex // taken before mu

	guard *guard[Work]

	// The thread's own.
	buf       []byte
	ready     []int
	next      int       // of ready
	steps     []step    // the last is the next
	lingering []*stream // by deadline
	lastRound time.Duration
	quick     int // waits in a row that were shorter than hurry; no more are counted once there were hurries
}

// step is something to do on the poller's thread; it returns work for a disk, or nil.
type step func() Work

func newPoller(by func() (waiter, error), linger time.Duration, rests bool) (*poller, error) {
	w, err := by()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	now := func() time.Duration { return time.Since(start) }
	p := &poller{waiter: w, linger: linger, rests: rests, now: now, done: make(chan struct{})}
	p.guard = newGuard(func(w Work) { go p.takeOver(w) })
	return p, nil
}

func (p *poller) start() {
	p.guard.start()
	go p.run()
}

// abort closes a poller that was never started.
func (p *poller) abort() { p.waiter.close() }

// close ends the thread and closes every pipe. The callbacks of what was posted
// before are still run; Readers hear nothing. Work that hangs is left to its thread.
func (p *poller) close() {
	p.beginClosing()
	<-p.done
	p.guard.close()
}

func (p *poller) beginClosing() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = true
	p.waiter.wake()
}

// post runs f on the poller's thread; f is dropped once the poller is closing.
func (p *poller) post(f step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return
	}
	p.posted = append(p.posted, f)
	p.due.Store(true)
	if !p.woken {
		p.woken = true
		p.waiter.wake()
	}
}

// run is the thread.
func (p *poller) run() {
	p.buf = make([]byte, bufferSize)
	p.goOn()
}

// takeOver is the thread that follows one that hangs in w. It has the lock.
func (p *poller) takeOver(w Work) {
	p.buf = make([]byte, bufferSize) // the other may still read from the one it had
	w.Away()
	if _, mine := p.finishRound(p.now()); !mine {
		return
	}
	p.work.Unlock()
	p.goOn()
}

// goOn is the loop. It ends with the poller, or when this thread is no longer it.
func (p *poller) goOn() {
	for !p.isClosing() {
		if !p.giveUpLate() {
			return
		}
		p.wait(p.timeout(), false)
		now := p.now()
		busy := now-p.lastRound < busyGap
		p.lastRound = now
		restful, mine := p.round(now)
		if mine && restful && busy && p.rests {
			mine = p.rest(now + restTime)
		}
		if !mine {
			return
		}
	}
	if p.end() {
		close(p.done)
	}
}

func (p *poller) wait(timeout time.Duration, eagerOnly bool) {
	hurried := p.quick >= hurries
	if hurried && (timeout < 0 || timeout > calm) {
		timeout = calm
	}
	before := p.now()
	p.ready, p.next = p.waiter.wait(p.ready[:0], timeout, eagerOnly, hurried), 0
	switch took := p.now() - before; {
	case took >= calm, !hurried && took >= hurry:
		p.quick = 0
	case !hurried:
		p.quick++
	}
}

// do does what may block, and reports whether this thread is still the poller. If not, it must touch nothing of it.
func (p *poller) do(w Work) (mine bool) {
	turn := p.guard.enter(w)
	w.Do()
	if p.guard.leave(turn) {
		w.Done()
		return true
	}
	w.Back()
	return false
}

// push puts a step before those that are there.
func (p *poller) push(f step) { p.steps = append(p.steps, f) }

// runSteps does what is to be done, and reports whether this thread is still the poller.
func (p *poller) runSteps() (mine bool) {
	for len(p.steps) > 0 {
		last := len(p.steps) - 1
		f := p.steps[last]
		p.steps[last] = nil
		p.steps = p.steps[:last]
		if w := f(); w != nil && !p.do(w) {
			return false
		}
	}
	return true
}

// unlessBusy runs f at once, on the caller's thread, while no Reader is running and
// nothing that was posted before waits; otherwise it returns false.
func (p *poller) unlessBusy(f func() bool) bool {
	if p.due.Load() || !p.work.TryLock() {
		return false
	}
	defer p.work.Unlock()
	if p.due.Load() || p.isClosing() {
		return false
	}
	return f()
}

// rest waits until a moment, serving only what must not wait. It reports whether this thread is still the poller.
func (p *poller) rest(until time.Duration) (mine bool) {
	for left := restTime; left > 0 && !p.isClosing(); left = until - p.now() {
		p.wait(left, true)
		if _, mine := p.round(p.now()); !mine {
			return false
		}
	}
	return true
}

// round handles what is ready and what was posted. It reports whether a pause may
// follow, for there were only quiet pipes and none that is eager, and whether this thread is still the poller.
func (p *poller) round(now time.Duration) (restful, mine bool) {
	mine = p.working(func() (mine bool) {
		p.takePosted()
		restful, mine = p.finishRound(now)
		return mine
	})
	return restful, mine
}

// working does something with the lock of the work, and reports whether this thread is still the poller. If not, the lock belongs to the
// thread that is, which releases it.
func (p *poller) working(f func() (mine bool)) (mine bool) {
	p.work.Lock()
	defer func() {
		if mine {
			p.work.Unlock()
		}
	}()
	return f()
}

// finishRound does what is left of a round. With the lock, which is another's when this thread is no longer the poller.
func (p *poller) finishRound(now time.Duration) (restful, mine bool) {
	quiet, read := true, false
	for {
		if !p.runSteps() {
			return false, false
		}
		if p.next == len(p.ready) {
			return read && quiet, true
		}
		fd := p.ready[p.next]
		p.next++
		st := p.at(fd)
		switch {
		case st == nil:
		case st.reader == nil:
			st.child.flushStdin()
		default:
			read = true
			w, still := p.read(st, now)
			quiet = quiet && still
			if w != nil && !p.do(w) {
				return false, false
			}
		}
		// A round over many loud pipes takes a while; exits shouldn't wait for it.
		if p.due.Load() {
			p.takePosted()
		}
	}
}

// read takes at most one buffer of a pipe, and reports whether it may be left
// waiting for a while.
func (p *poller) read(st *stream, now time.Duration) (w Work, quiet bool) {
	n, err := syscall.Read(st.fd, p.buf)
	switch {
	case n > 0:
		w = st.reader.Output(p.buf[:n])
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return nil, !st.eager
	default:
		return p.shut(st, 0), true
	}
	gap := now - st.last
	st.last = now
	if n < fullPipe {
		st.full = 0
	} else if st.full < fullReads {
		if st.full++; st.full == fullReads {
			widenPipe(st.fd)
		}
	}
	return w, !st.eager && time.Duration(n)*restTime < loudRate*gap
}

// drain reads at the exit of a child exactly what its pipe contains now, so that
// a process that continues to write can't delay it. From then on the pipe lingers. It is a step.
func (p *poller) drain(st *stream) Work {
	if !p.open(st) {
		return nil
	}
	p.push(func() Work {
		st.deadline = p.now() + p.linger
		p.lingering = append(p.lingering, st)
		return nil
	})
	return p.readHeld(st, held(st.fd))
}

// readHeld reads left bytes that a pipe holds, a buffer in each step.
func (p *poller) readHeld(st *stream, left int) Work {
	for left > 0 {
		n, err := syscall.Read(st.fd, p.buf[:min(left, len(p.buf))])
		switch {
		case n > 0:
			if left -= n; left > 0 {
				p.push(func() Work { return p.readHeld(st, left) })
			}
			return st.reader.Output(p.buf[:n])
		case err != syscall.EINTR:
			return nil
		}
	}
	return nil
}

// giveUp closes a pipe that a process may still write to, after a last look. It is a step.
func (p *poller) giveUp(st *stream) Work {
	if !p.open(st) {
		return nil
	}
	p.push(func() Work { return p.shut(st, held(st.fd)) })
	return p.readHeld(st, held(st.fd))
}

// giveUpLate gives up the pipes whose time is over. It reports whether this thread is still the poller.
func (p *poller) giveUpLate() (mine bool) {
	if len(p.lingering) == 0 {
		return true
	}
	return p.working(p.giveUpThose)
}

func (p *poller) giveUpThose() (mine bool) {
	for now := p.now(); len(p.lingering) > 0; {
		st := p.lingering[0]
		open := p.open(st)
		if open && st.deadline > now {
			break
		}
		p.lingering[0] = nil
		p.lingering = p.lingering[1:]
		if open {
			p.push(func() Work { return p.giveUp(st) })
			if !p.runSteps() {
				return false
			}
		}
	}
	if len(p.lingering) == 0 {
		p.lingering = nil
	}
	return true
}

// timeout is how long to wait: forever unless a pipe lingers.
func (p *poller) timeout() time.Duration {
	if len(p.lingering) == 0 {
		return -1
	}
	return max(0, p.lingering[0].deadline-p.now())
}

// shut closes a pipe and calls its Reader's Closed.
func (p *poller) shut(st *stream, left int) Work {
	p.takeOut(st)
	closeFD(st.fd)
	return st.reader.Closed(left)
}

func (p *poller) takeOut(st *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st.closed = true
	p.unwatch(st)
}

// takePosted makes steps of what was posted, to be done after those that are there.
func (p *poller) takePosted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Reverse(p.posted)
	if len(p.steps) == 0 { // as good as always
		p.steps, p.posted = p.posted, p.steps
	} else {
		p.steps, p.posted = append(p.posted, p.steps...), nil
	}
	p.woken = false
	p.due.Store(false)
}

// end runs what was posted before the end, and closes everything. It reports whether this thread is still the poller.
func (p *poller) end() (mine bool) {
	return p.working(func() (mine bool) {
		p.takePosted()
		if mine = p.runSteps(); mine {
			p.closeAll()
		}
		return mine
	})
}

func (p *poller) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, st := range p.table {
		if st != nil && st.reader != nil {
			st.closed = true
			p.unwatch(st)
			closeFD(st.fd)
		}
	}
	p.waiter.close()
}

func (p *poller) isClosing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closing
}
