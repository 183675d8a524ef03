// Package losses keeps account of events that subscribers had no room for, so that a flood of
// events does not become a flood of news of it.
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
	say        func(n int64) // writes a line about them; nil: each was written of
	next       time.Time     // not to be announced before
}

// Ledger is the losses to be announced. It belongs to one goroutine.
type Ledger struct{ all []*loss }

// Note notes events that a subscriber had no room for. say, if not nil, writes the
// line of the activity log about all that were lost since the last.
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

// Announce announces the losses that are due; that may bring new ones.
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

// Next is when a loss must be announced.
func (l *Ledger) Next() (next time.Time, wanted bool) {
	for _, one := range l.all {
		if one.count > 0 && (next.IsZero() || one.next.Before(next)) {
			next = one.next
		}
	}
	return next, !next.IsZero()
}

// Elsewhere are losses noted by other goroutines: many of them become one message.
type Elsewhere struct {
	mu     sync.Mutex
	counts map[string]int64
}

// Note notes events that a subscriber lost. The first since Take has ask called, which sees to it that Take is; it is not noted
// where that is false.
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

// Take gives what was noted.
func (e *Elsewhere) Take() map[string]int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	counts := e.counts
	e.counts = nil
	return counts
}
