package web

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/eventlistener"
)

// bus is a Host whose loop is the test.
type bus struct{ *eventlistener.Bus }

func (b bus) Attach(_ context.Context, a *core.Attachment) error {
	b.Subscribe(a.Subscriber, a.Types)
	return nil
}

func (b bus) InTurn(_ context.Context, f func(core.Turn)) error {
	f(core.Turn{})
	return nil
}

// TestTheHistoryIsBounded floods a History with small events, with large ones and with huge ones.
func TestTheHistoryIsBounded(t *testing.T) {
	b := bus{eventlistener.NewBus()}
	h, err := OpenHistory(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	published := 0
	state := func(name string) {
		published++
		b.Publish(eventlistener.NewProcessState(eventlistener.ProcessStateStopped, eventlistener.Process{Name: name, Group: name, Pid: 7}, "STOPPING", 0, false, eventlistener.Exit{}))
	}
	check := func(what string, least, most int) {
		t.Helper()
		events, _, left, err := h.events(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		bytes := len(h.ring) * int(unsafe.Sizeof(h.ring[0]))
		for i, e := range events {
			bytes += cap(e)
			var seq struct{ Seq int }
			if err := json.Unmarshal(e, &seq); err != nil || i == len(events)-1 && seq.Seq != published {
				t.Errorf("%s: event %d of %d is %s: %v", what, i, len(events), e, err)
			}
		}
		if bytes > 256<<10 || len(events) < least || len(events) > most || int(left)+len(events) != published {
			t.Errorf("%s: %d events in %d bytes, %d left", what, len(events), bytes, left)
		}
	}
	state("first")
	check("one", 1, 1)
	for i := range 5000 {
		state(fmt.Sprint("p", i%10))
	}
	check("small ones", 900, 1000)
	for range 5000 {
		state(strings.Repeat("x", 3000))
	}
	check("large ones", 20, 100)
	for i := range 5000 {
		state(fmt.Sprint("p", i%10))
	}
	check("small ones again", 900, 1000)

	// One that is larger than all the others together is left out, and leaves them.
	kept := h.n
	many := make([]string, 50000)
	for i := range many {
		many[i] = fmt.Sprintf("group_%d", i)
	}
	b.Publish(eventlistener.NewConfigReloaded(many, nil, nil))
	if h.n != kept {
		t.Errorf("%d events are kept, there were %d", h.n, kept)
	}
	for _, other := range []*eventlistener.Event{
		eventlistener.NewRemoteCommunication("kind", "secret"),
		eventlistener.NewProcessLog(eventlistener.ProcessLogStdout, eventlistener.Process{Name: "p"}, []byte("secret")),
		eventlistener.NewTick(eventlistener.Tick5, 5),
	} {
		b.Publish(other)
		if h.n != kept {
			t.Errorf("%v is kept, which is no change of state", other.Type())
		}
	}
}
