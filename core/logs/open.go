package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrUnsafe is the cause when a log file would be opened, as root, through a
// symbolic link that another user could have put there.
var ErrUnsafe = errors.New("symbolic link in a directory that other users can write")

// maxLinks is how many symbolic links a path may have, as in the kernel.
const maxLinks = 40

// place is where a file is: a name in an open directory, or a path as it is when
// dir is AT_FDCWD.
type place struct {
	dir  int
	name string
	// special: the path leads into /proc or to /dev/stdout and its like, whose
	// links are not links to names; name is then the path to open.
	special bool
}

func (p place) close() {
	if p.dir != unix.AT_FDCWD {
		_ = unix.Close(p.dir)
	}
}

// locate finds the directory of path. As root it walks the path itself and
// refuses with ErrUnsafe to follow a symbolic link in a directory that others can
// write. follow says whether a link at the path's end is followed too. The place
// must be closed.
func locate(path string, follow bool) (place, error) {
	if os.Geteuid() != 0 {
		return place{dir: unix.AT_FDCWD, name: path, special: specialName(path)}, nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return place{}, err
	}
	return walk(abs, follow)
}

// walk goes down an absolute path one name at a time, never letting the kernel
// follow a link, so that nothing can be exchanged between check and use.
func walk(abs string, follow bool) (place, error) {
	dir, err := unix.Open("/", directoryFlags|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, err
	}
	at, rest, links := "/", strings.Split(abs, "/"), 0
	step := func(name string) error {
		next, err := unix.Openat(dir, name, directoryFlags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		_ = unix.Close(dir)
		dir = next
		return err
	}
	for {
		for len(rest) > 1 && (rest[0] == "" || rest[0] == ".") {
			rest = rest[1:]
		}
		name := rest[0]
		last := len(rest) == 1
		if name == "" || name == "." || name == ".." && last {
			_ = unix.Close(dir)
			return place{}, unix.EISDIR
		}
		here := filepath.Join(at, name)
		if specialName(filepath.Join(here, filepath.Join(rest[1:]...))) {
			_ = unix.Close(dir)
			return place{dir: unix.AT_FDCWD, name: filepath.Join(here, filepath.Join(rest[1:]...)), special: true}, nil
		}
		target, owner, isLink := readlinkat(dir, at, name)
		switch {
		case isLink && (!last || follow):
			if err := followable(dir, owner); err != nil {
				_ = unix.Close(dir)
				return place{}, fmt.Errorf("%q is a %w (%q)", here, err, at)
			}
			if links++; links > maxLinks {
				_ = unix.Close(dir)
				return place{}, unix.ELOOP
			}
			rest = append(strings.Split(target, "/"), rest[1:]...)
			if strings.HasPrefix(target, "/") {
				at = "/"
				if err := step("/"); err != nil {
					return place{}, err
				}
			}
		case last:
			return place{dir: dir, name: name}, nil
		default:
			at, rest = here, rest[1:]
			if err := step(name); err != nil {
				return place{}, err
			}
		}
	}
}

// followable refuses the links of a directory that somebody but root can write,
// unless root made the link: the rule of Linux's protected_symlinks, by which an
// administrator's link in a group-writable /var/log goes on working.
func followable(dir int, owner uint32) error {
	if owner == 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return err
	}
	if st.Uid != 0 || st.Mode&0o022 != 0 {
		return ErrUnsafe
	}
	return nil
}

// specialName tells whether a clean path names one of a process's descriptors.
func specialName(path string) bool {
	switch path {
	case "/dev/stdin", "/dev/stdout", "/dev/stderr":
		return true
	}
	return strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/")
}

// openPath opens path with the checks of locate; special tells that it names a
// descriptor.
func openPath(path string, flags int, mode os.FileMode) (fd int, special bool, err error) {
	flags |= unix.O_CLOEXEC | unix.O_NOCTTY
	perm := uint32(mode.Perm())
	if os.Geteuid() == 0 {
		if fd, ok, err := openWithoutLinks(path, flags, perm); ok {
			return fd, false, err
		}
	}
	p, err := locate(path, true)
	if err != nil {
		return -1, false, err
	}
	defer p.close()
	if p.dir != unix.AT_FDCWD {
		flags |= unix.O_NOFOLLOW
	}
	for {
		fd, err = unix.Openat(p.dir, p.name, flags, perm)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return -1, p.special, err
	}
	return fd, p.special, nil
}

// openLog opens a log for appending, creating it, without ever waiting: a FIFO
// without a reader is opened for both directions, and a standard descriptor that
// cannot be opened by its name (a socket, another user's terminal) is duplicated.
// fixed tells that it must never be rotated nor truncated.
func openLog(path string, mode os.FileMode) (d descriptor, fixed bool, err error) {
	const flags = unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_NONBLOCK
	fd, special, err := openPath(path, flags, mode)
	if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EACCES) {
		if n, ok := standard(path); ok {
			d, err := borrow(n)
			return d, true, err
		}
	}
	if errors.Is(err, unix.ENXIO) {
		fd, special, err = openPath(path, unix.O_RDWR|unix.O_APPEND|unix.O_NONBLOCK, mode)
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
	return descriptor{fd: fd, kind: regular}, special, nil
}

// standard gives the number of the standard descriptor that path names, itself
// or by being a link to such a name.
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
