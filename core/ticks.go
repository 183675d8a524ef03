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

// nextTick is when the loop must wake for a tick that somebody wants.
func (s *Supervisor) nextTick() (time.Time, bool) {
	var next time.Time
	for _, t := range s.ticks {
		if !s.bus.Wants(t.kind) {
			continue
		}
		if at := time.Unix(t.last+t.period, 0); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next, !next.IsZero()
}
