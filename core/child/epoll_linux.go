package child

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// epoll is the waiter of Linux. Eager descriptors and the one that wakes are in a
// second epoll as well, so that a pause can wait for them alone. (With that one inside the first, each answer of a listener would be
// waited for twice.)
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
	if err != nil {
		e.close()
		return nil, err
	}
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

func (e *epoll) wait(ready []int, timeout time.Duration, eagerOnly bool) []int {
	ms := -1
	if timeout >= 0 {
		// Rounded up: too early would be a turn for nothing.
		ms = int((timeout + time.Millisecond - 1) / time.Millisecond)
	}
	in := e.all
	if eagerOnly {
		in = e.eager
	}
	n, _ := unix.EpollWait(in, e.events[:], ms)
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
