package core

import (
	"context"
	"time"

	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
)

// The kinds of SubscriberInfo.
const (
	PoolSubscriber     = "pool"     // an [eventlistener:x]
	NotifierSubscriber = "notifier" // a [notifier:x]
	StreamSubscriber   = "stream"   // a client of /events
	LogSubscriber      = "log"      // event_log
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
	Suppressed uint64 // events folded, silenced or summarised
	LastError  string // of the last delivery, "" when it went well
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
// added, then notifiers, the event log and streams.
func (s *Supervisor) Subscribers(ctx context.Context) ([]SubscriberInfo, error) {
	var all []SubscriberInfo
	err := s.ask(ctx, func() {
		now := s.clock.Now()
		for _, g := range s.pools {
			all = append(all, g.subscriber(now))
		}
		for _, a := range s.attached {
			all = append(all, a.subscriber(now))
		}
		if s.eventLog != nil {
			all = append(all, s.eventLog.subscriber(now))
		}
		for _, e := range s.streams {
			all = append(all, e.subscriber(now))
		}
	})
	return all, err
}

func (g *group) subscriber(now time.Time) SubscriberInfo {
	p := g.pool
	c := p.Config()
	info := SubscriberInfo{
		Name: p.Name(), Kind: PoolSubscriber, Events: g.types, Programs: c.Programs.Patterns(),
		BufferSize: c.BufferSize, Queued: p.Queued(), InFlight: p.InFlight(), Counters: p.Counters,
		Overflow: c.Overflow.String(), Payload: c.Payload.String(),
		MaxInFlight: max(c.MaxInFlight, 1), AckTimeout: c.AckTimeout, MaxDeliveries: c.MaxDeliveries,
	}
	if at, ok := p.Oldest(); ok {
		info.OldestAge = max(now.Sub(at), 0)
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
