//go:build !solaris

package child

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// limitProcesses limits the processes and threads of our user.
func limitProcesses(most uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_NPROC, &l); err != nil {
		return err
	}
	most = min(most, uint64(l.Max)) //nolint:unconvert,gosec // signed elsewhere
	setLimit(&l, most, most)
	return syscall.Setrlimit(unix.RLIMIT_NPROC, &l)
}
