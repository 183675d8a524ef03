package process

import "syscall"

// Input is something that happens to a process. The types of this file are all
// there are.
type Input interface{ input() }

// Boot offers an automatic start: it starts the process if its Spec says
// AutoStart and it was never started before. The loop gives it at the start of the
// daemon and after adding a group, in order of priority.
type Boot struct{}

// Start is a user's wish that the process run. It is ignored where a process
// runs or will soon; in STOPPING Supervisor's warning is logged. The fault for
// the caller follows from the state before, as in supervisor/rpcinterface.py.
type Start struct{}

// Stop is a wish that the process not run: a user's, or shutdown's for one that
// is STARTING or RUNNING (a process in BACKOFF gets GiveUp).
type Stop struct {
	// Wait: somebody waits for the end, so "waiting for x to stop" is logged at
	// once and every two seconds until then. That is when Supervisor does it
	// (rpcinterface.py, stopProcess with wait=true, alone or by stopProcessGroup
	// and stopAllProcesses); a stop with wait=false and shutdown log no such line.
	Wait bool
}

// GiveUp is shutdown's way with a process in BACKOFF: it becomes FATAL, without
// a log line (supervisor/process.py, stop_all and give_up).
type GiveUp struct{}

// Spawned answers the effect Spawn: the process runs. The loop gives it before
// the Reaped of the same process.
type Spawned struct {
	Pid int // greater than 0
}

// SpawnFailed answers the effect Spawn: there is no process.
type SpawnFailed struct {
	Msg string // what becomes spawnerr
	// Shortage: the machine or the daemon lacked something (open files, processes) that another start of the
	// same may find. It is tried again as long as that lasts and counts as no failed start.
	Shortage bool
}

// SpawnCancelled answers the effect Spawn: it was taken back before it began, there is
// no process and was none.
type SpawnCancelled struct{}

// Reaped reports how the process ended.
type Reaped struct {
	Code     int            // the exit status, 0 to 255; -1: it did not exit by itself
	Signal   syscall.Signal // what killed it when Code is -1, else 0
	CoreDump bool           // whether it left a core
}

// Elapsed tells that time has passed. It is due at Deadline; earlier it does nothing.
type Elapsed struct{}

// KillFailed tells that the effect Kill could not be carried out: kill(2)
// answered something other than ESRCH, which is no failure.
type KillFailed struct {
	Msg string
}

// SignalFailed tells that a signal a user sent past the machine failed so.
type SignalFailed struct {
	Signal syscall.Signal
	Msg    string
}

// Hold forbids every start, automatic or by hand, until Release: shutdown and
// restart give it (in Supervisor: a mood of RESTARTING or less). What runs goes
// on, can become RUNNING, exit, be stopped and be killed.
type Hold struct{}

// Release ends Hold; starts that came due meanwhile are due at once.
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
