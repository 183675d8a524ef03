//go:build solaris

package spool

import (
	"errors"
	"os"
	"syscall"
)

// lockFile keeps other processes out; Solaris has no flock, and fcntl's locks do
// not keep out this process itself.
func lockFile(f *os.File) error {
	err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK})
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return ErrLocked
	}
	return err
}

// unlockFile has nothing to do: a child does not inherit the lock, and closing
// the file lets it go.
func unlockFile(*os.File) {}
