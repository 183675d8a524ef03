//go:build !linux

package process

import "syscall"

// systemSignalName names the signals that only other systems than Linux have, or
// number their own way. SIGIO is all of them Go knows everywhere.
func systemSignalName(sig syscall.Signal) string {
	if sig == syscall.SIGIO {
		return "SIGIO"
	}
	return ""
}
