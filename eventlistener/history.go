package eventlistener

// History is a subscriber that keeps the last events, within bounds. It belongs to
// the bus's goroutine.
type History struct {
	maxEvents, maxBytes int
	events              []*Event
	bytes               int
	complete            uint64 // no event after this one is missing
}

// NewHistory returns a history that keeps at most so many events and, about, so
// many bytes. It is complete from the next event of b on; subscribe it at once.
func NewHistory(b *Bus, maxEvents, maxBytes int) *History {
	return &History{maxEvents: maxEvents, maxBytes: maxBytes, complete: b.Seq()}
}

// Accept is Subscriber's.
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

// After gives the events published after that of number seq, oldest first. Whether
// none is missing among them is told by whole.
func (h *History) After(seq uint64) (events []*Event, whole bool) {
	i := len(h.events)
	for i > 0 && h.events[i-1].seq > seq {
		i--
	}
	return h.events[i:], seq >= h.complete
}
