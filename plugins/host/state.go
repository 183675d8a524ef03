package host

import (
	"errors"
	"fmt"
	"time"

	"github.com/hark-supervisor/hark/internal/wire"
)

// State is where a plugin's process is in its life.
type State int

// The states.
const (
	Stopped  State = iota // nothing needs it
	Starting              // launched, not ready
	Running
	Backoff  // it failed, and is started again soon
	Fatal    // it failed too often in a row: nothing is tried until it is restarted by hand or its configuration changes
	Stopping // it is being stopped
)

// String is the state's name.
func (s State) String() string {
	return [...]string{"STOPPED", "STARTING", "RUNNING", "BACKOFF", "FATAL", "STOPPING"}[s]
}

// StateChange is a change of a plugin's state.
type StateChange struct {
	Plugin   string
	From, To State
	PID      int    // 0: none
	Why      string // of Backoff and Fatal; one line
}

// ErrExited is the cause when the process of a plugin has ended, or there is none: a call is not made, or has not been answered.
// wire.IsUnavailable recognizes it too.
var ErrExited = fmt.Errorf("%w", wire.ErrUnavailable)

// ErrForbidden is Options.Call's answer for a method that the plugin's permissions do not reach.
var ErrForbidden = errors.New("the plugin's permissions do not reach that method")

// ErrNoPlugin is the answer for a plugin that there is none of.
var ErrNoPlugin = errors.New("there is no such plugin")

// Timing is how long the host waits; zero means the default.
type Timing struct {
	Start        time.Duration // until a plugin is connected: 10 s
	Ready        time.Duration // until it answers for the first time: 2 s
	Configure    time.Duration // an instance: 10 s
	HealthEvery  time.Duration // 10 s
	Health       time.Duration // an answer: 3 s; two in a row that miss end the process
	BackoffFirst time.Duration // 1 s, doubled each time
	BackoffMax   time.Duration // 60 s
	Stable       time.Duration // running so long ends a row of failures: 60 s
	Stop         time.Duration // to flush at the end: 5 s
	Bury         time.Duration // a process that was killed to end, when the host is closed: 5 s
	Reconfigure  time.Duration // an instance that was refused is tried again: 60 s
}

func (t Timing) withDefaults() Timing {
	for _, f := range []struct {
		to  *time.Duration
		def time.Duration
	}{
		{&t.Start, 10 * time.Second}, {&t.Ready, 2 * time.Second}, {&t.Configure, 10 * time.Second},
		{&t.HealthEvery, 10 * time.Second}, {&t.Health, 3 * time.Second}, {&t.BackoffFirst, time.Second}, {&t.BackoffMax, time.Minute},
		{&t.Stable, time.Minute}, {&t.Stop, 5 * time.Second}, {&t.Bury, 5 * time.Second}, {&t.Reconfigure, time.Minute},
	} {
		if *f.to <= 0 {
			*f.to = f.def
		}
	}
	return t
}

const (
	// maxFailures in a row make a plugin Fatal.
	maxFailures = 5
	// maxMisses of health in a row end its process.
	maxMisses = 2
	// callTime is how long a method may take that declares no time of its own.
	callTime = 30 * time.Second
	// removeTime is how long the end of an instance may take.
	removeTime = 5 * time.Second
)
