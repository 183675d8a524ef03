package core

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/spools"
	"github.com/hark-supervisor/hark/eventlistener"
)

// The kinds of SubscriberInfo.
const (
	PoolSubscriber     = "pool"     // an [eventlistener:x]
	NotifierSubscriber = "notifier" // a [notifier:x]
	StreamSubscriber   = "stream"   // a client of /events
)

// SubscriberInfo is one subscriber of the events at one moment. Numbers of events
// are totals since it came to be, but for Queued and InFlight.
type SubscriberInfo struct {
	Name, Kind string
	Events     []string // types it is subscribed to
	Programs   []string // patterns; none: all
	BufferSize int      // most events that wait
	Queued     int      // events that wait
	InFlight   int      // events sent and not answered; pools
	Counters   eventlistener.Counters
	OldestAge  time.Duration // of the event that waits longest; 0 when none waits
	Overflow   string
	Payload    string // form of the payloads
	// Notifiers only.
	Suppressed   uint64    // events folded, silenced or summarised
	Defects      int       // internal errors of a notifier's goroutine
	LastError    string    // of the last delivery, "" when it went well
	LastDelivery time.Time // that went well; zero: none did
	// Pools and notifiers.
	Spool *spools.Info // nil: events are not to be kept on disk
	// Pools only.
	MaxInFlight   int
	AckTimeout    time.Duration
	MaxDeliveries int
	Processes     []ListenerInfo
}

// ListenerInfo is one process of a pool.
type ListenerInfo struct {
	Name, Group string
	State       process.State
	Pid         int    // 0: none
	Listener    string // its state in the protocol, "" without a process
	InFlight    int    // events it has not answered
}

// Subscribers tells of everybody who gets events: pools in the order they were
// added, then notifiers and streams.
func (s *Supervisor) Subscribers(ctx context.Context) ([]SubscriberInfo, error) {
	var all []SubscriberInfo
	err := s.turns.Ask(ctx, func(l *loop) {
		now := s.clock.Now()
		for _, g := range l.pools {
			all = append(all, g.subscriber(now))
		}
		for _, a := range l.attached {
			if a.Info != nil {
				all = append(all, a.subscriber(now))
			}
		}
	})
	slices.SortStableFunc(all, func(a, b SubscriberInfo) int {
		return cmp.Compare(rank(a.Kind), rank(b.Kind))
	})
	return all, err
}

// rank is the place of a kind in the list.
func rank(kind string) int {
	return slices.Index([]string{PoolSubscriber, NotifierSubscriber, StreamSubscriber}, kind)
}

func (g *group) subscriber(now time.Time) SubscriberInfo {
	p := g.pool
	c := p.Config()
	f := p.Figures()
	info := SubscriberInfo{
		Name: p.Name(), Kind: PoolSubscriber, Events: g.types, Programs: c.Programs.Patterns(),
		BufferSize: c.BufferSize, Queued: f.Queued, InFlight: f.InFlight, Counters: f.Counters,
		Overflow: c.Overflow.String(), Payload: c.Payload.String(),
		MaxInFlight: max(c.MaxInFlight, 1), AckTimeout: c.AckTimeout, MaxDeliveries: c.MaxDeliveries,
	}
	if at, ok := p.Oldest(); ok {
		info.OldestAge = max(now.Sub(at), 0)
	}
	if g.spool != nil {
		info.Spool = g.spool.Info(&f)
	}
	for _, m := range g.members {
		l := ListenerInfo{Name: m.conf.Name, Group: g.conf.Name, State: m.machine.State(), Pid: m.machine.Pid(), InFlight: m.listens.Unanswered()}
		if m.listens.Alive() {
			l.Listener = m.listens.State().String()
		}
		info.Processes = append(info.Processes, l)
	}
	return info
}
