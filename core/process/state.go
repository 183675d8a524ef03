// Package process is one supervised process as a pure machine: its states,
// inputs, effects and deadlines. It does no I/O and holds no clock: the loop
// gives it the time with each input and carries out the effects it returns.
package process

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
