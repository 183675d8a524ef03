package process

import (
	"strconv"
	"syscall"
	"time"
)

// Effect is something that the loop must do. All its types are in this file. One Step
// returns at most one of Spawn, CancelSpawn and Kill, as the last.
type Effect interface{ effect() }

// Spawn asks for a process; the loop answers with Spawned, SpawnFailed or
// SpawnCancelled, once. The machine does not ask for a second one before that.
type Spawn struct{}

// CancelSpawn asks the loop to cancel the last Spawn if it has not begun. The Spawn is then
// answered with SpawnCancelled, or with Spawned or SpawnFailed if it was too late.
type CancelSpawn struct{}

// Kill asks for a signal to be sent.
type Kill struct {
	Pid    int
	Signal syscall.Signal
	Group  bool // to the process group Pid leads, not only to Pid
	Final  bool // it is the SIGKILL after stopwaitsecs
}

// Changed reports that the state changed: an event PROCESS_STATE_<To>. Its values
// are those of the moment of the change, as Supervisor renders them
// (supervisor/events.py).
type Changed struct {
	From, To State
	Pid      int           // of the process, also of one that just died; 0: none
	Tries    int           // failed starts in a row, this one included
	Expected bool          // To is EXITED: whether the exit code was an expected one
	Uptime   time.Duration // since the process was spawned; 0 without a process
}

// LogKind names a line of the activity log; the texts are in core/activity.go,
// which takes the process's name and what else a kind says from Log.
type LogKind int

// The lines a process's life leaves in the activity log, with Supervisor's
// level and text (supervisor/process.py).
const (
	// LogSpawned, INFO, with Pid: "spawned: 'x' with pid 7".
	LogSpawned LogKind = iota + 1
	// LogSpawnErr, INFO, with Msg: "spawnerr: can't find command '/x'".
	LogSpawnErr
	// LogAlreadyRunning, WARN: "process 'x' already running".
	LogAlreadyRunning
	// LogSuccess, INFO: "success: x entered RUNNING state, process has stayed up
	// for > than 1 seconds (startsecs)".
	LogSuccess
	// LogExited, with Msg: INFO "exited: x (exit status 0; expected)" when
	// Expected, else WARN "exited: x (terminated by SIGKILL; not expected)".
	LogExited
	// LogStopped, with Msg: "stopped: x (terminated by SIGTERM)"; INFO when
	// Expected, else WARN.
	LogStopped
	// LogGaveUp, INFO: "gave up: x entered FATAL state, too many start retries
	// too quickly".
	LogGaveUp
	// LogStopInBackoff, DEBG: "Attempted to kill x, which is in BACKOFF state.", with the stop.
	LogStopInBackoff
	// LogKilling, DEBG, with Pid, Signal and Group: "killing x (pid 7) with signal
	// SIGTERM", or "killing x (pid 7) process group with signal SIGTERM".
	LogKilling
	// LogKillingFinally, WARN, with Pid: "killing 'x' (7) with SIGKILL".
	LogKillingFinally
	// LogWaiting, INFO: "waiting for x to stop".
	LogWaiting
	// LogKillFailed, CRIT, with Pid and Msg: "unknown problem killing x (7):…".
	LogKillFailed
	// LogSignalFailed, CRIT, with Pid, Signal and Msg: "unknown problem sending sig
	// x (7):…".
	LogSignalFailed
)

var logKinds = [...]string{
	LogSpawned: "spawned", LogSpawnErr: "spawnerr", LogAlreadyRunning: "already running",
	LogSuccess: "success", LogExited: "exited", LogStopped: "stopped", LogGaveUp: "gave up",
	LogStopInBackoff: "stop in BACKOFF", LogKilling: "killing", LogKillingFinally: "killing finally",
	LogWaiting: "waiting to stop", LogKillFailed: "kill failed", LogSignalFailed: "signal failed",
}

// String is a short name of the kind, for tests and the printed table; it is not
// the line.
func (k LogKind) String() string {
	if k > 0 && int(k) < len(logKinds) {
		return logKinds[k]
	}
	return "LogKind(" + strconv.Itoa(int(k)) + ")"
}

// Log asks for a line in the activity log.
type Log struct {
	Kind     LogKind
	Pid      int            // 0 where Kind says nothing of it
	Signal   syscall.Signal // 0 where Kind says nothing of it
	Group    bool           // LogKilling: the signal goes to the process group
	Expected bool           // LogExited, LogStopped: the exit code was an expected one
	Msg      string         // what is in brackets or follows the colon
}

func (Spawn) effect()       {}
func (CancelSpawn) effect() {}
func (Kill) effect()        {}
func (Changed) effect()     {}
func (Log) effect()         {}
