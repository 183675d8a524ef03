package logs

import (
	"errors"
	"fmt"
)

// ErrStalled is the cause of an episode in which the pipe, terminal
// or socket that a log is written to is not read.
var ErrStalled = errors.New("its reader does not read")

// ErrClosed is returned by a File that was closed or removed.
var ErrClosed = errors.New("log file is closed")

// TroubleKind reports what a Trouble announces.
type TroubleKind int

// The kinds of Trouble.
const (
	// Failing begins an episode: a write failed, bytes are being kept.
	Failing TroubleKind = iota + 1
	// Dropping is reported once in an episode, when the first bytes are lost.
	Dropping
	// Recovered ends an episode: all that was kept is written, and what came in the time of Calm since then.
	Recovered
	// NotRotated: the log is due for rotation but cannot be rotated; it
	// continues to grow and rotation is tried again later. Reported once until it works.
	NotRotated
	// Abandoned: the log was closed while bytes were kept, which are lost.
	Abandoned
)

// Trouble is the error a File returns when there is something to announce: the
// begin and the end of an episode in which a log could not be written, and what
// was lost in it. Each is returned once, so that its receiver may announce
// whatever it gets. An episode of a stalled pipe that loses nothing is not announced.
type Trouble struct {
	Kind    TroubleKind
	Path    string
	Err     error // the cause; nil for Recovered
	Dropped int64 // bytes lost in the episode so far
	Kept    int64 // bytes held in memory for a later try
}

// Error returns the trouble as one line.
func (t *Trouble) Error() string {
	switch t.Kind {
	case Failing:
		return fmt.Sprintf("cannot write log file %q: %v; what cannot be written is kept for now", t.Path, t.Err)
	case Dropping:
		return fmt.Sprintf("cannot write log file %q: %v; %d bytes are kept, further output is dropped", t.Path, t.Err, t.Kept)
	case Recovered:
		return fmt.Sprintf("log file %q is written again; %d bytes were dropped", t.Path, t.Dropped)
	case NotRotated:
		return fmt.Sprintf("cannot rotate log file %q: %v", t.Path, t.Err)
	default:
		return fmt.Sprintf("log file %q was closed with output that could not be written: %v; %d bytes were dropped", t.Path, t.Err, t.Dropped)
	}
}

// Unwrap returns the cause.
func (t *Trouble) Unwrap() error { return t.Err }
