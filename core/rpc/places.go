package rpc

import (
	"cmp"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// slowTime is how long a client may keep a place by sending or reading slowly while others have none.
	slowTime = time.Second
	// lookAgain is how often a place is looked for while none is available: clients become idle or slow without a notification.
	lookAgain = 10 * time.Millisecond
	// lookSoon is the same where there are few connections.
	lookSoon = 2 * time.Millisecond
	// freeHeader is how many bytes of a request's header are not counted.
	freeHeader = 4 << 10
	// unprovedHeader is the maximum header of a client without a password when half of all places are taken.
	unprovedHeader = 8 << 10
	// pressTime is how long the press lasts after a connection went for another.
	pressTime = 250 * time.Millisecond
	// maxAtOnce is how many connections go at most for a new one, where programs have taken descriptors since the last one came.
	maxAtOnce = 8
	// roomTime is for how long, at most, no places are assigned after descriptors were requested: a spawn takes much less to use them.
	roomTime = 250 * time.Millisecond
)

// places are the connections that all sockets of a server have open. When there is no place for another one, the least important one
// is closed: first those that have sent nothing, so that no number of silent connections keeps others out.
type places struct {
	limits limits
	clock  func() time.Time
	began  time.Time
	freed  chan struct{} // gets a value when a connection ends
	closed atomic.Uint64 // connections that went for others
	last   atomic.Int64  // when the last one did; 0: none has
	room   atomic.Int32  // how many places there really are, by the descriptors in use when the last connection came
	crowd  *crowd        // nil: the number is not watched

	mu      sync.Mutex
	conns   map[*conn]struct{}
	headers int64 // see limits
	victims victims
	gauge   gauge
	urgent  bool          // descriptors are needed, not places: who has just come goes, too
	taking  int           // requests for descriptors that are using them
	until   time.Duration // no place is assigned before this, at the latest
}

func newPlaces(lim limits) *places { return newPlacesBy(lim, time.Now) }

// newPlacesBy is newPlaces with a clock, whose times must have monotonic readings.
func newPlacesBy(lim limits, clock func() time.Time) *places {
	p := &places{limits: lim, clock: clock, began: clock().Add(-1), freed: make(chan struct{}, 1), conns: map[*conn]struct{}{}}
	p.room.Store(int32(lim.connections)) //nolint:gosec // few
	p.gauge = gauge{count: openFiles, now: p.now}
	return p
}

// now is the clock by which connections are measured, which a step of the wall clock does not change. It is never 0.
func (p *places) now() time.Duration { return p.clock().Sub(p.began) }

// take assigns a place to a connection that has just been accepted. It waits while all others are being answered; the error is
// net.ErrClosed once closed is closed.
func (p *places) take(c *conn, closed <-chan struct{}) error {
	descriptor := descriptorOf(c.Conn)
	for {
		taken, victims := p.tryTake(c, descriptor)
		for _, victim := range victims {
			_ = victim.Close()
			p.last.Store(int64(p.now()))
			if p.closed.Add(1)%16 == 0 { // not each time: where processors are few, all others would run in between
				runtime.Gosched() // those that were accepted first read what they were sent: it is what they are kept for
			}
		}
		if taken {
			p.changed()
			return nil
		}
		if err := p.wait(closed); err != nil {
			return err
		}
	}
}

// tryTake assigns a place to a connection if there is one, perhaps that of one of the victims, which are then to be closed.
func (p *places) tryTake(c *conn, descriptor int) (taken bool, victims []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taking > 0 && p.now() < p.until {
		return false, nil
	}
	used := p.measure(descriptor)
	most, descriptors := p.limits.connections, p.limits.descriptors
	if c.local { // the owner's program on this machine needs no other to go
		most, descriptors = most+p.reserve(), descriptors+p.reserve()
	}
	there := len(p.conns) + 1
	excess := max(there-most, min(used-descriptors, there-p.limits.fewest))
	for i := range min(excess, maxAtOnce) {
		rank := notAtAll
		if i > 0 {
			rank = rankSilent // the owner's connections stay
		}
		victim := p.worst(rank, c.local)
		if victim == nil {
			break
		}
		delete(p.conns, victim)
		victims = append(victims, victim)
	}
	if excess > 0 && len(victims) == 0 {
		return false, nil
	}
	p.conns[c] = struct{}{}
	return true, victims
}

// measure updates the number of places now that a connection has a descriptor, and returns how many of these are in use. If that is a lower bound
// many more may be: so a lower number is accepted at once, and a higher one gradually. p.mu is held.
func (p *places) measure(descriptor int) (used int) {
	used = p.gauge.inUse(descriptor, len(p.conns))
	left := max(p.limits.descriptors-used+1, 0)
	room := min(p.limits.connections, max(len(p.conns)+left, p.limits.fewest))
	p.room.Store(min(int32(room), p.room.Load()+1)) //nolint:gosec // few
	return used
}

// makeRoom has up to n descriptors freed for others: the least important connections are closed, and no place is assigned until release is called,
// for a moment at most.
func (p *places) makeRoom(n int) (release func()) {
	for _, c := range p.spare(n) {
		_ = c.Close()
	}
	return sync.OnceFunc(p.release)
}

// spare takes up to n connections out that are to be closed. The owner's that are idle stay.
func (p *places) spare(n int) (conns []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.hurry()()
	p.gauge.stale()
	p.taking++
	p.until = p.now() + roomTime
	for range n {
		c := p.worst(rankSilent, false)
		if c == nil {
			break
		}
		delete(p.conns, c)
		conns = append(conns, c)
	}
	return conns
}

// hurry makes the choice urgent until done is called. p.mu is held.
func (p *places) hurry() (done func()) {
	p.urgent, p.victims = true, victims{}
	return func() { p.urgent, p.victims = false, victims{} }
}

func (p *places) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taking--
	p.gauge.stale()
	p.tellFreed()
}

// tellFreed wakes those that wait for a place.
func (p *places) tellFreed() {
	select {
	case p.freed <- struct{}{}:
	default:
	}
}

// pressed reports whether connections are closed for others at present.
func (p *places) pressed() bool {
	last := p.last.Load()
	return last != 0 && p.now()-time.Duration(last) < pressTime
}

// reserve is how many places there are beyond the limit, for the owner on this machine.
func (p *places) reserve() int { return min(p.limits.connections/16, 32) }

// wait waits for a connection to end, but no longer than it may take for one to become idle.
func (p *places) wait(closed <-chan struct{}) error {
	look := lookAgain
	if p.number() <= fewHeard {
		look = lookSoon
	}
	again := time.NewTimer(look)
	defer again.Stop()
	select {
	case <-p.freed:
	case <-again.C:
	case <-closed:
		return net.ErrClosed
	}
	return nil
}

func (p *places) leave(c *conn) {
	p.remove(c)
	p.changed()
	p.tellFreed()
}

func (p *places) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	p.headers -= counted(c.header.Swap(0))
}

func (p *places) changed() {
	if p.crowd != nil {
		p.crowd.look()
	}
}

// number is how many connections there are.
func (p *places) number() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// evict closes the connection that is easiest to do without, if there is one: for others, who need its descriptor. The owner's that are idle stay at first.
func (p *places) evict(first bool) {
	if victim := p.easiest(first); victim != nil {
		_ = victim.Close()
	}
}

func (p *places) easiest(first bool) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.hurry()()
	if first {
		return p.worst(rankSilent, false)
	}
	return p.worst(notAtAll, false)
}

// counted is what a header of so many bytes counts.
func counted(header int64) int64 { return max(header-freeHeader, 0) }

// grow counts n bytes that came for a request whose header is not complete. When the headers of all are too large together, the
// connections with the largest of those that are not complete are closed, and if many are connected one without a password that sends a large one.
func (p *places) grow(c *conn, n int64) {
	before := c.header.Load()
	if before+n <= freeHeader {
		c.header.Store(before + n) // no other goroutine writes it
		return
	}
	for _, large := range p.tooLarge(c, before, n) {
		_ = large.Close()
	}
}

// tooLarge counts n bytes more than before, and returns the connections that are to be closed for them.
func (p *places) tooLarge(c *conn, before, n int64) (large []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, open := p.conns[c]; !open {
		return nil
	}
	c.header.Store(before + n)
	p.headers += counted(before+n) - counted(before)
	if before+n > unprovedHeader && c.isUnproved() && len(p.conns) > p.limits.connections/2 {
		return []*conn{c}
	}
	if p.headers <= p.limits.headers {
		return nil
	}
	for o := range p.conns {
		if (o.in(fresh) || o.in(idle)) && o.header.Load() > freeHeader {
			large = append(large, o)
		}
	}
	slices.SortFunc(large, func(a, b *conn) int { return cmp.Compare(b.header.Load(), a.header.Load()) })
	// More than has to go at once: to look for them each time would take the time of all.
	left := p.headers
	for i, o := range large {
		if left -= counted(o.header.Load()); left <= p.limits.headers*7/8 {
			return large[:i+1]
		}
	}
	return large
}

// answered ends the request of a connection.
func (p *places) answered(c *conn) {
	if c.header.Load() <= freeHeader {
		c.header.Store(0)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.headers -= counted(c.header.Swap(0))
}

// descriptorOf returns a connection's descriptor. The kernel assigns the lowest free one, so it is a lower bound of how many are in use. 0:
// it isn't known.
func descriptorOf(c net.Conn) (fd int) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := s.SyscallConn()
	if err == nil {
		_ = raw.Control(func(d uintptr) { fd = int(d) })
	}
	return fd
}
