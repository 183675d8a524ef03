package process

import (
	"slices"
	"syscall"
	"time"
)

// AutoRestart says whether an EXITED process is started again by itself
// (autorestart= of a program; supervisor/datatypes.py, auto_restart).
type AutoRestart int

// The values of autorestart=.
const (
	// Never: autorestart=false.
	Never AutoRestart = iota
	// Unexpected: autorestart=unexpected, the default of [program:x]: only after
	// an exit code that is not in ExitCodes, or a death by a signal.
	Unexpected
	// Always: autorestart=true.
	Always
)

// Spec is what of a program's settings the machine needs. The machine reads it
// and never changes it.
type Spec struct {
	// AutoStart: whether Boot starts the process.
	AutoStart bool
	// AutoRestart: whether it is started again after EXITED.
	AutoRestart AutoRestart
	// StartSecs: how long the process must stay up to be RUNNING. Zero or less:
	// it is RUNNING as soon as it is spawned.
	StartSecs time.Duration
	// StartRetries: how many failed starts in a row are followed by another
	// attempt; one more is FATAL. Zero or less: the first failure is FATAL.
	StartRetries int
	// ExitCodes: the exit statuses, 0 to 255, that count as expected. A death by
	// a signal has the code -1 and is never among them.
	ExitCodes []int
	// StopSignal: what asks the process to stop.
	StopSignal syscall.Signal
	// StopWait: how long after StopSignal SIGKILL follows. Zero or less: at once.
	StopWait time.Duration
	// StopAsGroup: whether StopSignal goes to the whole process group.
	StopAsGroup bool
	// KillAsGroup: whether SIGKILL goes to the whole process group.
	KillAsGroup bool
}

const (
	// briefUptime is the uptime under which an exit from RUNNING is followed by a
	// pause. Only a process with startsecs below one second can be RUNNING so
	// briefly. Supervisor has no such rule: its loop turns once a second, which
	// paces these processes by accident; Hark's does not (Supervisor issue 1285).
	briefUptime = time.Second
	// pauseStep is how much longer each pause after an unexpected brief exit is.
	pauseStep = time.Second
	// maxPauses bounds the pause after brief exits, and that after starts that a shortage prevented: 10 s.
	maxPauses = 10
	// backoffStep is how much longer each wait in BACKOFF is (supervisor/process.py,
	// change_state).
	backoffStep = time.Second
	// reportEvery is the time between two "waiting for x to stop" lines
	// (supervisor/process.py, stop_report).
	reportEvery = 2 * time.Second
	// minKillRepeat is the least time between two SIGKILLs to a process that does
	// not die: Supervisor's repeat every stopwaitsecs, but at most once a turn of
	// its loop, which is a second.
	minKillRepeat = time.Second
)

// expects reports whether an exit with this code is an expected one.
func (s *Spec) expects(code int) bool { return slices.Contains(s.ExitCodes, code) }

// respawns reports whether a process that exited so is to be started again.
func (s *Spec) respawns(expected bool) bool {
	return s.AutoRestart == Always || s.AutoRestart == Unexpected && !expected
}
