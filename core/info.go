package core

import (
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/config"
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
}

// ConfigInfo is one process of the configuration last read, and whether its
// group is in use.
type ConfigInfo struct {
	Group   *config.Group
	Process *config.Process
	InUse   bool
	// The log files as resolved; "" for none, "auto" for one not yet named.
	StdoutLog, StderrLog string
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

// SplitNamespec parts "group:process" (options.py, split_namespec): a name
// alone is both; "group:*" and "group:" are the whole group.
func SplitNamespec(namespec string) (group, proc string, all bool) {
	group, proc, two := strings.Cut(namespec, ":")
	if !two {
		return namespec, namespec, false
	}
	if proc == "" || proc == "*" {
		return group, "", true
	}
	return group, proc, false
}

// Outcome is what a group call did to one process; Err nil is success.
type Outcome struct {
	Name, Group string
	Err         *Error
}

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
