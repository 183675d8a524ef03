//go:build !solaris

package child

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// RaiseNProc raises the soft limit of processes to min where it is lower, and the
// hard limit too if we may (options.py, set_rlimits_or_exit). An error means that
// it was refused.
func RaiseNProc(min uint64) (Limit, error) {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_NPROC, &now); err != nil {
		return Limit{}, err
	}
	return raise(Limit{Soft: uint64(now.Cur), Hard: uint64(now.Max)}, min, func(soft, hard uint64) error {
		setLimit(&now, soft, hard)
		return syscall.Setrlimit(unix.RLIMIT_NPROC, &now)
	})
}
