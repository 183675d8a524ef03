package child

import (
	"runtime"
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
	// wait appends what is ready. It waits at most timeout, for ever when negative,
	// and returns early, perhaps with nothing, on wake or a signal.
	wait(ready []int, timeout time.Duration, eagerOnly bool) []int
	wake()
	close()
}

// poller reads children's pipes on a thread of its own with one buffer. Other
// threads enter and pause streams under mu; only the poller's thread reads and
// closes them, and runs what was posted. It holds work meanwhile, so that who gets
// that lock knows that no Reader is running.
type poller struct {
	waiter waiter
	linger time.Duration
	rests  bool                 // makes pauses; the listeners' poller doesn't
	now    func() time.Duration // the time since the start
	done   chan struct{}

	mu      sync.Mutex
	table   []*stream // by descriptor
	posted  []func()
	woken   bool
	closing bool

	due atomic.Bool // posted isn't empty

	work sync.Mutex // taken before mu

	// The thread's own.
	buf       []byte
	ready     []int
	running   []func()
	lingering []*stream // by deadline
	lastRound time.Duration
}

func newPoller(by func() (waiter, error), linger time.Duration, rests bool) (*poller, error) {
	w, err := by()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	now := func() time.Duration { return time.Since(start) }
	return &poller{waiter: w, linger: linger, rests: rests, now: now, done: make(chan struct{})}, nil
}

func (p *poller) start() {
	p.buf = make([]byte, bufferSize)
	go p.run()
}

// abort closes a poller that was never started.
func (p *poller) abort() { p.waiter.close() }

// close ends the thread and closes every pipe. The callbacks of what was posted
// before are still run; Readers hear nothing.
func (p *poller) close() {
	p.mu.Lock()
	p.closing = true
	p.waiter.wake()
	p.mu.Unlock()
	<-p.done
}

// post runs f on the poller's thread; f is dropped once the poller is closing.
func (p *poller) post(f func()) {
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
	runtime.LockOSThread()
	defer close(p.done)
	defer p.end()
	for !p.isClosing() {
		p.ready = p.waiter.wait(p.ready[:0], p.timeout(), false)
		now := p.now()
		busy := now-p.lastRound < busyGap
		p.lastRound = now
		if restful := p.round(now); restful && busy && p.rests {
			p.rest(now + restTime)
		}
		p.giveUpLate()
	}
}

// unlessBusy runs f at once, on the caller's thread, while no Reader is running and
// nothing that was posted before waits; else it tells that it didn't.
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

// rest waits until a moment, serving only what must not wait.
func (p *poller) rest(until time.Duration) {
	for left := restTime; left > 0 && !p.isClosing(); left = until - p.now() {
		p.ready = p.waiter.wait(p.ready[:0], left, true)
		p.round(p.now())
	}
}

// round handles what is ready and what was posted, and tells whether a pause may
// follow: there were only quiet pipes, and none that is eager.
func (p *poller) round(now time.Duration) (restful bool) {
	p.work.Lock()
	defer p.work.Unlock()
	p.runPosted()
	quiet, read := true, false
	for _, fd := range p.ready {
		st := p.at(fd)
		switch {
		case st == nil:
		case st.reader == nil:
			st.child.flushStdin()
		default:
			read = true
			if !p.read(st, now) {
				quiet = false
			}
		}
		// A round over many loud pipes takes a while; exits shouldn't wait for it.
		if p.due.Load() {
			p.runPosted()
		}
	}
	return read && quiet
}

// read takes at most one buffer of a pipe and tells whether it may be left
// waiting for a while.
func (p *poller) read(st *stream, now time.Duration) (quiet bool) {
	n, err := syscall.Read(st.fd, p.buf)
	switch {
	case n > 0:
		st.reader.Output(p.buf[:n])
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return !st.eager
	default:
		p.shut(st, 0)
		return true
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
	return !st.eager && time.Duration(n)*restTime < loudRate*gap
}

// drain reads at the exit of a child exactly what its pipe holds now, so that
// somebody who goes on writing can't delay it. From then on the pipe lingers.
func (p *poller) drain(st *stream) {
	if !p.open(st) {
		return
	}
	p.readHeld(st)
	st.deadline = p.now() + p.linger
	p.lingering = append(p.lingering, st)
}

func (p *poller) readHeld(st *stream) {
	for left := held(st.fd); left > 0; {
		n, err := syscall.Read(st.fd, p.buf[:min(left, len(p.buf))])
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			return
		}
		left -= n
		st.reader.Output(p.buf[:n])
	}
}

// giveUp closes a pipe that somebody may still write to, after a last look.
func (p *poller) giveUp(st *stream) {
	if p.open(st) {
		p.readHeld(st)
		p.shut(st, held(st.fd))
	}
}

// giveUpLate gives up the pipes whose time is over.
func (p *poller) giveUpLate() {
	if len(p.lingering) == 0 {
		return
	}
	p.work.Lock()
	defer p.work.Unlock()
	i := 0
	for ; i < len(p.lingering); i++ {
		st := p.lingering[i]
		if p.open(st) {
			if st.deadline > p.now() {
				break
			}
			p.giveUp(st)
		}
		p.lingering[i] = nil
	}
	if p.lingering = p.lingering[i:]; len(p.lingering) == 0 {
		p.lingering = nil
	}
}

// timeout is how long to wait: for ever unless a pipe lingers.
func (p *poller) timeout() time.Duration {
	if len(p.lingering) == 0 {
		return -1
	}
	return max(0, p.lingering[0].deadline-p.now())
}

// shut closes a pipe and tells its Reader.
func (p *poller) shut(st *stream, left int) {
	p.mu.Lock()
	st.closed = true
	p.unwatch(st)
	p.mu.Unlock()
	closeFD(st.fd)
	st.reader.Closed(left)
}

func (p *poller) runPosted() {
	p.mu.Lock()
	p.running, p.posted = p.posted, p.running[:0]
	p.woken = false
	p.due.Store(false)
	p.mu.Unlock()
	for i, f := range p.running {
		f()
		p.running[i] = nil
	}
}

// end runs what was posted before the end, and closes everything.
func (p *poller) end() {
	p.work.Lock()
	defer p.work.Unlock()
	p.runPosted()
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
