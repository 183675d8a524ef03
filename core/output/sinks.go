package output

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/logs"
)

// Sinks are who gets copies of what processes write. They may be used on any thread.
type Sinks struct{ table atomic.Pointer[sinkTable] }

// sinkTable is the sinks at one time. It is replaced, never changed.
type sinkTable struct{ sinks []logs.Sink }

// Set replaces them. Channels of processes that run have to be retapped.
func (s *Sinks) Set(sinks []logs.Sink) {
	var t *sinkTable // none: output costs nothing more
	if len(sinks) > 0 {
		t = &sinkTable{slices.Clone(sinks)}
	}
	s.table.Store(t)
}

// Keep tells the sinks which processes there are: they may have served another supervisor before.
func (s *Sinks) Keep(has func(group, process string) bool) {
	if t := s.table.Load(); t != nil {
		for _, sink := range t.sinks {
			sink.Keep(has)
		}
	}
}

// Gone tells the sinks that a process is no longer there.
func (s *Sinks) Gone(group, process string) {
	if t := s.table.Load(); t != nil {
		for _, sink := range t.sinks {
			sink.Gone(group, process)
		}
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
func (c *Channel) sink(b []byte) {
	if c.Sinks.table.Load() != c.taps.table {
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
func (c *Channel) tap() {
	c.taps = taps{table: c.Sinks.table.Load()}
	if c.taps.table == nil || c.replies != nil {
		return
	}
	for _, sink := range c.taps.table.sinks {
		t := &tap{}
		t.log = sink.Source(c.process.Group, c.process.Name, c.name, func() {
			c.post(func() child.Work {
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
func (c *Channel) retap() child.Work {
	if c.Sinks.table.Load() != c.taps.table {
		c.tap()
		c.settlePause()
	}
	return nil
}
