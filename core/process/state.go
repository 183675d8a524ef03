// Package process is one supervised process as a pure machine: its states,
// inputs, effects and deadlines. It does no I/O and has no clock: the loop
// passes the time with each input and carries out the effects it returns.
//
// A Machine is made from a Spec. The loop calls Step with what happened (a
// wish of the user, a spawned or reaped child, a deadline that is due) and gets
// back what to do about it, in order: announce a change of state, write a line
// to the activity log, spawn, kill. Deadline reports when to call Step with
// Elapsed next. The states, their numbers and the events that follow from them
// are Supervisor's (supervisor/process.py); docs/states.md tells a process's life
// step by step, and holds the table of states and inputs printed from this code.
package process

import "strconv"

// State is a process state with Supervisor's numbers (supervisor/states.py).
type State int

// The states.
const (
	Stopped  State = 0
	Starting State = 10
	Running  State = 20
	Backoff  State = 30
	Stopping State = 40
	Exited   State = 100
	Fatal    State = 200
	Unknown  State = 1000
)

// String is the state's name as getProcessInfo and the events have it, for
// instance "RUNNING"; a number that is not a state becomes "State(7)".
func (s State) String() string {
	switch s {
	case Stopped:
		return "STOPPED"
	case Starting:
		return "STARTING"
	case Running:
		return "RUNNING"
	case Backoff:
		return "BACKOFF"
	case Stopping:
		return "STOPPING"
	case Exited:
		return "EXITED"
	case Fatal:
		return "FATAL"
	case Unknown:
		return "UNKNOWN"
	default:
		return "State(" + strconv.Itoa(int(s)) + ")"
	}
}

// IsStopped reports whether s counts as stopped: STOPPED, EXITED, FATAL or
// UNKNOWN (supervisor/states.py, STOPPED_STATES). Shutdown waits for these.
func (s State) IsStopped() bool {
	return s == Stopped || s == Exited || s == Fatal || s == Unknown
}

// IsRunning reports whether s counts as running, so that a start is refused and a
// stop is not: RUNNING, BACKOFF or STARTING (supervisor/states.py, RUNNING_STATES).
func (s State) IsRunning() bool {
	return s == Running || s == Backoff || s == Starting
}

// IsSignallable reports whether a signal may be asked for in s: RUNNING, STARTING
// or STOPPING (supervisor/states.py, SIGNALLABLE_STATES).
func (s State) IsSignallable() bool {
	return s == Running || s == Starting || s == Stopping
}
