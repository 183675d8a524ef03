package child

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// poll is the waiter of other systems than Linux, by poll(2) and a pipe that wakes.
// It is built, and tested, on all of them.
type poll struct {
	mu      sync.Mutex
	entries map[int]pollEntry
	r, w    int // the pipe that wakes
	fds     []unix.PollFd
}

type pollEntry struct{ write, eager bool }

func newPoll() (waiter, error) {
	var fds [2]int
	if err := makePipe(&fds); err != nil {
		return nil, err
	}
	for _, fd := range fds {
		if err := unix.SetNonblock(fd, true); err != nil {
			closeFD(fds[0])
			closeFD(fds[1])
			return nil, err
		}
	}
	return &poll{entries: map[int]pollEntry{}, r: fds[0], w: fds[1]}, nil
}

func (p *poll) add(fd int, write, eager bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entries[fd] = pollEntry{write, eager}
	p.wake()
	return nil
}

func (p *poll) remove(fd int, _ bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.entries, fd)
	// A poll in progress would continue with the descriptor, or another of its number.
	p.wake()
}

func (p *poll) wait(ready []int, timeout time.Duration, eagerOnly, _ bool) []int {
	p.list(eagerOnly)
	ms := -1
	if timeout >= 0 {
		ms = int((timeout + time.Millisecond - 1) / time.Millisecond)
	}
	if n, err := unix.Poll(p.fds, ms); err != nil || n <= 0 {
		return ready
	}
	if p.fds[0].Revents != 0 {
		var b [256]byte
		for {
			if n, _ := unix.Read(p.r, b[:]); n < len(b) {
				break
			}
		}
	}
	for _, fd := range p.fds[1:] {
		if fd.Revents != 0 {
			ready = append(ready, int(fd.Fd))
		}
	}
	return ready
}

// list fills fds for a wait.
func (p *poll) list(eagerOnly bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fds = append(p.fds[:0], unix.PollFd{Fd: int32(p.r), Events: unix.POLLIN})
	for fd, entry := range p.entries {
		if eagerOnly && !entry.eager {
			continue
		}
		events := int16(unix.POLLIN)
		if entry.write {
			events = unix.POLLOUT
		}
		p.fds = append(p.fds, unix.PollFd{Fd: int32(fd), Events: events})
	}
}

// wake writes to the pipe; when it is full the waiter will wake anyway.
func (p *poll) wake() { _, _ = unix.Write(p.w, []byte{0}) }

func (p *poll) close() {
	closeFD(p.r)
	closeFD(p.w)
}
