package sdk

import (
	"context"
	"errors"
	"time"
)

// Notifier notifies people, or other programs, of events. A Notifier delivers one notification. The host decides what
// is sent, when and how often, and what happens after a failure (filters, grouping, rate limits, retries, silences).
type Notifier interface {
	// Notify delivers n. It blocks until n is delivered or ctx is done, whose deadline is the host's
	// timeout. It is called by one goroutine at a time for each instance. nil: delivered. An error means that it may be
	// tried again, for a day (retry_for of the section), unless it is one of Final; RetryAfter says when. The text must hold no secret.
	Notify(ctx context.Context, n *Notification) error
}

// Notification is one message to deliver.
type Notification struct {
	ID         string // the same at every try: for services that drop what they had before
	Severity   Severity
	Title      string  // one line, from the host's template
	Body       string  // from the host's template
	Events     []Event // what it is about, oldest first; at least one
	Attempt    int     // 1 at the first try
	Suppressed uint64  // events that were held back (dedupe, rate limit, silence) since the last notification
	Daemon     Daemon
}

// Severity is the severity of an event or a notification.
type Severity int

// The severities, least first.
const (
	Info     Severity = iota // RUNNING, STOPPED, an expected exit and the like
	Warning                  // BACKOFF, what was lost
	Error                    // an unexpected exit
	Critical                 // FATAL
)

// String returns the severity's name: info, warning, error or critical.
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Error:
		return "error"
	case Critical:
		return "critical"
	}
	return "info"
}

// Final marks an error as permanent: another attempt cannot help, and the notification becomes a dead letter. It
// returns nil if err is nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &finalError{err}
}

// IsFinal reports whether an error, or one that it wraps, was marked by Final.
func IsFinal(err error) bool {
	var f *finalError
	return errors.As(err, &f)
}

// RetryAfter marks an error with the time that a service asked to wait: the next attempt is made after d at the
// earliest. It returns nil if err is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryError{err, d}
}

// RetryDelay returns the time that RetryAfter set on an error, or on one that it wraps; 0 if there is none.
func RetryDelay(err error) time.Duration {
	var r *retryError
	if errors.As(err, &r) {
		return r.after
	}
	return 0
}

type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

type retryError struct {
	error
	after time.Duration
}

func (e *retryError) Unwrap() error { return e.error }
