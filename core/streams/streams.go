// Package streams has the streams of events that clients of the daemon read, and the past events that a
// client that connects again may have missed. Without a stream it has no subscription and costs nothing.
package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	// maxStreams is how many streams may be open at once: each costs a goroutine, a
	// connection and up to streamBytes.
	maxStreams = 64
	// streamEvents and streamBytes bound the events that wait for the client of a stream; the
	// stream of a slower client ends.
	streamEvents = 2048
	streamBytes  = 4 << 20
	// historyEvents and historyBytes bound the past events that are kept for clients that
	// connect again.
	historyEvents = 4096
	historyBytes  = 8 << 20
	// historyLasts is how long events are kept after the last stream has ended.
	historyLasts = 5 * time.Minute
)

// ErrTooMany is returned by Open when maxStreams streams are open.
var ErrTooMany = errors.New("cannot open another stream of events: too many are open")

// Host is the loop that events come from; *core.Supervisor is one.
type Host interface {
	InTurn(ctx context.Context, f func(core.Turn)) error
	Post(f func(core.Turn))
}

// Request chooses the events of a stream.
type Request struct {
	Types    []eventlistener.Type    // none: all there are
	Programs *eventlistener.Programs // nil: all
	// Resume begins with the events after that of number After, as far as they are
	// kept. TICKs are not kept.
	Resume bool
	After  uint64
	Budget eventlistener.Budget // for what waits for the client; nil: streamBytes alone bound it
}

// Stream is an open stream.
type Stream struct {
	*eventlistener.Stream
	Past []*eventlistener.Event // what Resume asked for; it comes before all else
	Gap  bool                   // some of what Resume asked for is not kept any more
	Last uint64                 // number of the last event published when the stream began

	hub  *Hub
	as   *core.Attachment
	name string
	info Request
}

// Hub has the streams of one life of the daemon.
type Hub struct {
	host Host

	// The following fields are used only in a turn of the loop.
	open    []*Stream
	ever    int
	history *history // nil: there was no stream for historyLasts
}

// New returns a Hub without streams.
func New(host Host) *Hub { return &Hub{host: host} }

// history keeps past events while there are streams, and some time after.
type history struct {
	*eventlistener.History
	hub    *Hub
	as     *core.Attachment
	ended  time.Time // when the last stream ended
	ending bool      // its end is on the way
}

// kept returns the types that history keeps: all except TICK, which would otherwise be made although
// there is no subscriber.
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

// Accept implements eventlistener.Subscriber. A history ends itself when there was no stream for
// historyLasts.
func (h *history) Accept(e *eventlistener.Event) {
	h.History.Accept(e)
	if !h.ending && len(h.hub.open) == 0 && e.Time().Sub(h.ended) > historyLasts {
		h.ending = true
		h.hub.host.Post(h.end)
	}
}

// end ends the history, unless a stream was opened meanwhile.
func (h *history) end(turn core.Turn) {
	h.ending = false
	if len(h.hub.open) == 0 {
		turn.Detach(h.as)
		h.hub.history = nil
	}
}

// Open opens a stream of events. Its queue is bounded: one that is not read
// ends with ErrStreamSlow. Close it. Error: ErrTooMany.
func (h *Hub) Open(ctx context.Context, r Request) (*Stream, error) {
	if len(r.Types) == 0 {
		r.Types = []eventlistener.Type{eventlistener.AnyEvent, eventlistener.HarkEvent}
	}
	r.Types = eventlistener.Distinct(r.Types)
	var stream *Stream
	// The loop answers at once, and a stream that it opened must have an owner.
	err := h.host.InTurn(context.WithoutCancel(ctx), func(turn core.Turn) {
		if len(h.open) < maxStreams {
			stream = h.add(turn, r)
		}
	})
	if err == nil && stream == nil {
		err = ErrTooMany
	}
	return stream, err
}

func (h *Hub) add(turn core.Turn, r Request) *Stream {
	if h.history == nil {
		h.history = &history{History: eventlistener.NewHistory(turn.Bus, historyEvents, historyBytes), hub: h}
		h.history.as = &core.Attachment{Subscriber: h.history, Types: kept()}
		turn.Attach(h.history.as)
	}
	h.ever++
	e := &Stream{
		Stream: eventlistener.NewStream(eventlistener.StreamConfig{Programs: r.Programs, MaxEvents: streamEvents, MaxBytes: streamBytes, Budget: r.Budget}),
		Last:   turn.Bus.Seq(),
		hub:    h, name: fmt.Sprintf("stream-%d", h.ever), info: r,
	}
	if r.Resume {
		after := r.After
		if after > e.Last { // a number of another daemon's
			after, e.Gap = 0, true
		}
		past, whole := h.history.After(after)
		e.Gap = e.Gap || !whole
		for _, event := range past {
			if r.Programs.Pass(event) && slices.ContainsFunc(r.Types, event.Type().Is) {
				e.Past = append(e.Past, event)
			}
		}
	}
	e.as = &core.Attachment{Subscriber: e.Stream, Types: r.Types, Info: e.subscriber, Ended: e.Stream.Close}
	h.open = append(h.open, e)
	turn.Attach(e.as)
	return e
}

// Name returns the name under which the stream is listed among the subscribers.
func (e *Stream) Name() string { return e.name }

// Close ends the stream.
func (e *Stream) Close() {
	e.Stream.Close()
	e.hub.host.Post(func(turn core.Turn) { e.hub.remove(turn, e) })
}

func (h *Hub) remove(turn core.Turn, e *Stream) {
	i := slices.Index(h.open, e)
	if i < 0 {
		return
	}
	h.open = slices.Delete(h.open, i, i+1)
	turn.Detach(e.as)
	if len(h.open) == 0 {
		h.history.ended = turn.Bus.Now()
	}
}

func (e *Stream) subscriber(now time.Time) core.SubscriberInfo {
	info := core.SubscriberInfo{
		Name: e.name, Kind: core.StreamSubscriber, Programs: e.info.Programs.Patterns(),
		BufferSize: streamEvents, Overflow: "cut", Payload: eventlistener.JSONForm.String(),
	}
	var oldest time.Time
	info.Counters, info.Queued, oldest = e.Status()
	if !oldest.IsZero() {
		info.OldestAge = max(now.Sub(oldest), 0)
	}
	return info
}
