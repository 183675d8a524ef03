package config

import "syscall"

// platformSignals is what Linux has beyond the common names. 34 and 64 are
// SIGRTMIN and SIGRTMAX as glibc gives them to programs.
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
