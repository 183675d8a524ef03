package eventlistener

import (
	"errors"
	"fmt"
	"syscall"
	"time"
	"unicode/utf8"
)

// Level is the importance of a log line, with Supervisor's numbers
// (supervisor/loggers.py).
type Level uint8

// The levels of the lines written here.
const (
	LevelDebug Level = 10
	LevelWarn  Level = 30
	LevelError Level = 40
)

// Kind is the kind of an Outcome.
type Kind uint8

// The kinds of outcome, first those of a Listener, then those of a Pool.
const (
	BecameReady Kind = iota // it wrote READY: it can take an event
	Processed               // it answered OK
	Rejected                // it answered anything else
	Violated                // it broke the protocol and is UNKNOWN
	Sent                    // an event went to a listener
	Unsent                  // an event could not be written to a listener, which stays READY
	Rebuffered              // an event the pool had before is back in its buffer
	Overflowed              // an event was discarded from a full buffer
	DeadLetter              // an event's deliveries failed too often: it is given up
	Lost                    // an event cannot be put into, or read from, the pool's spool: it is given up
	Slow                    // a listener has had an event for SlowAfter and may take forever
	TimedOut                // a listener did not answer within the pool's AckTimeout: it should be restarted
)

// Outcome is one thing that happened in a listener or pool. It is plain data: the owner of the pool counts, announces and logs
// it.
type Outcome struct {
	Kind       Kind
	Listener   string        // name of the listener's process; "" for Rebuffered and Overflowed
	Pool       string        // name of the pool; "" when a bare Listener returned the outcome
	From, To   ListenerState // of the kinds up to Violated
	Event      *Event        // the event it is about; nil when a bare Listener returned the outcome, or none was in flight
	Serial     int64         // that event's serial
	PoolSerial int64         // that event's poolserial; 0 with Sent and Unsent
	Failed     int           // DeadLetter: how many deliveries failed
	Waited     time.Duration // Slow, TimedOut: how long the pool has waited for the answer
	Empty      bool          // Slow, TimedOut: the event was sent with an empty payload
	Buffered   int           // Rebuffered: events in the buffer, not counting this one
	Max        int           // Rebuffered: the pool's buffer size
	Line       []byte        // Violated by a bad result line: that line, at most 64 KiB of it; nil otherwise. Valid until the next Feed.
	Result     []byte        // Processed, Rejected, DeadLetter: the result, at most 64 KiB of it. Valid until the next Feed.
	Err        error         // Unsent: the error of the write. Lost: the cause. Violated: the error of the pool's ResultHandler, if that was the reason
}

// Log calls log for each line that Supervisor writes for this outcome, in its words and order. Lines below min are
// omitted and not rendered.
func (o Outcome) Log(min Level, log func(Level, string)) {
	say := func(l Level, format string, args ...any) {
		if l >= min {
			log(l, fmt.Sprintf(format, args...))
		}
	}
	switch o.Kind { // supervisor/dispatchers.py, PEventListenerDispatcher
	case BecameReady:
	case Processed:
		say(LevelDebug, "%s: event was processed", o.Listener)
	case Rejected:
		say(LevelWarn, "%s: event was rejected", o.Listener)
	case Violated:
		if o.Line != nil {
			say(LevelWarn, "%s: bad result line: '%s'", o.Listener, appendText(nil, o.Line))
		}
		if o.Err != nil {
			say(LevelWarn, "%s: event caused an error", o.Listener)
		}
	// supervisor/process.py, EventListenerPool
	case Sent:
		say(LevelDebug, "event %d sent to listener %s", o.Serial, o.Listener)
		return
	case Unsent:
		if errors.Is(o.Err, syscall.EPIPE) {
			say(LevelDebug, "epipe occurred while sending event %d to listener %s, listener state unchanged", o.Serial, o.Listener)
		} else { // there it ends the supervisor
			say(LevelError, "cannot send event %d to listener %s: %v", o.Serial, o.Listener, o.Err)
		}
		return
	case Rebuffered:
		say(LevelDebug, "rebuffering event %d for pool %s (buf size=%d, max=%d)", o.Serial, o.Pool, o.Buffered, o.Max)
		return
	case Overflowed:
		say(LevelError, "pool %s event buffer overflowed, discarding event %d", o.Pool, o.Serial)
		return
	// Hark's own.
	case DeadLetter:
		say(LevelWarn, "pool %s gives up event %d after %d failed deliveries: it goes to the dead letters", o.Pool, o.Serial, o.Failed)
		return
	case Lost:
		say(LevelError, "pool %s discards event %d: %v", o.Pool, o.Serial, o.Err)
		return
	case Slow:
		say(LevelWarn, "listener %s has not answered event %d for %d seconds%s", o.Listener, o.Serial, int(o.Waited.Seconds()), o.aboutEmpty())
		return
	case TimedOut:
		say(LevelWarn, "listener %s has not answered event %d within %d seconds (ack_timeout)%s", o.Listener, o.Serial, int(o.Waited.Seconds()), o.aboutEmpty())
		return
	}
	if o.From != o.To { // alike only with credits left
		say(LevelDebug, "%s: %s -> %s", o.Listener, o.From, o.To)
	}
	if o.To == Unknown {
		say(LevelWarn, "%s: has entered the UNKNOWN state and will no longer receive events, "+
			"this usually indicates the process violated the eventlistener protocol", o.Listener)
	}
}

// aboutEmpty returns a hint for an event with an empty payload that was not answered: in many languages a read of zero bytes
// behaves differently, and the first event that a listener of EVENT gets has an empty payload.
func (o Outcome) aboutEmpty() string {
	if !o.Empty {
		return ""
	}
	return fmt.Sprintf(": %s has an empty payload (len:0), and a listener must not read 0 bytes; see docs/languages.md", o.Event.Type())
}

// cutText returns b without a UTF-8 character at its end that is not complete.
func cutText(b []byte) []byte {
	for back := 1; back <= min(len(b), utf8.UTFMax-1); back++ {
		if utf8.RuneStart(b[len(b)-back]) {
			if !utf8.FullRune(b[len(b)-back:]) {
				return b[:len(b)-back]
			}
			break
		}
	}
	return b
}
