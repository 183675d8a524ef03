// Package ticks publishes TICK events when they are due, by the wall clock, as Supervisor does.
package ticks

import (
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// Ticks are the TICK types. They belong to one goroutine.
type Ticks struct {
	all  []tick
	look look
}

// tick is one TICK type with its period in seconds (supervisor/events.py).
type tick struct {
	kind   eventlistener.Type
	period int64
	last   int64 // the slice of wall-clock time it was last sent for
}

// New returns the ticks of the periods that begin after now.
func New(now time.Time) *Ticks {
	t := &Ticks{all: []tick{{kind: eventlistener.Tick5, period: 5}, {kind: eventlistener.Tick60, period: 60}, {kind: eventlistener.Tick3600, period: 3600}}}
	for i := range t.all {
		t.all[i].last = timeslice(t.all[i].period, now)
	}
	return t
}

// timeslice is the start of the period that now falls in, in Unix seconds
// (supervisord.py, timeslice).
func timeslice(period int64, now time.Time) int64 {
	t := now.Unix()
	return t - t%period
}

// Publish publishes the ticks whose slice has rolled over since the last look.
func (t *Ticks) Publish(now time.Time, bus *eventlistener.Bus) {
	for i := range t.all {
		one := &t.all[i]
		this := timeslice(one.period, now)
		if this == one.last {
			continue
		}
		one.last = this
		if bus.Wants(one.kind) {
			bus.Publish(eventlistener.NewTick(one.kind, this))
		}
	}
}

// lookEvery is the longest time between two looks at the wall clock while TICKs are wanted: when the clock is set, the daemon is
// not notified. Supervisor looks once a second.
const lookEvery = 5 * time.Second

// Next returns when Publish must be called for the ticks that have subscribers. The time has a monotonic reading, because the
// wall clock may be set meanwhile. Until that time Next returns the same value, so that the alarm need not be set again.
func (t *Ticks) Next(now time.Time, bus *eventlistener.Bus) (at time.Time, wanted bool) {
	left := lookEvery
	var wants uint8
	for i, one := range t.all {
		if bus.Wants(one.kind) {
			wants |= 1 << i
			left = min(left, max(time.Unix(one.last+one.period, 0).Sub(now.Round(0)), 0))
		}
	}
	if wants != t.look.wants || !now.Before(t.look.at) {
		t.look = look{now.Add(left), wants}
	}
	return t.look.at, wants != 0
}

// look is when to look for ticks next, and for which, a bit each.
type look struct {
	at    time.Time
	wants uint8
}
