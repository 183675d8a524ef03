package child

import "golang.org/x/sys/unix"

func onMainThread() bool { return unix.Gettid() == unix.Getpid() }

// unshareUmask separates this thread's umask (and current directory) from the other threads'.
// Docker's default seccomp filter refuses it without CAP_SYS_ADMIN.
func unshareUmask() bool { return unix.Unshare(unix.CLONE_FS) == nil }

func becomeSubreaper() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// closeInheritedOnExec keeps what our own parent left open from our children.
func closeInheritedOnExec() {
	if unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC) != nil {
		closeListedOnExec("/proc/self/fd")
	}
}
