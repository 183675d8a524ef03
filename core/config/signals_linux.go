package config

import "syscall"

// platformSignals are Linux's signals in addition to the common names. 34 and 64 are
// SIGRTMIN and SIGRTMAX as glibc passes them to programs.
func platformSignals() []namedSignal {
	return []namedSignal{
		{"SIGCLD", syscall.SIGCHLD},
		{"SIGPOLL", syscall.SIGPOLL},
		{"SIGPWR", syscall.SIGPWR},
		{"SIGSTKFLT", syscall.SIGSTKFLT},
		{"SIGRTMIN", 34},
		{"SIGRTMAX", 64},
		{"SIG_BLOCK", 0},
		{"SIG_UNBLOCK", 1},
		{"SIG_SETMASK", 2},
	}
}
