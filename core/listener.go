package core

import (
	"fmt"
	"os"
	"time"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
)

// openPool makes the pool of a listener group and subscribes it: from now on events are queued for its listeners, whether or
// not they have been started.
func (l *loop) openPool(g *group) {
	s, conf := l.surroundings, g.conf.Listener
	c := eventlistener.PoolConfig{
		Name:          g.conf.Name,
		Server:        l.Identifier(),
		BufferSize:    conf.BufferSize,
		Emit:          func(o eventlistener.Outcome) { l.pooled(g, o) },
		Programs:      conf.Programs,
		Overflow:      conf.Overflow,
		MaxInFlight:   conf.MaxInFlight,
		AckTimeout:    conf.AckTimeout,
		MaxDeliveries: conf.MaxDeliveries,
		Payload:       conf.Payload,
	}
	if conf.PrintResults {
		c.Result = eventlistener.PrintHandler(l.print)
	}
	if g.spool != nil {
		c.Spool = g.spool.Queue
	}
	g.pool = eventlistener.NewPool(l.bus, c)
	for _, m := range g.members {
		m.listens = g.pool.Add(m.conf.Name)
		m.output.Replies = func(ch *child.Child, b []byte) { s.said(m, ch, b) }
	}
	for _, t := range conf.Events {
		g.types = append(g.types, t.String())
	}
	l.pools = append(l.pools, g)
	l.bus.Subscribe(g.pool, conf.Events)
}

// printPatience is how long the end of a life waits for results to be printed.
const printPatience = time.Second

// print writes a listener's answer to the daemon's standard output, without waiting.
func (l *loop) print(b []byte) {
	if l.printer == nil {
		out := l.opts.Stdout
		if out == nil {
			out = os.Stdout
		}
		log := l.log // for the printer's goroutine
		l.printer = logs.NewPrinter(out, func(n int) {
			log(config.WARN, fmt.Sprintf("standard output is blocked: dropped %d bytes that listeners printed", n))
		})
	}
	l.printer.Print(b)
}

// pooled logs an outcome of a pool and acts on it. The pool calls it in the middle of its own work, so a listener that must
// be restarted is only noted here: restartListeners does it later.
func (l *loop) pooled(g *group, o eventlistener.Outcome) {
	min := eventlistener.Level(l.opts.Config.Supervisord.LogLevel) //nolint:gosec // levels are small
	o.Log(min, func(level eventlistener.Level, text string) { l.log(config.Level(level), text) })
	switch o.Kind {
	case eventlistener.Overflowed:
		// The loss of an EVENTS_DISCARDED event is not announced: each announcement could cause the next loss.
		if o.Event.Type() != eventlistener.EventsDiscarded {
			l.lost(o.Pool, 1, nil)
		}
	case eventlistener.Lost:
		l.lost(o.Pool, 1, nil)
	case eventlistener.DeadLetter:
		if l.opts.DeadLetter != nil {
			l.opts.DeadLetter(o, l.clock.Now())
		}
	case eventlistener.TimedOut:
		l.restarts.Want(g.member(o.Listener), true)
	case eventlistener.Violated:
		g.member(o.Listener).channels.Deafen()
		if g.conf.Listener.RestartOnError {
			l.restarts.Want(g.member(o.Listener), false)
		}
	}
}

// listenerMoved notifies a pool of a change of state of its listener's process.
func (m *member) listenerMoved(from, to process.State) {
	switch {
	case to == process.Running:
		m.listens.Running(m.child)
	case to == process.Stopping, from == process.Running && to == process.Unknown:
		m.listens.Stopping()
	} // after an exit, Exited is called
}

// said passes what a listener wrote to its stdout to the loop.
func (s *surroundings) said(m *member, c *child.Child, b []byte) {
	if !s.turns.AtOnce(func(l *loop) { l.listenerSaid(m, c, b) }) {
		kept := append([]byte(nil), b...)
		s.turns.PutOutput(len(b), func(l *loop) { l.listenerSaid(m, c, kept) })
	}
}

// listenerSaid feeds a listener's output to the pool. Output of an earlier child, which its descendants may still write, is
// ignored: it is not an answer of the present one.
func (l *loop) listenerSaid(m *member, c *child.Child, said []byte) {
	if l.opts.Config.Supervisord.LogLevel <= config.DEBG { // here, so that the line comes after that of the event sent and before that of the outcome
		l.log(config.DEBG, activity.Reply(m.conf.Name, output.Stdout, said))
	}
	if c == m.child {
		m.listens.Feed(said)
	}
}

// dispatch sends buffered events to the listeners that are ready.
func (l *loop) dispatch() {
	for _, g := range l.pools {
		g.pool.Dispatch()
	}
}

// checkPools looks for listeners that have not answered an event for too long.
func (l *loop) checkPools(now time.Time) {
	for _, g := range l.pools {
		g.pool.Check(now)
	}
}

func (l *loop) nextPoolCheck(time.Time) (time.Time, bool) {
	var next time.Time
	for _, g := range l.pools {
		if at, ok := g.pool.Deadline(); ok && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, !next.IsZero()
}

// restartListeners stops the listeners that are to be restarted, as each is configured (stopsignal, then SIGKILL after
// stopwaitsecs), and starts those whose pause is over.
func (l *loop) restartListeners(now time.Time) {
	for _, w := range l.restarts.Wanted() {
		m := w.Listener
		if st := m.machine.State(); st != process.Running && st != process.Starting {
			continue // it is being stopped, or gone
		}
		l.log(config.WARN, activity.RestartListener(m.conf.Name))
		l.restarts.Stopping(m)
		l.whenStopped(m, true, func(*Error) { l.restarts.Stopped(m, &m.again, l.clock.Now()) })
		l.step(m, process.Stop{})
		if w.Blame {
			m.listens.Blame()
		}
	}
	for _, m := range l.restarts.Due(now) {
		if l.groups[m.group.conf.Name] == m.group && m.machine.State().IsStopped() {
			m.restarts++
			l.step(m, process.Start{})
		}
	}
}
