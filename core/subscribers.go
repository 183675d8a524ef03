package core

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// The kinds of SubscriberInfo.
const (
	PoolSubscriber     = "pool"     // an [eventlistener:x]
	NotifierSubscriber = "notifier" // a [notifier:x]
	StreamSubscriber   = "stream"   // a client of /events
)

// SubscriberInfo describes one subscriber of events at one moment. Numbers of events are totals since the subscriber was
// made, except Queued and InFlight, which are those of the moment.
type SubscriberInfo struct {
	Name          string        `rpc:"name" doc:"of the pool or notifier; stream-N"`
	Kind          string        `rpc:"kind" doc:"pool, notifier or stream"`
	Events        []string      `rpc:"events" doc:"types that it is subscribed to"`
	Programs      []string      `rpc:"programs" doc:"patterns of namespecs; empty for all"`
	BufferSize    int           `rpc:"buffer_size" doc:"how many events may wait"`
	Overflow      string        `rpc:"overflow" doc:"what happens to events that there is no room for"`
	Payload       string        `rpc:"payload" doc:"the form of the payloads"`
	MaxInFlight   int           `rpc:"max_in_flight" doc:"only pools: events that one listener may have at a time"`
	AckTimeout    time.Duration `rpc:"ack_timeout,int" doc:"only pools: how long a listener may take, in seconds; 0: forever"`
	MaxDeliveries int           `rpc:"max_deliveries" doc:"only pools: tries before an event is given up; 0: never"`
	Queued        int           `rpc:"queued" doc:"events that wait"`
	InFlight      int           `rpc:"in_flight" doc:"events sent and not answered"`

	eventlistener.Counters

	Suppressed   uint64         `rpc:"suppressed" doc:"only notifiers: events folded, silenced or summarised"`
	Defects      int            `rpc:"internal_errors" doc:"only notifiers: panics of their own goroutine"`
	OldestAge    time.Duration  `rpc:"oldest_age" doc:"how long the oldest waiting event has waited, in seconds; 0 if none waits"`
	LastError    string         `rpc:"last_error" doc:"only notifiers: of the last delivery or test; empty if it succeeded"`
	GivenUp      string         `rpc:"given_up" doc:"only notifiers: why the last delivery that failed permanently was given up, or would be (a test); empty if none was or one has succeeded since"`
	LastDelivery time.Time      `rpc:"last_delivery" doc:"only notifiers: when a delivery last succeeded, in seconds since 1970; 0: never"`
	Processes    []ListenerInfo `rpc:"processes" doc:"only pools: the listeners"`
	Spool        *spool.Status  `rpc:"spool,omitempty" doc:"only with overflow=spool: what it has on disk"` // nil: the pool is configured without a spool
}

// ListenerInfo is one process of a pool.
type ListenerInfo struct {
	Name     string        `rpc:"name" doc:"the process"`
	Group    string        `rpc:"group" doc:"its pool"`
	State    process.State `rpc:"statename,text" doc:"its state"`
	Pid      int           `rpc:"pid" doc:"its process id; 0 if it does not run"`
	Listener string        `rpc:"listener_state" doc:"READY, BUSY, ACKNOWLEDGED, UNKNOWN, or empty if there is no process"`
	InFlight int           `rpc:"in_flight" doc:"events it has not answered"`
}

// Subscribers returns every subscriber of events: pools in the order they were added, then notifiers and streams. Errors:
// those of InTurn.
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

// rank returns the place of a kind in the list.
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
