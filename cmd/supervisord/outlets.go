package main

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/deadletters"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/spools"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/plugins/logsink"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/plugins/outlets"
	"github.com/hark-supervisor/hark/sdk"
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

// move turns to a supervisor that does not run yet: who is attached is attached to that, and the sinks get the output of its programs.
func (c *outletCore) move(s *core.Supervisor, letters *deadletters.Log) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.supervisor, c.letters = s, letters
	for n := range c.attached {
		a := attachment(n)
		c.attached[n] = a
		_ = s.Attach(context.Background(), a) // it has ended already, at the worst
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

// Attach is outlets.Core's.
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

// Detach is outlets.Core's.
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

// unlessEnded is an error but for that of a supervisor that has ended: from that nobody gets anything, and the next one is moved to.
func unlessEnded(err error) error {
	if errors.Is(err, core.ErrEnded) {
		return nil
	}
	return err
}

// SetSinks is outlets.Core's.
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

// EventsLost is outlets.Core's.
func (c *outletCore) EventsLost(notifier string, events int64) { c.now().EventsLost(notifier, events) }

// SinkLost is outlets.Core's.
func (c *outletCore) SinkLost(sink, group, process, channel string, pid int, bytes int64) {
	c.now().Publish(eventlistener.NewSinkDropped(sink, eventlistener.Process{Name: process, Group: group, Pid: pid}, channel, bytes))
}

// DeadLetter is outlets.Core's.
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
		Queued: st.Queued, InFlight: st.InFlight, Counters: st.Counters, Suppressed: st.Suppressed, Defects: st.Defects, LastError: st.LastError, LastDelivery: st.Delivered,
	}
	if !st.Oldest.IsZero() {
		info.OldestAge = max(now.Sub(st.Oldest), 0)
	}
	info.Spool = spoolInfo(st.Spool)
	return info
}

func spoolInfo(s *delivery.SpoolStatus) *spools.Info {
	if s == nil {
		return nil
	}
	return &spools.Info{Path: s.Path, Fault: s.Fault, MaxBytes: s.MaxBytes, Sync: s.Sync, Last: s.Last, Durable: s.Durable, Stats: s.Stats}
}

// notifierOptions are the options of a [notifier:x] section. Its severities were checked when it was read.
func notifierOptions(name string, c *config.Notifier, childLogDir string) notify.Options {
	severity := func(name string) sdk.Severity {
		s, _ := notify.ParseSeverity(name)
		return s
	}
	o := notify.Options{
		Name: name, Events: c.Events, Programs: c.Programs, BufferSize: c.BufferSize, Overflow: c.Overflow,
		Timeout: c.Timeout, RetryDelay: c.RetryDelay, RetryMax: c.RetryMaxDelay, MaxRetries: c.MaxRetries, MaxAge: c.MaxAge,
		Dedupe: c.DedupeWindow, GroupWait: c.GroupWait, GroupMax: c.GroupMax, Rate: notify.Rate{Count: c.Rate.Count, Period: c.Rate.Period},
		Quiet:       notify.QuietHours{From: c.Quiet.From, To: c.Quiet.To, Passing: severity(c.QuietSeverity)},
		MinSeverity: severity(c.MinSeverity), Title: c.Title, Body: c.Body,
	}
	for _, r := range c.Severities {
		o.Severities = append(o.Severities, notify.SeverityRule{Type: r.Type, Severity: severity(r.Severity)})
	}
	if c.Overflow == eventlistener.SpoolEvents {
		o.Spool = spoolIn(c.Spool, childLogDir)
	}
	return o
}

// sinkOptions are the options of a [logsink:x] section.
func sinkOptions(name string, c *config.LogSink, childLogDir string) logsink.Options {
	overflow, _ := logsink.ParseOverflow(c.Overflow)
	o := logsink.Options{
		Name: name, Programs: c.Programs, Stdout: c.Stdout, Stderr: c.Stderr, BufferBytes: c.BufferBytes, Overflow: overflow, MaxInFlight: c.MaxInFlight, RetryMax: c.RetryMaxDelay,
	}
	if overflow == logsink.SpoolOverflow {
		o.Spool = *spoolIn(c.Spool, childLogDir)
	}
	return o
}

func spoolIn(s config.Spool, otherwise string) *delivery.Spool {
	return &delivery.Spool{Dir: cmp.Or(s.SpoolDir, otherwise), MaxBytes: s.SpoolMaxBytes, Sync: s.SpoolSync}
}

// outletCalls are the methods of the hark namespace about notifiers and log sinks.
type outletCalls struct{ outlets *outlets.Set }

// Silence is rpc.Notifiers'.
func (c outletCalls) Silence(s rpc.Silence, lasts time.Duration) (int, error) {
	now := time.Now()
	return c.outlets.Silences().Add(now, notify.Silence{
		Programs: s.Programs, Events: s.Events, Notifiers: s.Notifiers, Comment: s.Comment, Until: now.Add(lasts),
	})
}

// Silences is rpc.Notifiers'.
func (c outletCalls) Silences() (all []rpc.Silence) {
	for _, s := range c.outlets.Silences().List(time.Now()) {
		all = append(all, rpc.Silence(s))
	}
	return all
}

// Unsilence is rpc.Notifiers'.
func (c outletCalls) Unsilence(id int) error {
	if c.outlets.Silences().Remove(time.Now(), id) != nil {
		return rpc.ErrNoSuch
	}
	return nil
}

// TestNotifier is rpc.Notifiers'.
func (c outletCalls) TestNotifier(ctx context.Context, name string) (rpc.NotifierTest, error) {
	t, err := c.outlets.TestNotifier(ctx, name)
	if errors.Is(err, outlets.ErrNoOutlet) {
		err = rpc.ErrNoSuch
	}
	return rpc.NotifierTest(t), err
}

// LogSinks is rpc.Notifiers'.
func (c outletCalls) LogSinks() (all []rpc.LogSink) {
	now := time.Now()
	for _, k := range c.outlets.LogSinks() {
		o, st := k.Options(), k.Status()
		info := rpc.LogSink{
			Name: o.Name, Overflow: o.Overflow.String(), Programs: o.Programs.Patterns(), Stdout: o.Stdout, Stderr: o.Stderr,
			BufferBytes: o.BufferBytes, Queued: st.Queued, InFlight: st.InFlight, Paused: st.Paused,
			Accepted: st.Accepted, Written: st.Written, Dropped: st.Dropped, Batches: st.Batches, Redelivered: st.Redelivered,
			Refused: st.Refused, Violations: st.Violations, Streams: st.Streams, Defects: st.Defects, LastError: st.LastError, LastDelivery: st.Acked, Spool: spoolInfo(st.Spool),
		}
		if !st.Oldest.IsZero() {
			info.OldestAge = max(now.Sub(st.Oldest), 0)
		}
		all = append(all, info)
	}
	return all
}
