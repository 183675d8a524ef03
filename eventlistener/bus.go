package eventlistener

import (
	"math"
	"slices"
	"time"
)

// Subscriber receives events from a Bus. Subscribers are compared with ==, so a subscriber is a pointer.
type Subscriber interface {
	// Accept takes an event. It must not block; it may call any method of the
	// bus, Publish included.
	Accept(e *Event)
}

// Bus delivers events to the subscribers of their types. It belongs to one goroutine, the supervisor's loop: it has no
// lock, and Publish returns when every subscriber has accepted the event.
type Bus struct {
	// Now returns the time that events get; default time.Now. Set it before the first Publish.
	Now func() time.Time
	// Panicked is called with the value of a panic in a subscriber's Accept, in the deferred function that recovered it; the
	// other subscribers still get the event. nil: the panic is not recovered. Set it before the first Publish.
	Panicked func(value any)

	seq        uint64
	serial     int64
	subs       []*subscription
	byType     [numTypes][]*subscription // who gets a type, in order; replaced, never changed
	waiting    []*Event                  // published from within Accept
	publishing bool
	counts     [numTypes]uint64 // published, by type
}

type subscription struct {
	subscriber Subscriber
	types      []Type
	gone       bool
}

// eventOverhead is the memory of an event in addition to its texts, rendered once,
// in bytes.
const eventOverhead = 512

// NewBus returns a bus without subscribers. Its first event gets seq 1, its
// first serial is 0.
func NewBus() *Bus {
	return &Bus{Now: time.Now, serial: -1}
}

// Subscribe subscribes s to every event whose type is one of types or below one of
// them. An event is delivered once for each of types that it matches, so a type
// and its parent together deliver it twice, as in Supervisor
// (supervisor/events.py, notify); the same type named twice counts twice too. An
// event that is being delivered does not reach s, those queued after it
// do. A second Subscribe of s adds to the first.
func (b *Bus) Subscribe(s Subscriber, types []Type) {
	b.subs = append(b.subs, &subscription{subscriber: s, types: slices.Clone(types)})
	b.index()
}

// Unsubscribe ends every subscription of s: once it returns, s accepts nothing
// more, not even the rest of an event being delivered at the moment.
func (b *Bus) Unsubscribe(s Subscriber) {
	b.subs = slices.DeleteFunc(slices.Clone(b.subs), func(sub *subscription) bool {
		if sub.subscriber == s {
			sub.gone = true
		}
		return sub.gone
	})
	b.index()
}

func (b *Bus) index() {
	for i := range b.byType {
		var list []*subscription
		for _, sub := range b.subs {
			for _, t := range sub.types {
				if Type(i).Is(t) {
					list = append(list, sub)
				}
			}
		}
		b.byType[i] = list
	}
}

// Wants reports whether an event of exactly type t would reach a subscriber. If not, the caller need not create one,
// nor set a timer for it.
func (b *Bus) Wants(t Type) bool { return len(b.byType[t]) > 0 }

// Publish sets e's seq and time, then delivers it to the subscribers in the
// order of their subscription. Called from within Accept it only queues e, which
// is delivered after the present event, so all subscribers see events in one order. An
// event is published once.
func (b *Bus) Publish(e *Event) {
	b.seq++
	b.counts[e.typ]++
	e.seq = b.seq
	e.time = b.Now()
	e.size = eventOverhead + len(e.process.Name) + len(e.process.Group) + len(e.text) + len(e.detail) + len(e.data)
	if b.publishing {
		b.waiting = append(b.waiting, e)
		return
	}
	b.publishing = true
	defer func() { b.publishing = false }()
	b.deliver(e)
	for i := 0; i < len(b.waiting); i++ {
		next := b.waiting[i]
		b.waiting[i] = nil
		b.deliver(next)
	}
	b.waiting = b.waiting[:0]
}

func (b *Bus) deliver(e *Event) {
	for _, sub := range b.byType[e.typ] {
		if !sub.gone {
			b.accept(sub.subscriber, e)
		}
	}
}

// accept passes an event to one subscriber. A panic of its Accept does not keep the event from other subscribers.
func (b *Bus) accept(to Subscriber, e *Event) {
	if b.Panicked != nil {
		defer func() {
			if p := recover(); p != nil {
				b.Panicked(p)
			}
		}()
	}
	to.Accept(e)
}

// Published returns the number of events published so far, by type. Events without subscribers are often not created,
// and then not counted.
func (b *Bus) Published() map[Type]uint64 {
	counts := map[Type]uint64{}
	for t, n := range b.counts {
		if n > 0 {
			counts[Type(t)] = n
		}
	}
	return counts
}

// Seq returns the number of the last published event; 0 before the first.
func (b *Bus) Seq() uint64 { return b.seq }

// NextSerial returns the serial for an event that its first pool accepts: 0, 1, 2 … (supervisor/process.py, new_serial,
// which also begins again after the largest).
func (b *Bus) NextSerial() int64 { return nextSerial(&b.serial) }

// Resume makes the bus continue after numbers that were used before, by an earlier bus or not: every later event has
// greater numbers.
func (b *Bus) Resume(seq uint64, serial int64) {
	b.seq, b.serial = max(b.seq, seq), max(b.serial, serial)
}

func nextSerial(n *int64) int64 {
	if *n == math.MaxInt64-1 { // Event keeps the serial plus one
		*n = -1
	}
	*n++
	return *n
}
