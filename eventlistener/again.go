package eventlistener

import "errors"

// ErrNoRoom is why an event that was given up is not taken again: others would have to be discarded for it.
var ErrNoRoom = errors.New("the queue has no room for more")

// Again puts an event that was given up before behind the others in the buffer, as one that has not failed yet, whatever Programs says; the event has its serial and
// gets a new poolserial. It is refused with ErrNoRoom where another one would be discarded for it, or with the spool's error.
// Dispatch sends it.
func (p *Pool) Again(e *Event) error {
	serial := p.serial
	en := entry{event: e, serial: nextSerial(&serial)}
	switch {
	case p.cursor != nil:
		if err := p.config.Spool.Offer(e.toRecord(en.serial)); err != nil {
			return err
		}
	case p.queue.n >= p.bound(), p.config.Overflow == SpoolEvents && p.queue.bytes+e.size > MemoryBytes:
		return ErrNoRoom
	default:
		p.queue.pushBack(en)
	}
	p.serial = serial
	p.Counters.Accepted++
	p.Counters.SentAgain++
	return nil
}
