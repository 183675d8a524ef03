package core

import (
	"time"

	"github.com/hark-supervisor/hark/core/process"
)

// ProcessInfo describes one process at one moment. core/rpc makes the struct of getProcessInfo from it
// (supervisor/rpcinterface.py).
type ProcessInfo struct {
	Name, Group string
	State       process.State
	Start, Stop time.Time // zero: never
	Now         time.Time
	SpawnErr    string // "" for none
	ExitStatus  int
	HasExit     bool           // false: exitstatus is unknown and shown as 0
	End         process.Reaped // how its last process ended that has ended, kept while another runs; see HasEnd
	HasEnd      bool
	Pid         int
	StdoutLog   string // "" for none
	StderrLog   string
	Restarts    int // starts that no user asked for, since its group was added
}

// ErrorKind is the reason why a call was refused or failed; core/rpc turns it into a fault.
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

// Error returns the text of the error for a log; the texts of faults are made by core/rpc.
func (e *Error) Error() string {
	if e.Detail == "" {
		return "refused"
	}
	return e.Detail
}

// Outcome is the result of a call on several processes for one of them; Err is nil on success.
type Outcome struct {
	Name, Group string
	Err         *Error
	Step        string // StepStop or StepStart in a restart, which has an outcome for each step; "" in other calls
}

// The steps of a restart.
const (
	StepStop  = "stop"
	StepStart = "start"
)

// GroupDiff is the answer of reloadConfig: the names of the groups that were added, changed and removed in the file.
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
