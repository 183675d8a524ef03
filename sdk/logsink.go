package sdk

import (
	"context"
	"time"
)

// LogSink receives what programs write to their standard output and standard error.
type LogSink interface {
	// Write takes a batch. It is called by one goroutine at a time for each instance, in order. nil: the batch is
	// written, or is the sink's own business from now on. Otherwise it comes again, not before RetryDelay, unless the error is
	// one of Final. It blocks as long as it has to: the host keeps what comes meanwhile, within its bounds.
	Write(ctx context.Context, b *LogBatch) error
}

// LogBatch is some output of programs, in the order in which it was read.
type LogBatch struct {
	Seq         uint64 // 1, 2, 3 … of the instance
	Redelivered bool   // it may have been written before
	Records     []LogRecord
}

// LogRecord is one chunk of output. It begins and ends anywhere, even within a line or a character.
type LogRecord struct {
	Group   string
	Process string
	Pid     int
	Channel string    // "stdout" or "stderr"
	Time    time.Time // when it was read
	Data    []byte    // not to be kept after Write has returned
	Offset  uint64    // bytes of this channel before Data since the host began or the process was added: a gap means a loss
}
