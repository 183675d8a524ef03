// Package syslog writes to the local syslog socket in the form of glibc's
// syslog(3), as Python's syslog module and so Supervisor do: facility user,
// priority info, ident supervisord, one message a line. Lines are queued and sent
// by one goroutine, so that no caller ever waits for the syslog daemon; while the
// daemon is away they wait in memory, beyond a bound they are dropped and counted.
package syslog

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"time"
	"unicode/utf8"
)

// Bounds of what is sent and kept.
const (
	// MaxLine: bytes of a message; longer lines are sent in pieces. Syslog daemons
	// cut what is longer (rsyslog's default is 8 KiB).
	MaxLine = 8 << 10
	// DefaultMaxPending: bytes of messages held for a daemon that is away or slow.
	DefaultMaxPending = 1 << 20
)

const (
	// sendLimit is how long a daemon that takes nothing is waited for at a time.
	sendLimit = time.Second
	// Reconnecting waits from firstRetry, doubled each time, up to lastRetry: if
	// there is no syslog at all this must not cost wake-ups.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// priority is facility user (1<<3) with severity info (6), Python's default;
// warning the same with severity warning (4), for what the writer itself says.
const (
	priority = "<14>"
	warning  = "<12>"
)

// Options are the settings of a Writer; the zero value is Supervisor's.
type Options struct {
	// Path: the socket; "" means the first of /dev/log, /var/run/syslog and
	// /var/run/log that answers.
	Path string
	// Ident: the name before the colon; "" means supervisord.
	Ident string
	// MaxPending: bytes of messages held; 0 means DefaultMaxPending.
	MaxPending int
	// Now: the clock of the stamps; nil means time.Now.
	Now func() time.Time
	// Retry: the first wait before reconnecting; 0 means 1 s. It doubles up to 30 s.
	Retry time.Duration
}

// Writer sends lines to syslog. Its methods may be called from anywhere.
type Writer struct {
	o     Options
	paths []string
	wake  chan struct{} // of one slot
	stop  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	queue   batch
	pending int // bytes queued or being sent
	dropped int64
	closing bool
	waiting []flush
	queued  uint64 // messages accepted so far
	sent    uint64 // of these, how many are finished

	// Of the goroutine alone.
	conn   net.Conn
	stream bool
	told   int64 // of dropped, how many the log has mentioned
}

// batch is a run of messages.
type batch struct {
	buf  []byte
	ends []int
}

type flush struct {
	after uint64
	done  chan struct{}
}

// New starts a Writer. It connects at the first message, and again whenever the
// connection is lost.
func New(o Options) *Writer {
	if o.Ident == "" {
		o.Ident = "supervisord"
	}
	if o.MaxPending == 0 {
		o.MaxPending = DefaultMaxPending
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Retry == 0 {
		o.Retry = firstRetry
	}
	w := &Writer{
		o:     o,
		paths: []string{"/dev/log", "/var/run/syslog", "/var/run/log"},
		wake:  make(chan struct{}, 1),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	if o.Path != "" {
		w.paths = []string{o.Path}
	}
	go w.run()
	return w
}

// Send queues a line, given without its newline, as one message, or as several
// where it is longer than MaxLine. It never blocks and does not keep the slice.
func (w *Writer) Send(line []byte) { w.send(priority, "", line) }

func (w *Writer) send(pri, prefix string, line []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing {
		return
	}
	for {
		piece := line
		if len(piece) > MaxLine {
			piece = piece[:cut(piece, MaxLine)]
		}
		if w.pending+len(piece)+len(prefix) > w.o.MaxPending {
			w.dropped++
		} else {
			w.queueMessage(pri, prefix, piece)
		}
		line = line[len(piece):]
		if len(line) == 0 {
			break
		}
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// queueMessage puts one message into the queue; mu is held.
func (w *Writer) queueMessage(pri, prefix string, line []byte) {
	start := len(w.queue.buf)
	b := append(w.queue.buf, pri...)
	b = w.o.Now().Local().AppendFormat(b, time.Stamp)
	b = append(b, ' ')
	b = append(b, w.o.Ident...)
	b = append(b, ": "...)
	b = append(b, prefix...)
	text := len(b)
	b = append(b, line...)
	// A NUL ends the message for many daemons, and is the separator of a stream.
	for i := bytes.IndexByte(b[text:], 0); i >= 0; i = bytes.IndexByte(b[text:], 0) {
		b[text+i] = ' '
	}
	w.queue.buf = b
	w.queue.ends = append(w.queue.ends, len(b))
	w.pending += len(b) - start
	w.queued++
}

// Dropped returns how many messages were dropped so far.
func (w *Writer) Dropped() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// sentAll is closed when what was queued so far is sent; nil: it is.
func (w *Writer) sentAll() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sent >= w.queued {
		return nil
	}
	f := flush{after: w.queued, done: make(chan struct{})}
	w.waiting = append(w.waiting, f)
	return f.done
}

// Flush waits until what was queued so far is sent, or ctx ends.
func (w *Writer) Flush(ctx context.Context) error {
	sent := w.sentAll()
	if sent == nil {
		return nil
	}
	select {
	case <-sent:
		return nil
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// beginClosing is true for the first that calls it.
func (w *Writer) beginClosing() (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	first, w.closing = !w.closing, true
	return first
}

// Close sends what is queued as far as the daemon takes it at once, and ends the
// Writer. The error reports how many messages were lost by that.
func (w *Writer) Close() error {
	if w.beginClosing() {
		close(w.stop)
	}
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	if lost := w.queued - w.sent; lost > 0 {
		return fmt.Errorf("cannot send %d messages to syslog", lost)
	}
	return nil
}

// cut is where a line is parted: at most at n, not within a UTF-8 character.
func cut(b []byte, n int) int {
	for i := n; i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			return i
		}
	}
	return n
}
