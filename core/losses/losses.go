// Package losses keeps account of events that subscribers had no room for, so that a flood of
// events does not cause a flood of announcements.
package losses

import (
	"sync"
	"time"
)

// every is how often a subscriber's losses are announced at most.
const every = time.Second

// loss is what a subscriber lost since that was announced last.
type loss struct {
	subscriber string
	count      int64
	say        func(n int64) // writes a line about them; nil: the lines are written already
	next       time.Time     // when it may be announced at the earliest
}

// Ledger holds the losses that are to be announced. It belongs to one goroutine.
type Ledger struct{ all []*loss }

// Note records that a subscriber lost n events. say, if not nil, is called when the loss is announced, with the number of
// events lost since the last announcement.
func (l *Ledger) Note(now time.Time, subscriber string, n int64, say func(n int64)) {
	for _, known := range l.all {
		if known.subscriber == subscriber {
			known.add(n, say)
			return
		}
	}
	l.all = append(l.all, &loss{subscriber: subscriber, count: n, say: say, next: now})
}

func (l *loss) add(n int64, say func(n int64)) {
	l.count += n
	if say != nil {
		l.say = say
	}
}

// Announce calls announce for each loss that is due; announce may call Note.
func (l *Ledger) Announce(now time.Time, announce func(subscriber string, n int64)) {
	all := l.all
	l.all = nil
	for _, one := range all {
		switch {
		case one.next.After(now):
			l.keep(one)
		case one.count > 0:
			n, say := one.count, one.say
			one.count, one.say, one.next = 0, nil, now.Add(every)
			l.keep(one)
			if say != nil {
				say(n)
			}
			announce(one.subscriber, n)
		}
	}
}

// keep puts a loss back, together with what was noted since.
func (l *Ledger) keep(kept *loss) {
	for i, fresh := range l.all {
		if fresh.subscriber == kept.subscriber {
			kept.add(fresh.count, fresh.say)
			l.all[i] = kept
			return
		}
	}
	l.all = append(l.all, kept)
}

// Next returns when Announce must be called next; false: there are no losses.
func (l *Ledger) Next() (next time.Time, wanted bool) {
	for _, one := range l.all {
		if one.count > 0 && (next.IsZero() || one.next.Before(next)) {
			next = one.next
		}
	}
	return next, !next.IsZero()
}

// Elsewhere collects the losses that other goroutines note, so that many of them become one message.
type Elsewhere struct {
	mu     sync.Mutex
	counts map[string]int64
}

// Note records that a subscriber lost n events. For the first loss after a Take it calls ask, which must have Take called later;
// if ask returns false, the loss is not recorded and Note returns false.
func (e *Elsewhere) Note(subscriber string, n int64, ask func() bool) (noted bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counts == nil {
		if !ask() {
			return false
		}
		e.counts = map[string]int64{}
	}
	e.counts[subscriber] += n
	return true
}

// Take removes and returns the losses by subscriber.
func (e *Elsewhere) Take() map[string]int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	counts := e.counts
	e.counts = nil
	return counts
}
