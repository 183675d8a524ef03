package logs

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/held"
)

// ErrUnsafe is the cause when a log file would be opened, as root, by a name that
// another user could have made lead elsewhere.
var ErrUnsafe = held.ErrUnsafe

// openLog opens a log for appending, creating it, without ever waiting: a FIFO
// without a reader is opened for both directions, and a standard descriptor that
// cannot be opened by its name (a socket, another user's terminal) is duplicated.
// fixed reports that it must never be rotated or truncated.
func openLog(path string, mode os.FileMode) (d descriptor, fixed bool, err error) {
	const flags = unix.O_WRONLY | unix.O_APPEND | unix.O_NONBLOCK
	fd, special, err := held.Open(path, flags, mode)
	made := errors.Is(err, unix.ENOENT)
	if made {
		fd, special, err = held.Open(path, flags|unix.O_CREAT, mode)
	}
	if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EACCES) {
		if n, ok := standard(path); ok {
			d, err := borrow(n)
			return d, true, err
		}
	}
	if errors.Is(err, unix.ENXIO) {
		fd, special, err = held.Open(path, unix.O_RDWR|unix.O_APPEND|unix.O_NONBLOCK, mode)
	}
	if err != nil {
		return descriptor{fd: -1}, false, err
	}
	if !special {
		_, special = standard(path)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return descriptor{fd: -1}, false, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return descriptor{fd: fd, kind: stream}, true, nil
	}
	// As Python does for a file opened to append: the position is the size.
	if _, err := unix.Seek(fd, 0, io.SeekEnd); err != nil {
		_ = unix.Close(fd)
		return descriptor{fd: -1}, false, err
	}
	return descriptor{fd: fd, kind: regular, made: made}, special, nil
}

// standard returns the number of the standard descriptor that path names, directly
// or as a link to such a name.
func standard(path string) (int, bool) {
	for range 2 {
		switch path {
		case "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
			return 1, true
		case "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2":
			return 2, true
		}
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		path = target
	}
	return -1, false
}

// borrow duplicates a descriptor whose flags others share.
func borrow(fd int) (descriptor, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3) //nolint:gosec // a small number
	if err != nil {
		return descriptor{fd: -1}, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(n, &st); err != nil {
		_ = unix.Close(n)
		return descriptor{fd: -1}, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return descriptor{fd: n, kind: regular}, nil
	case unix.S_IFSOCK:
		return descriptor{fd: n, kind: socket}, nil
	default:
		return descriptor{fd: n, kind: borrowed}, nil
	}
}
