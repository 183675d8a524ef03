package core

import (
	"slices"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/logs"
)

// sinkTable is the sinks at one time. It is replaced, never changed.
type sinkTable struct{ sinks []logs.Sink }

// SetSinks says who gets copies of what processes write, from now on; those that are no longer among them get
// nothing more soon after, and hold no process back. A listener's answers are not output. It may be called from any goroutine and does not block.
func (s *Supervisor) SetSinks(sinks []logs.Sink) {
	var t *sinkTable // none: output costs nothing more
	if len(sinks) > 0 {
		t = &sinkTable{slices.Clone(sinks)}
	}
	s.sinks.Store(t)
	s.turns.Put(func(l *loop) {
		if t != nil {
			for _, sink := range t.sinks {
				sink.Keep(l.has) // they may have served another supervisor before
			}
		}
		for _, g := range l.order {
			for _, m := range g.members {
				for _, c := range m.channels() {
					s.post(c, c.retap)
				}
			}
		}
	})
}

// has reports whether there is a process.
func (l *loop) has(group, process string) bool {
	g := l.groups[group]
	return g != nil && g.byName[process] != nil
}

// tellSinks tells the sinks that a process is no longer there.
func (l *loop) tellSinks(m *member) {
	t := l.sinks.Load()
	if t == nil {
		return
	}
	for _, sink := range t.sinks {
		sink.Gone(m.group.conf.Name, m.conf.Name)
	}
}

// taps are where a channel's output goes beside its log. They belong to the thread of its poller.
type taps struct {
	table *sinkTable
	all   []*tap
}

// tap is a channel's end of one sink.
type tap struct {
	log  func(pid int, at time.Time, b []byte) (full bool)
	full bool
}

func (t *taps) full() bool {
	for _, one := range t.all {
		if one.full {
			return true
		}
	}
	return false
}

// sink gives output to the sinks.
func (c *channel) sink(b []byte) {
	if c.s.sinks.Load() != c.taps.table {
		c.tap()
	}
	if len(c.taps.all) == 0 {
		return
	}
	pid, now := 0, time.Now()
	if ch := c.child.Load(); ch != nil {
		pid = ch.Pid()
	}
	full := false
	for _, t := range c.taps.all {
		if t.log(pid, now, b) {
			t.full, full = true, true
		}
	}
	if full {
		c.settlePause()
	}
}

// tap turns to the sinks there are now.
func (c *channel) tap() {
	c.taps = taps{table: c.s.sinks.Load()}
	if c.taps.table == nil || c.replies {
		return
	}
	for _, sink := range c.taps.table.sinks {
		t := &tap{}
		t.log = sink.Source(c.member.group.conf.Name, c.member.conf.Name, c.name, func() {
			c.s.post(c, func() child.Work {
				t.full = false
				c.settlePause()
				return nil
			})
		})
		if t.log != nil {
			c.taps.all = append(c.taps.all, t)
		}
	}
}

// retap lets go of sinks that are there no more.
func (c *channel) retap() child.Work {
	if c.s.sinks.Load() != c.taps.table {
		c.tap()
		c.settlePause()
	}
	return nil
}
