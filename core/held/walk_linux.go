package held

import (
	"errors"

	"golang.org/x/sys/unix"
)

// directoryFlags open a directory only to reach what is in it.
const directoryFlags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC

// openWithoutLinks opens a path that has no symbolic link anywhere, which needs no
// further check, in one system call. ok is false where the path must be walked:
// there is a link, or the kernel (before 5.6, or a seccomp filter) lacks the call.
func openWithoutLinks(path string, flags int, perm uint32) (fd int, ok bool, err error) {
	how := unix.OpenHow{Flags: uint64(flags), Resolve: unix.RESOLVE_NO_SYMLINKS} //nolint:gosec // flags are positive
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(perm)
	}
	fd, err = unix.Openat2(unix.AT_FDCWD, path, &how)
	switch {
	case err == nil:
		return fd, true, nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EACCES), errors.Is(err, unix.EISDIR),
		errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EROFS), errors.Is(err, unix.ENXIO),
		errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOSPC):
		return -1, true, err
	}
	return -1, false, err
}

// readlinkat reads the link name in the open directory dir, and its owner. Both
// are read from one open link, so that it can't be exchanged in between.
func readlinkat(dir int, _, name string) (target string, st unix.Stat_t, isLink bool) {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", st, false
	}
	defer func() { _ = unix.Close(fd) }()
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", st, false
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", st, false
	}
	return string(buf[:n]), st, true
}
