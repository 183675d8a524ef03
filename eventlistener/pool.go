package eventlistener

import (
	"fmt"
	"math"
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// Sender is the stdin of a listener process.
type Sender interface {
	// Write sends b as one write, without blocking and without keeping b after it
	// returns. An error means that nothing was sent; EPIPE that the process's
	// stdin is closed or the process is on its way out.
	Write(b []byte) error
}

// Overflow is the policy of a full buffer.
type Overflow uint8

// The policies of a full buffer.
const (
	DiscardOldest Overflow = iota // discards the oldest event in it, as Supervisor does
	DiscardNewest                 // discards the event that is to be added
	SpoolEvents                   // events are kept on disk; a full spool discards its oldest
)

// String returns the policy's name in configurations.
func (o Overflow) String() string {
	switch o {
	case DiscardNewest:
		return "discard_newest"
	case SpoolEvents:
		return "spool"
	}
	return "discard_oldest"
}

// ParseOverflow returns the policy with that name.
func ParseOverflow(name string) (Overflow, bool) {
	for _, o := range []Overflow{DiscardOldest, DiscardNewest, SpoolEvents} {
		if o.String() == name {
			return o, true
		}
	}
	return DiscardOldest, false
}

// PoolConfig configures NewPool. The fields after Emit are Hark's additions; their zero values are Supervisor's behaviour.
type PoolConfig struct {
	Name       string        // the section's name, as in [eventlistener:name]
	Server     string        // the supervisor's identifier, for headers
	BufferSize int           // most events waiting; default 10 in configurations, at least 1
	Emit       func(Outcome) // called with every outcome as it happens, in order; nil: not called. It may publish events, but must not call Dispatch or a Member.

	Programs      *Programs     // the processes whose events are accepted; nil: all
	Overflow      Overflow      // what a full buffer discards
	MaxInFlight   int           // how many events a member may have unanswered, at most MaxInFlightLimit; 0 is 1
	AckTimeout    time.Duration // how long an answer may take before Check says TimedOut; 0: forever
	MaxDeliveries int           // failed deliveries after which an event is a dead letter; 0: never
	Payload       Form          // how payloads are written
	Result        ResultHandler // judges results; nil: exactly OK accepts (supervisor.dispatchers:default_handler)

	// Spool is the queue on disk, with SpoolEvents: every event passes through it, and BufferSize is not used. No one else may use
	// the spool's Cursor. The pool does not close the spool. nil: events are kept in memory; with SpoolEvents, which means
	// that the spool could not be opened, up to MemoryBytes of them.
	Spool *spool.Spool
}

// MemoryBytes is about how many bytes of events a pool with SpoolEvents keeps in memory when its spool could not be opened; the
// oldest are discarded for new ones. It is as much as a spool keeps in memory while its disk fails.
const MemoryBytes = 16 << 20

// Counters are a pool's totals since it was made. An event that a pool accepts
// twice (see Bus.Subscribe) counts twice. At any time
//
//	Recovered + Accepted = Delivered + Discarded + DeadLetters + Queued() + InFlight()
type Counters struct {
	Recovered   uint64 `rpc:"recovered" doc:"events that were in the spool when it was opened"`
	Accepted    uint64 `rpc:"accepted" doc:"events accepted since the subscriber was created"`
	Delivered   uint64 `rpc:"delivered" doc:"events answered with OK, or passed on"`
	Rejected    uint64 `rpc:"rejected" doc:"answers other than OK"`
	Returned    uint64 `rpc:"returned" doc:"events put back because they were rejected or their listener ended"`
	Discarded   uint64 `rpc:"discarded" doc:"events lost because the buffer was full; with a spool, because of its bound or of damage"`
	DeadLetters uint64 `rpc:"dead_letters" doc:"events given up after max_deliveries"`
	SentAgain   uint64 `rpc:"sent_again" doc:"of the accepted events, those that had been given up before"`
}

// Pool is one listener pool with Supervisor's behaviour (supervisor/process.py,
// EventListenerPool): it buffers the events it accepts and sends them, oldest
// first, to the members that are READY. A rejected event, and that of a
// listener that ends while BUSY, goes back to the head of this pool's buffer and
// no other's (Supervisor compares priorities by mistake). A full buffer discards
// its oldest event. With a spool, events wait on disk, and the buffer holds only
// what is about to be sent. A pool belongs to one goroutine, the supervisor's
// loop: it has no lock, does not log and never blocks.
type Pool struct {
	// Counters are the pool's own totals. With a spool, those of Figures include the spool's too.
	Counters Counters

	config  PoolConfig
	bus     *Bus
	cursor  *spool.Cursor // nil: events are kept in memory
	members []*Member
	queue   queue
	serial  int64
	last    entry // the event accepted last: the same one again keeps its poolserial
	scratch []byte
	boarded []entry   // of a batch being sent
	round   uint64    // dispatches so far, of a pool with MaxInFlight above 1
	watch   time.Time // when Check has something to look at; zero: nothing
}

// NewPool returns an empty pool that draws serials from bus. The caller
// subscribes it.
//
// With a spool, poolserials continue where those in it end. Serials and seqs do so
// once the caller has passed the numbers of the spool's Last to Bus.Resume, which it must do
// before anything is published.
func NewPool(bus *Bus, c PoolConfig) *Pool {
	p := &Pool{config: c, bus: bus, serial: -1}
	if c.Spool != nil {
		p.cursor = c.Spool.Cursor()
		if last, ok := c.Spool.Last(); ok {
			p.serial = max(last.PoolSerial, -1)
		}
	}
	return p
}

// Name returns the pool's name.
func (p *Pool) Name() string { return p.config.Name }

// Queued returns the number of events that wait in the buffer, including those in a spool.
func (p *Pool) Queued() int {
	if p.cursor != nil {
		return p.queue.n + int(p.config.Spool.Stats().Queued)
	}
	return p.queue.n
}

// InFlight returns the number of events that were sent and not answered.
func (p *Pool) InFlight() int {
	n := 0
	for _, m := range p.members {
		n += m.flight.n
	}
	return n
}

// Members returns the pool's members in order. The caller must not change the slice.
func (p *Pool) Members() []*Member { return p.members }

// Config returns the pool's configuration.
func (p *Pool) Config() PoolConfig { return p.config }

// Accept appends e to the buffer, unless it is about a process that PoolConfig.Programs excludes. The first pool that accepts an event assigns its serial.
func (p *Pool) Accept(e *Event) {
	if !p.config.Programs.Pass(e) {
		return
	}
	e.giveSerial(p.bus.NextSerial)
	p.Counters.Accepted++
	again := p.last.event == e
	if !again {
		p.last = entry{event: e, serial: nextSerial(&p.serial)}
	}
	if p.cursor != nil {
		p.store(p.last)
		return
	}
	if p.config.Overflow == DiscardNewest && p.queue.n >= p.config.BufferSize {
		p.discard(p.last)
		return
	}
	p.put(p.last, p.queue.pushBack, again)
}

// Dispatch sends buffered events, oldest first, until the buffer is empty or no
// member that is RUNNING is READY. Members are tried in their order; those of a
// pool with MaxInFlight above 1 by how few events they have unanswered.
func (p *Pool) Dispatch() {
	if p.cursor != nil {
		p.fetch()
	}
	if p.queue.n == 0 || !p.anyReady() {
		return
	}
	if p.config.MaxInFlight > 1 {
		p.dispatchAhead()
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

// send sends an event to the first available member whose stdin takes it, and reports whether there was one.
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
			p.scratch = p.appendEvent(p.scratch[:0], en)
		}
		if err := m.sender.Write(p.scratch); err != nil {
			p.emit(Outcome{Kind: Unsent, Listener: m.listener.name, Event: e, Serial: serial, Err: err})
			continue
		}
		m.board(en)
		p.emit(Outcome{Kind: Sent, Listener: m.listener.name, Event: e, Serial: serial})
		p.trim()
		return true
	}
	p.trim()
	return false
}

// appendEvent appends header and payload.
func (p *Pool) appendEvent(dst []byte, en entry) []byte {
	e := en.event
	serial, _ := e.Serial()
	payload, chars := e.PayloadIn(p.config.Payload)
	dst = AppendHeader(dst, Header{
		Server: p.config.Server, Serial: serial,
		Pool: p.config.Name, PoolSerial: en.serial,
		EventName: e.typ.String(), Len: chars, Bytes: len(payload),
	})
	return append(dst, payload...)
}

// trim releases a large scratch buffer, so that the memory for one big payload is not kept as long as the pool.
func (p *Pool) trim() {
	keep := 16 << 10
	if p.config.MaxInFlight > 1 {
		keep = 2 * batchBytes
	}
	if cap(p.scratch) > keep {
		p.scratch = nil
	}
}

// rebuffer puts an event at the head of the buffer.
func (p *Pool) rebuffer(en entry) { p.put(en, p.queue.pushFront, true) }

// put puts an event into the buffer, first discarding the oldest there if it is
// full; again reports that the pool had the event before. Outcomes are emitted when
// the buffer is in order, for they may bring in new events.
func (p *Pool) put(en entry, push func(entry), again bool) {
	had := p.queue.n
	var oldest entry
	if had > 0 && had >= p.bound() {
		oldest = p.queue.popFront()
	}
	push(en)
	if again {
		p.emitRebuffered(en, had)
	}
	if oldest.event != nil {
		p.discard(oldest)
	}
	p.shed()
}

// bound returns how many events the buffer may hold.
func (p *Pool) bound() int {
	if p.config.Overflow == SpoolEvents {
		return math.MaxInt
	}
	return p.config.BufferSize
}

// giveBack puts the events of a member that did not process them, oldest first,
// back at the head of the buffer. Where it has no room for all, the oldest of those
// waiting there are discarded (with DiscardNewest the newest), then those of back
// itself. What has failed too often becomes a dead letter. The result is what
// the member answered, if it did.
func (p *Pool) giveBack(m *Member, result []byte, back ...entry) {
	var dead, lost []entry
	if limit := p.config.MaxDeliveries; limit > 0 {
		kept := back[:0:0]
		for _, en := range back {
			if en.failed >= limit {
				dead = append(dead, en)
			} else {
				kept = append(kept, en)
			}
		}
		back = kept
	}
	had := p.queue.n
	for p.queue.n > 0 && p.queue.n > p.bound()-len(back) {
		if p.config.Overflow == DiscardNewest {
			lost = append(lost, p.queue.popBack())
		} else {
			lost = append(lost, p.queue.popFront())
		}
	}
	if over := len(back) - max(p.bound(), 1); over > 0 {
		if p.config.Overflow == DiscardNewest {
			lost = append(lost, back[len(back)-over:]...)
			back = back[:len(back)-over]
		} else {
			lost = append(lost, back[:over]...)
			back = back[over:]
		}
	}
	for i := len(back) - 1; i >= 0; i-- {
		p.restore(back[i])
		p.Counters.Returned++
	}
	p.Counters.DeadLetters += uint64(len(dead))
	for i := len(back) - 1; i >= 0; i-- {
		p.emitRebuffered(back[i], had)
	}
	for _, en := range lost {
		p.discard(en)
	}
	p.shed()
	for _, en := range dead {
		p.settled(en)
		serial, _ := en.event.Serial()
		p.emit(Outcome{Kind: DeadLetter, Listener: m.listener.name, Event: en.event, Serial: serial, PoolSerial: en.serial, Failed: en.failed, Result: result})
	}
}

// restore puts an event at the head of the buffer. With MaxInFlight above 1, and with
// SpoolEvents, it goes behind older ones there, which were given back before it:
// such a pool's buffer is always in the order of poolserials.
func (p *Pool) restore(en entry) {
	var older []entry
	ordered := p.config.MaxInFlight > 1 || p.config.Overflow == SpoolEvents
	for ordered && p.queue.n > 0 && p.queue.front().serial < en.serial {
		older = append(older, p.queue.popFront())
	}
	p.queue.pushFront(en)
	for i := len(older) - 1; i >= 0; i-- {
		p.queue.pushFront(older[i])
	}
}

func (p *Pool) emitRebuffered(en entry, had int) {
	serial, _ := en.event.Serial()
	p.emit(Outcome{Kind: Rebuffered, Event: en.event, Serial: serial, PoolSerial: en.serial, Buffered: had, Max: p.config.BufferSize})
}

// discard drops an event that is no longer in the buffer.
func (p *Pool) discard(en entry) {
	p.Counters.Discarded++
	serial, _ := en.event.Serial()
	p.emit(Outcome{Kind: Overflowed, Event: en.event, Serial: serial, PoolSerial: en.serial})
}

func (p *Pool) emit(o Outcome) {
	if p.config.Emit != nil {
		o.Pool = p.config.Name
		p.config.Emit(o)
	}
}

// Extensions returns the value of SUPERVISOR_EVENT_PROTOCOL in the environment of members: the protocol's version, then a word
// for each extension that they may use (PROTOCOL.md).
func (p *Pool) Extensions() string {
	return fmt.Sprintf("%s bytes max_in_flight=%d payload=%s", Version, max(p.config.MaxInFlight, 1), p.config.Payload)
}
