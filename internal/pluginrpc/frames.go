package pluginrpc

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/hark-supervisor/hark/internal/wire"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// What one plugin may send in a second, over all its connections, in addition to what the host's own frames allow it. PROTOCOL.md has these numbers.
const (
	// idleFrames is how many frames without data.
	idleFrames = 10_000
	// dataFrames is how many frames of data. One has at most 16 KiB.
	dataFrames = 20_000
	// callFrames is how many more of each kind each message of headers allows that the host sends to the plugin, for it begins a call; batchFrames
	// the same for each frame of data: window updates, and the answer to a batch for a log sink.
	callFrames  = 8
	batchFrames = 3
	// answerBytes of data that the host answers to a call-back allow one more frame of each kind.
	answerBytes = 1024
	// idleBytes of a frame without data count as one more: those that say much cost much.
	idleBytes = 256
	// connectionCost is how many frames without data a connection counts as.
	connectionCost = 100
	// maxConnections is how many connections a plugin has to the host's socket at once.
	maxConnections = 8
)

// FrameMeter bounds the frames of HTTP/2 that the process of one plugin sends the host, over all connections of both directions. gRPC reads
// whatever comes as fast as it comes, so without it a process that sends PING, SETTINGS, RST_STREAM, WINDOW_UPDATE, empty DATA or headers without end
// costs a core. The bound is far above what calls and log sinks need, since their frames are allowed by those that the host sends.
type FrameMeter struct {
	exceeded func(why string)
	now      func() time.Time

	mu          sync.Mutex
	began       time.Time // of the second that is counted
	idle, data  int       // frames of that second
	cost        int       // of the idle ones
	allowed     int       // in that second, by the host's frames
	before      int       // the same of the second before it: answers come later
	over        bool
	connections int // to the host's socket, that are open
}

// NewFrameMeter makes a meter. exceeded is called once, when there are too many frames, and must not block: the process is to be killed. why is for
// people. The connections are closed.
func NewFrameMeter(exceeded func(why string)) *FrameMeter {
	return &FrameMeter{exceeded: exceeded, now: time.Now}
}

// DialOptions are those of wire, with the connection metered. go-plugin's broker, of which no plugin of Hark has any use, gets no stream:
// each message on it would cost the host a goroutine for 5 s.
func (m *FrameMeter) DialOptions(check func(wire.Peer) error) []grpc.DialOption {
	return append(wire.DialOptions(check),
		grpc.WithTransportCredentials(meteredCredentials{wire.PeerCredentials(check), m}),
		grpc.WithStreamInterceptor(withoutBroker),
		grpc.WithMaxHeaderListSize(maxHeaders),
	)
}

// HostServer is NewHostServer with the connections metered. There are at most 8 at once.
func (m *FrameMeter) HostServer(check func(wire.Peer) error, call HostFunc) *grpc.Server {
	s := grpc.NewServer(append(hostOptions(check), grpc.Creds(meteredCredentials{wire.PeerCredentials(check), m}))...)
	pb.RegisterHostServer(s, &hostService{call: call})
	return s
}

func withoutBroker(ctx context.Context, d *grpc.StreamDesc, conn *grpc.ClientConn, method string, next grpc.Streamer, o ...grpc.CallOption) (grpc.ClientStream, error) {
	if method == "/plugin.GRPCBroker/StartStream" {
		return nil, status.Error(codes.Unimplemented, "the broker is not used")
	}
	return next(ctx, d, conn, method, o...)
}

// meteredCredentials have a meter look at the connections that they let through.
type meteredCredentials struct {
	credentials.TransportCredentials
	meter *FrameMeter
}

func (c meteredCredentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		return nil, nil, err
	}
	m := &meteredConn{Conn: conn, meter: c.meter}
	m.out.skip = len(preface)
	if err := c.meter.connected(); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return m, info, nil
}

func (c meteredCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	m := &meteredConn{Conn: conn, meter: c.meter, serves: true}
	m.in.skip = len(preface)
	if err = c.meter.connected(); err == nil {
		err = c.meter.enter()
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return m, info, nil
}

func (c meteredCredentials) Clone() credentials.TransportCredentials { return c }

// connected counts a connection.
func (m *FrameMeter) connected() error {
	return m.count(func() { m.idle, m.cost = m.idle+1, m.cost+connectionCost })
}

// enter takes one of the places for connections to the host, which leave releases.
func (m *FrameMeter) enter() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.connections >= maxConnections {
		return fmt.Errorf("the plugin has %d connections already", m.connections)
	}
	m.connections++
	return nil
}

func (m *FrameMeter) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.connections--
}

// count has f count frames, and answers an error when they are too many.
func (m *FrameMeter) count(f func()) error {
	why, first := m.add(f)
	if why == "" {
		return nil
	}
	if first {
		m.exceeded(why)
	}
	return fmt.Errorf("connection closed: %s", why)
}

func (m *FrameMeter) add(f func()) (why string, first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	switch age := now.Sub(m.began); {
	case age >= 2*time.Second || age < 0:
		m.began, m.before = now, 0
		m.idle, m.data, m.cost, m.allowed = 0, 0, 0, 0
	case age >= time.Second:
		m.began, m.before = now, m.allowed
		m.idle, m.data, m.cost, m.allowed = 0, 0, 0, 0
	}
	f()
	allowed := m.allowed + m.before
	switch {
	case m.cost > idleFrames+allowed:
		why = fmt.Sprintf("%d HTTP/2 frames without data in 1 s", m.idle)
	case m.data > dataFrames+allowed:
		why = fmt.Sprintf("%d HTTP/2 frames of data in 1 s", m.data)
	default:
		return "", false
	}
	first = !m.over
	m.over = true
	return why, first
}

// preface is what an HTTP/2 connection begins with (RFC 9113, 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Types and flags of frames (RFC 9113, 6).
const (
	frameHeader = 9
	dataType    = 0
	headersType = 1
	paddedFlag  = 8
	maxHeaders  = 64 << 10 // of one message, in bytes: a status and its text
	typeOffset  = 3
	flagsOffset = 4
)

// meteredConn is a connection whose frames are counted as they pass. Read is called by one goroutine at a time, and so is Write.
type meteredConn struct {
	net.Conn
	meter   *FrameMeter
	serves  bool // the plugin has connected to the host; else the host to the plugin
	in, out frameScanner
	closing sync.Once
}

// Read implements net.Conn.
func (c *meteredConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n == 0 {
		return n, err
	}
	idle, data, cost := 0, 0, 0
	c.in.scan(b[:n], func(kind, flags byte, length int) {
		if kind == dataType && length > 0 && flags&paddedFlag == 0 { // gRPC pads nothing
			data++
		} else {
			idle++
			cost += 1 + length/idleBytes
		}
	})
	if idle+data > 0 {
		if over := c.meter.count(func() {
			c.meter.idle += idle
			c.meter.data += data
			c.meter.cost += cost
		}); over != nil {
			_ = c.Close()
			return 0, over
		}
	}
	return n, err
}

// Write implements net.Conn.
func (c *meteredConn) Write(b []byte) (int, error) {
	allowed := 0
	c.out.scan(b, func(kind, _ byte, length int) {
		switch {
		case c.serves && kind == dataType: // what it asks for must not allow it more
			allowed += length / answerBytes
		case !c.serves && kind == headersType:
			allowed += callFrames
		case !c.serves && kind == dataType && length > 0:
			allowed += batchFrames
		}
	})
	if allowed > 0 {
		_ = c.meter.count(func() { c.meter.allowed += allowed }) // Read returns what is too much
	}
	return c.Conn.Write(b)
}

// Close implements net.Conn.
func (c *meteredConn) Close() error {
	if c.serves {
		c.closing.Do(c.meter.leave)
	}
	return c.Conn.Close()
}

// frameScanner finds the frames in a stream of bytes, of which it keeps none.
type frameScanner struct {
	skip   int // bytes until the next header
	header [frameHeader]byte
	have   int // of header
}

// scan calls f for each frame whose header ends in b.
func (s *frameScanner) scan(b []byte, f func(kind, flags byte, length int)) {
	for {
		if s.skip >= len(b) {
			s.skip -= len(b)
			return
		}
		b = b[s.skip:]
		s.skip = 0
		n := copy(s.header[s.have:], b)
		s.have += n
		b = b[n:]
		if s.have < frameHeader {
			return
		}
		s.have = 0
		s.skip = int(s.header[0])<<16 | int(s.header[1])<<8 | int(s.header[2])
		f(s.header[typeOffset], s.header[flagsOffset], s.skip)
	}
}
