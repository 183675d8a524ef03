package child

import (
	"errors"
	"syscall"
)

// MaxPending is the most that is kept for a child that doesn't read its stdin, in bytes: 64 MiB.
const MaxPending = 64 << 20

// ErrStdinFull is returned by Write when more than MaxPending bytes would wait.
var ErrStdinFull = errors.New("cannot keep more for a stdin that isn't read")

// Write writes b to the child's stdin, as much as its pipe takes at once; the rest
// is kept and written when there is room, in order. It never blocks. Errors: EPIPE
// when there is no stdin pipe, it was closed, or has no reader any more (what was
// kept is then dropped); ErrStdinFull, with nothing of b written.
func (c *Child) Write(b []byte) error {
	in := &c.stdin
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.open || in.closing {
		return syscall.EPIPE
	}
	if len(in.pending)+len(b) > MaxPending {
		return ErrStdinFull
	}
	if len(in.pending) > 0 {
		in.pending = append(in.pending, b...)
		return nil
	}
	n, err := writeSome(in.place.fd, b)
	if err == nil && n < len(b) {
		in.pending = append(in.pending, b[n:]...)
		err = in.arm()
	}
	if err != nil {
		in.shut()
	}
	return err
}

// StdinPending returns how many bytes wait to be written to the child's stdin.
func (c *Child) StdinPending() int {
	c.stdin.mu.Lock()
	defer c.stdin.mu.Unlock()
	return len(c.stdin.pending)
}

// CloseStdin closes the child's stdin, once what was kept has been written.
func (c *Child) CloseStdin() {
	in := &c.stdin
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closing = true; len(in.pending) == 0 {
		in.shut()
	}
}

// flushStdin writes what was kept; the poller calls it when there is room or
// no reader.
func (c *Child) flushStdin() {
	in := &c.stdin
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.open {
		return
	}
	n, err := writeSome(in.place.fd, in.pending)
	in.pending = in.pending[n:]
	switch {
	case err != nil:
		in.shut()
	case len(in.pending) == 0:
		in.pending = nil
		in.disarm()
		if in.closing {
			in.shut()
		}
	}
}

// closeStdin closes stdin at the exit, whatever waits.
func (c *Child) closeStdin() {
	c.stdin.mu.Lock()
	defer c.stdin.mu.Unlock()
	c.stdin.shut()
}

// arm has the poller say when there is room. Under the lock, as all below.
func (in *stdin) arm() error {
	p := in.place.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.table) <= in.place.fd {
		p.table = append(p.table, nil)
	}
	p.table[in.place.fd] = &in.place
	return p.poll(&in.place)
}

func (in *stdin) disarm() {
	p := in.place.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unwatch(&in.place)
}

func (in *stdin) shut() {
	if !in.open {
		return
	}
	in.disarm()
	in.open = false
	in.pending = nil
	closeFD(in.place.fd)
}

// writeSome writes until the pipe is full. EAGAIN is not an error.
func writeSome(fd int, b []byte) (n int, err error) {
	for n < len(b) {
		m, err := syscall.Write(fd, b[n:])
		switch {
		case err == nil:
			n += m
		case err == syscall.EAGAIN:
			return n, nil
		case err != syscall.EINTR:
			return n, err
		}
	}
	return n, nil
}
