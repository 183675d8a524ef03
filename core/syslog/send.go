package syslog

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/internal/backoff"
)

// fullWait is how long to wait where the system says that the daemon's queue is
// full instead of waiting itself, as the BSDs do.
const fullWait = 10 * time.Millisecond

// run sends what is queued until stop.
func (w *Writer) run() {
	defer close(w.done)
	defer w.disconnect()
	for {
		if taken := w.take(); len(taken.ends) > 0 {
			if !w.deliver(taken) {
				return
			}
			continue
		}
		select {
		case <-w.stop:
			if w.empty() {
				return
			}
		case <-w.wake:
		}
	}
}

// take takes what is queued.
func (w *Writer) take() batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.queue
	w.queue = batch{}
	return taken
}

func (w *Writer) empty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue.ends) == 0
}

// deliver sends a batch, waiting for the daemon as long as need be; false when the
// Writer is closed and the daemon does not take it.
func (w *Writer) deliver(m batch) bool {
	start := 0
	for _, end := range m.ends {
		msg := m.buf[start:end]
		start = end
		first := w.o.Retry
		for failures := 1; ; failures++ {
			err := w.try(msg)
			if err == nil {
				break
			}
			if errors.Is(err, syscall.ENOBUFS) {
				first, failures = fullWait, 1
			}
			if !w.pause(backoff.After(failures, first, max(lastRetry, w.o.Retry))) {
				return false
			}
		}
		w.finish(len(msg))
	}
	w.confess()
	return true
}

// try sends a message over the connection there is, or else over a new one.
func (w *Writer) try(msg []byte) error {
	if w.conn != nil {
		err := w.transmit(msg)
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ENOBUFS) {
			return err // a slow daemon keeps its connection
		}
		w.disconnect()
	}
	if err := w.connect(); err != nil {
		return err
	}
	return w.transmit(msg)
}

func (w *Writer) connect() error {
	var errs []error
	for _, path := range w.paths {
		for _, network := range []string{"unixgram", "unix"} {
			conn, err := net.DialTimeout(network, path, sendLimit)
			if err == nil {
				w.conn, w.stream = conn, network == "unix"
				return nil
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (w *Writer) disconnect() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

// transmit writes one message; a datagram too large for the system goes in halves.
func (w *Writer) transmit(msg []byte) error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(sendLimit)); err != nil {
		return err
	}
	if w.stream {
		// As glibc does, a NUL between messages. A message cut by an error would
		// join the next: the connection is given up.
		_, err := w.conn.Write(append(msg[:len(msg):len(msg)], 0))
		if err != nil {
			w.disconnect()
		}
		return err
	}
	_, err := w.conn.Write(msg)
	if errors.Is(err, syscall.EMSGSIZE) {
		return w.halves(msg)
	}
	return err
}

// halves sends a message as two with the same header.
func (w *Writer) halves(msg []byte) error {
	head := len(priority) + len(time.Stamp) + len(" ") + len(w.o.Ident) + len(": ")
	text := msg[head:]
	if len(text) < 64 {
		return nil // what is so small and still too large is never taken
	}
	at := cut(text, len(text)/2)
	if err := w.transmit(msg[:head+at]); err != nil {
		return err
	}
	return w.transmit(append(append([]byte(nil), msg[:head]...), text[at:]...))
}

// finish counts a message as sent and wakes those that wait for it.
func (w *Writer) finish(size int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending -= size
	w.sent++
	left := w.waiting[:0]
	for _, f := range w.waiting {
		if w.sent >= f.after {
			close(f.done)
		} else {
			left = append(left, f)
		}
	}
	w.waiting = left
}

// confess says in the log how many messages are missing in it, at the place where
// they are: behind all that is queued.
func (w *Writer) confess() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if lost := w.dropped - w.told; lost > 0 {
		w.queueMessage(warning, "", fmt.Appendf(nil, "%d messages to syslog were dropped", lost))
		w.told = w.dropped
	}
}

// pause waits before another try; false when the Writer is closed.
func (w *Writer) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-w.stop:
		return false
	}
}
