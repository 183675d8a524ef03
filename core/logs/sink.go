package logs

import "time"

// Sink takes copies of children's output, chunk by chunk as it was read.
type Sink interface {
	// Source gives what takes the output of one channel ("stdout" or "stderr") of a
	// process, nil where the sink does not want it. It is called at the first output
	// of each child. What it gives is called on the poller's thread and must
	// not block; b is valid only during the call. Where that tells that the sink is full, the
	// pipe is left alone until resume is called, from any goroutine; what a child leaves
	// in its pipe at its end comes all the same.
	Source(group, process, channel string, resume func()) func(pid int, at time.Time, b []byte) (full bool)
}
