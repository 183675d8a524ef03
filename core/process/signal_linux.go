package process

import "syscall"

// systemSignalName names the signals that only this system has, or numbers its own way.
func systemSignalName(sig syscall.Signal) string {
	switch sig {
	case syscall.SIGSTKFLT:
		return "SIGSTKFLT"
	case syscall.SIGPOLL: // also SIGIO; Python's last name for the number wins
		return "SIGPOLL"
	case syscall.SIGPWR:
		return "SIGPWR"
	case 34:
		return "SIGRTMIN"
	case 64:
		return "SIGRTMAX"
	}
	return ""
}
