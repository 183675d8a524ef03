package rpc

import (
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// freshTime is how long a connection may say nothing before it goes ahead of those that have been answered once.
	freshTime = 100 * time.Millisecond
	// slowTime is how long a client may keep a place by sending or reading slowly while others have none.
	slowTime = time.Second
	// lookAgain is how often a place is looked for where none could be had: clients become idle or slow without telling.
	lookAgain = 10 * time.Millisecond
	// maxHeard is how many connections that seem to have said nothing are asked of the kernel for each new one.
	maxHeard = 8
	// freeHeader is how many bytes of a request's header are not counted.
	freeHeader = 4 << 10
)

// places are the connections that all sockets of a server have open. When there is no place for another one, the one that is easiest to do
// without is closed: whoever has said nothing first, so that no number of silent connections keeps anybody out.
type places struct {
	limits limits
	clock  func() time.Time
	began  time.Time
	freed  chan struct{} // gets a value when a connection ends
	crowd  *crowd        // nil: nobody is told how many there are

	mu      sync.Mutex
	conns   map[*conn]struct{}
	headers int64 // see limits
}

func newPlaces(lim limits) *places { return newPlacesBy(lim, time.Now) }

// newPlacesBy is newPlaces with a clock, whose times must have monotonic readings.
func newPlacesBy(lim limits, clock func() time.Time) *places {
	return &places{limits: lim, clock: clock, began: clock().Add(-1), freed: make(chan struct{}, 1), conns: map[*conn]struct{}{}}
}

// now is the clock that connections are measured by: a step of the wall clock makes nobody older. It is never 0.
func (p *places) now() time.Duration { return p.clock().Sub(p.began) }

// take gives a place to a connection that has just been accepted. It waits while all others are being answered; the error is
// net.ErrClosed once closed is closed.
func (p *places) take(c *conn, closed <-chan struct{}) error {
	descriptor := descriptorOf(c.Conn)
	for {
		taken, victim := p.tryTake(c, descriptor)
		if victim != nil {
			_ = victim.Close()
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

// tryTake gives a place to a connection if there is one, perhaps that of victim, which is then to be closed.
func (p *places) tryTake(c *conn, descriptor int) (taken bool, victim *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	most, descriptors := p.limits.connections, p.limits.descriptors
	if c.local { // the owner's program on this machine needs nobody to go
		most, descriptors = most+p.reserve(), descriptors+p.reserve()
	}
	if len(p.conns) >= most || len(p.conns) >= minConnections && descriptor >= descriptors {
		if victim = p.worst(); victim == nil {
			return false, nil
		}
		delete(p.conns, victim)
	}
	p.conns[c] = struct{}{}
	return true, victim
}

// reserve is how many places there are beyond the limit, for the owner on this machine.
func (p *places) reserve() int { return min(p.limits.connections/16, 32) }

// wait waits for a connection to end, but no longer than it may take for one to become idle.
func (p *places) wait(closed <-chan struct{}) error {
	again := time.NewTimer(lookAgain)
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
	select {
	case p.freed <- struct{}{}:
	default:
	}
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

// evict closes the connection that is easiest to do without, if there is one.
func (p *places) evict() {
	if victim := p.easiest(); victim != nil {
		_ = victim.Close()
	}
}

func (p *places) easiest() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.worst()
}

// worst is the connection that is easiest to do without, nil when all are being answered. p.mu is held.
func (p *places) worst() *conn {
	var heard []*conn
	for range maxHeard {
		c := p.worstBut(heard)
		if c == nil {
			break
		}
		if !c.in(fresh) || !unread(c.Conn) {
			return c
		}
		heard = append(heard, c) // it has said something that the daemon has not come to read yet
	}
	// So have all of them, it seems: the first that had its time.
	if len(heard) > 0 && p.now()-time.Duration(heard[0].since.Load()) >= freshTime {
		return heard[0]
	}
	return nil
}

// worstBut is worst without some, by what is known of connections here.
func (p *places) worstBut(heard []*conn) *conn {
	now := p.now()
	silent, kept := 0, 0
	for c := range p.conns {
		if c.in(fresh) {
			silent++
		}
		if c.isOwners() {
			kept++
		}
	}
	// Too many of them are no longer the owner at work.
	keep := kept <= p.limits.connections/4
	// Where most say nothing, that is what they are there for.
	crowd := silent > p.limits.connections/2
	var worst *conn
	best, since := notAtAll, int64(0)
	for c := range p.conns {
		if slices.Contains(heard, c) || keep && c.isOwners() {
			continue
		}
		if n, at := c.needless(now, crowd); n < best || n == best && n != notAtAll && at < since {
			worst, best, since = c, n, at
		}
	}
	return worst
}

// isOwners reports whether the connection is of the owner's programs on this machine, which no number of others' connections closes.
func (c *conn) isOwners() bool { return c.local && trust(c.trust.Load()) != reads }

// notAtAll is what needless gives for a connection that is not to be closed.
const notAtAll = 5

// needless ranks a connection by how easily it is done without, 0 most easily, and tells since when.
func (c *conn) needless(now time.Duration, crowd bool) (rank int, since int64) {
	since = c.since.Load()
	age := now - time.Duration(since)
	trusted := trust(c.trust.Load()) == controls
	switch phase(c.phase.Load()) {
	case fresh:
		if c.ours {
			break // its word is on its way
		}
		if !crowd && age < freshTime {
			return 2, since
		}
		return 0, since
	case refused:
		return 0, since
	case idle:
		if trusted { // it comes again
			return 4, since
		}
		return 1, since
	case queued:
		return 3, since
	}
	patience := slowTime
	if !trusted { // for its request to arrive, where others have no place
		patience = freshTime
	}
	if age >= patience && (c.in(sending) || c.in(fresh)) {
		return 3, since
	}
	if at := c.writing.Load(); at != 0 && now-time.Duration(at) >= slowTime {
		return 3, at
	}
	return notAtAll, 0
}

// counted is what a header of so many bytes counts.
func counted(header int64) int64 { return max(header-freeHeader, 0) }

// grow counts n bytes that came for a request whose header is not complete. When the headers of all are too large together, the
// connection with the largest of those that are not complete is closed.
func (p *places) grow(c *conn, n int64) {
	before := c.header.Load()
	if before+n <= freeHeader {
		c.header.Store(before + n) // nobody else writes it
		return
	}
	if largest := p.tooLarge(c, before, n); largest != nil {
		_ = largest.Close()
	}
}

// tooLarge counts n bytes more than before, and gives the connection that is to be closed for them; nil: none.
func (p *places) tooLarge(c *conn, before, n int64) (largest *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, open := p.conns[c]; !open {
		return nil
	}
	c.header.Store(before + n)
	p.headers += counted(before+n) - counted(before)
	if p.headers > p.limits.headers {
		for o := range p.conns {
			if (o.in(fresh) || o.in(idle)) && (largest == nil || o.header.Load() > largest.header.Load()) {
				largest = o
			}
		}
	}
	return largest
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

// descriptorOf is a connection's descriptor. The kernel gives the lowest that is free, so it reports how many are in use at least. 0:
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
