package logs

import (
	"io"
	"sync"
	"time"
)

// MaxPrinterQueue is how much a Printer keeps for a writer that does not take it, in bytes.
const MaxPrinterQueue = 1 << 20

// Printer writes to a stream that may block, such as the daemon's own standard output,
// for callers that must not. What does not fit into its queue is dropped and counted.
// Its methods may be called from any goroutine.
type Printer struct {
	out     io.Writer
	dropped func(bytes int) // is notified once for each time that the queue was full, when it is no longer

	mu     sync.Mutex
	more   *sync.Cond
	queue  []byte
	lost   int
	closed bool
	done   chan struct{}
}

// NewPrinter returns a Printer on out. dropped is called from the Printer's goroutine
// with the number of bytes lost, once the stream takes some again; nil: the number is not reported.
func NewPrinter(out io.Writer, dropped func(bytes int)) *Printer {
	p := &Printer{out: out, dropped: dropped, done: make(chan struct{})}
	p.more = sync.NewCond(&p.mu)
	go p.run()
	return p
}

// Print queues b, whole or not at all. It does not block and does not keep b.
func (p *Printer) Print(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.queue)+len(b) > MaxPrinterQueue {
		p.lost += len(b)
		return
	}
	p.queue = append(p.queue, b...)
	p.more.Signal()
}

func (p *Printer) run() {
	defer close(p.done)
	var spare []byte
	for {
		b, lost := p.next(spare)
		if b == nil {
			return
		}
		n, err := p.out.Write(b)
		if err != nil { // as a file that cannot be written: gone, and the next may do
			lost += len(b) - n
		}
		if lost > 0 && p.dropped != nil {
			p.dropped(lost)
		}
		spare = b
	}
}

// next waits for something to write, and returns it with how much was lost; nil at the end. What is printed from then on is stored in spare.
func (p *Printer) next(spare []byte) (b []byte, lost int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue) == 0 && !p.closed {
		p.more.Wait()
	}
	if len(p.queue) == 0 {
		return nil, 0
	}
	b, lost = p.queue, p.lost
	p.queue, p.lost = spare[:0], 0
	return b, lost
}

func (p *Printer) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.more.Signal()
}

// Close waits until all that was printed is written, but no longer than patience: a
// write to a stream that is not read continues until the process ends.
func (p *Printer) Close(patience time.Duration) {
	p.end()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
	}
}
