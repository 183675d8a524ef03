package core

import (
	"time"

	"github.com/hark-supervisor/hark/core/process"
)

// ProcessInfo is what is known of one process at one moment, before it is
// turned into the struct of getProcessInfo (supervisor/rpcinterface.py).
type ProcessInfo struct {
	Name, Group string
	State       process.State
	Start, Stop time.Time // zero: never
	Now         time.Time
	SpawnErr    string // "" for none
	ExitStatus  int
	HasExit     bool // false: exitstatus is unknown and shown as 0
	Pid         int
	StdoutLog   string // "" for none
	StderrLog   string
	Restarts    int // starts that no user asked for, since its group was added
}

// ErrorKind says why a call was refused or failed; core/rpc turns it into a fault.
type ErrorKind int

// The kinds, named after Supervisor's faults (supervisor/xmlrpc.py).
const (
	BadName ErrorKind = iota + 1
	BadSignal
	NoFile
	NotExecutable
	Failed
	AbnormalTermination
	SpawnFailed
	AlreadyStarted
	NotRunning
	AlreadyAdded
	StillRunning
	CantReread
	ShutdownState
	BadArguments
)

// Error is a refused or failed call.
type Error struct {
	Kind   ErrorKind
	Detail string // what Supervisor appends after the fault's name, "" for none
}

// Error gives the detail; core/rpc words faults by itself.
func (e *Error) Error() string {
	if e.Detail == "" {
		return "refused"
	}
	return e.Detail
}

// Outcome is what a group call did to one process; Err nil is success.
type Outcome struct {
	Name, Group string
	Err         *Error
	Step        string // of a restart, which has an outcome for each: StepStop or StepStart
}

// The steps of a restart.
const (
	StepStop  = "stop"
	StepStart = "start"
)

// GroupDiff is the answer of reloadConfig: names of groups.
type GroupDiff struct{ Added, Changed, Removed []string }

// Mood is the state of the daemon with Supervisor's numbers (supervisor/states.py, SupervisorStates).
type Mood int

// The moods.
const (
	MoodFatal      Mood = 2
	MoodRunning    Mood = 1
	MoodRestarting Mood = 0
	MoodShutdown   Mood = -1
)
