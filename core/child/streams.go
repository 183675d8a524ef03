package child

import "golang.org/x/sys/unix"

// watch begins to read a stream. If it cannot be watched (the kernel's memory for
// that is used up) it is closed at once: a child must not hang on a pipe without
// a reader.
func (p *poller) watch(st *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if st.closed || p.closing {
		return
	}
	for len(p.table) <= st.fd {
		p.table = append(p.table, nil)
	}
	p.table[st.fd] = st
	if err := p.poll(st); err != nil {
		go p.post(func() Work { return p.giveUp(st) })
	}
}

// poll makes the waiter watch a stream, unless it is paused. Under the lock.
func (p *poller) poll(st *stream) error {
	if st.polled || st.paused {
		return nil
	}
	err := p.waiter.add(st.fd, st.reader == nil, st.eager && p.rests)
	st.polled = err == nil
	return err
}

// unwatch takes a stream out of the table. Under the lock.
func (p *poller) unwatch(st *stream) {
	if st.fd < len(p.table) && p.table[st.fd] == st {
		p.table[st.fd] = nil
	}
	p.unpoll(st)
}

// unpoll removes a stream from the waiter, before its descriptor is closed: a child
// between fork and exec has a copy that would keep the entry alive. Under the lock.
func (p *poller) unpoll(st *stream) {
	if st.polled {
		p.waiter.remove(st.fd, st.eager && p.rests)
		st.polled = false
	}
}

func (p *poller) setPaused(st *stream, paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st.paused = paused
	switch {
	case paused:
		p.unpoll(st)
	case !st.closed && st.fd < len(p.table) && p.table[st.fd] == st:
		if err := p.poll(st); err != nil {
			go p.post(func() Work { return p.giveUp(st) })
		}
	}
}

// at returns the stream of a ready descriptor, nil if it must not be read now.
func (p *poller) at(fd int) *stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	if fd >= len(p.table) || p.table[fd] == nil || !p.table[fd].polled {
		return nil
	}
	return p.table[fd]
}

// open reports whether a stream is there and still open.
func (p *poller) open(st *stream) bool {
	if st.poller == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return !st.closed
}

// over reports whether a stream has ended: it is closed, or it is empty,
// has no writer any more, and the poller's thread is about to notice that.
func (p *poller) over(st *stream) bool {
	if st.poller == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if st.closed {
		return true
	}
	if !st.polled {
		return false // paused
	}
	fds := [1]unix.PollFd{{Fd: int32(st.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	return err == nil && n == 1 && fds[0].Revents == unix.POLLHUP
}
