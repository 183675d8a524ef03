package ticks

import (
	"slices"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// kept is a subscriber that keeps what was published.
type kept []string

func (k *kept) Accept(e *eventlistener.Event) {
	*k = append(*k, e.Type().String()+" "+string(e.Payload()))
}

func every() []eventlistener.Type {
	return []eventlistener.Type{eventlistener.Tick5, eventlistener.Tick60, eventlistener.Tick3600}
}

// TestTicksFollowTheWallClock: a tick is due when the clock shows another slice of its period than before, whichever way it went.
func TestTicksFollowTheWallClock(t *testing.T) {
	const start = 7199 // a second before a slice of every period begins
	for name, c := range map[string]struct {
		types []eventlistener.Type
		at    []int64
		want  []string
	}{
		"all begin together":                           {every(), []int64{7200}, []string{"TICK_5 when:7200", "TICK_60 when:7200", "TICK_3600 when:7200"}},
		"nothing within a slice":                       {every(), []int64{7199, 7199}, nil},
		"once in a slice":                              {[]eventlistener.Type{eventlistener.Tick5}, []int64{7200, 7201, 7204, 7205}, []string{"TICK_5 when:7200", "TICK_5 when:7205"}},
		"slices that passed meanwhile are not made up": {[]eventlistener.Type{eventlistener.Tick60}, []int64{7500}, []string{"TICK_60 when:7500"}},
		"a late look names the slice's begin":          {[]eventlistener.Type{eventlistener.Tick60}, []int64{7238}, []string{"TICK_60 when:7200"}},
		"a clock that is set back is another slice":    {[]eventlistener.Type{eventlistener.Tick3600}, []int64{3599}, []string{"TICK_3600 when:0"}},
		"only what has subscribers":                    {nil, []int64{7200}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bus, got := eventlistener.NewBus(), &kept{}
			bus.Subscribe(got, c.types)
			ticks := New(time.Unix(start, 0))
			for _, at := range c.at {
				ticks.Publish(time.Unix(at, 0), bus)
			}
			if !slices.Equal(*got, c.want) {
				t.Errorf("published %q instead of %q", *got, c.want)
			}
			if want := uint64(len(c.want)); bus.Seq() != want {
				t.Errorf("%d events were made instead of %d", bus.Seq(), want)
			}
		})
	}
}

// TestTheNextLook: it is due when the next wanted slice begins, or 5 s later for the case that the clock is set; until then the answer
// stays the same, however often it is asked for.
func TestTheNextLook(t *testing.T) {
	now := time.Unix(7202, 0)
	for name, c := range map[string]struct {
		types []eventlistener.Type
		after time.Duration
	}{
		"the next slice of 5 s":         {[]eventlistener.Type{eventlistener.Tick5}, 3 * time.Second},
		"the earliest of several":       {every(), 3 * time.Second},
		"a far slice: the clock's sake": {[]eventlistener.Type{eventlistener.Tick3600}, 5 * time.Second},
		"nobody wants any":              {nil, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bus := eventlistener.NewBus()
			bus.Subscribe(&kept{}, c.types)
			ticks := New(now)
			for _, later := range []time.Duration{0, time.Second, c.after - 1} {
				at, wanted := ticks.Next(now.Add(later), bus)
				if !at.Equal(now.Add(c.after)) || wanted != (c.types != nil) {
					t.Errorf("%v later: at %v, %v; want %v, %v", later, at, wanted, now.Add(c.after), c.types != nil)
				}
			}
			if at, _ := ticks.Next(now.Add(c.after), bus); !at.After(now.Add(c.after)) && c.types == nil {
				t.Errorf("once the time has come the next look is at %v", at)
			}
		})
	}
}

// TestANewSubscriberChangesTheNextLook: who subscribes between two looks is not left waiting for the one that was due for others.
func TestANewSubscriberChangesTheNextLook(t *testing.T) {
	now := time.Unix(7204, 0)
	bus := eventlistener.NewBus()
	bus.Subscribe(&kept{}, []eventlistener.Type{eventlistener.Tick3600})
	ticks := New(now)
	if at, _ := ticks.Next(now, bus); !at.Equal(now.Add(lookEvery)) {
		t.Fatalf("the first look is at %v", at)
	}
	bus.Subscribe(&kept{}, []eventlistener.Type{eventlistener.Tick5})
	if at, _ := ticks.Next(now, bus); !at.Equal(now.Add(time.Second)) {
		t.Errorf("with TICK_5 the look is at %v", at)
	}
}
