package core

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
)

// Attachment is a subscriber that somebody else made, a notifier for one. It is told apart from others by its address.
type Attachment struct {
	Subscriber eventlistener.Subscriber // its Accept is called on the loop and must not block
	Types      []eventlistener.Type
	// Info reports how it does. It is called on the loop and must not block; Events is filled in.
	Info func(now time.Time) SubscriberInfo
	// Again takes the events of a dead letter into the queue, all of them or none; ErrSilenced does not speak of those that follow. Settle waits until
	// what was taken is on the disk, where it is kept there. They are called from any goroutine. nil: it has no dead letters, no spool.
	Again  func(events []*eventlistener.Event) error
	Settle func(ctx context.Context) error
}

// Attach subscribes it. What is attached before Run misses nothing.
func (s *Supervisor) Attach(ctx context.Context, a *Attachment) error {
	return s.soon(ctx, func() {
		s.attached = append(s.attached, a)
		s.bus.Subscribe(a.Subscriber, eventlistener.Distinct(a.Types))
	})
}

// Detach ends a subscription: when it has returned, nothing more is accepted. One that is over already is no error.
func (s *Supervisor) Detach(ctx context.Context, a *Attachment) error {
	return s.soon(ctx, func() { s.detach(a) })
}

// Resubscribe changes the types of one that is attached.
func (s *Supervisor) Resubscribe(ctx context.Context, a *Attachment, types []eventlistener.Type) error {
	return s.soon(ctx, func() {
		a.Types = types
		if slices.Contains(s.attached, a) {
			s.bus.Unsubscribe(a.Subscriber)
			s.bus.Subscribe(a.Subscriber, eventlistener.Distinct(types))
		}
	})
}

// soon runs f on the loop: when Run begins, before anything else, or now.
func (s *Supervisor) soon(ctx context.Context, f func()) error {
	if s.early.put(f) {
		return nil
	}
	return s.ask(ctx, f)
}

// early holds what is to be done before Run does anything.
type early struct {
	mu    sync.Mutex
	queue []func()
	over  bool
}

// put is false once Run has begun.
func (e *early) put(f func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.queue = append(e.queue, f)
	}
	return !e.over
}

func (e *early) begin(s *Supervisor) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.queue {
		s.safely("a subscription", f)
	}
	e.queue, e.over = nil, true
}

func (s *Supervisor) detach(a *Attachment) {
	if i := slices.Index(s.attached, a); i >= 0 {
		s.attached = slices.Delete(s.attached, i, i+1)
		s.bus.Unsubscribe(a.Subscriber)
	}
}

// detachAll ends every subscription, at the end of the loop.
func (s *Supervisor) detachAll() {
	for _, a := range slices.Clone(s.attached) {
		s.detach(a)
	}
}

func (a *Attachment) subscriber(now time.Time) SubscriberInfo {
	info := a.Info(now)
	for _, t := range a.Types {
		info.Events = append(info.Events, t.String())
	}
	return info
}

// lossesElsewhere are losses reported by goroutines other than the loop: many of them become one message.
type lossesElsewhere struct {
	mu     sync.Mutex
	counts map[string]int64
}

// EventsLost notes events that an attached subscriber had no room for; EVENTS_DISCARDED tells of them. It may be called
// from any goroutine, Accept's among them, and does not block.
func (s *Supervisor) EventsLost(subscriber string, n int64) {
	s.away.mu.Lock()
	defer s.away.mu.Unlock()
	if s.away.counts == nil {
		if !s.inbox.put(s.takeLosses) { // the loop has ended: nobody is left to hear of it but the log
			s.log(config.ERRO, lossLine(subscriber, n))
			return
		}
		s.away.counts = map[string]int64{}
	}
	s.away.counts[subscriber] += n
}

func (s *Supervisor) takeLosses() {
	for subscriber, n := range s.away.take() {
		s.lost(subscriber, n, func(n int64) { s.log(config.ERRO, lossLine(subscriber, n)) })
	}
}

func (l *lossesElsewhere) take() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := l.counts
	l.counts = nil
	return counts
}

func lossLine(notifier string, n int64) string {
	return fmt.Sprintf("notifier %s: its buffer is full, discarded %d events", notifier, n)
}

// DeadLetter writes a line to the log of dead letters of a notifier. It may be called from any goroutine, after the end
// of Run too, and does not block; FlushDeadLetters waits for the disk.
func (s *Supervisor) DeadLetter(notifier string, line []byte) { s.letters.putLine(notifier, line) }

// FlushDeadLetters waits until what was put is written, or the disk has had its time.
func (s *Supervisor) FlushDeadLetters() { s.letters.close() }
