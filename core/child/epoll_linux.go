package child

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// epoll is the waiter of Linux. Eager descriptors and the one that wakes are in a
// second epoll inside the first, so that a pause can wait for them alone.
type epoll struct {
	all, eager, event int
	events            [256]unix.EpollEvent
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
	if err == nil {
		err = e.add(e.eager, false, false)
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *epoll) in(eager bool) int {
	if eager {
		return e.eager
	}
	return e.all
}

func (e *epoll) add(fd int, write, eager bool) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if write {
		ev.Events = unix.EPOLLOUT
	}
	return unix.EpollCtl(e.in(eager), unix.EPOLL_CTL_ADD, fd, &ev)
}

func (e *epoll) remove(fd int, eager bool) {
	_ = unix.EpollCtl(e.in(eager), unix.EPOLL_CTL_DEL, fd, nil)
}

func (e *epoll) wait(ready []int, timeout time.Duration, eagerOnly bool) []int {
	ms := -1
	if timeout >= 0 {
		// Rounded up: too early would be a turn for nothing.
		ms = int((timeout + time.Millisecond - 1) / time.Millisecond)
	}
	if eagerOnly {
		return e.waitEager(ready, ms)
	}
	n, _ := unix.EpollWait(e.all, e.events[:], ms)
	nested := false
	for i := range max(n, 0) {
		if fd := int(e.events[i].Fd); fd == e.eager {
			nested = true
		} else {
			ready = append(ready, fd)
		}
	}
	if nested {
		ready = e.waitEager(ready, 0)
	}
	return ready
}

func (e *epoll) waitEager(ready []int, ms int) []int {
	n, _ := unix.EpollWait(e.eager, e.events[:], ms)
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

func (e *epoll) wake() {
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], 1)
	_, _ = unix.Write(e.event, b[:])
}

func (e *epoll) close() {
	for _, fd := range []int{e.event, e.eager, e.all} {
		if fd >= 0 {
			closeFD(fd)
		}
	}
}
