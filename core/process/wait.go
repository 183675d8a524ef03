package process

import (
	"fmt"
	"strconv"
	"syscall"
)

// WaitMessage says how a process ended, in Supervisor's words (supervisor/options.py,
// decode_wait_status): "exit status 0", "terminated by SIGKILL", "terminated by
// SIGSEGV (core dumped)". A code of -1 without a signal, which no reaped process
// has, is an "unknown termination cause 0xffff".
func WaitMessage(code int, sig syscall.Signal, core bool) string {
	switch {
	case code >= 0:
		return "exit status " + strconv.Itoa(code)
	case sig == 0:
		return fmt.Sprintf("unknown termination cause 0x%04x", uint16(code))
	case core:
		return "terminated by " + SignalName(sig) + " (core dumped)"
	default:
		return "terminated by " + SignalName(sig)
	}
}

// ReapedBy makes the input Reaped of what wait4(2) gave.
func ReapedBy(ws syscall.WaitStatus) Reaped {
	switch {
	case ws.Exited():
		return Reaped{Code: ws.ExitStatus()}
	case ws.Signaled():
		return Reaped{Code: -1, Signal: ws.Signal(), CoreDump: ws.CoreDump()}
	default: // stopped or continued: never asked for
		return Reaped{Code: -1}
	}
}
