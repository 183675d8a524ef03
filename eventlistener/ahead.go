package eventlistener

import "bytes"

// MaxInFlightLimit is the largest max_in_flight, in events: far more than a pipe of 64 KiB holds, and a bound of what a
// listener that never answers can occupy.
const MaxInFlightLimit = 4096

// feedAhead is Feed's step for a listener with more than one credit (max_in_flight
// above 1). What it writes is a sequence of READY lines, each a credit for one
// event, and of results, each the answer to the oldest event it has not answered.
//
//   - A line READY is a credit. One more credit than max_in_flight less the events
//     not answered: UNKNOWN.
//   - Any other line is a result line, read as in the classic protocol, while an
//     event is not answered. Otherwise it is UNKNOWN, at the first byte that READY\n
//     does not have there.
//   - A result is judged when its last byte is there, an empty one at once.
func (l *Listener) feedAhead(b []byte) []byte {
	if l.inResult {
		return l.feedResult(b)
	}
	if l.inFlight == 0 {
		return l.feedCredit(b)
	}
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
	if string(line) == ReadyToken[:len(ReadyToken)-1] {
		l.credit()
		return b[end+1:]
	}
	length, ok := resultLength(line)
	if !ok {
		return l.violate(line)
	}
	l.forget()
	l.inResult, l.length = true, length
	if length == 0 {
		return l.feedResult(b[end+1:])
	}
	return b[end+1:]
}

// feedCredit takes bytes that must be READY\n.
func (l *Listener) feedCredit(b []byte) []byte {
	for i, c := range b {
		if c != ReadyToken[len(l.partial)] {
			return l.violate(nil)
		}
		l.partial = append(l.partial, c)
		if len(l.partial) == len(ReadyToken) {
			l.credit()
			return b[i+1:]
		}
	}
	return nil
}

// credit counts a READY.
func (l *Listener) credit() {
	l.partial = l.partial[:0]
	if l.credits+l.inFlight >= l.ahead {
		l.violate(nil)
		return
	}
	l.credits++
	l.move(Outcome{Kind: BecameReady}, l.standing())
}

// standing returns the state that follows from the credits and the unanswered events.
func (l *Listener) standing() ListenerState {
	switch {
	case l.credits > 0:
		return Ready
	case l.inFlight > 0:
		return Busy
	}
	return Acknowledged
}
