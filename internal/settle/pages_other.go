//go:build !linux

package settle

import (
	"runtime/debug"
	"syscall"
)

// faults is how many page faults the process has had.
func faults() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it does not fail for oneself
	return int64(u.Minflt)
}

// giveBack releases free heap.
func giveBack() { debug.FreeOSMemory() }
