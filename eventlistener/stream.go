package eventlistener

import (
	"errors"
	"sync"
	"time"
)

// The ends of a Stream.
var (
	ErrStreamSlow   = errors.New("cannot keep more events for a stream that is not read")
	ErrStreamClosed = errors.New("cannot read from a stream that was closed")
)

// StreamConfig configures NewStream.
type StreamConfig struct {
	Programs  *Programs // the processes whose events are accepted; nil: all
	MaxEvents int       // most events that wait
	MaxBytes  int       // most bytes of them, about; one event is always kept
	// Budget bounds the bytes of events that wait, in addition to MaxBytes; nil: only MaxBytes does. A stream is full when its
	// Take reports false.
	Budget Budget
}

// Budget bounds the bytes of events that several streams keep together. Its methods must not block.
type Budget interface {
	// Take takes so many bytes of the budget, all or none, and reports whether they were available.
	Take(bytes int) bool
	// Give returns bytes that were taken.
	Give(bytes int)
}

// Stream is a subscriber whose events are taken by another goroutine, for a client.
// The bus never waits for it: a stream that is full, because it is not read in time, ends. Accept belongs to the bus's goroutine, the other
// methods to anyone.
type Stream struct {
	config StreamConfig
	ready  chan struct{}

	mu       sync.Mutex
	queue    []*Event
	bytes    int
	out      int // bytes of the events that the last Take returned, which are still in use
	counters Counters
	end      error
}

// NewStream returns a stream. The caller subscribes it to a bus.
func NewStream(c StreamConfig) *Stream {
	return &Stream{config: c, ready: make(chan struct{}, 1)}
}

// Accept implements Subscriber.
func (s *Stream) Accept(e *Event) {
	if !s.config.Programs.Pass(e) {
		return
	}
	if s.add(e) {
		s.ring()
	}
}

// add queues an event, or ends the stream. It reports whether there is something to Take that was not there before.
func (s *Stream) add(e *Event) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		return false
	}
	s.counters.Accepted++
	if !s.room(e) {
		s.counters.Discarded += uint64(len(s.queue)) + 1
		s.give(s.bytes)
		s.queue, s.bytes, s.end = nil, 0, ErrStreamSlow
		return true
	}
	s.queue = append(s.queue, e)
	s.bytes += e.size
	return true
}

// room reports whether one more event may wait, for which it takes its bytes of the budget. s.mu is held.
func (s *Stream) room(e *Event) bool {
	if len(s.queue) > 0 && (len(s.queue) >= s.config.MaxEvents || s.bytes+e.size > s.config.MaxBytes) {
		return false
	}
	return s.config.Budget == nil || s.config.Budget.Take(e.size)
}

func (s *Stream) give(bytes int) {
	if s.config.Budget != nil && bytes > 0 {
		s.config.Budget.Give(bytes)
	}
}

func (s *Stream) ring() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Ready returns a channel that gets a value when there is something to Take.
func (s *Stream) Ready() <-chan struct{} { return s.ready }

// Take removes and returns the events that wait, oldest first, without blocking. Their bytes are given back to the budget by the
// next Take. The error is ErrStreamSlow or ErrStreamClosed once the stream has ended; with ErrStreamClosed, Take returns the
// events that still waited.
func (s *Stream) Take() ([]*Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.give(s.out)
	s.out = s.bytes
	taken := s.queue
	s.counters.Delivered += uint64(len(taken))
	s.queue, s.bytes = nil, 0
	return taken, s.end
}

// Close ends the stream. Events that wait can still be taken.
func (s *Stream) Close() {
	s.close()
	s.ring()
}

func (s *Stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		s.end = ErrStreamClosed
	}
}

// Status returns the totals of the stream's events so far, how many wait, and when
// the oldest of those was published.
func (s *Stream) Status() (c Counters, queued int, oldest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		oldest = s.queue[0].time
	}
	return s.counters, len(s.queue), oldest
}
