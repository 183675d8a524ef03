//go:build !linux

package child

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// fionread is FIONREAD, which x/sys/unix has for Linux only; the BSDs, macOS and
// Solaris share its number (sys/filio.h).
const fionread = 0x4004667f

func makePipe(fds *[2]int) error {
	// Not every system has pipe2; the lock keeps a fork from coming between.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(fds[:]); err != nil {
		return err
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	return nil
}

// Socket is socket(2) for a blocking stream that no child inherits. It waits while there is a fork.
func Socket(family int) (fd int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if fd, err = unix.Socket(family, unix.SOCK_STREAM, 0); err == nil {
		unix.CloseOnExec(fd)
	}
	return fd, err
}

func widenPipe(int) {}
