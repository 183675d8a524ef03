//go:build !linux

package held

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// directoryFlags open a directory only to reach what is in it.
const directoryFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC

// openWithoutLinks needs openat2, which only Linux has: the path is walked.
func openWithoutLinks(string, int, uint32) (fd int, ok bool, err error) {
	return -1, false, nil
}

// readlinkat reads the link name in the directory at; not every system has the
// call that takes an open directory. What the link leads to is opened without
// following links, so a link exchanged meanwhile is refused.
func readlinkat(_ int, at, name string) (target string, st unix.Stat_t, isLink bool) {
	path := filepath.Join(at, name)
	if unix.Lstat(path, &st) != nil {
		return "", st, false
	}
	target, err := os.Readlink(path)
	return target, st, err == nil
}
