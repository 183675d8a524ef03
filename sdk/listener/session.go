package listener

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/backoff"
)

// inputBuffer is the size of one read, in bytes: a pipe's capacity on Linux.
const inputBuffer = 64 << 10

// verdict is where an event in the ring stands.
type verdict uint8

const (
	pending verdict = iota
	accepted
	rejected
)

type slot struct {
	event   Event
	verdict verdict
}

// session is one call of Serve. The ring holds the events that were read and not
// yet answered, the oldest at head: count of them, of which the first begun have
// been passed to the handler.
type session struct {
	asked  context.Context // ends when the listener is asked to stop
	handle Handler
	o      options
	json   bool

	mu       sync.Mutex
	room     sync.Cond // the ring has room, or the session stops
	work     sync.Cond // there is an event to begin, or there will be none
	output   sync.Cond // there is something to write, or there will be nothing
	done     sync.Cond // the last handler has returned, or all is written
	ring     []slot
	head     int
	count    int
	begun    int
	atWork   int    // handlers that have not returned
	out      []byte // to be written next
	spare    []byte // the memory of the write before
	owed     int    // READYs withheld after rejections
	refusals int    // rejections in a row
	timer    *time.Timer

	stopping  bool // nothing new is begun
	exhausted bool // nothing more will be read
	finished  bool // nothing more will be answered
	writing   bool // a goroutine is in flush
	readErr   error
	writeErr  error
}

func newSession(asked context.Context, handle Handler, o options, credits int, json bool) *session {
	s := &session{asked: asked, handle: handle, o: o, json: json, ring: make([]slot, credits)}
	s.room.L, s.work.L, s.output.L, s.done.L = &s.mu, &s.mu, &s.mu, &s.mu
	for range credits {
		s.out = append(s.out, eventlistener.ReadyToken...)
	}
	return s
}

// run is the whole of Serve. When it returns, only the reader may still be there.
func (s *session) run() error {
	handling, cancel := context.WithCancel(context.WithoutCancel(s.asked))
	defer cancel()
	go s.watch(handling, cancel)
	go s.write()
	go s.read(handling)
	if !s.alone() {
		for range min(max(s.o.workers, 1), len(s.ring)) {
			go s.handleEvents(handling)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.isDone() {
		s.done.Wait()
	}
	s.stopping, s.finished = true, true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.wakeAll()
	stop := context.AfterFunc(handling, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done.Broadcast()
	})
	defer stop()
	for (len(s.out) > 0 || s.writing) && s.writeErr == nil {
		if handling.Err() != nil {
			return errors.New("cannot write results: supervisord does not read them")
		}
		s.done.Wait()
	}
	switch {
	case s.readErr != nil:
		return fmt.Errorf("cannot read events: %w", s.readErr)
	case s.writeErr != nil && !s.exhausted: // else both ends are gone: supervisord is
		return fmt.Errorf("cannot write results: %w", s.writeErr)
	}
	return nil
}

// alone reports whether the reader is the worker, too: with a single credit there is
// nothing to read while an event is handled, and it saves two switches between
// goroutines for each.
func (s *session) alone() bool { return len(s.ring) == 1 }

// isStopping reports whether no more events may be begun. It does not rely on watch
// having noticed.
func (s *session) isStopping() bool {
	s.stopping = s.stopping || s.asked.Err() != nil
	return s.stopping
}

// isDone reports whether the last handler has returned.
func (s *session) isDone() bool {
	return s.atWork == 0 && (s.isStopping() || s.exhausted && s.begun == s.count)
}

// wakeAll makes every goroutine check the session's state again.
func (s *session) wakeAll() {
	s.room.Broadcast()
	s.work.Broadcast()
	s.output.Broadcast()
	s.done.Broadcast()
}

// watch stops the session when the context ends, and the handlers when their grace
// is over.
func (s *session) watch(handling context.Context, cancel context.CancelFunc) {
	select {
	case <-s.asked.Done():
	case <-handling.Done():
		return
	}
	s.stop()
	if in, ok := s.o.in.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = in.SetReadDeadline(time.Unix(1, 0)) // if the file does not support it, the read goes on until the program ends
	}
	grace := time.NewTimer(s.o.grace)
	defer grace.Stop()
	select {
	case <-grace.C:
		cancel()
	case <-handling.Done():
	}
}

// stop begins nothing more.
func (s *session) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	s.wakeAll()
}

// read puts events into the ring. It reads no further than there is room: all that
// supervisord may have sent fits.
func (s *session) read(handling context.Context) {
	in := bufio.NewReaderSize(s.o.in, inputBuffer)
	for {
		header, payload, err := eventlistener.ReadEvent(in)
		if !s.take(handling, Event{Header: header, Payload: payload, JSON: s.json}, err) {
			return
		}
	}
}

// take puts what was read into the ring, and waits until there is room for more.
// It returns false when no more may be read.
func (s *session) take(handling context.Context, e Event, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isStopping() {
		return false
	}
	if err != nil {
		s.exhausted = true
		if !errors.Is(err, io.EOF) {
			s.readErr = err
		}
		s.wakeAll()
		return false
	}
	s.ring[(s.head+s.count)%len(s.ring)] = slot{event: e}
	s.count++
	if s.alone() {
		s.handleNext(handling)
		if !s.writing {
			s.flush()
		}
	} else {
		s.work.Signal()
	}
	for s.count == len(s.ring) && !s.isStopping() {
		s.room.Wait()
	}
	return !s.isStopping()
}

// handleEvents is one worker.
func (s *session) handleEvents(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for s.begun == s.count && !s.isStopping() && !s.exhausted {
			s.work.Wait()
		}
		if s.isStopping() || s.begun == s.count {
			return
		}
		s.handleNext(ctx)
	}
}

// handleNext handles the first event not begun.
func (s *session) handleNext(ctx context.Context) {
	// Slots don't move until answered, and this one is not before its verdict.
	at := &s.ring[(s.head+s.begun)%len(s.ring)]
	s.begun++
	s.atWork++
	at.verdict = s.judge(ctx, at.event)
	s.atWork--
	s.answer()
	if s.isDone() {
		s.done.Broadcast()
	}
}

// judge calls the handler, without the lock.
func (s *session) judge(ctx context.Context, e Event) verdict {
	s.mu.Unlock()
	defer s.mu.Lock()
	if err := s.handle(ctx, e); err != nil {
		s.o.logger.Printf("rejected %s, serial %d, poolserial %d: %v", e.Header.EventName, e.Header.Serial, e.Header.PoolSerial, err)
		return rejected
	}
	return accepted
}

// answer writes the results that are due: those of the oldest events, up to the
// first without a verdict. Each result but a rejection is followed by a READY.
func (s *session) answer() {
	for s.count > 0 && s.ring[s.head].verdict != pending {
		if s.ring[s.head].verdict == accepted {
			s.out = eventlistener.AppendResult(s.out, eventlistener.ResultOK)
			s.refusals = 0
			s.ready()
		} else {
			s.out = eventlistener.AppendResult(s.out, eventlistener.ResultFail)
			s.refusals++
			s.hold()
		}
		s.ring[s.head] = slot{}
		s.head = (s.head + 1) % len(s.ring)
		s.count--
		s.begun--
	}
	if !s.alone() { // else the caller is the reader, and writes itself
		s.room.Signal()
		s.output.Signal()
	}
}

// ready asks for an event, unless no more are wanted.
func (s *session) ready() {
	if !s.isStopping() && !s.exhausted {
		s.out = append(s.out, eventlistener.ReadyToken...)
	}
}

// hold asks for an event after the pause that is due after a rejection.
func (s *session) hold() {
	pause := backoff.After(s.refusals, s.o.pause, s.o.maxPause)
	if pause <= 0 {
		s.ready()
		return
	}
	if s.owed++; s.owed == 1 {
		s.timer = time.AfterFunc(pause, s.release)
	}
}

func (s *session) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ; s.owed > 0; s.owed-- {
		s.ready()
	}
	s.output.Signal()
}

// write is the goroutine that writes what there is, all at once, until the session
// is finished. What comes meanwhile makes the next write, so that the faster events
// come the fewer writes there are for each.
func (s *session) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for (len(s.out) == 0 || s.writing) && !s.finished && s.writeErr == nil {
			s.output.Wait()
		}
		if s.writeErr != nil {
			return
		}
		if !s.writing {
			s.flush()
		}
		if s.finished {
			return
		}
	}
}

// deliver writes without the lock.
func (s *session) deliver(batch []byte) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	_, err := s.o.out.Write(batch)
	return err
}

// flush writes until there is nothing to write. One goroutine at a time may.
func (s *session) flush() {
	s.writing = true
	for len(s.out) > 0 && s.writeErr == nil {
		batch := s.out
		s.out = s.spare[:0]
		err := s.deliver(batch)
		s.spare = batch
		if err != nil {
			s.writeErr = err
			s.stopping = true
			s.wakeAll()
		}
	}
	s.writing = false
	if s.isStopping() || s.exhausted {
		s.done.Broadcast()
	}
}
