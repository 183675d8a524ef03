//go:build !linux

package config

import "syscall"

// platformSignals is what the BSDs, macOS and Solaris have beyond the common names.
func platformSignals() []namedSignal {
	return []namedSignal{
		{"SIGEMT", syscall.SIGEMT},
		{"SIG_BLOCK", 1},
		{"SIG_UNBLOCK", 2},
		{"SIG_SETMASK", 3},
	}
}
