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

// openPool makes the pool of a listener group and subscribes it: from now on
// events wait for its listeners, started or not.
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

// print writes what a listener answered to our standard output, without waiting.
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

// pooled logs what happened in a pool and sees to what follows from it. It is
// called from within the pool, so what acts on a process waits for restartListeners.
func (l *loop) pooled(g *group, o eventlistener.Outcome) {
	min := eventlistener.Level(l.opts.Config.Supervisord.LogLevel) //nolint:gosec // levels are small
	o.Log(min, func(level eventlistener.Level, text string) { l.log(config.Level(level), text) })
	switch o.Kind {
	case eventlistener.Overflowed:
		// That a loss was announced to a full buffer is no news: it would have no end.
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
		l.restarts.Want(g.byName[o.Listener], true)
	case eventlistener.Violated:
		g.byName[o.Listener].channels.Deafen()
		if g.conf.Listener.RestartOnError {
			l.restarts.Want(g.byName[o.Listener], false)
		}
	}
}

// listenerMoved tells a pool what its listener's process has become.
func (m *member) listenerMoved(from, to process.State) {
	switch {
	case to == process.Running:
		m.listens.Running(m.child)
	case to == process.Stopping, from == process.Running && to == process.Unknown:
		m.listens.Stopping()
	} // after an exit Exited follows
}

// said has the loop take what a listener wrote to its stdout.
func (s *surroundings) said(m *member, c *child.Child, b []byte) {
	if !s.turns.AtOnce(func(l *loop) { l.listenerSaid(m, c, b) }) {
		kept := append([]byte(nil), b...)
		s.turns.PutOutput(len(b), func(l *loop) { l.listenerSaid(m, c, kept) })
	}
}

// listenerSaid takes what a listener wrote. What descendants of
// one that ended still write is no answer of the next.
func (l *loop) listenerSaid(m *member, c *child.Child, said []byte) {
	if l.opts.Config.Supervisord.LogLevel <= config.DEBG { // here, so that it stands between what was sent and what came of it
		l.log(config.DEBG, activity.Reply(m.conf.Name, output.Stdout, said))
	}
	if c == m.child {
		m.listens.Feed(said)
	}
}

// dispatch gives buffered events to the listeners that are ready.
func (l *loop) dispatch() {
	for _, g := range l.pools {
		g.pool.Dispatch()
	}
}

// checkPools looks for listeners that owe an answer for too long.
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

// restartListeners stops the listeners that are to be restarted, in the
// process's own way (stopsignal, then SIGKILL after stopwaitsecs), and starts
// those whose pause is over.
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
