package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	// maxStreams is how many streams may be open at once: each costs a goroutine, a
	// connection and up to streamBytes.
	maxStreams = 64
	// streamEvents and streamBytes are what waits for the client of a stream; one
	// that is slower still is dropped.
	streamEvents = 2048
	streamBytes  = 4 << 20
	// historyEvents and historyBytes are what a client that comes back can have
	// missed.
	historyEvents = 4096
	historyBytes  = 8 << 20
	// historyLasts is how long events are kept after the last stream has ended.
	historyLasts = 5 * time.Minute
)

// ErrTooManyStreams is OpenStream's answer when maxStreams are open.
var ErrTooManyStreams = errors.New("cannot open another stream of events: too many are open")

// StreamRequest says which events a stream carries.
type StreamRequest struct {
	Types    []eventlistener.Type    // none: all there are
	Programs *eventlistener.Programs // nil: all
	// Resume begins with the events after that of number After, as far as they are
	// kept. TICKs are not kept.
	Resume bool
	After  uint64
	Budget eventlistener.Budget // for what waits for the client; nil: streamBytes alone bound it
}

// EventStream is an open stream.
type EventStream struct {
	*eventlistener.Stream
	Past []*eventlistener.Event // what Resume asked for; it comes before all else
	Gap  bool                   // some of what Resume asked for is not kept any more
	Last uint64                 // number of the last event published when the stream began

	s    *Supervisor
	name string
	info StreamRequest
}

// history keeps past events while there are streams, and some time after. It costs
// nothing before the first stream.
type history struct {
	*eventlistener.History
	s     *Supervisor
	ended time.Time // when the last stream ended
}

// kept are the types that history keeps: all but TICK, whose makers would otherwise
// run for nobody.
func kept() []eventlistener.Type {
	var types []eventlistener.Type
	for _, t := range eventlistener.Types() {
		parent, below := t.Parent()
		if below && parent == eventlistener.AnyEvent && t != eventlistener.TickEvent {
			types = append(types, t)
		}
	}
	return append(types, eventlistener.HarkEvent)
}

// Accept is eventlistener.Subscriber's. A history that nobody has asked for in
// historyLasts ends itself.
func (h *history) Accept(e *eventlistener.Event) {
	if len(h.s.streams) == 0 && e.Time().Sub(h.ended) > historyLasts {
		h.s.bus.Unsubscribe(h)
		h.s.history = nil
		return
	}
	h.History.Accept(e)
}

// OpenStream opens a stream of events. Its queue is bounded: one that is not read
// ends with ErrStreamSlow. Close it. Error: ErrTooManyStreams.
func (s *Supervisor) OpenStream(ctx context.Context, r StreamRequest) (*EventStream, error) {
	if len(r.Types) == 0 {
		r.Types = []eventlistener.Type{eventlistener.AnyEvent, eventlistener.HarkEvent}
	}
	r.Types = eventlistener.Distinct(r.Types)
	var stream *EventStream
	// The loop answers at once, and a stream that it opened must have an owner.
	err := s.ask(context.WithoutCancel(ctx), func() {
		if len(s.streams) < maxStreams {
			stream = s.openStream(r)
		}
	})
	if err == nil && stream == nil {
		err = ErrTooManyStreams
	}
	return stream, err
}

func (s *Supervisor) openStream(r StreamRequest) *EventStream {
	if s.history == nil {
		s.history = &history{History: eventlistener.NewHistory(s.bus, historyEvents, historyBytes), s: s}
		s.bus.Subscribe(s.history, kept())
	}
	s.streamsEver++
	e := &EventStream{
		Stream: eventlistener.NewStream(eventlistener.StreamConfig{Programs: r.Programs, MaxEvents: streamEvents, MaxBytes: streamBytes, Budget: r.Budget, Cut: true}),
		Last:   s.bus.Seq(),
		s:      s, name: fmt.Sprintf("stream-%d", s.streamsEver), info: r,
	}
	if r.Resume {
		after := r.After
		if after > e.Last { // a number of another daemon's
			after, e.Gap = 0, true
		}
		past, whole := s.history.After(after)
		e.Gap = e.Gap || !whole
		for _, event := range past {
			if r.Programs.Pass(event) && slices.ContainsFunc(r.Types, event.Type().Is) {
				e.Past = append(e.Past, event)
			}
		}
	}
	s.streams = append(s.streams, e)
	s.bus.Subscribe(e.Stream, r.Types)
	return e
}

// Close ends the stream.
func (e *EventStream) Close() {
	e.Stream.Close()
	e.s.inbox.put(func() { e.s.closeStream(e) })
}

func (s *Supervisor) closeStream(e *EventStream) {
	i := slices.Index(s.streams, e)
	if i < 0 {
		return
	}
	s.streams = slices.Delete(s.streams, i, i+1)
	s.bus.Unsubscribe(e.Stream)
	if len(s.streams) == 0 {
		s.history.ended = s.bus.Now()
	}
}

// closeStreams ends every stream and forgets the past, at the end of the loop.
func (s *Supervisor) closeStreams() {
	for _, e := range s.streams {
		s.bus.Unsubscribe(e.Stream)
		e.Stream.Close()
	}
	s.streams = nil
	if s.history != nil {
		s.bus.Unsubscribe(s.history)
		s.history = nil
	}
}

func (e *EventStream) subscriber(now time.Time) SubscriberInfo {
	return streamInfo(SubscriberInfo{
		Name: e.name, Kind: StreamSubscriber, Programs: e.info.Programs.Patterns(),
		BufferSize: streamEvents, Overflow: "cut", Payload: eventlistener.JSONForm.String(),
	}, e.Stream, e.info.Types, now)
}

// streamInfo fills in what every stream knows.
func streamInfo(info SubscriberInfo, s *eventlistener.Stream, types []eventlistener.Type, now time.Time) SubscriberInfo {
	for _, t := range types {
		info.Events = append(info.Events, t.String())
	}
	var oldest time.Time
	info.Counters, info.Queued, oldest = s.Status()
	if !oldest.IsZero() {
		info.OldestAge = max(now.Sub(oldest), 0)
	}
	return info
}
