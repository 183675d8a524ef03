package config

import "syscall"

// namedSignal is one row of Python's signal module.
type namedSignal struct {
	name   string
	number syscall.Signal
}

// signalNames is every SIG… name of Python's signal module on this system. Five of them
// are not signals; Supervisor accepts them (and so 0) nevertheless.
func signalNames() []namedSignal {
	return append([]namedSignal{
		{"SIGABRT", syscall.SIGABRT},
		{"SIGALRM", syscall.SIGALRM},
		{"SIGBUS", syscall.SIGBUS},
		{"SIGCHLD", syscall.SIGCHLD},
		{"SIGCONT", syscall.SIGCONT},
		{"SIGFPE", syscall.SIGFPE},
		{"SIGHUP", syscall.SIGHUP},
		{"SIGILL", syscall.SIGILL},
		{"SIGINT", syscall.SIGINT},
		{"SIGIO", syscall.SIGIO},
		{"SIGIOT", syscall.SIGABRT},
		{"SIGKILL", syscall.SIGKILL},
		{"SIGPIPE", syscall.SIGPIPE},
		{"SIGPROF", syscall.SIGPROF},
		{"SIGQUIT", syscall.SIGQUIT},
		{"SIGSEGV", syscall.SIGSEGV},
		{"SIGSTOP", syscall.SIGSTOP},
		{"SIGSYS", syscall.SIGSYS},
		{"SIGTERM", syscall.SIGTERM},
		{"SIGTRAP", syscall.SIGTRAP},
		{"SIGTSTP", syscall.SIGTSTP},
		{"SIGTTIN", syscall.SIGTTIN},
		{"SIGTTOU", syscall.SIGTTOU},
		{"SIGURG", syscall.SIGURG},
		{"SIGUSR1", syscall.SIGUSR1},
		{"SIGUSR2", syscall.SIGUSR2},
		{"SIGVTALRM", syscall.SIGVTALRM},
		{"SIGWINCH", syscall.SIGWINCH},
		{"SIGXCPU", syscall.SIGXCPU},
		{"SIGXFSZ", syscall.SIGXFSZ},
		{"SIG_DFL", 0},
		{"SIG_IGN", 1},
	}, platformSignals()...)
}
