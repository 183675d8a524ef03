package eventlistener

import "errors"

// ErrNoRoom is returned by Pool.Again when another event would have to be discarded to make room.
var ErrNoRoom = errors.New("the queue has no room for more")

// Again appends an event that was given up before to the buffer. Its count of failed deliveries begins again, PoolConfig.Programs
// is not applied, and the event keeps its serial and gets a new poolserial. Errors: ErrNoRoom if another event would have to be
// discarded, or the spool's. The event is sent by Dispatch.
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
