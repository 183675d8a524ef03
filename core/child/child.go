// Package child is the operating-system side of supervision: one locked thread
// that does every fork, the single reaper of every child, and the poller that
// reads their output. It knows no states; its callers give callbacks.
package child

import (
	"fmt"
	"syscall"
)

// Reader takes what a child writes on one pipe. Its methods run on the poller's
// thread, one at a time, and must not block on anything but a file.
type Reader interface {
	// Output is given bytes as they were read; b is valid only during the call.
	Output(b []byte)
	// Closed tells that nothing more will come: EOF, or the pipe was given up
	// with left bytes unread in it.
	Closed(left int)
}

// Credential is who a child runs as. A nil Credential inherits.
type Credential struct {
	UID, GID uint32
	Groups   []uint32 // all supplementary groups
	Name     string   // as written in user=, for messages
}

// Request is one spawn. Callbacks must not block: Started and Failed run on the
// spawner's thread, Exited on a poller's thread after all that the child's
// pipes held at its end has been given to the Readers. Exactly one of Started,
// Failed and Cancelled is called, and Exited exactly once after Started.
type Request struct {
	Name           string   // the process's name, for messages
	Argv           []string // Argv[0] with a slash is a path, else searched in SearchPath
	SearchPath     []string // directories
	Env            []string
	Dir            string // "" : stay
	Umask          int    // -1: inherit
	Credential     *Credential
	Stdin          int // a descriptor to give as 0 (FastCGI socket); -1: a pipe
	RedirectStderr bool
	Stdout, Stderr Reader // Stderr nil when RedirectStderr
	Eager          bool   // output becomes events: reading is never paused for batching
	Listener       bool   // stdout carries replies: read by the listeners' own poller, eagerly

	Started func(c *Child)
	Failed  func(err *SpawnError)
	Exited  func(c *Child, ws syscall.WaitStatus)
	// Slow is called once when the spawn has taken over 5 s; nil is fine.
	Slow func()
}

// Stage tells how far a failed spawn got.
type Stage int

// The stages of a spawn.
const (
	StageResolve Stage = iota // command not found, not executable, a directory, no permission
	StagePipe
	StageFork
	StageSetuid
	StageChdir
	StageExec
	StageCancelled // taken back before it began
)

// SpawnError is a failed spawn.
type SpawnError struct {
	Stage Stage
	Errno syscall.Errno
	// Msg is Supervisor's spawnerr text where it has one ("can't find command 'x'",
	// "too many open files to spawn 'x'", ...), else one that names what is missing.
	Msg string
	// Lines are Supervisor's lines for the child's stderr log, newlines included; "" for none.
	Lines string
}

// Error gives Msg.
func (e *SpawnError) Error() string { return fmt.Sprint(e.Msg) }
