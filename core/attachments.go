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

// Attachment is a subscriber that another package made, such as a notifier. Attachments are compared by address.
type Attachment struct {
	Subscriber eventlistener.Subscriber // its Accept is called on the loop and must not block
	Types      []eventlistener.Type
	// Info returns the subscriber's figures. It is called on the loop and must not block; the caller sets the field Events.
	// nil: the subscriber is not listed.
	Info func(now time.Time) SubscriberInfo
	// Ended is called when the loop has ended while the subscriber was attached; nil: nothing is called.
	Ended func()
	// Again takes the events of a dead letter into the queue, all of them or none; nil: the subscriber has no dead letters.
	// Settle waits until the events taken are on the disk; nil: the subscriber has no spool. Both are called from any goroutine.
	Again  func(events []*eventlistener.Event) error
	Settle func(ctx context.Context) error
}

// Turn is a turn of the loop, for code outside this package that subscribes to events. It must not be used after the function
// that received it has returned.
type Turn struct {
	Bus *eventlistener.Bus
	l   *loop
}

// Attach subscribes a to its Types.
func (t Turn) Attach(a *Attachment) {
	t.l.attached = append(t.l.attached, a)
	t.Bus.Subscribe(a.Subscriber, eventlistener.Distinct(a.Types))
}

// Detach ends the subscription of a. It does nothing if a is not attached.
func (t Turn) Detach(a *Attachment) {
	if i := slices.Index(t.l.attached, a); i >= 0 {
		t.l.attached = slices.Delete(t.l.attached, i, i+1)
		t.Bus.Unsubscribe(a.Subscriber)
	}
}

// InTurn runs f on the loop and waits until f has returned. f must not block. Errors: ErrEnded, guard.ErrInternal if f
// panicked, ctx's if ctx has ended before the call.
func (s *Supervisor) InTurn(ctx context.Context, f func(Turn)) error {
	return s.turns.Ask(ctx, func(l *loop) { f(Turn{l.bus, l}) })
}

// Post queues f to run on the loop and returns without waiting. After the end of the loop it does nothing. f must not block.
func (s *Supervisor) Post(f func(Turn)) { s.turns.Put(func(l *loop) { f(Turn{l.bus, l}) }) }

// Attach subscribes a to its Types. A subscriber that is attached before Run misses no event. Errors: those of InTurn.
func (s *Supervisor) Attach(ctx context.Context, a *Attachment) error {
	return s.soon(ctx, func(l *loop) { Turn{l.bus, l}.Attach(a) })
}

// Detach ends the subscription of a: after it has returned, a accepts no more events. It does nothing if a is not attached.
// Errors: those of InTurn.
func (s *Supervisor) Detach(ctx context.Context, a *Attachment) error {
	return s.soon(ctx, func(l *loop) { Turn{l.bus, l}.Detach(a) })
}

// Resubscribe sets a.Types and, if a is attached, changes its subscription to them. Errors: those of InTurn.
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

// EventsLost records that an attached subscriber lost n events because it had no room for them; EVENTS_DISCARDED announces
// them. It may be called from any goroutine, also from within Accept, and does not block.
func (s *Supervisor) EventsLost(subscriber string, n int64) {
	if !s.away.Note(subscriber, n, func() bool { return s.turns.Put((*loop).takeLosses) }) {
		s.log(config.ERRO, activity.Lost(subscriber, n)) // the loop has ended, so that the loss can only be logged
	}
}

func (l *loop) takeLosses() {
	for subscriber, n := range l.away.Take() {
		l.lost(subscriber, n, func(n int64) { l.log(config.ERRO, activity.Lost(subscriber, n)) })
	}
}

// lost records events that a subscriber had no room for; see losses.Ledger's Note.
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

// Publish publishes an event that is not about a program, such as a plugin's. Before Run the event is published when Run
// begins. After the end of the loop it is dropped. Publish may be called from any goroutine and does not block.
func (s *Supervisor) Publish(e *eventlistener.Event) {
	publish := func(l *loop) { l.bus.Publish(e) }
	if !s.turns.Early(publish) {
		s.turns.Put(publish)
	}
}

// Taker is a pool or notifier that can take events again that it gave up.
type Taker struct {
	Kind, Name string
	Take       func(ctx context.Context, events []*eventlistener.Event) error
	Settle     func(ctx context.Context) error // waits until the events taken are on the disk; nil: they are kept in memory
}

// ErrNoTaker is returned when the pool or notifier that is to take an event again no longer exists.
var ErrNoTaker = errors.New("there is no such pool or notifier now")

// Takers returns the pools, then the attached subscribers with dead letters. Errors: those of InTurn.
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

// takeAgain adds events to a pool that had them before.
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
