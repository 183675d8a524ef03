package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// Notifiers is what concerns notifiers and log sinks. Its methods may be called from any goroutine. An error that is
// ErrNoSuch becomes BAD_NAME, others BAD_ARGUMENTS with their text.
type Notifiers interface {
	Silence(s Silence, lasts time.Duration) (id int, err error)
	Silences() []Silence
	Unsilence(id int) error
	// TestNotifier sends a sample notification and waits for the result.
	TestNotifier(ctx context.Context, name string) (NotifierTest, error)
	LogSinks() []LogSink
}

// ErrNoSuch means that nothing has the given name or number.
var ErrNoSuch = errors.New("there is none")

// Silence keeps notifiers from sending some events.
type Silence struct {
	ID        int       `rpc:"id" doc:"its number"`
	Programs  []string  `rpc:"programs" doc:"patterns of namespecs; none: every event, those about no process too"`
	Events    []string  `rpc:"events" doc:"event types, those below them too; none: all"`
	Notifiers []string  `rpc:"notifiers" doc:"patterns of names of notifiers; none: all"`
	Comment   string    `rpc:"comment" doc:"for people"`
	Since     time.Time `rpc:"since" doc:"when it began, in seconds since 1970"`
	Until     time.Time `rpc:"until" doc:"when it ends"`
	Matched   uint64    `rpc:"matched" doc:"events that it held back"`
}

// NotifierTest is the result of a sample notification.
type NotifierTest struct {
	Outcome    string        `rpc:"outcome" doc:"delivered, retry, final or unavailable"`
	Error      string        `rpc:"error" doc:"why it was not delivered"`
	RetryAfter time.Duration `rpc:"retry_after" doc:"when the receiver wants another try, in seconds; 0: it did not say"`
	Title      string        `rpc:"title" doc:"what was sent"`
	Body       string        `rpc:"body" doc:"what was sent"`
	Took       time.Duration `rpc:"seconds" doc:"how long it took"`
}

// LogSink is the state of a sink. Numbers are of bytes unless stated otherwise.
type LogSink struct {
	Name         string        `rpc:"name" doc:"x of [logsink:x]"`
	Programs     []string      `rpc:"programs" doc:"patterns of namespecs; none: all"`
	Channels     []string      `rpc:"channels" doc:"stdout and stderr, or one of them"`
	Overflow     string        `rpc:"overflow" doc:"what happens to output that there is no room for"`
	BufferBytes  int64         `rpc:"buffer_bytes" doc:"how many bytes may wait"`
	Queued       int64         `rpc:"queued" doc:"bytes that wait"`
	InFlight     int           `rpc:"in_flight" doc:"batches that were sent and not answered"`
	Paused       int           `rpc:"paused" doc:"channels of programs that are held back"`
	Accepted     uint64        `rpc:"accepted" doc:"bytes that were taken"`
	Written      uint64        `rpc:"written" doc:"bytes that the receiver has"`
	Dropped      uint64        `rpc:"dropped" doc:"bytes that were lost"`
	Batches      uint64        `rpc:"batches" doc:"batches that were sent"`
	Redelivered  uint64        `rpc:"redelivered" doc:"batches that were sent again"`
	Refused      uint64        `rpc:"refused" doc:"batches that the receiver did not take"`
	Violations   uint64        `rpc:"violations" doc:"answers that broke the protocol"`
	Streams      uint64        `rpc:"streams" doc:"streams that were opened"`
	Defects      int           `rpc:"internal_errors" doc:"panics of its own goroutines"`
	OldestAge    time.Duration `rpc:"oldest_age" doc:"how long the oldest output has waited, in seconds; 0 if none waits"`
	LastError    string        `rpc:"last_error" doc:"of the last delivery; empty if it succeeded"`
	GivenUp      string        `rpc:"given_up" doc:"why the last batch that failed permanently was given up; empty if none was or one has been written since"`
	LastDelivery time.Time     `rpc:"last_delivery" doc:"when a batch was last written, in seconds since 1970; 0: never"`
	Spool        *spool.Status `rpc:"spool,omitempty" doc:"only with overflow=spool: what it has on disk"` // nil: output waits in memory
}

type notifierMethods struct{ notifiers Notifiers }

func (m notifierMethods) silence(_ context.Context, a struct {
	Programs  []string `rpc:"programs" doc:"patterns of namespecs such as web:*; empty for every event, those about no process too"`
	Seconds   int      `rpc:"seconds" doc:"how long"`
	Comment   string   `rpc:"comment" doc:"for people"`
	Events    []string `rpc:"events,optional" doc:"event types, those below them too; empty or left out for all"`
	Notifiers []string `rpc:"notifiers,optional" doc:"patterns of names of notifiers; empty or left out for all"`
}) (int, error) {
	const year = 366 * 24 * 3600
	s := Silence{Programs: a.Programs, Events: a.Events, Notifiers: a.Notifiers, Comment: a.Comment}
	id, err := m.notifiers.Silence(s, time.Duration(min(max(a.Seconds, 0), year+1))*time.Second)
	if err != nil {
		return 0, refusal(err, "")
	}
	return id, nil
}

func (m notifierMethods) getSilences(context.Context, noArguments) ([]Silence, error) {
	return m.notifiers.Silences(), nil
}

func (m notifierMethods) unsilence(_ context.Context, a struct {
	ID int `rpc:"id" doc:"the number of the silence"`
}) (bool, error) {
	if err := m.notifiers.Unsilence(a.ID); err != nil {
		return false, refusal(err, display(a.ID))
	}
	return true, nil
}

func (m notifierMethods) testNotifier(ctx context.Context, a struct {
	Name string `rpc:"name" doc:"x of [notifier:x]"`
}) (NotifierTest, error) {
	t, err := m.notifiers.TestNotifier(ctx, a.Name)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return t, err
	case err != nil:
		return t, refusal(err, a.Name)
	}
	return t, nil
}

func (m notifierMethods) getLogSinks(context.Context, noArguments) ([]LogSink, error) {
	return m.notifiers.LogSinks(), nil
}

// refusal is the fault for an error of Notifiers.
func refusal(err error, given string) *xmlrpc.Fault {
	if errors.Is(err, ErrNoSuch) {
		return fault(BadName, given)
	}
	return fault(BadArguments, err.Error())
}
