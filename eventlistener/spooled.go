package eventlistener

import (
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// A pool with a spool appends the events it accepts to it and sends those that the spool's cursor hands out, in the order of
// positions, which is that of poolserials. The events handed out are in the buffer or in flight, at most as many as members
// have credits. An event is acked when it was processed or given up, so the next process of the daemon gets all others again.
// The spool's owner calls Dispatch when the spool is Ready.

// store appends an event that was accepted.
func (p *Pool) store(en entry) {
	if _, err := p.config.Spool.Append(en.event.toRecord(en.serial)); err != nil {
		p.lose(en, err)
	}
}

// fetch takes events from the spool into the buffer, as many as can be sent at
// once.
func (p *Pool) fetch() {
	wanted := -p.queue.n
	for _, m := range p.members {
		if m.available() {
			wanted += m.listener.Credits()
		}
	}
	for wanted > 0 {
		r, ok := p.cursor.Next()
		if !ok {
			return
		}
		e, err := eventOf(&r)
		en := entry{event: e, serial: r.PoolSerial, pos: r.Pos}
		if err != nil {
			p.settled(en)
			p.lose(en, err)
			continue
		}
		p.queue.pushBack(en)
		wanted--
	}
}

// settled acks an event, so that the spool does not hand it out again.
func (p *Pool) settled(en entry) {
	if p.cursor != nil {
		p.cursor.Ack(en.pos)
	}
}

// lose discards an event that the spool does not take, or whose record is not valid.
func (p *Pool) lose(en entry, err error) {
	p.Counters.Discarded++
	serial, _ := en.event.Serial()
	p.emit(Outcome{Kind: Lost, Event: en.event, Serial: serial, PoolSerial: en.serial, Err: err})
}

// shed keeps the buffer of a pool that should have a spool and has none within
// MemoryBytes.
func (p *Pool) shed() {
	if p.config.Overflow != SpoolEvents || p.cursor != nil {
		return
	}
	for p.queue.bytes > MemoryBytes && p.queue.n > 1 {
		p.discard(p.queue.popFront())
	}
}

// Figures has the counters and queue lengths of a pool at one moment.
type Figures struct {
	Counters
	Queued   int           // events that wait
	InFlight int           // events sent and not answered
	Spool    *spool.Stats  // the spool's figures; nil: the pool has no spool
	Newest   spool.Numbers // the greatest numbers of all events ever in the spool
	Durable  uint64        // the position in the spool up to which all events are committed
}

// Figures returns the pool's figures, all of the same moment.
func (p *Pool) Figures() Figures {
	f := Figures{Counters: p.Counters, Queued: p.queue.n, InFlight: p.InFlight()}
	if p.cursor == nil {
		return f
	}
	f.Durable = p.config.Spool.Committed()
	f.Newest, _ = p.config.Spool.Last()
	st := p.config.Spool.Stats()
	f.Spool = &st
	f.Recovered = st.Recovered
	f.Discarded += st.Discarded + st.Lost
	f.Queued += int(st.Queued)
	return f
}

// Oldest returns when the oldest waiting event was published; false if none waits.
func (p *Pool) Oldest() (time.Time, bool) {
	switch {
	case p.queue.n > 0:
		return p.queue.front().event.time, true
	case p.cursor == nil:
		return time.Time{}, false
	}
	if r, ok := p.cursor.Peek(); ok {
		return r.Time, true
	}
	// No event waits, or the oldest has yet to be written or read.
	st := p.config.Spool.Stats()
	return st.Oldest, st.Queued > 0 && !st.Oldest.IsZero()
}
