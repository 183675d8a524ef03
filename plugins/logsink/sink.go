package logsink

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/plugins/guard"
)

const (
	// batchWait is how long output waits for more to come along.
	batchWait = 100 * time.Millisecond
	// streamDelay is the wait before a stream is opened again, doubled each time up to streamMax until a batch is written.
	streamDelay = 100 * time.Millisecond
	streamMax   = 5 * time.Second
	// tellLoss is how long losses are gathered before they are announced.
	tellLoss = time.Second
	// slowAck is how long a sink may take for a batch before that is logged, once.
	slowAck = time.Minute
	// memoryLook is how often the spool's memory is looked at while a program waits for it.
	memoryLook = 10 * time.Millisecond
)

// Sink is one [logsink:x]: it gathers what programs write into batches and brings them to the plugin, in order. What the
// plugin has not acknowledged is sent again after its end, or the stream's. The function that Source returns is the poller's
// and never blocks; the other methods may be called from any goroutine.
type Sink struct {
	o      Options
	around Surroundings
	part   *guard.Part
	spool  *spool.Spool // of SpoolOverflow
	cursor *spool.Cursor
	old    uint64 // the last position in the spool from before the start

	wake    chan struct{} // of the goroutine that sends
	toSpool chan struct{} // of the goroutine that spools
	look    chan struct{} // of the goroutine that watches
	sent    chan struct{} // closed when nothing more is sent
	ctx     context.Context
	end     context.CancelFunc
	ended   sync.WaitGroup

	mu         sync.Mutex
	sources    map[sourceKey]*source // of processes that are there, and those of others that something waits of
	open       *logBatch             // being filled
	sealed     []*logBatch           // to be sent, or spooled
	again      []*logBatch           // sent before, and to be sent again before any other
	flight     []*logBatch           // sent and not answered, in the order of sending
	spare      [][]byte              // buffers to be reused
	bytes      int64                 // in all of these
	lastSeq    uint64
	hold       time.Time // nothing is sent before: a batch was refused
	paused     int       // sources that wait for room
	spooling   *logBatch // on its way into the spool, and in onDisk, not in bytes; nil: none is
	onDisk     int64     // bytes that the spool holds in memory for the disk
	diskBad    bool      // the spool cannot write
	fault      string    // and why; "": it can
	closing    bool
	stream     *sinkStream   // nil: there is none
	retryAt    time.Time     // of the stream
	firstDelay time.Duration // before the stream is opened again; a test has less patience
	failures   int           // of streams in a row
	toldSlow   bool
	looking    bool      // runWatch looks at its time
	episode    bool      // output is being lost
	tellAt     time.Time // when that is announced; zero: it was
	told       delivery.Troubles
	stats      Status
}

// Status is the state of a sink. Numbers are of bytes of output since it was created, unless stated otherwise.
type Status struct {
	Accepted    uint64
	Written     uint64 // acknowledged
	Dropped     uint64 // there was no room, or it was refused permanently
	Queued      int64  // waiting in memory or in the spool, about; 0 where nothing does
	InFlight    int    // batches sent and not answered
	Batches     uint64 // written
	Redelivered uint64 // batches sent once more
	Refused     uint64 // answers that a batch could not be written
	Violations  uint64 // streams that were closed for wrong answers
	Streams     uint64 // opened
	Paused      int    // channels of programs that are not read now
	Oldest      time.Time
	LastError   string
	GivenUp     string        // why a batch was given up; "": none was, or one was written since
	Acked       time.Time     // when the last batch was written; zero: none was
	Spool       *spool.Status // nil: output waits in memory only
	Defects     int           // panics of its own goroutines
}

type sourceKey struct{ group, process, channel string }

// source is one channel of one process.
type source struct {
	sourceKey
	offset uint64 // bytes so far
	queued int64  // bytes in the buffer
	paused bool
	resume func() // of the last spawn
	pid    int
	lost   int64 // not announced yet
	listed bool  // it is among the sources
	gone   bool  // the process is: it is listed no longer than something waits
}

// New makes a sink and starts its goroutines; Close ends them. It touches the disk where there is a spool. Errors are of the spool.
func New(o Options, around Surroundings) (*Sink, error) {
	k := &Sink{
		o: o.withDefaults(), around: around, part: guard.New(around.Log), sources: map[sourceKey]*source{},
		wake: make(chan struct{}, 1), toSpool: make(chan struct{}, 1), look: make(chan struct{}, 1), sent: make(chan struct{}),
		firstDelay: streamDelay,
	}
	k.ctx, k.end = context.WithCancel(context.Background())
	if o.Overflow == SpoolOverflow {
		s, err := o.Spool.Open(k.part, "logsink", o.Name, k.spoolReport, k.ring, k.o.spoolMemory())
		if err != nil {
			k.end()
			return nil, err
		}
		k.spool, k.cursor = s, s.Cursor()
		if last, ok := s.Last(); ok {
			k.old, k.lastSeq = last.Pos, last.Seq
		}
		k.start("the spool of the sink", k.runSpool, k.mendSpool)
	}
	k.part.Start(&k.ended, "the sink", func() {
		defer close(k.sent)
		defer k.closeStream()
		k.part.Keep(k.ctx, "the sink", k.run, k.mend)
	})
	k.start("the watch of the sink", k.runWatch, func(error) {})
	return k, nil
}

// start calls f on a goroutine of its own until it returns, and again after a panic.
func (k *Sink) start(task string, f func(), mend func(error)) {
	k.part.Start(&k.ended, task, func() { k.part.Keep(k.ctx, task, f, mend) })
}

// Source returns the function that takes the output of a channel of a process; nil: the sink does not want it. The function is called from one
// thread at a time, never blocks and does not keep b. If it reports that the sink is full, the channel should not be read until resume is
// called, which happens once and must not block; more output is taken nevertheless, within bounds.
func (k *Sink) Source(group, process, channel string, resume func()) func(pid int, at time.Time, b []byte) (full bool) {
	if channel == "stderr" && !k.o.Stderr || channel == "stdout" && !k.o.Stdout || !k.o.Programs.Match(group, process) {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	src := k.list(&source{sourceKey: sourceKey{group, process, channel}})
	src.gone = false
	if src.paused { // by a spawn that is over
		src.paused = false
		k.paused--
	}
	src.resume = resume
	return func(pid int, at time.Time, b []byte) bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.closing {
			return false
		}
		if !src.listed { // a descendant of a process that is gone
			src = k.list(src)
		}
		return k.take(src, pid, at, b)
	}
}

// take takes output. Under the lock, as what follows.
func (k *Sink) take(src *source, pid int, at time.Time, b []byte) (full bool) {
	offset := src.offset
	src.offset += uint64(len(b))
	src.pid = pid
	k.stats.Accepted += uint64(len(b))
	if !k.makeRoom(int64(len(b))) {
		k.lose(src, int64(len(b)))
		return k.pause(src)
	}
	first := k.open == nil
	for len(b) > 0 {
		if k.open == nil {
			k.open = &logBatch{since: at, buf: k.buffer()}
		}
		before := k.open.size()
		n := k.open.add(src, pid, at, offset, b)
		k.bytes += k.open.size() - before
		src.queued += int64(n)
		b, offset = b[n:], offset+uint64(n)
		if k.open.full() {
			k.seal()
		}
	}
	if first && k.open != nil {
		k.ring() // it has to be sent in time
	}
	return k.pause(src)
}

// buffer is memory for a batch: what a full one left, or what grows as need be.
func (k *Sink) buffer() []byte {
	n := len(k.spare)
	if n == 0 {
		return nil
	}
	buf := k.spare[n-1]
	k.spare = k.spare[:n-1]
	return buf[:0]
}

// seal ends the batch that is being filled.
func (k *Sink) seal() {
	if k.open == nil {
		return
	}
	k.sealed = append(k.sealed, k.open)
	k.open = nil
	if k.spool != nil {
		ring(k.toSpool)
	} else {
		k.ring()
	}
}

func (k *Sink) ring() { ring(k.wake) }

func ring(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// makeRoom drops what is oldest where that is the policy, and reports whether n more bytes may come.
func (k *Sink) makeRoom(n int64) bool {
	if k.o.Overflow != DropOldest {
		// Programs are held back before; what they leave behind at their ends must be bounded too.
		return k.bytes+n <= 2*k.o.BufferBytes
	}
	for k.bytes+n > k.o.BufferBytes {
		var b *logBatch
		switch {
		case len(k.again) > 0:
			b, k.again = k.again[0], k.again[1:]
		case len(k.sealed) > 0:
			b, k.sealed = k.sealed[0], k.sealed[1:]
		case k.open != nil:
			b, k.open = k.open, nil
		default:
			return false
		}
		k.drop(b)
	}
	return true
}

// drop discards a batch.
func (k *Sink) drop(b *logBatch) {
	b.each(func(r *batchRecord, data []byte) { k.lose(r.src, int64(len(data))) })
	k.free(b)
}

// lose counts output that will not reach the sink.
func (k *Sink) lose(src *source, n int64) {
	src.lost += n
	k.stats.Dropped += uint64(n) //nolint:gosec // a length
	if !k.episode {
		k.episode = true
		k.tellAt = time.Now().Add(tellLoss)
		ring(k.look)
	}
}

// free releases a batch's memory.
func (k *Sink) free(b *logBatch) {
	if b != k.spooling {
		k.bytes -= b.size()
	}
	b.each(func(r *batchRecord, data []byte) {
		r.src.queued -= int64(len(data))
		k.unlist(r.src)
	})
	if b.sent && cap(b.buf) >= maxBatch/2 && len(k.spare) < k.o.MaxInFlight+2 {
		k.spare = append(k.spare, b.buf)
	}
}

// pause reports whether a source is to be left alone, and notes that.
func (k *Sink) pause(src *source) bool {
	if k.closing || !k.full(src, 1) {
		return false
	}
	if !src.paused {
		src.paused = true
		k.paused++
		if k.spool != nil {
			ring(k.toSpool) // which looks when there is room
		}
	}
	return true
}

// full reports whether a program should wait: it has more than its share of the buffer, or all of it is taken. part less
// than 1 asks for that part of it.
func (k *Sink) full(src *source, part float64) bool {
	limit := int64(part * float64(k.o.BufferBytes))
	switch k.o.Overflow {
	case BlockProgram:
		const shares = 4 // one program must not fill the buffer for the others
		return k.bytes >= limit || src.queued >= limit/shares
	case SpoolOverflow: // as long as the disk is only slow
		return !k.diskBad && k.bytes+k.onDisk >= limit
	}
	return false
}

// resumable returns the sources that may continue, so that their resume can be called without the lock.
func (k *Sink) resumable() (resume []func()) {
	if k.paused == 0 {
		return nil
	}
	for _, src := range k.sources {
		const part = 0.75
		if src.paused && (k.closing || !k.full(src, part)) {
			src.paused = false
			k.paused--
			resume = append(resume, src.resume)
			k.unlist(src)
		}
	}
	return resume
}

// locked calls f under the lock.
func (k *Sink) locked(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}

// resume calls f under the lock, and then, without it, resumes the sources that may continue.
func (k *Sink) resume(f func()) {
	var resume []func()
	k.locked(func() {
		f()
		resume = k.resumable()
	})
	for _, f := range resume {
		f()
	}
}

// Close takes no more output, resumes paused programs and delivers the rest to the plugin, until ctx is done. What is left then
// stays in the spool, or is lost, counted and announced.
func (k *Sink) Close(ctx context.Context) error {
	k.resume(func() {
		k.closing = true
		k.seal()
	})
	k.ring()
	ring(k.toSpool)
	stop := context.AfterFunc(ctx, k.end)
	k.ended.Wait()
	stop()
	k.end()
	if k.spool != nil {
		k.cursor.ReturnAll()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), delivery.SpoolClose)
		defer cancel()
		return k.spool.Close(ctx)
	}
	lost := k.abandon()
	k.announce(lost)
	if len(lost) > 0 {
		n := int64(0)
		for _, l := range lost {
			n += l.lost
		}
		return fmt.Errorf("cannot write %d bytes in time: they are lost", n)
	}
	return nil
}

// abandon discards what was not written.
func (k *Sink) abandon() []sourceLoss {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, b := range append(append(k.flight, k.again...), k.sealed...) {
		k.drop(b)
	}
	k.flight, k.again, k.sealed = nil, nil, nil
	return k.losses()
}

// Name is x of [logsink:x].
func (k *Sink) Name() string { return k.o.Name }

// Options are those it goes by.
func (k *Sink) Options() Options { return k.o }

// Status returns the state of the sink.
func (k *Sink) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stats
	s.Queued, s.InFlight, s.Paused = k.bytes, len(k.flight), k.paused
	if k.spooling != nil { // and for a moment in the spool as well
		s.Queued += k.spooling.size()
	}
	s.Defects = k.part.Defects()
	for _, b := range append(append(append([]*logBatch{}, k.flight...), k.again...), k.sealed...) {
		s.Oldest = delivery.Earlier(s.Oldest, b.since)
	}
	if k.open != nil {
		s.Oldest = delivery.Earlier(s.Oldest, k.open.since)
	}
	if k.spool != nil {
		s.Spool = k.o.Spool.Status(k.spool, "logsink", k.o.Name, k.fault)
		s.Queued += s.Spool.Stats.Waiting
		s.Oldest = delivery.Earlier(s.Oldest, s.Spool.Stats.Oldest)
	}
	return s
}
