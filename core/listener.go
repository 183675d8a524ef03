package core

import (
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
)

// openPool makes the pool of a listener group and subscribes it: from now on
// events wait for its listeners, started or not.
func (s *Supervisor) openPool(g *group) {
	g.pool = eventlistener.NewPool(s.bus, eventlistener.PoolConfig{
		Name:       g.conf.Name,
		Server:     s.Identifier(),
		BufferSize: g.conf.Listener.BufferSize,
		Emit:       s.logOutcome,
	})
	for _, m := range g.members {
		m.listens = g.pool.Add(m.conf.Name)
	}
	s.bus.Subscribe(g.pool, g.conf.Listener.Events)
}

// logOutcome writes what Supervisor logs of a pool and its listeners.
func (s *Supervisor) logOutcome(o eventlistener.Outcome) {
	min := eventlistener.Level(s.opts.Config.Supervisord.LogLevel) //nolint:gosec // levels are small
	o.Log(min, func(level eventlistener.Level, text string) { s.log(config.Level(level), text) })
}

// listenerMoved tells a pool what its listener's process has become.
func (m *member) listenerMoved(from, to process.State) {
	switch {
	case to == process.Running:
		m.listens.Running(m.child)
	case from == process.Running:
		m.listens.Stopping()
	}
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
	for _, g := range s.order {
		if g.pool != nil {
			g.pool.Dispatch()
		}
	}
}
