package logs

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// stallLimit is how long a write waits for the reader of a pipe, a terminal or a
// socket. Supervisor waits forever; waiting a little keeps a slow reader from
// looking like a dead one, the bound keeps a dead one from stopping everybody.
const stallLimit = 250 * time.Millisecond

// kind is how a descriptor is written to.
type kind int

const (
	regular  kind = iota // a regular file; the only kind that is rotated and truncated
	stream               // pipe, terminal or device with flags of our own: non-blocking
	borrowed             // the same, but its flags are shared with others: asked before each write
	socket               // a socket whose flags are shared with others
)

// descriptor is an open log with its way of writing.
type descriptor struct {
	fd   int
	kind kind
	made bool // there was no such file before
}

// write writes all of b, or returns how much it wrote and why not more. If the
// descriptor is not a regular file it waits up to limit for its reader, after which
// the error is ErrStalled.
func (d descriptor) write(b []byte, limit time.Duration) (int, error) {
	done := 0
	var deadline time.Time
	for done < len(b) {
		n, err := d.writeOnce(b[done:])
		if n > 0 {
			done += n
			continue
		}
		switch {
		case err == nil:
			return done, unix.EIO // a write of nothing would be repeated forever
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			if deadline.IsZero() {
				deadline = time.Now().Add(limit)
			}
			left := time.Until(deadline)
			if left <= 0 {
				return done, ErrStalled
			}
			d.await(left)
		default:
			return done, err
		}
	}
	return done, nil
}

func (d descriptor) writeOnce(b []byte) (int, error) {
	switch d.kind {
	case socket:
		return unix.SendmsgN(d.fd, b, nil, nil, unix.MSG_DONTWAIT)
	case borrowed:
		// A pipe that is ready takes a page's worth without blocking, no more.
		const atomic = 4096
		if !d.await(0) {
			return 0, unix.EAGAIN
		}
		if len(b) > atomic {
			b = b[:atomic]
		}
	}
	return unix.Write(d.fd, b)
}

// await waits until the descriptor may be written, at most for limit.
func (d descriptor) await(limit time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLOUT}} //nolint:gosec // descriptors are small
	n, err := unix.Poll(fds, int((limit+time.Millisecond-1)/time.Millisecond))
	return err == nil && n > 0
}
