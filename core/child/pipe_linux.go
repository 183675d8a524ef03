package child

import "golang.org/x/sys/unix"

const fionread = unix.TIOCINQ // FIONREAD by its other name

// widePipe is the size a loud program's pipe is given: fewer, larger reads.
const widePipe = 256 << 10

func makePipe(fds *[2]int) error { return unix.Pipe2(fds[:], unix.O_CLOEXEC) }

// Socket is socket(2) for a blocking stream that no child inherits. It waits for no fork, which may hang.
func Socket(family int) (fd int, err error) {
	return unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
}

// widenPipe may be refused (pipe-user-pages-soft): then the pipe stays as it is.
func widenPipe(fd int) { _, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, widePipe) }
