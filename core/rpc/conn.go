package rpc

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// limits are the bounds of every server; tests tighten them.
type limits struct {
	connections int           // open at once on a socket
	header      int           // bytes of a request's header
	body        int64         // bytes of a request's body
	largeBody   int64         // a body beyond this waits for one of largeBodies places
	largeBodies int           //
	headerTime  time.Duration // for a request's header to arrive
	bodyTime    time.Duration // for a request's body to arrive
	writeTime   time.Duration // for a client to take writePiece bytes
	idleTime    time.Duration // between two requests
}

// defaultLimits: the idle time is that after which Supervisor closes a
// connection at the earliest (medusa/http_server.py, zombie_timeout). Its own
// client keeps connections and doesn't reconnect, so it mustn't be shorter.
func defaultLimits() limits {
	return limits{
		connections: 1024,
		header:      64 << 10,
		body:        8 << 20,
		largeBody:   1 << 20,
		largeBodies: 4,
		headerTime:  20 * time.Second,
		bodyTime:    60 * time.Second,
		writeTime:   60 * time.Second,
		idleTime:    30 * time.Minute,
	}
}

// writePiece is how many bytes one write deadline covers.
const writePiece = 256 << 10

// limitListener accepts at most so many connections at once. When all are
// taken, the one that has been idle longest is closed for the next.
type limitListener struct {
	net.Listener
	limits limits
	plain  bool // not TLS: what clients send can be read here
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once

	mu    sync.Mutex
	conns map[*conn]struct{}
}

func newLimitListener(l net.Listener, lim limits) *limitListener {
	return &limitListener{
		Listener: l, limits: lim,
		slots: make(chan struct{}, lim.connections), closed: make(chan struct{}),
		conns: map[*conn]struct{}{},
	}
}

func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	default:
		if err := l.waitForSlot(); err != nil {
			return nil, err
		}
	}
	raw, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	c := &conn{Conn: raw, owner: l, writeTime: l.limits.writeTime, plain: l.plain}
	l.mu.Lock()
	l.conns[c] = struct{}{}
	l.mu.Unlock()
	return c, nil
}

// waitForSlot waits until a connection ends. It looks for an idle one again
// now and then, as all may have been busy; that happens only when full.
func (l *limitListener) waitForSlot() error {
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		// Somebody must be waiting for the place that is made here.
		l.closeIdlest()
		select {
		case l.slots <- struct{}{}:
			return nil
		case <-l.closed:
			return net.ErrClosed
		case <-again.C:
		}
	}
}

func (l *limitListener) closeIdlest() {
	var idlest *conn
	var since int64
	l.mu.Lock()
	for c := range l.conns {
		if at := c.idleSince.Load(); at != 0 && (idlest == nil || at < since) {
			idlest, since = c, at
		}
	}
	l.mu.Unlock()
	if idlest != nil {
		_ = idlest.Close()
	}
}

func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// conn is one client's connection: it bounds the time that writes take, and
// mends the Host headers that net/http would refuse.
type conn struct {
	net.Conn
	owner     *limitListener
	writeTime time.Duration
	idleSince atomic.Int64 // Unix nanoseconds; 0 while a request is under way
	plain     bool         // not TLS: the bytes can be read here
	mender    hostMender   // the reader's alone
	closed    sync.Once
}

func (c *conn) Close() error {
	c.closed.Do(func() {
		c.owner.mu.Lock()
		delete(c.owner.conns, c)
		c.owner.mu.Unlock()
		<-c.owner.slots
	})
	return c.Conn.Close()
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
	for {
		piece := b[:min(len(b), writePiece)]
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
