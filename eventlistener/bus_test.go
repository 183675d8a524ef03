package eventlistener

import (
	"math"
	"slices"
	"testing"
	"time"
)

// recorder notes what it accepts, and may do more.
type recorder struct {
	seqs []uint64
	then func(*Event)
}

func (r *recorder) Accept(e *Event) {
	r.seqs = append(r.seqs, e.Seq())
	if r.then != nil {
		r.then(e)
	}
}

func (r *recorder) expect(t *testing.T, seqs ...uint64) {
	t.Helper()
	if !slices.Equal(r.seqs, seqs) {
		t.Errorf("accepted %v, want %v", r.seqs, seqs)
	}
}

func TestABusNumbersAndStampsEvents(t *testing.T) {
	b := NewBus()
	now := time.Unix(7, 0)
	b.Now = func() time.Time { return now }
	var r recorder
	b.Subscribe(&r, []Type{TickEvent})
	e := NewTick(Tick5, 1)
	b.Publish(NewSupervisorState(SupervisorStateChangeRunning))
	b.Publish(e)
	r.expect(t, 2)
	if e.Seq() != 2 || !e.Time().Equal(now) {
		t.Errorf("seq %d, time %v", e.Seq(), e.Time())
	}
}

func TestATypeAndItsParentDeliverTwiceInOrder(t *testing.T) {
	b := NewBus()
	var order []string
	first := &recorder{then: func(*Event) { order = append(order, "first") }}
	second := &recorder{then: func(*Event) { order = append(order, "second") }}
	b.Subscribe(first, []Type{AnyEvent, Tick5})
	b.Subscribe(second, []Type{TickEvent, Tick60})
	b.Publish(NewTick(Tick5, 1))
	if !slices.Equal(order, []string{"first", "first", "second"}) {
		t.Errorf("order %v", order)
	}
}

func TestEventsOfHarkReachOnlyWhoAskedForThem(t *testing.T) {
	b := NewBus()
	var supervisor, hark recorder
	b.Subscribe(&supervisor, []Type{AnyEvent})
	b.Subscribe(&hark, []Type{HarkEvent})
	b.Publish(NewEventsDiscarded("x", 1))
	supervisor.expect(t)
	hark.expect(t, 1)
}

func TestWantsFollowsSubscriptions(t *testing.T) {
	b := NewBus()
	var r recorder
	if b.Wants(Tick5) {
		t.Error("somebody wants a tick of an empty bus")
	}
	b.Subscribe(&r, []Type{TickEvent})
	if !b.Wants(Tick5) || b.Wants(ProcessLogStdout) || b.Wants(ConfigReloaded) {
		t.Error("Wants is wrong with a subscriber to TICK")
	}
	b.Unsubscribe(&r)
	if b.Wants(Tick5) {
		t.Error("still wanted after Unsubscribe")
	}
}

func TestPublishFromAcceptIsQueuedBehindTheEventAtHand(t *testing.T) {
	b := NewBus()
	depth := 0
	first := &recorder{}
	first.then = func(e *Event) {
		depth++
		if depth > 1 {
			t.Error("Accept within Accept")
		}
		if e.Seq() < 4 {
			b.Publish(NewTick(Tick5, 0))
		}
		depth--
	}
	second := &recorder{}
	b.Subscribe(first, []Type{TickEvent})
	b.Subscribe(second, []Type{TickEvent})
	b.Publish(NewTick(Tick5, 0))
	first.expect(t, 1, 2, 3, 4)
	second.expect(t, 1, 2, 3, 4)
	b.Publish(NewTick(Tick5, 0))
	second.expect(t, 1, 2, 3, 4, 5)
}

func TestWhoSubscribesDuringAnEventGetsTheNext(t *testing.T) {
	b := NewBus()
	late := &recorder{}
	first := &recorder{then: func(e *Event) {
		if e.Seq() == 1 {
			b.Subscribe(late, []Type{TickEvent})
			b.Publish(NewTick(Tick5, 0))
		}
	}}
	b.Subscribe(first, []Type{TickEvent})
	b.Publish(NewTick(Tick5, 0))
	late.expect(t, 2)
}

func TestWhoUnsubscribesDuringAnEventGetsNoMoreOfIt(t *testing.T) {
	b := NewBus()
	last := &recorder{}
	var self *recorder
	self = &recorder{then: func(*Event) { b.Unsubscribe(self) }}
	middle := &recorder{then: func(*Event) { b.Unsubscribe(last) }}
	b.Subscribe(self, []Type{TickEvent, Tick5})
	b.Subscribe(middle, []Type{TickEvent})
	b.Subscribe(last, []Type{TickEvent})
	b.Publish(NewTick(Tick5, 0))
	b.Publish(NewTick(Tick5, 0))
	self.expect(t, 1)
	middle.expect(t, 1, 2)
	last.expect(t)
}

func TestSerialsBeginAtZeroAndAgainAfterTheLargest(t *testing.T) {
	b := NewBus()
	if n := b.NextSerial(); n != 0 {
		t.Errorf("first serial %d", n)
	}
	b.serial = math.MaxInt64 - 2
	if n := b.NextSerial(); n != math.MaxInt64-1 {
		t.Errorf("largest serial %d", n)
	}
	if n := b.NextSerial(); n != 0 {
		t.Errorf("serial after the largest %d", n)
	}
}

func TestTheFirstPoolGivesTheSerialAndEachItsOwnPoolserial(t *testing.T) {
	b := NewBus()
	a := NewPool(b, PoolConfig{Name: "a", BufferSize: 10})
	z := NewPool(b, PoolConfig{Name: "z", BufferSize: 10})
	var live recorder
	b.Subscribe(&live, []Type{AnyEvent})
	b.Subscribe(a, []Type{Tick60})
	b.Subscribe(z, []Type{Tick60, TickEvent})
	only := NewTick(Tick3600, 0)
	both := NewTick(Tick60, 0)
	nobody := NewSupervisorState(SupervisorStateChangeRunning)
	for _, e := range []*Event{only, nobody, both} {
		b.Publish(e)
	}
	if n, ok := only.Serial(); !ok || n != 0 {
		t.Errorf("serial %d, %v", n, ok)
	}
	if n, ok := both.Serial(); !ok || n != 1 {
		t.Errorf("serial %d, %v", n, ok)
	}
	if _, ok := nobody.Serial(); ok {
		t.Error("an event no pool took has a serial")
	}
	if got := a.queue.front().serial; got != 0 {
		t.Errorf("poolserial %d in a", got)
	}
	if z.Queued() != 3 {
		t.Fatalf("%d in z", z.Queued())
	}
	for i, want := range []int64{0, 1, 1} { // the doubled one keeps its poolserial
		if got := z.queue.popFront().serial; got != want {
			t.Errorf("poolserial %d of entry %d in z, want %d", got, i, want)
		}
	}
}
