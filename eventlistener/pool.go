package eventlistener

import "time"

// Sender is the stdin of a listener process.
type Sender interface {
	// Write sends b as one write, without blocking and without keeping b after it
	// returns. An error means that nothing was sent; EPIPE that the process's
	// stdin is closed or the process is on its way out.
	Write(b []byte) error
}

// PoolConfig is what a pool is made of.
type PoolConfig struct {
	Name       string        // the section's name, as in [eventlistener:name]
	Server     string        // the supervisor's identifier, for headers
	BufferSize int           // most events waiting; default 10 in configurations, at least 1
	Emit       func(Outcome) // gets every outcome as it happens, in order; nil: nobody. It may publish events, but must not call Dispatch or a Member.
}

// Counters are a pool's totals since it was made. An event that a pool accepts
// twice (see Bus.Subscribe) counts twice. At any time
//
//	Accepted = Delivered + Discarded + Queued() + InFlight()
type Counters struct {
	Accepted  uint64 // events taken
	Delivered uint64 // events answered OK
	Rejected  uint64 // answers that rejected: a result other than OK, or a bad result line
	Returned  uint64 // events put back because they were rejected or their listener ended
	Discarded uint64 // events lost to a full buffer
}

// Pool is one listener pool with Supervisor's behaviour (supervisor/process.py,
// EventListenerPool): it buffers the events it accepts and sends them, oldest
// first, to whichever of its members is READY. A rejected event, and that of a
// listener that ends while BUSY, goes back to the head of this pool's buffer and
// no other's (Supervisor compares priorities by mistake). A full buffer discards
// its oldest event. A pool belongs to one goroutine, the supervisor's loop: it
// has no lock, does not log and never blocks.
type Pool struct {
	Counters Counters

	config  PoolConfig
	bus     *Bus
	members []*Member
	queue   queue
	serial  int64
	last    entry // the event accepted last: the same one again keeps its poolserial
	scratch []byte
}

// NewPool returns an empty pool that draws serials from bus. The caller
// subscribes it.
func NewPool(bus *Bus, c PoolConfig) *Pool {
	return &Pool{config: c, bus: bus, serial: -1}
}

// Name is the pool's name.
func (p *Pool) Name() string { return p.config.Name }

// Queued is how many events wait in the buffer.
func (p *Pool) Queued() int { return p.queue.n }

// InFlight is how many events were sent and not answered.
func (p *Pool) InFlight() int {
	n := 0
	for _, m := range p.members {
		if m.flight.event != nil {
			n++
		}
	}
	return n
}

// Oldest is when the event at the head of the buffer was published; false when
// the buffer is empty.
func (p *Pool) Oldest() (time.Time, bool) {
	if p.queue.n == 0 {
		return time.Time{}, false
	}
	return p.queue.front().event.time, true
}

// Members lists the pool's members in their order. The slice is the pool's own.
func (p *Pool) Members() []*Member { return p.members }

// Accept puts e behind the others in the buffer. The first pool that accepts an
// event gives it its serial.
func (p *Pool) Accept(e *Event) {
	e.giveSerial(p.bus.NextSerial)
	p.Counters.Accepted++
	again := p.last.event == e
	if !again {
		p.last = entry{e, nextSerial(&p.serial)}
	}
	p.put(p.last, p.queue.pushBack, again)
}

// Dispatch sends buffered events, oldest first, until the buffer is empty or no
// member that is RUNNING is READY. Members are tried in their order.
func (p *Pool) Dispatch() {
	if p.queue.n == 0 || !p.anyReady() {
		return
	}
	for p.queue.n > 0 {
		head := p.queue.popFront()
		if !p.send(head) {
			p.rebuffer(head)
			return
		}
	}
}

func (p *Pool) anyReady() bool {
	for _, m := range p.members {
		if m.available() {
			return true
		}
	}
	return false
}

// send gives an event to the first available member whose stdin takes it.
func (p *Pool) send(en entry) bool {
	e := en.event
	serial, _ := e.Serial()
	written := false
	for _, m := range p.members {
		if !m.available() {
			continue
		}
		if !written {
			written = true
			payload := e.Payload()
			p.scratch = AppendHeader(p.scratch[:0], Header{
				Server: p.config.Server, Serial: serial,
				Pool: p.config.Name, PoolSerial: en.serial,
				EventName: e.typ.String(), Len: e.CharLen(), Bytes: len(payload),
			})
			p.scratch = append(p.scratch, payload...)
		}
		if err := m.sender.Write(p.scratch); err != nil {
			p.emit(Outcome{Kind: Unsent, Listener: m.listener.name, Event: e, Serial: serial, Err: err})
			continue
		}
		m.listener.Sent()
		m.flight = en
		p.emit(Outcome{Kind: Sent, Listener: m.listener.name, Event: e, Serial: serial})
		p.trim()
		return true
	}
	p.trim()
	return false
}

// trim lets a large scratch buffer go, so that one big payload does not stay in
// memory for the pool's life.
func (p *Pool) trim() {
	const keep = 16 << 10
	if cap(p.scratch) > keep {
		p.scratch = nil
	}
}

// giveBack puts the event of a listener that did not process it back.
func (p *Pool) giveBack(en entry) {
	p.Counters.Returned++
	p.rebuffer(en)
}

// rebuffer puts an event at the head of the buffer.
func (p *Pool) rebuffer(en entry) { p.put(en, p.queue.pushFront, true) }

// put puts an event into the buffer, first discarding the oldest there if it is
// full; again tells that the pool had the event before. Outcomes are emitted when
// the buffer is in order, for they may bring in new events.
func (p *Pool) put(en entry, push func(entry), again bool) {
	had := p.queue.n
	var oldest entry
	if had > 0 && had >= p.config.BufferSize {
		oldest = p.queue.popFront()
		p.Counters.Discarded++
	}
	push(en)
	if again {
		serial, _ := en.event.Serial()
		p.emit(Outcome{Kind: Rebuffered, Event: en.event, Serial: serial, Buffered: had, Max: p.config.BufferSize})
	}
	if oldest.event != nil {
		serial, _ := oldest.event.Serial()
		p.emit(Outcome{Kind: Overflowed, Event: oldest.event, Serial: serial})
	}
}

func (p *Pool) emit(o Outcome) {
	if p.config.Emit != nil {
		o.Pool = p.config.Name
		p.config.Emit(o)
	}
}
