//go:build !linux

package rpc

import (
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lookEvery is how often the connections are checked that a request waits on.
const lookEvery = time.Second

// notices looks at the connections now and then, as long as there are any.
type notices struct {
	departures *departures

	mu    sync.Mutex
	conns map[uint64]net.Conn
	timer *time.Timer // nil: none runs
	ended bool
}

func (n *notices) open(d *departures) error {
	n.departures, n.conns = d, map[uint64]net.Conn{}
	return nil
}

func (n *notices) begin(id uint64, c net.Conn) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns[id] = c
	if n.timer == nil && !n.ended {
		n.timer = time.AfterFunc(lookEvery, n.look)
	}
	return nil
}

func (n *notices) end(c net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, o := range n.conns {
		if o == c {
			delete(n.conns, id)
		}
	}
}

func (n *notices) look() {
	for id, h := range n.found() {
		n.departures.notice(id, h)
	}
}

// found asks for all connections, and sets the timer for the next look.
func (n *notices) found() map[uint64]hangup {
	found := map[uint64]hangup{}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.timer = nil
	for id, c := range n.conns {
		if h, ok := hangupOf(c); ok {
			found[id] = h
		}
	}
	if len(n.conns) > 0 && !n.ended {
		n.timer = time.AfterFunc(lookEvery, n.look)
	}
	return found
}

// hangupOf asks the kernel. ok is false while the client is there.
func hangupOf(c net.Conn) (h hangup, ok bool) {
	s, isSocket := c.(syscall.Conn)
	if !isSocket {
		return 0, false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return 0, false
	}
	_ = raw.Control(func(fd uintptr) {
		asked := []unix.PollFd{{Fd: int32(fd)}} //nolint:gosec // a descriptor
		if n, err := unix.Poll(asked, 0); err == nil && n > 0 && asked[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0 {
			h, ok = hungUp, true
			return
		}
		var one [1]byte
		if n, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); err == nil && n == 0 { //nolint:gosec // as above
			h, ok = halfShut, true
		}
	})
	return h, ok
}

func (n *notices) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	if n.timer != nil {
		n.timer.Stop()
	}
}

// halfShutMeansGone: the kernels here differ in what they report about a unix socket.
func (w *departure) halfShutMeansGone() bool { return true }
