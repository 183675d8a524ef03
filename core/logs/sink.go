package logs

import "time"

// Sink takes copies of children's output, chunk by chunk as it was read.
type Sink interface {
	// Source returns the function that takes the output of one channel ("stdout" or "stderr") of a
	// process, nil if the sink does not want it. It is called at the first output
	// of each child. The function is called on the poller's thread and must
	// not block; b is valid only during the call. If it reports that the sink is full, the
	// pipe is not read until resume is called, from any goroutine; what a child leaves
	// in its pipe at its end is delivered nevertheless.
	Source(group, process, channel string, resume func()) func(pid int, at time.Time, b []byte) (full bool)
	// Gone says that a process is no longer there: what is kept of it may go once its output is delivered. What
	// its descendants still write may follow. It must not block.
	Gone(group, process string)
	// Keep says which processes there are, and that all others are gone. there is not called after it has returned. It must not block.
	Keep(there func(group, process string) bool)
}
