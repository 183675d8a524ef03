package eventlistener

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHeaderAndPayloadLeaveInOneWrite(t *testing.T) {
	p := NewPool(NewBus(), PoolConfig{Name: "p", Server: "s", BufferSize: 10})
	m := p.Add("p_00")
	m.Started()
	m.Feed([]byte(ReadyToken))
	in := &stdin{}
	m.Running(in)
	p.Accept(NewProcessLog(ProcessLogStdout, Process{"a", "a", 1}, make([]byte, 128<<10)))
	p.Dispatch()
	if in.writes != 1 || len(in.sent) < 128<<10 {
		t.Errorf("%d bytes in %d writes", len(in.sent), in.writes)
	}
	if cap(p.scratch) > 64<<10 {
		t.Errorf("%d bytes kept after a large event", cap(p.scratch))
	}
}

func TestAnEventThatCannotBeWrittenStays(t *testing.T) {
	var log []string
	p := NewPool(NewBus(), PoolConfig{Name: "p", BufferSize: 10, Emit: func(o Outcome) {
		o.Log(LevelError, func(_ Level, s string) { log = append(log, s) })
	}})
	m := p.Add("p_00")
	m.Started()
	m.Running(&stdin{err: errors.New("no luck")})
	m.Feed([]byte(ReadyToken))
	p.Accept(NewTick(Tick5, 0))
	p.Dispatch()
	if p.Queued() != 1 || p.InFlight() != 0 || m.State() != Ready {
		t.Errorf("%d queued, %d in flight, %v", p.Queued(), p.InFlight(), m.State())
	}
	if want := []string{"cannot send event 0 to listener p_00: no luck"}; !slices.Equal(log, want) {
		t.Errorf("log %q", log)
	}
}

func TestOldestIsTheHeadsTime(t *testing.T) {
	b := NewBus()
	second := int64(0)
	b.Now = func() time.Time { second++; return time.Unix(second, 0) }
	p := NewPool(b, PoolConfig{BufferSize: 2})
	b.Subscribe(p, []Type{AnyEvent})
	if _, ok := p.Oldest(); ok {
		t.Error("an empty buffer has an oldest event")
	}
	for range 3 {
		b.Publish(NewTick(Tick5, 0))
	}
	if at, ok := p.Oldest(); !ok || at.Unix() != 2 {
		t.Errorf("oldest is of %v", at)
	}
}

func TestARejectedEventGoesBackToItsOwnPoolOnly(t *testing.T) {
	b := NewBus()
	mine := NewPool(b, PoolConfig{Name: "mine", BufferSize: 5})
	other := NewPool(b, PoolConfig{Name: "other", BufferSize: 5})
	for _, p := range []*Pool{mine, other} {
		b.Subscribe(p, []Type{AnyEvent})
		m := p.Add(p.Name() + "_00")
		m.Started()
		m.Running(&stdin{})
		m.Feed([]byte(ReadyToken))
	}
	b.Publish(NewTick(Tick5, 0))
	mine.Dispatch()
	other.Dispatch()
	mine.Members()[0].Feed(AppendResult(nil, ResultFail))
	if mine.Queued() != 1 || other.Queued() != 0 {
		t.Errorf("%d in mine, %d in other", mine.Queued(), other.Queued())
	}
}

func TestAFullBufferLosesItsOldestToARejectedEvent(t *testing.T) {
	b := NewBus()
	var lost []int64
	p := NewPool(b, PoolConfig{Name: "p", BufferSize: 2, Emit: func(o Outcome) {
		if o.Kind == Overflowed {
			lost = append(lost, o.Serial)
			b.Publish(NewEventsDiscarded(o.Pool, 1))
		}
	}})
	var hark recorder
	b.Subscribe(p, []Type{AnyEvent})
	b.Subscribe(&hark, []Type{HarkEvent})
	m := p.Add("p_00")
	m.Started()
	m.Running(&stdin{})
	m.Feed([]byte(ReadyToken))
	for range 3 {
		b.Publish(NewTick(Tick5, 0))
		p.Dispatch()
	}
	m.Feed(AppendResult(nil, ResultFail))
	if !slices.Equal(lost, []int64{1}) {
		t.Errorf("lost %v", lost)
	}
	if serial, _ := p.queue.front().event.Serial(); serial != 0 || p.Queued() != 2 {
		t.Errorf("head %d of %d", serial, p.Queued())
	}
	hark.expect(t, 4)
	if p.Counters != (Counters{Accepted: 3, Rejected: 1, Returned: 1, Discarded: 1}) {
		t.Errorf("%+v", p.Counters)
	}
}

func TestEventsPublishedFromEmitKeepTheBufferInOrder(t *testing.T) {
	b := NewBus()
	p := NewPool(b, PoolConfig{Name: "p", BufferSize: 2, Emit: func(o Outcome) {
		if o.Kind == Overflowed && o.Event.Type() == Tick5 {
			b.Publish(NewEventsDiscarded(o.Pool, 1))
		}
	}})
	b.Subscribe(p, []Type{AnyEvent, HarkEvent})
	m := p.Add("p_00")
	m.Started()
	m.Running(&stdin{})
	m.Feed([]byte(ReadyToken))
	for range 3 {
		b.Publish(NewTick(Tick5, 0))
		p.Dispatch()
	}
	m.Feed(AppendResult(nil, ResultFail))
	if p.Queued() != 2 {
		t.Errorf("%d in a buffer of 2", p.Queued())
	}
	if c := p.Counters; c.Accepted != c.Delivered+c.Discarded+uint64(p.Queued()+p.InFlight()) {
		t.Errorf("%+v, %d queued", c, p.Queued())
	}
}

func TestAMemberStartedAnewWithoutAnEndLosesNoEvent(t *testing.T) {
	p := NewPool(NewBus(), PoolConfig{BufferSize: 2})
	m := p.Add("p_00")
	m.Started()
	m.Running(&stdin{})
	m.Feed([]byte(ReadyToken))
	p.Accept(NewTick(Tick5, 0))
	p.Dispatch()
	m.Started()
	if p.Queued() != 1 || m.InFlight() != nil || m.State() != Acknowledged {
		t.Errorf("%d queued, %v", p.Queued(), m.State())
	}
}

// Whatever happens, no event is unaccounted for.
func TestPropertyPoolsAccountForEveryEvent(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := randomRun(t, rng, 10+rng.IntN(120))
		p := r.pool
		c := p.Counters
		if c.Accepted != c.Delivered+c.Discarded+uint64(p.Queued()+p.InFlight()) {
			t.Fatalf("seed %d: %+v, %d queued, %d in flight after %+v", seed, c, p.Queued(), p.InFlight(), r.Ops)
		}
		if p.Queued() > r.Size {
			t.Fatalf("seed %d: %d queued in a buffer of %d", seed, p.Queued(), r.Size)
		}
		var accepted, processed, rejected, discarded uint64
		for _, s := range r.steps {
			for _, l := range s.Log {
				text := l[1].(string)
				switch {
				case strings.HasSuffix(text, "event was processed"):
					processed++
				case strings.HasSuffix(text, "event was rejected"), strings.Contains(text, "bad result line"):
					rejected++
				case strings.Contains(text, "overflowed"):
					discarded++
				}
			}
		}
		for _, op := range r.Ops {
			if op.Op == "accept" {
				accepted++
				if op.Event.Type == "TICK_5" && len(r.Types) == 3 {
					accepted++
				}
			}
		}
		if c.Accepted != accepted || c.Delivered != processed || c.Rejected != rejected || c.Discarded != discarded {
			t.Fatalf("seed %d: %+v, but %d %d %d %d were seen", seed, c, accepted, processed, rejected, discarded)
		}
	}
}

func TestQueueIsADeque(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var q queue
	var model []int64
	e := &Event{size: 7}
	for i := range int64(5000) {
		switch n := rng.IntN(5); {
		case n < 2:
			q.pushBack(entry{serial: i, event: e})
			model = append(model, i)
		case n == 2:
			q.pushFront(entry{serial: i, event: e})
			model = slices.Insert(model, 0, i)
		case len(model) > 0:
			if got := q.front(); got.serial != model[0] {
				t.Fatalf("front %d, want %d", got.serial, model[0])
			}
			if got := q.popFront(); got.serial != model[0] {
				t.Fatalf("popped %d, want %d", got.serial, model[0])
			}
			model = model[1:]
		}
		if q.n != len(model) || q.bytes != 7*q.n {
			t.Fatalf("%d in the queue with %d bytes, want %d", q.n, q.bytes, len(model))
		}
	}
}

type nowhere struct{}

func (nowhere) Write([]byte) error { return nil }

// BenchmarkPool is an event's whole way: made, published, rendered, sent,
// answered.
func BenchmarkPool(b *testing.B) {
	bus := NewBus()
	p := NewPool(bus, PoolConfig{Name: "mylistener", Server: "supervisor", BufferSize: 10, Emit: func(Outcome) {}})
	bus.Subscribe(p, []Type{AnyEvent})
	m := p.Add("mylistener_00")
	m.Started()
	m.Running(nowhere{})
	m.Feed([]byte(ReadyToken))
	answer := []byte("RESULT 2\nOKREADY\n")
	who := Process{"web_00", "web", 4711}
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish(NewProcessState(ProcessStateRunning, who, "STARTING", 0, false, Exit{}))
		p.Dispatch()
		m.Feed(answer)
	}
	if p.Counters.Delivered != p.Counters.Accepted {
		b.Fatalf("%+v", p.Counters)
	}
}

// BenchmarkFanOut is one event accepted and sent by ten pools.
func BenchmarkFanOut(b *testing.B) {
	bus := NewBus()
	var pools []*Pool
	for range 10 {
		p := NewPool(bus, PoolConfig{Name: "mylistener", Server: "supervisor", BufferSize: 10})
		bus.Subscribe(p, []Type{AnyEvent})
		m := p.Add("mylistener_00")
		m.Started()
		m.Running(nowhere{})
		m.Feed([]byte(ReadyToken))
		pools = append(pools, p)
	}
	answer := []byte("RESULT 2\nOKREADY\n")
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish(NewTick(Tick5, 5))
		for _, p := range pools {
			p.Dispatch()
			p.Members()[0].Feed(answer)
		}
	}
}
