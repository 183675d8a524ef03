package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// unread is how many bytes written to a pipe have not been read yet; 0 if
// that is not known.
func unread(f *os.File) int {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	_ = conn.Control(func(fd uintptr) {
		if got, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ); err == nil { // FIONREAD by its other name
			n = got
		}
	})
	return n
}
