// Package delivery is what lies between the host of plugins and what delivers to them, notifiers and log sinks: what an
// error of a call means, the stream that carries output, and the spool on which both may keep what waits.
package delivery

import (
	"errors"
	"time"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// MaxRetryAfter is the longest that a service may ask us to wait.
	MaxRetryAfter = time.Hour
	// SpoolClose is how long the end of a spool may wait for the disk.
	SpoolClose = 2 * time.Second
	// maxErrorText is how much of a plugin's error is kept and shown, in bytes.
	maxErrorText = 1024
)

// LogStream carries batches to a plugin and answers back; *pluginrpc.LogStream is one. Send and Recv may run at once, each from one
// goroutine, and end with the context that the stream was opened with.
type LogStream interface {
	Send(b *sdk.LogBatch) error
	Recv() (pluginrpc.LogAck, error)
}

// Unreached reports whether a call did not reach the instance: the plugin is not running, is starting, or ended meanwhile.
func Unreached(err error) bool {
	return wire.IsUnavailable(err) || errors.Is(err, wire.ErrNoInstance)
}

// comingError is when an instance cannot be called yet and nothing is wrong: its plugin is starting, or is being configured with it.
type comingError struct{ error }

func (e *comingError) Unwrap() error { return e.error }

// Coming marks an error as one about an instance that is not there yet and will be.
func Coming(err error) error { return &comingError{err} }

// IsComing reports whether an instance was not reached only because it is not there yet. That is so at every start, and worth no warning.
func IsComing(err error) bool {
	var coming *comingError
	return errors.As(err, &coming)
}

// ErrorText returns the text of an error, at most as much of it as is kept; "" for none.
func ErrorText(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if len(text) > maxErrorText {
		text = text[:maxErrorText] + "…"
	}
	return text
}

// Earlier returns the earlier of two times, of which the zero time is never.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
