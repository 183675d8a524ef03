//go:build !freebsd

package child

import "syscall"

func setLimit(l *syscall.Rlimit, soft, hard uint64) { l.Cur, l.Max = soft, hard }
