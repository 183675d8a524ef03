package logs

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// DefaultMaxPending is how many bytes of lines an Activity holds for each of its
// files while it cannot write them.
const DefaultMaxPending = 8 << 20

// LineSender takes lines for syslog, without a newline; it must not block and not
// keep the slice. *syslog.Writer is one.
type LineSender interface {
	Send(line []byte)
}

// ActivityOptions say where the activity log goes.
type ActivityOptions struct {
	// Files: the log file and, in the foreground, stdout (OpenDescriptor). They
	// belong to the Activity from then on, and their policy becomes Block.
	Files []*File
	// Syslog gets every line too; nil for none. Closing it is the caller's.
	Syslog LineSender
	// MaxPending: bytes of lines held for each file that cannot be written; what
	// exceeds it is dropped, counted, and said in the log. 0: DefaultMaxPending.
	MaxPending int
	// Trouble is called with the errors of the files (*Trouble and others), on a
	// goroutine of the Activity; it must not block. nil: the errors are dropped.
	Trouble func(error)
	// RetryEvery: how long after a failed write it is tried again; 0: 1 s.
	RetryEvery time.Duration
}

// Activity writes the daemon's own log. Its callers never wait for a disk, a
// terminal or a pipe: lines are queued and written by one goroutine a file, each
// line whole before a rotation, as in Supervisor. Its methods may be called from anywhere.
type Activity struct {
	outs   []*activityFile
	syslog LineSender

	mu   sync.Mutex // guards line
	line []byte
}

// NewActivity starts the writers.
func NewActivity(o ActivityOptions) *Activity {
	if o.MaxPending == 0 {
		o.MaxPending = DefaultMaxPending
	}
	if o.RetryEvery == 0 {
		o.RetryEvery = time.Second
	}
	if o.Trouble == nil {
		o.Trouble = func(error) {}
	}
	a := &Activity{syslog: o.Syslog}
	for _, f := range o.Files {
		a.outs = append(a.outs, newActivityFile(f, o))
	}
	return a
}

// Log queues one record, which may be of several lines. For syslog each line is a
// message with the stamp of its own, as Supervisor's SyslogHandler does.
func (a *Activity) Log(at time.Time, level int, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.line = AppendLine(a.line[:0], at, level, text)
	a.post(a.line)
	if a.syslog == nil {
		return
	}
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		a.line = append(appendStamp(a.line[:0], at, level), line...)
		a.syslog.Send(a.line)
	}
}

// Write queues p, a ready line or several with their newlines, as one record. It
// never fails.
func (a *Activity) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.post(p)
	if a.syslog != nil {
		for line := range strings.SplitSeq(strings.TrimRight(string(p), "\n"), "\n") {
			a.syslog.Send([]byte(line))
		}
	}
	return len(p), nil
}

func (a *Activity) post(p []byte) {
	for _, o := range a.outs {
		o.line(p)
	}
}

// Reopen has every file opened again after the lines queued so far (at once where
// they cannot be written). done, which may be nil, is called with the
// error on a goroutine of the Activity and must not block; after Close it gets
// ErrClosed at once.
func (a *Activity) Reopen(done func(error)) { a.each((*File).Reopen, done) }

// Clear has every log file removed and begun again after the lines queued so far;
// done as for Reopen.
func (a *Activity) Clear(done func(error)) { a.each((*File).Clear, done) }

func (a *Activity) each(do func(*File) error, done func(error)) {
	if done == nil {
		done = func(error) {}
	}
	var mu sync.Mutex
	var errs []error
	left := len(a.outs)
	if left == 0 {
		done(nil)
	}
	finished := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
		if left--; left == 0 {
			done(errors.Join(errs...))
		}
	}
	for _, o := range a.outs {
		if !o.post(item{urgent: true, op: func(f *File) { finished(do(f)) }}) {
			finished(ErrClosed)
		}
	}
}

// Flush waits until the lines queued so far are written, or ctx ends.
func (a *Activity) Flush(ctx context.Context) error {
	for _, o := range a.outs {
		written := make(chan struct{})
		o.post(item{op: func(*File) { close(written) }})
		select {
		case <-written:
		case <-o.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Dropped returns how many lines were dropped so far because they could not be written.
func (a *Activity) Dropped() int64 {
	var n int64
	for _, o := range a.outs {
		n += o.droppedLines()
	}
	return n
}

// closeLimit is how long Close waits for a file system that does not answer.
const closeLimit = 2 * time.Second

// Close writes what is queued, as far as it can be written without waiting for a
// full disk or a stalled reader, and closes the files. Lines that come later are
// ignored. A file system that does not answer is waited for two seconds, then its file is left to whoever hangs in it. The
// errors are the files'.
func (a *Activity) Close() error {
	for _, o := range a.outs {
		o.close()
	}
	var errs []error
	late, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	for _, o := range a.outs {
		select {
		case <-o.done:
			errs = append(errs, o.closeErr)
		case <-late.Done():
			errs = append(errs, o.abandoned())
		}
	}
	return errors.Join(errs...)
}
