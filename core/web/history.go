package web

import (
	"context"
	"net/http"
	"strconv"
	"unsafe"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	// historyEvents and historyBytes bound what a History keeps: what a person looks through, in negligible memory.
	historyEvents = 1000
	historyBytes  = 256 << 10
	// textBytes is what of it is for the texts of the events: the places of the ring take the rest.
	textBytes = historyBytes - historyEvents*int(unsafe.Sizeof([]byte(nil)))
	// largestKept bounds one event: a configuration with ten thousand new groups does not push everything else out.
	largestKept = textBytes / 16
)

// Host is the loop that events come from; *core.Supervisor is one.
type Host interface {
	Attach(ctx context.Context, a *core.Attachment) error
	InTurn(ctx context.Context, f func(core.Turn)) error
}

// History is a subscriber of the changes of state, which keeps the last of them for the page: a user who opens it because something has happened sees what. It is
// attached while a server may be asked for the page.
type History struct {
	host Host

	// The following fields are used only in a turn of the loop.
	ring  [][]byte // events in their JSON form; a ring once historyEvents are in it
	first int      // of the ring: the oldest
	n     int
	bytes int    // that the texts take
	left  uint64 // events that are not kept any more
}

// OpenHistory attaches a History to a loop, where it stays until the loop ends. Errors: those of Attach.
func OpenHistory(ctx context.Context, host Host) (*History, error) {
	h := &History{host: host}
	return h, host.Attach(ctx, &core.Attachment{Subscriber: h, Types: []eventlistener.Type{
		eventlistener.ProcessState, eventlistener.ProcessGroup, eventlistener.SupervisorStateChange, eventlistener.HarkEvent,
	}})
}

// Accept implements eventlistener.Subscriber.
func (h *History) Accept(e *eventlistener.Event) {
	payload, _ := e.PayloadIn(eventlistener.JSONForm)
	if len(payload) > largestKept {
		h.left++
		return
	}
	if h.n == len(h.ring) {
		h.grow()
	}
	text := append([]byte(nil), payload...) // the event's own has room to spare
	for h.n > 0 && (h.n == historyEvents || h.bytes+cap(text) > textBytes) {
		h.drop()
	}
	h.ring[(h.first+h.n)%len(h.ring)] = text
	h.bytes += cap(text)
	h.n++
}

// grow makes room in the ring, up to historyEvents.
func (h *History) grow() {
	const smallest = 16
	if len(h.ring) == historyEvents {
		return
	}
	ring := make([][]byte, min(max(2*len(h.ring), smallest), historyEvents))
	for i := range h.n {
		ring[i] = h.ring[(h.first+i)%len(h.ring)]
	}
	h.ring, h.first = ring, 0
}

// drop removes the oldest event.
func (h *History) drop() {
	h.bytes -= cap(h.ring[h.first])
	h.ring[h.first] = nil
	h.first = (h.first + 1) % len(h.ring)
	h.n--
	h.left++
}

// events returns the events that are kept, oldest first, and how many are not any more. The texts must not be changed.
func (h *History) events(ctx context.Context) (events [][]byte, bytes int, left uint64, err error) {
	err = h.host.InTurn(ctx, func(core.Turn) {
		events = make([][]byte, h.n)
		for i := range events {
			events[i] = h.ring[(h.first+i)%len(h.ring)]
		}
		bytes, left = h.bytes, h.left
	})
	return events, bytes, left, err
}

// past answers the events that are kept, each in the form in which /events has it.
func (h *Handler) past(w http.ResponseWriter, r *http.Request) {
	if h.o.History == nil {
		reply(w, nil, nil)
		return
	}
	if err := rpc.Claim(r.Context(), 2*historyBytes); err != nil { // the events, and the answer
		reply(w, nil, err)
		return
	}
	events, bytes, left, err := h.o.History.events(r.Context())
	if err != nil {
		reply(w, nil, err)
		return
	}
	answer := append(make([]byte, 0, bytes+64), `{"left":`...)
	answer = strconv.AppendUint(answer, left, 10)
	answer = append(answer, `,"events":[`...)
	for i, e := range events {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = append(answer, e...)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(answer, "]}\n"...)) //nolint:gosec // JSON with nosniff
}
