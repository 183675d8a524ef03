//go:build !solaris

package held

import "golang.org/x/sys/unix"

// lock locks an open file or directory for the open descriptor. The error is EWOULDBLOCK where another has it, of our own process too.
func lock(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }
