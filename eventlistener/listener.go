package eventlistener

import (
	"bytes"
	"errors"
	"strconv"
)

// ListenerState is the state of a listener in the protocol, with Supervisor's
// names and numbers (supervisor/states.py, EventListenerStates).
type ListenerState int

// The listener states.
const (
	Ready        ListenerState = 10 // it can be sent an event
	Busy         ListenerState = 20 // it was sent one and has not answered
	Acknowledged ListenerState = 30 // new, or it answered; READY is awaited
	Unknown      ListenerState = 40 // it broke the protocol; nothing more is sent
)

// String returns Supervisor's name of the state.
func (s ListenerState) String() string {
	switch s {
	case Ready:
		return "READY"
	case Busy:
		return "BUSY"
	case Acknowledged:
		return "ACKNOWLEDGED"
	case Unknown:
		return "UNKNOWN"
	}
	return "ListenerState(" + strconv.Itoa(int(s)) + ")"
}

const (
	// maxResultLine bounds, in bytes, a result line whose newline does not arrive:
	// a proper one has under 30. Supervisor keeps such a line without limit; here
	// a longer one is a bad result line.
	maxResultLine = 64 << 10
	// maxResultKept is how much of a result is kept for display, in bytes. The rest is
	// counted and dropped, so that a result of any length costs no memory.
	maxResultKept = 64 << 10
)

// Listener is the protocol state of one listener process, moved by what the
// process writes (Feed) and by what it is sent (Sent). It follows
// supervisor/dispatchers.py, PEventListenerDispatcher, leniences included. It
// belongs to one goroutine and does no I/O.
type Listener struct {
	name     string
	state    ListenerState
	partial  []byte // input that decides nothing yet: part of READY\n or of a result line
	inResult bool   // the result line is read, its result is not
	length   int64  // the result's announced length
	got      int64  // how much of it has come
	result   []byte // its first maxResultKept bytes
	outcomes []Outcome
	handler  ResultHandler // nil: exactly OK accepts

	ahead    int // most credits and unanswered events together; 0 and 1 are the classic protocol
	credits  int // READY lines for which no event was sent; only where ahead is above 1
	inFlight int // events sent and not answered; only where ahead is above 1
}

// NewListener returns a listener of a process just started: ACKNOWLEDGED. The
// name is that of the process and is used in outcomes only.
func NewListener(name string) *Listener { return NewListenerAhead(name, 1) }

// NewListenerAhead returns a listener that may write READY up to maxInFlight
// times ahead; see feedAhead. With 1 it is NewListener.
func NewListenerAhead(name string, maxInFlight int) *Listener {
	return &Listener{name: name, state: Acknowledged, ahead: maxInFlight}
}

// State returns the listener's state.
func (l *Listener) State() ListenerState { return l.state }

// Reset makes the listener new again, for the next start of its process.
func (l *Listener) Reset() {
	l.state = Acknowledged
	l.credits, l.inFlight = 0, 0
	l.forget()
}

// Credits returns how many events the listener may be sent now.
func (l *Listener) Credits() int {
	switch {
	case l.state != Ready:
		return 0
	case l.ahead > 1:
		return l.credits
	}
	return 1
}

// Sent must be called when the listener was sent an event: READY becomes BUSY, unless it
// has credits left. In any other state it does nothing and returns false.
func (l *Listener) Sent() bool {
	if l.state != Ready {
		return false
	}
	if l.ahead > 1 {
		l.credits--
		l.inFlight++
		l.state = l.standing()
		return true
	}
	l.state = Busy
	return true
}

// Feed takes bytes that the process wrote to its stdout and returns their outcomes.
// However the same bytes are cut into calls, the outcomes and the final state
// are the same. The returned slice and what it points to are valid until the
// next call.
//
//   - ACKNOWLEDGED: the next six bytes must be READY\n, else the listener is
//     UNKNOWN.
//   - READY: any byte makes it UNKNOWN.
//   - BUSY: a line whose part after the seventh byte is a length, else the
//     listener is UNKNOWN; then a result of that length. Exactly OK is Processed,
//     anything else Rejected. An empty result is judged only when the next byte
//     comes, as in Supervisor.
//   - UNKNOWN: what it writes is dropped.
//
// A listener with more than one credit is read by feedAhead instead.
func (l *Listener) Feed(b []byte) []Outcome {
	l.outcomes = l.outcomes[:0]
	for len(b) > 0 {
		switch {
		case l.ahead > 1 && l.state != Unknown:
			b = l.feedAhead(b)
		case l.state == Acknowledged:
			b = l.feedToken(b)
		case l.state == Ready:
			b = l.violate(nil)
		case l.state == Busy && !l.inResult:
			b = l.feedLine(b)
		case l.state == Busy:
			b = l.feedResult(b)
		default:
			b = nil
		}
	}
	return l.outcomes
}

// feedToken takes the bytes that must be READY\n.
func (l *Listener) feedToken(b []byte) []byte {
	n := min(len(ReadyToken)-len(l.partial), len(b))
	l.partial = append(l.partial, b[:n]...)
	if len(l.partial) < len(ReadyToken) {
		return nil
	}
	if string(l.partial) != ReadyToken {
		return l.violate(nil)
	}
	l.partial = l.partial[:0]
	l.move(Outcome{Kind: BecameReady}, Ready)
	return b[n:]
}

// feedLine takes the bytes of the result line.
func (l *Listener) feedLine(b []byte) []byte {
	end := bytes.IndexByte(b, '\n')
	n := end
	if end < 0 {
		n = len(b)
	}
	if room := maxResultLine - len(l.partial); n > room {
		return l.violate(cutText(append(l.partial, b[:room]...)))
	}
	line := b[:n]
	if end < 0 || len(l.partial) > 0 {
		l.partial = append(l.partial, line...)
		line = l.partial
	}
	if end < 0 {
		return nil
	}
	length, ok := resultLength(line)
	if !ok {
		return l.violate(line)
	}
	l.forget()
	l.inResult = true
	l.length = length
	return b[end+1:]
}

// feedResult takes the bytes of the result.
func (l *Listener) feedResult(b []byte) []byte {
	n := int(min(l.length-l.got, int64(len(b))))
	kept := maxResultKept
	if l.handler != nil {
		kept = maxHandledResult
	}
	if room := kept - len(l.result); room > 0 {
		l.result = append(l.result, b[:min(n, room)]...)
	}
	l.got += int64(n)
	if l.got < l.length {
		return nil
	}
	kind, err := l.judge()
	if err != nil {
		l.move(Outcome{Kind: Violated, Err: err}, Unknown)
		l.forget()
		return nil
	}
	to := Acknowledged
	if l.ahead > 1 {
		l.inFlight--
		to = l.standing()
	}
	l.move(Outcome{Kind: kind, Result: l.result}, to)
	l.inResult = false
	return b[n:]
}

// judge returns the kind of outcome that the result just read has; an error is the handler's.
func (l *Listener) judge() (Kind, error) {
	accepted := l.length == int64(len(ResultOK)) && string(l.result) == ResultOK
	if l.handler != nil {
		err := l.handler(l.result)
		if err != nil && !errors.Is(err, ErrRejected) {
			return 0, err
		}
		accepted = err == nil
	}
	if accepted {
		return Processed, nil
	}
	return Rejected, nil
}

// violate makes the listener UNKNOWN and drops what it wrote. The line is nil
// unless it was a bad result line.
func (l *Listener) violate(line []byte) []byte {
	if line != nil {
		line = append([]byte{}, line...)
	}
	l.forget()
	l.move(Outcome{Kind: Violated, Line: line}, Unknown)
	return nil
}

// forget drops partial input, and its memory if it was much.
func (l *Listener) forget() {
	const keep = 4 << 10
	l.inResult, l.length, l.got = false, 0, 0
	l.partial, l.result = l.partial[:0], l.result[:0]
	if cap(l.partial) > keep {
		l.partial = nil
	}
	if cap(l.result) > keep {
		l.result = nil
	}
}

// move sets the state and records the outcome of the change.
func (l *Listener) move(o Outcome, to ListenerState) {
	o.Listener, o.From, o.To = l.name, l.state, to
	l.state = to
	l.outcomes = append(l.outcomes, o)
}
