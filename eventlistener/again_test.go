package eventlistener

import (
	"errors"
	"slices"
	"testing"

	"github.com/hark-supervisor/hark/eventlistener/spool"
)

func TestAnEventThatWasGivenUpIsTakenAgainWhereThereIsRoom(t *testing.T) {
	for _, overflow := range []Overflow{DiscardOldest, DiscardNewest} {
		var dead, lost []Outcome
		bus := NewBus()
		p := NewPool(bus, PoolConfig{Name: "p", BufferSize: 2, MaxDeliveries: 1, Overflow: overflow, Emit: func(o Outcome) {
			switch o.Kind {
			case DeadLetter:
				dead = append(dead, o)
			case Overflowed:
				lost = append(lost, o)
			}
		}})
		m, in := p.Add("p_00"), &stdin{}
		m.Started()
		m.Running(in)
		bus.Subscribe(p, []Type{TickEvent})
		bus.Publish(NewTick(Tick5, 7))
		m.Feed([]byte(ReadyToken))
		p.Dispatch()
		m.Feed([]byte("RESULT 4\nFAIL"))
		if len(dead) != 1 {
			t.Fatalf("%d dead letters", len(dead))
		}
		given := dead[0].Event
		if err := p.Again(given); err != nil {
			t.Fatal(err)
		}
		bus.Publish(NewTick(Tick5, 8))
		if err := p.Again(given); !errors.Is(err, ErrNoRoom) {
			t.Errorf("a full buffer says %v", err)
		}
		if p.Queued() != 2 || len(lost) > 0 {
			t.Errorf("%d wait, %d lost", p.Queued(), len(lost))
		}
		m.Feed([]byte(ReadyToken))
		p.Dispatch()
		m.Feed([]byte("RESULT 4\nFAIL")) // its first failure again
		if len(dead) != 2 || dead[1].Event != given || dead[1].Serial != dead[0].Serial || dead[1].PoolSerial != 1 || dead[1].Failed != 1 {
			t.Errorf("%+v", dead)
		}
		if k := p.Counters; k.Accepted != 3 || k.Accepted != k.Delivered+k.Discarded+k.DeadLetters+uint64(p.Queued()+p.InFlight()) {
			t.Errorf("%+v, %d queued, %d in flight", k, p.Queued(), p.InFlight())
		}
	}
}

func TestASpooledPoolTakesAGivenUpEventAgain(t *testing.T) {
	p := openPool(t, t.TempDir(), PoolConfig{MaxDeliveries: 1}, spool.Options{MaxBytes: 4096}, 1)
	m := p.Members()[0]
	var got []sent
	one := func() sent {
		t.Helper()
		p.until("an event comes", func() bool { got = p.next(0); return len(got) == 1 })
		return got[0]
	}
	p.bus.Publish(NewRemoteCommunication("k", "a"))
	first := one()
	m.Feed([]byte("RESULT 4\nFAIL"))
	at := slices.IndexFunc(p.out, func(o Outcome) bool { return o.Kind == DeadLetter })
	if at < 0 {
		t.Fatalf("%+v", p.out)
	}
	if err := p.Again(p.out[at].Event); err != nil {
		t.Fatal(err)
	}
	m.Feed([]byte(ReadyToken))
	if again := one(); again.payload != first.payload {
		t.Errorf("sent %+v, then %+v", first, again)
	}
	m.Feed([]byte("RESULT 2\nOK"))
	p.adds()
	n := 0
	for ; n < 100; n++ {
		if err := p.Again(p.out[at].Event); err != nil {
			if !errors.Is(err, spool.ErrNoRoom) {
				t.Error(err)
			}
			break
		}
	}
	if n == 0 || n == 100 || p.Figures().Discarded != 0 {
		t.Errorf("%d taken, %+v", n, p.Figures())
	}
}
