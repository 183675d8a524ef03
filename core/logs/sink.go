package logs

import "time"

// Sink takes copies of children's output, chunk by chunk as it was read.
type Sink interface {
	// Log gives one chunk of a process's output. It is called on the poller's
	// thread and must not block; b is valid only during the call. channel is
	// "stdout" or "stderr".
	Log(process, group, channel string, at time.Time, b []byte)
}
