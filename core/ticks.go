package core

import (
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// tick is one TICK type with its period in seconds (supervisor/events.py).
type tick struct {
	kind   eventlistener.Type
	period int64
	last   int64 // the slice of wall-clock time it was last sent for
}

func newTicks(now time.Time) []tick {
	ticks := []tick{{kind: eventlistener.Tick5, period: 5}, {kind: eventlistener.Tick60, period: 60}, {kind: eventlistener.Tick3600, period: 3600}}
	for i := range ticks {
		ticks[i].last = timeslice(ticks[i].period, now)
	}
	return ticks
}

// timeslice is the start of the period that now falls in, in Unix seconds
// (supervisord.py, timeslice).
func timeslice(period int64, now time.Time) int64 {
	t := now.Unix()
	return t - t%period
}

// tick sends the ticks whose slice has rolled over since the last look.
func (s *Supervisor) tick(now time.Time) {
	for i := range s.ticks {
		t := &s.ticks[i]
		this := timeslice(t.period, now)
		if this == t.last {
			continue
		}
		t.last = this
		if s.bus.Wants(t.kind) {
			s.bus.Publish(eventlistener.NewTick(t.kind, this))
		}
	}
}

// tickLook is how often the loop looks at the wall clock at least while somebody wants TICKs: it may be set, which nobody
// tells. Supervisor looks once a second.
const tickLook = 5 * time.Second

// nextTick is when the loop must look for a tick that somebody wants. It has now's monotonic reading, as all that the loop
// waits for: times of the wall clock cannot be compared with those after that was set. It stays the same until then, so that
// the alarm does.
func (s *Supervisor) nextTick(now time.Time) (at time.Time, wanted bool) {
	left := tickLook
	var wants uint8
	for i, t := range s.ticks {
		if s.bus.Wants(t.kind) {
			wants |= 1 << i
			left = min(left, max(time.Unix(t.last+t.period, 0).Sub(now.Round(0)), 0))
		}
	}
	if wants != s.look.wants || !now.Before(s.look.at) {
		s.look = look{now.Add(left), wants}
	}
	return s.look.at, wants != 0
}

// look is when the loop looks for ticks next, and for which, a bit each.
type look struct {
	at    time.Time
	wants uint8
}
