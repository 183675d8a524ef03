package child

import (
	"encoding/binary"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// epoll is the waiter of Linux. Eager descriptors and the one that wakes are in a
// second epoll as well, so that a pause can wait for them alone. (With that one inside the first, each answer of a listener would be
// waited for twice.)
type epoll struct {
	all, eager, event int
	events            [256]unix.EpollEvent

	gate gate
}

// gate has Go's runtime wait for an epoll: a thread that waits for it in the kernel keeps the runtime's monitor awake for 10 ms, which at a few
// events a second costs more than the events. Where they follow one another at once it is the slower way. It is an epoll around the other,
// which can be shut: otherwise each event would wake a thread of the runtime as well.
type gate struct {
	conn    syscall.RawConn // nil: there is none
	file    *os.File
	inner   int
	open    bool
	bounded bool // file has a deadline
}

func newGate(inner int) gate {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return gate{}
	}
	g := gate{inner: inner}
	if unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, inner, &unix.EpollEvent{Fd: int32(inner)}) != nil || unix.SetNonblock(fd, true) != nil { //nolint:gosec // a descriptor
		closeFD(fd)
		return gate{}
	}
	g.file = os.NewFile(uintptr(fd), "epoll") //nolint:gosec // a descriptor
	if g.file.SetReadDeadline(time.Time{}) == nil {
		g.conn, _ = g.file.SyscallConn() // it fails for a nil file only
	}
	return g
}

// set opens or shuts the gate, and reports whether it is open.
func (g *gate) set(open bool) bool {
	if g.conn == nil || open == g.open {
		return g.open
	}
	event := unix.EpollEvent{Fd: int32(g.inner)} //nolint:gosec // a descriptor
	if open {
		event.Events = unix.EPOLLIN
	}
	_ = g.conn.Control(func(fd uintptr) {
		if unix.EpollCtl(int(fd), unix.EPOLL_CTL_MOD, g.inner, &event) == nil { //nolint:gosec // a descriptor
			g.open = open
		}
	})
	return g.open
}

// wait waits for the inner epoll, which must have been found empty by look each time before; the gate is open. look reports whether it is not.
func (g *gate) wait(timeout time.Duration, look func() bool) {
	if bounded := timeout >= 0; bounded || g.bounded {
		var until time.Time
		if g.bounded = bounded; bounded {
			until = time.Now().Add(timeout)
		}
		_ = g.file.SetReadDeadline(until) // it worked before
	}
	_ = g.conn.Read(func(uintptr) bool { return look() }) // the error is that of the deadline
}

func (g *gate) close() {
	if g.file != nil {
		_ = g.file.Close() // nothing depends on it
	}
}

func newWaiter() (waiter, error) {
	e := &epoll{all: -1, eager: -1, event: -1}
	var err error
	if e.all, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if e.eager, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err == nil {
		e.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	}
	if err == nil {
		err = e.add(e.event, false, true)
	}
	if err != nil {
		e.close()
		return nil, err
	}
	e.gate = newGate(e.all)
	return e, nil
}

func (e *epoll) add(fd int, write, eager bool) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if write {
		ev.Events = unix.EPOLLOUT
	}
	if err := unix.EpollCtl(e.all, unix.EPOLL_CTL_ADD, fd, &ev); err != nil || !eager {
		return err
	}
	err := unix.EpollCtl(e.eager, unix.EPOLL_CTL_ADD, fd, &ev)
	if err != nil {
		e.remove(fd, false)
	}
	return err
}

func (e *epoll) remove(fd int, eager bool) {
	_ = unix.EpollCtl(e.all, unix.EPOLL_CTL_DEL, fd, nil)
	if eager {
		_ = unix.EpollCtl(e.eager, unix.EPOLL_CTL_DEL, fd, nil)
	}
}

func (e *epoll) wait(ready []int, timeout time.Duration, eagerOnly, hurried bool) []int {
	var n int
	switch {
	case eagerOnly:
		n, _ = unix.EpollWait(e.eager, e.events[:], milliseconds(timeout))
	case e.gate.set(!hurried):
		e.gate.wait(timeout, func() bool {
			n, _ = unix.EpollWait(e.all, e.events[:], 0)
			return n > 0
		})
	default:
		n, _ = unix.EpollWait(e.all, e.events[:], milliseconds(timeout))
	}
	for i := range max(n, 0) {
		fd := int(e.events[i].Fd)
		if fd == e.event {
			var b [8]byte
			_, _ = unix.Read(fd, b[:])
			continue
		}
		ready = append(ready, fd)
	}
	return ready
}

// milliseconds rounds up: too early would be a turn for nothing. -1: forever.
func milliseconds(timeout time.Duration) int {
	if timeout < 0 {
		return -1
	}
	return int((timeout + time.Millisecond - 1) / time.Millisecond)
}

func (e *epoll) wake() {
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], 1)
	_, _ = unix.Write(e.event, b[:])
}

func (e *epoll) close() {
	e.gate.close()
	for _, fd := range []int{e.event, e.eager, e.all} {
		if fd >= 0 {
			closeFD(fd)
		}
	}
}
