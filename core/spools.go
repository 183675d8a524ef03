package core

import (
	"sync"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/spools"
	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// spoolHooks returns the hooks of the spools of this life.
func (s *surroundings) spoolHooks() spools.Hooks {
	return spools.Hooks{
		Report: func(ps *spools.Spool, r spool.Report) bool {
			return s.turns.Put(func(l *loop) { ps.Reported(r, l.log, l.lost) })
		},
		Ready: func() { s.turns.Put(func(*loop) {}) }, // dispatch comes at the end of every turn
		Log:   s.log,
	}
}

// openSpools opens the spools of all groups and makes the bus continue after the numbers that are in them. It waits for the
// disks.
func (l *loop) openSpools(groups []*config.Group) map[string]*spools.Spool {
	all := spools.OpenAll(groups, l.opts.Config.Supervisord.ChildLogDir, l.spoolHooks())
	for _, ps := range all {
		ps.Resume(l.bus, l.log)
	}
	return all
}

// closeSpools closes all spools at the same time, and waits for those that are
// being closed.
func (l *loop) closeSpools() {
	log := l.log
	var all sync.WaitGroup
	for _, g := range l.order {
		all.Go(func() { g.spool.Close(log) })
	}
	all.Wait()
	for _, done := range l.closing {
		<-done
	}
}

// abandonSpool closes the spool of a group that is removed, off the loop. Its
// files stay: a pool of that name finds them.
func (l *loop) abandonSpool(g *group) {
	ps := g.spool
	if ps == nil || ps.Queue == nil {
		return
	}
	ps.Left(g.pool.Queued()+g.pool.InFlight(), l.log)
	done := make(chan struct{})
	l.closing[g.conf.Name] = done
	name := g.conf.Name
	go func(s *surroundings) {
		defer s.turns.Put(func(l *loop) {
			if l.closing[name] == done {
				delete(l.closing, name)
			}
		})
		defer close(done)
		ps.Close(s.log)
	}(l.surroundings)
}
