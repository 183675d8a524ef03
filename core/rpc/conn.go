package rpc

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// limits are the bounds of every server; tests tighten them.
type limits struct {
	fewest      int           // connections that are taken however few descriptors are left
	connections int           // open at once, of all sockets together
	descriptors int           // how many the process may have open; what lies above is left to others
	headers     int64         // bytes of the headers of all requests in progress, except freeHeader of each
	header      int           // bytes of a request's header
	body        int64         // bytes of a request's body
	largeBody   int64         // a body beyond this waits for one of largeBodies places
	largeBodies int           //
	headerTime  time.Duration // for a request's header to arrive
	bodyTime    time.Duration // for a request's body to arrive
	writeTime   time.Duration // for a client to take writePiece bytes
	idleTime    time.Duration // between two requests
	stays       int           // requests that may last, at once
	readerStays int           // of these, those of clients that may only read
	follows     int           // logs followed at once
	halfClosed  time.Duration // for a TCP client that sends no more to wait for an answer that is not ready
	guessPause  time.Duration // between two wrong passwords of an address that had many
	memory      memoryLimits
}

// defaultLimits: the idle time is that after which Supervisor closes a
// connection at the earliest (medusa/http_server.py, zombie_timeout). Its own
// client keeps connections and doesn't reconnect, so it mustn't be shorter.
func defaultLimits() limits {
	l := limits{
		headers:     8 << 20,
		header:      64 << 10,
		body:        8 << 20,
		largeBody:   1 << 20,
		largeBodies: 4,
		headerTime:  20 * time.Second,
		bodyTime:    60 * time.Second,
		writeTime:   15 * time.Second,
		idleTime:    30 * time.Minute,
		halfClosed:  5 * time.Second,
		guessPause:  time.Second,
		memory:      defaultMemory(),
	}
	l.share(1 << 20)
	var open syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &open); err == nil && open.Cur < 1<<30 {
		l.share(int(open.Cur))
	}
	return l
}

const (
	// maxConnections is how many connections all sockets of a server have open at most.
	maxConnections = 1024
	// minConnections are accepted however few descriptors are left, as long as nothing else needs them: without a connection, no client could stop what uses them.
	minConnections = 16
)

// share sets what the servers take of so many descriptors: a quarter at most, and none of the last eighth. Programs need three
// each, and more while they are spawned.
func (l *limits) share(open int) {
	l.fewest = minConnections
	l.connections = min(maxConnections, max(open/4, minConnections))
	l.descriptors = open - min(max(open/8, 32), 512)
	l.stays = l.connections / 2
	l.readerStays = l.connections / 4
	l.follows = l.connections / 16 // three descriptors each
}

// writePiece is how many bytes one write deadline covers.
const writePiece = 64 << 10

// limitListener accepts no more connections than there are places.
type limitListener struct {
	net.Listener
	places *places
	memory *memory
	turns  *turnstile // of requests
	knocks *turnstile // of clients that are not authenticated yet
	limits limits
	plain  bool // not TLS: what clients send can be read here
	open   bool // no password is required
	closed chan struct{}
	once   sync.Once
}

func newLimitListener(l net.Listener, s *Server) *limitListener {
	return &limitListener{Listener: l, places: s.places, memory: s.memory, turns: s.turns, knocks: s.knocks, limits: s.limits, closed: make(chan struct{})}
}

func (l *limitListener) Accept() (net.Conn, error) {
	var full time.Duration // since when there have been no descriptors
	for {
		raw, err := l.Listener.Accept()
		if err == nil {
			c := &conn{Conn: raw, places: l.places, writeTime: l.limits.writeTime, plain: l.plain, gone: make(chan struct{})}
			c.claim = portion{memory: l.memory, client: c}
			c.turn.of, c.turn.gone = l.turns, c.gone
			c.knock.of, c.knock.gone = l.knocks, c.gone
			c.knock.begin()
			c.began = l.places.now()
			c.local = c.isLocalOwner()
			c.ours = l.open && c.local
			c.enter(fresh)
			c.unheard.Store(true)
			if err = l.places.take(c, l.closed); err == nil {
				return c, nil
			}
			_ = raw.Close()
		}
		if !isFull(err) {
			return nil, err
		}
		// Others need descriptors too: a client that can be done without goes, whether or not that is enough.
		if full == 0 {
			full = l.places.now()
		}
		l.places.evict(l.places.now()-full < silentTime)
		if err := l.places.wait(l.closed); err != nil {
			return nil, err
		}
	}
}

// isFull reports whether an error says that no descriptor, or no memory, is available.
func isFull(err error) bool {
	for _, full := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, full) {
			return true
		}
	}
	return false
}

func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// conn is one client's connection: it limits the time of writes, corrects
// the Host headers that net/http would refuse, and records what it is waiting for.
type conn struct {
	net.Conn
	places    *places
	writeTime time.Duration
	plain     bool          // not TLS: the bytes can be read here
	ours      bool          // on a socket without a password, it is root's or the daemon's own user's
	local     bool          // root's or the daemon's own user's, on any unix socket
	trust     atomic.Int32  // a trust
	mender    hostMender    // the reader's alone
	phase     atomic.Int32  // a phase
	began     time.Duration // when it was accepted, by the clock of places
	since     atomic.Int64  // when it came into its phase, by the same
	writing   atomic.Int64  // since when a write waits for the client, by the same; 0: none does
	header    atomic.Int64  // bytes of the header of the request under way
	user      string        // the user whose password it has shown; for its requests only
	shown     bool
	claim     portion                            // of its request's
	turn      turn                               // its request's
	knock     turn                               // before its first request
	unheard   atomic.Bool                        // the daemon has yet to come to it, or to what it has just read of it
	flights   atomic.Int32                       // those of its TLS handshake that were answered
	gone      chan struct{}                      // closed with the connection
	onClose   atomic.Pointer[context.CancelFunc] // of the request that is attended
	closed    sync.Once
}

// trust is what a connection has shown that its user may do.
type trust int32

const (
	unknown  trust = iota // it has shown no password, or needs none
	reads                 // only to read
	controls              // everything
)

// phase is what a connection is about.
type phase int32

const (
	fresh   phase = iota // it has not sent the header of its first request
	refused              // its credentials are wrong: it is answered so, perhaps after a delay
	idle                 // it has been answered
	sending              // the body of a request is awaited
	working              // a request is answered
	staying              // one that may last is
	queued               // it waits for memory that others have, or has a large log read before it is answered
)

func (c *conn) enter(p phase) {
	if p == sending && c.in(sending) {
		return // it is as long as its first byte that it takes
	}
	c.phase.Store(int32(p))
	c.since.Store(int64(c.places.now()))
}

// shake notes that the daemon answers a flight of a TLS handshake: from now on it is the client's turn to say something.
func (c *conn) shake() {
	if !c.plain && c.in(fresh) && c.flights.Add(1) <= maxFlights {
		c.since.Store(int64(c.places.now()))
	}
}

// in reports whether the connection is in a phase.
func (c *conn) in(p phase) bool { return phase(c.phase.Load()) == p }

func (c *conn) Close() error {
	c.closed.Do(func() {
		close(c.gone)
		if cancel := c.onClose.Load(); cancel != nil {
			(*cancel)()
		}
		c.places.leave(c)
	})
	c.knock.rest()
	return c.Conn.Close()
}

// isLocalOwner reports whether root, or the user that the daemon is, is at the other end of a unix socket.
func (c *conn) isLocalOwner() bool {
	u, ok := c.Conn.(*net.UnixConn)
	if !ok {
		return false
	}
	uid, known := peerUser(u)
	return known && (uid == 0 || uid == os.Geteuid())
}

// CloseWrite lets net/http end a connection so that the client can still read
// what was answered.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (c *conn) Write(b []byte) (written int, err error) {
	c.shake()
	c.knock.rest()
	if c.turn.rest() {
		defer c.turn.work()
	}
	defer c.writing.Store(0)
	for {
		piece := b[:min(len(b), writePiece)]
		c.writing.Store(int64(c.places.now()))
		if err := c.SetWriteDeadline(time.Now().Add(c.writeTime)); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(piece)
		written += n
		b = b[n:]
		if err != nil || len(b) == 0 {
			return written, err
		}
	}
}

func (c *conn) Read(b []byte) (n int, err error) {
	c.unheard.Store(false)
	c.knock.rest()
	if c.plain {
		n, err = c.Conn.Read(b[:c.mender.room(len(b))])
		n = c.mender.mend(b, n)
	} else {
		n, err = c.Conn.Read(b)
	}
	if n > 0 && (c.in(fresh) || c.in(idle)) {
		c.unheard.Store(true) // until more is asked for, or it is a request
		c.places.grow(c, int64(n))
		if c.in(fresh) && (!c.plain || c.header.Load() > freeHeader) {
			c.knock.work() // a handshake, or a large header, is to be computed
		}
	}
	return n, err
}
