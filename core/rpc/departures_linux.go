package rpc

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// notices is an epoll instance of its own, which Go's poller watches: so it needs neither a thread nor a clock, and it notices the end of clients
// that have sent unread bytes.
type notices struct {
	file  *os.File
	raw   syscall.RawConn
	ended chan struct{}
}

func (n *notices) open(d *departures) error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // else Go would not poll it
		_ = unix.Close(fd)
		return os.NewSyscallError("fcntl", err)
	}
	n.file = os.NewFile(uintptr(fd), "epoll") //nolint:gosec // a descriptor is not negative
	if n.raw, err = n.file.SyscallConn(); err != nil {
		_ = n.file.Close()
		return err
	}
	n.ended = make(chan struct{})
	go n.run(d)
	return nil
}

func (n *notices) run(d *departures) {
	defer close(n.ended)
	var events [64]unix.EpollEvent
	for {
		found := 0
		err := n.raw.Read(func(fd uintptr) bool {
			var err error
			found, err = unix.EpollWait(int(fd), events[:], 0) //nolint:gosec // a descriptor
			if err != nil {
				found = 0 // it was interrupted
			}
			return found > 0 || err != nil
		})
		if err != nil {
			return
		}
		for _, e := range events[:found] {
			h := halfShut
			if e.Events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
				h = hungUp
			}
			d.notice(uint64(uint32(e.Fd))|uint64(uint32(e.Pad))<<32, h) //nolint:gosec // halves
		}
	}
}

func (n *notices) begin(id uint64, c net.Conn) error {
	return n.control(c, unix.EPOLL_CTL_ADD, &unix.EpollEvent{
		Events: unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32)), //nolint:gosec // halves
	})
}

func (n *notices) end(c net.Conn) { _ = n.control(c, unix.EPOLL_CTL_DEL, nil) }

func (n *notices) control(c net.Conn, op int, event *unix.EpollEvent) error {
	s, ok := c.(syscall.Conn)
	if !ok {
		return syscall.ENOTSOCK
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		// While it is open here the epoll instance is, too.
		failed = n.raw.Control(func(epoll uintptr) {
			failed = unix.EpollCtl(int(epoll), op, int(fd), event) //nolint:gosec // descriptors
		})
	})
	if err == nil {
		err = failed
	}
	return err
}

func (n *notices) close() {
	_ = n.file.Close()
	<-n.ended
}

// halfShutMeansGone: over a unix socket the kernel reports a client that is gone separately.
func (w *departure) halfShutMeansGone() bool {
	_, unixSocket := w.conn.(*net.UnixConn)
	return !unixSocket
}
