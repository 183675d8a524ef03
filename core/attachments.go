package core

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
)

// Attachment is a subscriber that somebody else made, a notifier for one. It is told apart from others by its address.
type Attachment struct {
	Subscriber eventlistener.Subscriber // its Accept is called on the loop and must not block
	Types      []eventlistener.Type
	// Info reports how it does. It is called on the loop and must not block; Events is filled in. nil: it is not listed.
	Info func(now time.Time) SubscriberInfo
	// Ended is called when the loop has ended with it attached; nil: nothing is to be done.
	Ended func()
	// Again takes the events of a dead letter into the queue, all of them or none; Settle waits until
	// what was taken is on the disk, where it is kept there. They are called from any goroutine. nil: it has no dead letters, no spool.
	Again  func(events []*eventlistener.Event) error
	Settle func(ctx context.Context) error
}

// Turn is a turn of the loop, for what subscribes to events beside it. It must not be used after the function that got it has returned.
type Turn struct {
	Bus *eventlistener.Bus
	l   *loop
}

// Attach subscribes a.
func (t Turn) Attach(a *Attachment) {
	t.l.attached = append(t.l.attached, a)
	t.Bus.Subscribe(a.Subscriber, eventlistener.Distinct(a.Types))
}

// Detach ends the subscription of a. One that is over already is no error.
func (t Turn) Detach(a *Attachment) {
	if i := slices.Index(t.l.attached, a); i >= 0 {
		t.l.attached = slices.Delete(t.l.attached, i, i+1)
		t.Bus.Unsubscribe(a.Subscriber)
	}
}

// InTurn runs f on the loop and waits for it. f must not block.
func (s *Supervisor) InTurn(ctx context.Context, f func(Turn)) error {
	return s.turns.Ask(ctx, func(l *loop) { f(Turn{l.bus, l}) })
}

// Post has f run on the loop soon, unless that has ended; it does not wait. f must not block.
func (s *Supervisor) Post(f func(Turn)) { s.turns.Put(func(l *loop) { f(Turn{l.bus, l}) }) }

// Attach subscribes it. What is attached before Run misses nothing.
func (s *Supervisor) Attach(ctx context.Context, a *Attachment) error {
	return s.soon(ctx, func(l *loop) { Turn{l.bus, l}.Attach(a) })
}

// Detach ends a subscription: when it has returned, nothing more is accepted. One that is over already is no error.
func (s *Supervisor) Detach(ctx context.Context, a *Attachment) error {
	return s.soon(ctx, func(l *loop) { Turn{l.bus, l}.Detach(a) })
}

// Resubscribe changes the types of one that is attached.
func (s *Supervisor) Resubscribe(ctx context.Context, a *Attachment, types []eventlistener.Type) error {
	return s.soon(ctx, func(l *loop) {
		a.Types = types
		if slices.Contains(l.attached, a) {
			l.bus.Unsubscribe(a.Subscriber)
			l.bus.Subscribe(a.Subscriber, eventlistener.Distinct(types))
		}
	})
}

// soon runs f on the loop: when Run begins, before anything else, or now.
func (s *Supervisor) soon(ctx context.Context, f func(*loop)) error {
	if s.turns.Early(f) {
		return nil
	}
	return s.turns.Ask(ctx, f)
}

// detachAll ends every subscription, at the end of the loop.
func (l *loop) detachAll() {
	for _, a := range slices.Clone(l.attached) {
		Turn{l.bus, l}.Detach(a)
		if a.Ended != nil {
			a.Ended()
		}
	}
}

func (a *Attachment) subscriber(now time.Time) SubscriberInfo {
	info := a.Info(now)
	for _, t := range a.Types {
		info.Events = append(info.Events, t.String())
	}
	return info
}

// EventsLost notes events that an attached subscriber had no room for; EVENTS_DISCARDED tells of them. It may be called
// from any goroutine, Accept's among them, and does not block.
func (s *Supervisor) EventsLost(subscriber string, n int64) {
	if !s.away.Note(subscriber, n, func() bool { return s.turns.Put((*loop).takeLosses) }) {
		s.log(config.ERRO, activity.Lost(subscriber, n)) // the loop has ended: nobody is left to hear of it but the log
	}
}

func (l *loop) takeLosses() {
	for subscriber, n := range l.away.Take() {
		l.lost(subscriber, n, func(n int64) { l.log(config.ERRO, activity.Lost(subscriber, n)) })
	}
}

// lost notes events that a subscriber had no room for, as losses.Ledger's Note.
func (l *loop) lost(subscriber string, n int64, say func(n int64)) {
	if say != nil || l.bus.Wants(eventlistener.EventsDiscarded) {
		l.losses.Note(l.clock.Now(), subscriber, n, say)
	}
}

// announceLosses publishes EVENTS_DISCARDED for losses that are due.
func (l *loop) announceLosses(now time.Time) {
	l.losses.Announce(now, func(subscriber string, n int64) {
		if l.bus.Wants(eventlistener.EventsDiscarded) {
			l.bus.Publish(eventlistener.NewEventsDiscarded(subscriber, n))
		}
	})
}

// Publish publishes the event of something beside the programs, a plugin for one: when Run begins or soon. It may be called from any
// goroutine and does not block.
func (s *Supervisor) Publish(e *eventlistener.Event) {
	publish := func(l *loop) { l.bus.Publish(e) }
	if !s.turns.Early(publish) {
		s.turns.Put(publish)
	}
}

// Taker is a pool or notifier as whoever has events for it again sees it.
type Taker struct {
	Kind, Name string
	Take       func(ctx context.Context, events []*eventlistener.Event) error
	Settle     func(ctx context.Context) error // waits until what was taken is as safe as it gets; nil: it is
}

// ErrNoTaker is why nobody takes an event again.
var ErrNoTaker = errors.New("there is no such pool or notifier now")

// Takers are the pools and notifiers there are.
func (s *Supervisor) Takers(ctx context.Context) (all []Taker, err error) {
	err = s.turns.Ask(ctx, func(l *loop) {
		for _, g := range l.pools {
			t := Taker{Kind: PoolSubscriber, Name: g.conf.Name, Take: func(ctx context.Context, events []*eventlistener.Event) error {
				return s.takeAgain(ctx, g, events)
			}}
			if g.spool != nil && g.spool.Queue != nil {
				t.Settle = g.spool.Queue.Settle
			}
			all = append(all, t)
		}
		now := s.clock.Now()
		for _, a := range l.attached {
			if a.Again != nil {
				info := a.Info(now)
				take := func(_ context.Context, events []*eventlistener.Event) error { return a.Again(events) }
				all = append(all, Taker{info.Kind, info.Name, take, a.Settle})
			}
		}
	})
	return all, err
}

// takeAgain gives events to a pool that had them before.
func (s *Supervisor) takeAgain(ctx context.Context, g *group, events []*eventlistener.Event) (err error) {
	if asked := s.askRunning(ctx, func(l *loop) *Error {
		if !slices.Contains(l.pools, g) {
			err = ErrNoTaker // removed meanwhile
			return nil
		}
		for _, e := range events {
			if err = g.pool.Again(e); err != nil {
				break
			}
		}
		return nil
	}); asked != nil {
		return asked
	}
	return err
}
