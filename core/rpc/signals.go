package rpc

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// otherSignals is names and numbers that Python knows beyond x/sys: synonyms,
// and glibc's first and last real-time signals. It is never written to.
var otherSignals = map[string]syscall.Signal{
	"SIGIOT": syscall.SIGABRT, "SIGCLD": syscall.SIGCHLD, "SIGPOLL": syscall.SIGIO,
	"SIGRTMIN": 34, "SIGRTMAX": 64,
}

// parseSignal reads a signal as supervisor/datatypes.py, signal_number: a
// number in any form that int() takes, 0 included, or a name in any case, with
// or without SIG, padded or not.
func parseSignal(v any) (syscall.Signal, bool) {
	if n, ok := number(v); ok {
		if n == 0 || n == 34 || n == 64 {
			return syscall.Signal(n), true
		}
		if n < 0 || n > 64 {
			return 0, false
		}
		sig := syscall.Signal(n)
		return sig, unix.SignalName(sig) != ""
	}
	name, ok := text(v)
	if !ok {
		return 0, false
	}
	name = strings.ToUpper(strings.TrimSpace(name))
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig, ok := otherSignals[name]; ok {
		return sig, true
	}
	sig := unix.SignalNum(name)
	return sig, sig != 0
}
