package child

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// handover passes the child's ends of pipes to the thread that forks. That thread has
// a table of descriptors of its own, if the kernel allows it: every fork copies the
// table and every exec walks through the copy, which with the pipes of a thousand
// children takes longer than all else. A number means nothing in the other table,
// so descriptors are sent over a socket, those of one spawn in one message. If there
// is one table the numbers can be used directly.
type handover struct {
	private bool // the thread has a table of its own
	to      int  // the socket's end in our table
	from    int  // the other, in the thread's table
}

// newHandover creates the socket. Without one there is no private table.
func newHandover() *handover {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return &handover{to: -1, from: -1}
	}
	return &handover{to: fds[0], from: fds[1]}
}

// separate is called by the thread that will fork: it gets its own table, with
// nothing in it but what it needs.
func (h *handover) separate() {
	const listing = "/proc/thread-self/fd"
	if _, err := os.ReadDir(listing); h.from < 0 || err != nil || startNetpoller() != nil || !unshareFiles() {
		return
	}
	h.private = true
	// Only this thread can see the table from here on. Should the listing fail now,
	// it works with what is too much in it.
	entries, _ := os.ReadDir(listing)
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err == nil && fd > 2 && fd != h.from && !anonymous(fd) {
			closeFD(fd)
		}
	}
}

// joined is called by the code that started the thread, once that has separated or not.
func (h *handover) joined() {
	if h.private {
		closeFD(h.from) // in our table; the thread has the copy
		return
	}
	closeFD(h.to)
	closeFD(h.from)
	h.to, h.from = -1, -1
}

// unshareFiles creates this thread's own copy of the table. Docker's default filter
// refuses unshare, but not the other call, which came with Linux 5.9.
func unshareFiles() bool {
	const none = ^uint(0) // the range's first and last: it closes nothing
	return unix.CloseRange(none, none, unix.CLOSE_RANGE_UNSHARE) == nil || unix.Unshare(unix.CLONE_FILES) == nil
}

// startNetpoller has Go's runtime open the two descriptors that any of its threads
// may use at any time (an epoll to look into after a garbage collection, an eventfd
// to wake it), so that the thread's table gets them under the same numbers.
func startNetpoller() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	_ = r.Close()
	return w.Close()
}

// anonymous reports whether a descriptor is of no file, socket or pipe: an epoll or an
// eventfd, the runtime's among them.
func anonymous(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == 0
}

// copies reports whether the thread gets descriptors of its own: then those sent are
// still to be closed here.
func (h *handover) copies() bool { return h.private }

// send passes the child's ends on.
func (h *handover) send(e *ends) error {
	if !h.private {
		return nil
	}
	fds := make([]int, 0, len(e.fds))
	for _, fd := range e.fds {
		if fd >= 0 {
			fds = append(fds, fd)
		}
	}
	rights := unix.UnixRights(fds...)
	for {
		switch err := unix.Sendmsg(h.to, []byte{0}, rights, nil, unix.MSG_NOSIGNAL); err {
		case unix.EINTR:
		case unix.ETOOMANYREFS:
			return unix.EMFILE // the limit of open files, for those on their way
		default:
			return err
		}
	}
}

// receive takes what was sent for a spawn, on the thread that forks. On an error
// nothing was kept.
func (h *handover) receive(e *ends) error {
	if !h.private {
		return nil
	}
	var rights [64]byte
	var body [1]byte
	var got []int
	var err error
	for {
		var n int
		if _, n, _, _, err = unix.Recvmsg(h.from, body[:], rights[:], unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT); err == unix.EINTR {
			continue
		}
		if err == nil && n > 0 {
			if messages, perr := unix.ParseSocketControlMessage(rights[:n]); perr == nil && len(messages) == 1 {
				got, _ = unix.ParseUnixRights(&messages[0])
			}
		}
		break
	}
	wanted := e.fds
	e.given = [4]bool{}
	rest := got
	for i, fd := range wanted {
		e.fds[i] = -1
		if fd >= 0 && len(rest) > 0 {
			e.fds[i], rest = rest[0], rest[1:]
		} else if fd >= 0 && err == nil {
			err = syscall.EMFILE // the kernel leaves out what it has no number for
		}
	}
	if err != nil {
		e.close()
		*e = noEnds()
	}
	return err
}

// close is called when the thread has ended, and its table with it.
func (h *handover) close() { closeFD(h.to) }
