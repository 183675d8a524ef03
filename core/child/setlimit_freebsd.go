package child

import "syscall"

func setLimit(l *syscall.Rlimit, soft, hard uint64) { l.Cur, l.Max = int64(soft), int64(hard) }
