package process

import "syscall"

// Input is something that happens to a process. All its types are in this file.
type Input interface{ input() }

// Boot starts the process if its Spec has AutoStart and the process was never started before. The loop passes it at the start
// of the daemon and after adding a group, in order of priority.
type Boot struct{}

// Start is a user's request to start the process. It is ignored if the process
// runs or is being started; in STOPPING Supervisor's warning is logged. The fault for
// the caller follows from the state before, as in supervisor/rpcinterface.py.
type Start struct{}

// Stop is a request to stop the process: of a user, or of a shutdown for a process that
// is STARTING or RUNNING (a process in BACKOFF gets GiveUp).
type Stop struct {
	// Wait: a call waits for the exit, so "waiting for x to stop" is logged at
	// once and every two seconds until then. That is when Supervisor does it
	// (rpcinterface.py, stopProcess with wait=true, alone or by stopProcessGroup
	// and stopAllProcesses); a stop with wait=false and shutdown log no such line.
	Wait bool
}

// GiveUp is the input of a shutdown for a process in BACKOFF: it becomes FATAL, without
// a log line (supervisor/process.py, stop_all and give_up).
type GiveUp struct{}

// Spawned answers the effect Spawn: the process runs. The loop passes it before
// the Reaped of the same process.
type Spawned struct {
	Pid int // greater than 0
}

// SpawnFailed answers the effect Spawn: no process was started.
type SpawnFailed struct {
	Msg string // becomes spawnerr
	// Shortage: the machine or the daemon lacked a resource (open files, processes) that may be available later. The start is
	// tried again as long as that lasts and does not count as a failed start.
	Shortage bool
}

// SpawnCancelled answers the effect Spawn: it was cancelled before it began, and no process was
// started.
type SpawnCancelled struct{}

// Reaped reports how the process ended.
type Reaped struct {
	Code     int            // the exit status, 0 to 255; -1: a signal killed the process
	Signal   syscall.Signal // the signal that killed it when Code is -1, otherwise 0
	CoreDump bool           // whether it left a core
}

// Elapsed reports that time has passed. It is due at Deadline; earlier it does nothing.
type Elapsed struct{}

// KillFailed reports that the effect Kill could not be carried out: kill(2)
// returned an error other than ESRCH, which is not a failure.
type KillFailed struct {
	Msg string
}

// SignalFailed reports the same for a signal that a user sent, which is not an effect of the machine.
type SignalFailed struct {
	Signal syscall.Signal
	Msg    string
}

// Hold forbids every start, automatic or requested, until Release: a shutdown or
// restart passes it (in Supervisor: a mood of RESTARTING or less). A running process
// continues: it can become RUNNING, exit, be stopped and be killed.
type Hold struct{}

// Release ends Hold; starts whose time came meanwhile are due at once.
type Release struct{}

func (Boot) input()           {}
func (Start) input()          {}
func (Stop) input()           {}
func (GiveUp) input()         {}
func (Spawned) input()        {}
func (SpawnFailed) input()    {}
func (SpawnCancelled) input() {}
func (Reaped) input()         {}
func (Elapsed) input()        {}
func (KillFailed) input()     {}
func (SignalFailed) input()   {}
func (Hold) input()           {}
func (Release) input()        {}
