package core

import (
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// lossEvery is how often a subscriber's losses are announced at most: a flood of
// events must not become a flood of news of it.
const lossEvery = time.Second

// loss is what a subscriber lost since that was announced last. Loop only.
type loss struct {
	subscriber string
	count      int64
	say        func(n int64) // writes a line about them; nil: each was written of
	next       time.Time     // not to be announced before
}

// lost notes events that a subscriber had no room for. say, if not nil, writes the
// line of the activity log about all that were lost since the last.
func (s *Supervisor) lost(subscriber string, n int64, say func(n int64)) {
	if say == nil && !s.bus.Wants(eventlistener.EventsDiscarded) {
		return
	}
	for _, l := range s.losses {
		if l.subscriber == subscriber {
			l.add(n, say)
			return
		}
	}
	s.losses = append(s.losses, &loss{subscriber: subscriber, count: n, say: say, next: s.clock.Now()})
}

func (l *loss) add(n int64, say func(n int64)) {
	l.count += n
	if say != nil {
		l.say = say
	}
}

// announceLosses publishes EVENTS_DISCARDED for losses that are due to be told.
func (s *Supervisor) announceLosses(now time.Time) {
	all := s.losses
	s.losses = nil // publishing may bring new ones
	for _, l := range all {
		switch {
		case l.next.After(now):
			s.keepLoss(l)
		case l.count > 0:
			n := l.count
			say := l.say
			l.count, l.say, l.next = 0, nil, now.Add(lossEvery)
			s.keepLoss(l)
			if say != nil {
				say(n)
			}
			if s.bus.Wants(eventlistener.EventsDiscarded) {
				s.bus.Publish(eventlistener.NewEventsDiscarded(l.subscriber, n))
			}
		}
	}
}

// keepLoss puts a loss back, together with what was noted since.
func (s *Supervisor) keepLoss(l *loss) {
	for i, fresh := range s.losses {
		if fresh.subscriber == l.subscriber {
			l.add(fresh.count, fresh.say)
			s.losses[i] = l
			return
		}
	}
	s.losses = append(s.losses, l)
}

// nextLoss is when a loss must be announced.
func (s *Supervisor) nextLoss() (time.Time, bool) {
	var next time.Time
	for _, l := range s.losses {
		if l.count > 0 && (next.IsZero() || l.next.Before(next)) {
			next = l.next
		}
	}
	return next, !next.IsZero()
}
