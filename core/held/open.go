package held

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Open opens a path with the checks of Locate; special reports whether the path names a descriptor of ours. flags are unix.O_*; the descriptor is
// closed on exec, and no terminal becomes ours by it. As root it refuses with ErrUnsafe a file with several names in a directory that others can write: one
// of them may have linked what is not theirs.
func Open(path string, flags int, mode os.FileMode) (fd int, special bool, err error) {
	flags |= unix.O_CLOEXEC | unix.O_NOCTTY
	perm := uint32(mode.Perm())
	if os.Geteuid() == 0 {
		if fd, ok, err := openWithoutLinks(path, flags, perm); ok {
			if err != nil {
				return fd, false, err
			}
			return fd, false, checkNames(path, fd)
		}
	}
	p, err := Locate(path, true)
	if err != nil {
		return -1, false, err
	}
	defer p.Close()
	if p.dir != unix.AT_FDCWD {
		flags |= unix.O_NOFOLLOW
	}
	fd, err = openat(p.dir, p.Name, flags, perm)
	if err != nil {
		return -1, p.Special, err
	}
	if p.dir != unix.AT_FDCWD {
		err = checkNames(path, fd)
	}
	return fd, p.Special, err
}

// checkNames closes a file that root must not use because of its further names.
func checkNames(path string, fd int) error {
	var st, dir unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink < 2 {
		return err
	}
	at, err := Locate(path, true)
	if err == nil {
		err = unix.Fstat(at.dir, &dir)
		at.Close()
	}
	if err == nil {
		err = linkedByOthers(&st, &dir)
	}
	if err != nil {
		_ = unix.Close(fd)
	}
	return err
}

// linkedByOthers is an error for a file with several names in a directory where another user may have made one of them.
func linkedByOthers(file, dir *unix.Stat_t) error {
	if file.Mode&unix.S_IFMT == unix.S_IFREG && file.Nlink > 1 && foreign(dir) && (file.Uid != dir.Uid || dir.Mode&0o022 != 0) {
		return fmt.Errorf("the file has %d hard links: %w", file.Nlink, ErrUnsafe)
	}
	return nil
}
