package core

import (
	"fmt"
	"os"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
)

// openPool makes the pool of a listener group and subscribes it: from now on
// events wait for its listeners, started or not.
func (s *Supervisor) openPool(g *group) {
	l := g.conf.Listener
	c := eventlistener.PoolConfig{
		Name:          g.conf.Name,
		Server:        s.Identifier(),
		BufferSize:    l.BufferSize,
		Emit:          func(o eventlistener.Outcome) { s.pooled(g, o) },
		Programs:      l.Programs,
		Overflow:      l.Overflow,
		MaxInFlight:   l.MaxInFlight,
		AckTimeout:    l.AckTimeout,
		MaxDeliveries: l.MaxDeliveries,
		Payload:       l.Payload,
	}
	if l.PrintResults {
		c.Result = eventlistener.PrintHandler(s.print)
	}
	if g.spool != nil {
		c.Spool = g.spool.spool
	}
	g.pool = eventlistener.NewPool(s.bus, c)
	for _, m := range g.members {
		m.listens = g.pool.Add(m.conf.Name)
	}
	for _, t := range l.Events {
		g.types = append(g.types, t.String())
	}
	s.pools = append(s.pools, g)
	s.bus.Subscribe(g.pool, l.Events)
}

// printPatience is how long the end of a life waits for results to be printed.
const printPatience = time.Second

// print writes what a listener answered to our standard output, without waiting.
func (s *Supervisor) print(b []byte) {
	if s.printer == nil {
		out := s.opts.Stdout
		if out == nil {
			out = os.Stdout
		}
		s.printer = logs.NewPrinter(out, func(n int) {
			s.log(config.WARN, fmt.Sprintf("standard output is blocked: dropped %d bytes that listeners printed", n))
		})
	}
	s.printer.Print(b)
}

// pooled logs what happened in a pool and sees to what follows from it. It is
// called from within the pool, so what acts on a process waits for restartListeners.
func (s *Supervisor) pooled(g *group, o eventlistener.Outcome) {
	min := eventlistener.Level(s.opts.Config.Supervisord.LogLevel) //nolint:gosec // levels are small
	o.Log(min, func(level eventlistener.Level, text string) { s.log(config.Level(level), text) })
	switch o.Kind {
	case eventlistener.Overflowed:
		// That a loss was announced to a full buffer is no news: it would have no end.
		if o.Event.Type() != eventlistener.EventsDiscarded {
			s.lost(o.Pool, 1, nil)
		}
	case eventlistener.Lost:
		s.lost(o.Pool, 1, nil)
	case eventlistener.DeadLetter:
		if s.opts.DeadLetter != nil {
			s.opts.DeadLetter(o, s.clock.Now())
		}
	case eventlistener.TimedOut:
		s.restarts.want(g.byName[o.Listener], true)
	case eventlistener.Violated:
		if stdout := g.byName[o.Listener].stdout; stdout != nil {
			stdout.deaf.Store(true) // its chatter need not trouble the loop any more
		}
		if g.conf.Listener.RestartOnError {
			s.restarts.want(g.byName[o.Listener], false)
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

// listenerSaid takes what a listener wrote to its stdout. What descendants of
// one that ended still write is no answer of the next.
func (s *Supervisor) listenerSaid(m *member, c *child.Child, said []byte) {
	if c == m.child {
		m.listens.Feed(said)
	}
}

// dispatch gives buffered events to the listeners that are ready.
func (s *Supervisor) dispatch() {
	for _, g := range s.pools {
		g.pool.Dispatch()
	}
}

// checkPools looks for listeners that owe an answer for too long.
func (s *Supervisor) checkPools(now time.Time) {
	for _, g := range s.pools {
		g.pool.Check(now)
	}
}

func (s *Supervisor) nextPoolCheck() (time.Time, bool) {
	var next time.Time
	for _, g := range s.pools {
		if at, ok := g.pool.Deadline(); ok && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, !next.IsZero()
}
