package eventlistener

// History is a subscriber that keeps the last events, within bounds. It belongs to
// the bus's goroutine.
type History struct {
	maxEvents, maxBytes int
	events              []*Event
	bytes               int
	complete            uint64 // no event after this one is missing
}

// NewHistory returns a history that keeps at most maxEvents events and about maxBytes bytes. It is complete from the next event of b on; subscribe it at once.
func NewHistory(b *Bus, maxEvents, maxBytes int) *History {
	return &History{maxEvents: maxEvents, maxBytes: maxBytes, complete: b.Seq()}
}

// Accept implements Subscriber.
func (h *History) Accept(e *Event) {
	h.events = append(h.events, e)
	h.bytes += e.size
	drop := 0
	for len(h.events)-drop > h.maxEvents || h.bytes > h.maxBytes && len(h.events)-drop > 1 {
		h.bytes -= h.events[drop].size
		h.complete = h.events[drop].seq
		h.events[drop] = nil
		drop++
	}
	h.events = h.events[drop:]
}

// After returns the kept events published after that with the number seq, oldest first. whole reports whether no event is
// missing among them.
func (h *History) After(seq uint64) (events []*Event, whole bool) {
	i := len(h.events)
	for i > 0 && h.events[i-1].seq > seq {
		i--
	}
	return h.events[i:], seq >= h.complete
}
