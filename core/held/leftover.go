package held

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// What has a random name until it gets its own is marked as in use by a lock, which ends with the process that has made it, however that
// dies. Whoever makes the next removes what is ours and not marked any longer.

// errSwept is the cause if another process took what we were about to mark for a leftover.
var errSwept = errors.New("another process has removed it")

// mark marks what was just made. Where the file system has no such locks it stays unmarked, and is not taken for a leftover there either.
func mark(fd int) error {
	err := lock(fd)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return errSwept
	case err != nil:
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Nlink == 0 {
		return errSwept
	}
	return nil
}

// sweepFiles removes our files with such names, with random letters at the end, that are not in use.
func (d *Dir) sweepFiles(prefix string) {
	d.leftovers(prefix, unix.O_RDONLY|unix.O_NONBLOCK, func(st *unix.Stat_t) bool {
		return st.Mode&unix.S_IFMT == unix.S_IFREG && int(st.Uid) == os.Geteuid()
	}, func(name string, fd int) {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil {
			d.RemoveSame(name, &st)
		}
	})
}

// sweepPrivate removes the private directories that are not in use, with their sockets. One with anything else in it stays.
func (d *Dir) sweepPrivate() {
	d.leftovers(privatePrefix, unix.O_RDONLY|unix.O_DIRECTORY, isPrivate, func(name string, fd int) {
		p := &Dir{fd: fd, path: name}
		if st, err := p.Stat(made); err == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK {
			if names, err := p.Names(); err == nil && len(names) == 1 {
				_ = p.Remove(made)
			}
		}
		d.removeDir(name)
	})
}

// leftovers calls remove for each entry of such a name that is wanted, opened and not in use; it is marked meanwhile. Whatever goes wrong, the
// entry stays.
func (d *Dir) leftovers(prefix string, flags int, wanted func(*unix.Stat_t) bool, remove func(name string, fd int)) {
	names, err := d.Names()
	if err != nil {
		return
	}
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, prefix); !ok || !isRandom(rest) {
			continue
		}
		if st, err := d.Stat(name); err == nil && wanted(&st) {
			d.unused(name, flags, wanted, remove)
		}
	}
}

func (d *Dir) unused(name string, flags int, wanted func(*unix.Stat_t) bool, remove func(name string, fd int)) {
	fd, err := openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd) //nolint:errcheck // only looked at
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && wanted(&st) && lock(fd) == nil {
		remove(name, fd)
	}
}

// isRandom reports whether random can have made a text.
func isRandom(s string) bool {
	return len(s) == randomLength && strings.Trim(s, randomLetters) == ""
}
