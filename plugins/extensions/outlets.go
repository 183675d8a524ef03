package extensions

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/deadletters"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins/logsink"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/plugins/outlets"
)

// outletCore is the supervisor of the present life as notifiers and log sinks see it, who last over all lives.
type outletCore struct {
	mu         sync.Mutex
	supervisor *core.Supervisor
	letters    *deadletters.Log
	sinks      []logs.Sink
	attached   map[*notify.Notifier]*core.Attachment
}

func newOutletCore() *outletCore {
	return &outletCore{attached: map[*notify.Notifier]*core.Attachment{}}
}

// move switches to a supervisor that does not run yet: it attaches those that are attached, and the sinks get the output of its programs.
func (c *outletCore) move(s *core.Supervisor, letters *deadletters.Log) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.supervisor, c.letters = s, letters
	for n := range c.attached {
		a := attachment(n)
		c.attached[n] = a
		_ = s.Attach(context.Background(), a) // the only possible error is that it has ended
	}
	s.SetSinks(c.sinks)
}

func attachment(n *notify.Notifier) *core.Attachment {
	return &core.Attachment{
		Subscriber: n, Types: n.Options().Events, Info: func(now time.Time) core.SubscriberInfo { return notifierInfo(n, now) },
		Again: func(events []*eventlistener.Event) error {
			if err := n.Again(events); !errors.Is(err, notify.ErrSilenced) {
				return err
			}
			return deadletters.ErrSilenced
		},
		Settle: n.Settle,
	}
}

// now is the supervisor of the present life.
func (c *outletCore) now() *core.Supervisor {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.supervisor
}

// Attach implements outlets.Core.
func (c *outletCore) Attach(ctx context.Context, n *notify.Notifier) error {
	s, a, fresh := c.attach(n)
	if fresh {
		return unlessEnded(s.Attach(ctx, a))
	}
	return unlessEnded(s.Resubscribe(ctx, a, n.Options().Events))
}

func (c *outletCore) attach(n *notify.Notifier) (s *core.Supervisor, a *core.Attachment, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a = c.attached[n]; a == nil {
		a, fresh = attachment(n), true
		c.attached[n] = a
	}
	return c.supervisor, a, fresh
}

// Detach implements outlets.Core.
func (c *outletCore) Detach(ctx context.Context, n *notify.Notifier) error {
	s, a := c.detach(n)
	if a == nil {
		return nil
	}
	return unlessEnded(s.Detach(ctx, a))
}

func (c *outletCore) detach(n *notify.Notifier) (*core.Supervisor, *core.Attachment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.attached[n]
	delete(c.attached, n)
	return c.supervisor, a
}

// unlessEnded drops the error of a supervisor that has ended: nobody gets anything from it, and the next one will be moved to.
func unlessEnded(err error) error {
	if errors.Is(err, core.ErrEnded) {
		return nil
	}
	return err
}

// SetSinks implements outlets.Core.
func (c *outletCore) SetSinks(sinks []*logsink.Sink) {
	all := make([]logs.Sink, len(sinks))
	for i, k := range sinks {
		all[i] = k
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sinks = all
	c.supervisor.SetSinks(all)
}

// EventsLost implements outlets.Core.
func (c *outletCore) EventsLost(notifier string, events int64) { c.now().EventsLost(notifier, events) }

// SinkLost implements outlets.Core.
func (c *outletCore) SinkLost(sink, group, process, channel string, pid int, bytes int64) {
	c.now().Publish(eventlistener.NewSinkDropped(sink, eventlistener.Process{Name: process, Group: group, Pid: pid}, channel, bytes))
}

// DeadLetter implements outlets.Core.
func (c *outletCore) DeadLetter(notifier string, line []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.letters.PutLine(notifier, line)
}

func notifierInfo(n *notify.Notifier, now time.Time) core.SubscriberInfo {
	o, st := n.Options(), n.Status()
	info := core.SubscriberInfo{
		Name: o.Name, Kind: core.NotifierSubscriber, Programs: o.Programs.Patterns(), BufferSize: o.BufferSize,
		Overflow: o.Overflow.String(), Payload: "notification",
		Queued: st.Queued, InFlight: st.InFlight, Counters: st.Counters, Suppressed: st.Suppressed, Defects: st.Defects, LastError: st.LastError, GivenUp: st.GivenUp, LastDelivery: st.Delivered,
	}
	if !st.Oldest.IsZero() {
		info.OldestAge = max(now.Sub(st.Oldest), 0)
	}
	info.Spool = st.Spool
	return info
}

// Outlets are the methods of the hark namespace about notifiers and log sinks.
type Outlets struct{ outlets *outlets.Set }

// Silence implements rpc.Notifiers.
func (c Outlets) Silence(s rpc.Silence, lasts time.Duration) (int, error) {
	now := time.Now()
	return c.outlets.Silences().Add(now, notify.Silence{
		Programs: s.Programs, Events: s.Events, Notifiers: s.Notifiers, Comment: s.Comment, Until: now.Add(lasts),
	})
}

// Silences implements rpc.Notifiers.
func (c Outlets) Silences() (all []rpc.Silence) {
	for _, s := range c.outlets.Silences().List(time.Now()) {
		all = append(all, rpc.Silence(s))
	}
	return all
}

// Unsilence implements rpc.Notifiers.
func (c Outlets) Unsilence(id int) error {
	if c.outlets.Silences().Remove(time.Now(), id) != nil {
		return rpc.ErrNoSuch
	}
	return nil
}

// TestNotifier implements rpc.Notifiers.
func (c Outlets) TestNotifier(ctx context.Context, name string) (rpc.NotifierTest, error) {
	t, err := c.outlets.TestNotifier(ctx, name)
	if errors.Is(err, outlets.ErrNoOutlet) {
		err = rpc.ErrNoSuch
	}
	return rpc.NotifierTest(t), err
}

// channels are those of which a sink gets the output.
func channels(o logsink.Options) (all []string) {
	if o.Stdout {
		all = append(all, "stdout")
	}
	if o.Stderr {
		all = append(all, "stderr")
	}
	return all
}

// LogSinks implements rpc.Notifiers.
func (c Outlets) LogSinks() (all []rpc.LogSink) {
	now := time.Now()
	for _, k := range c.outlets.LogSinks() {
		o, st := k.Options(), k.Status()
		info := rpc.LogSink{
			Name: o.Name, Overflow: o.Overflow.String(), Programs: o.Programs.Patterns(), Channels: channels(o),
			BufferBytes: o.BufferBytes, Queued: st.Queued, InFlight: st.InFlight, Paused: st.Paused,
			Accepted: st.Accepted, Written: st.Written, Dropped: st.Dropped, Batches: st.Batches, Redelivered: st.Redelivered,
			Refused: st.Refused, Violations: st.Violations, Streams: st.Streams, Defects: st.Defects, LastError: st.LastError, GivenUp: st.GivenUp, LastDelivery: st.Acked, Spool: st.Spool,
		}
		if !st.Oldest.IsZero() {
			info.OldestAge = max(now.Sub(st.Oldest), 0)
		}
		all = append(all, info)
	}
	return all
}

// Outlets returns what clients call about notifiers and log sinks.
func (e *Set) Outlets() Outlets { return Outlets{e.outlets} }
