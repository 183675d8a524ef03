package output

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/logs"
)

// Sinks are the log sinks that get copies of the output of processes. The methods may be called from any goroutine.
type Sinks struct{ table atomic.Pointer[sinkTable] }

// sinkTable is the sinks at one time. It is replaced, never changed.
type sinkTable struct{ sinks []logs.Sink }

// Set replaces the sinks. Call Pair.Retap for the channels of processes that run.
func (s *Sinks) Set(sinks []logs.Sink) {
	var t *sinkTable // none: output costs nothing more
	if len(sinks) > 0 {
		t = &sinkTable{slices.Clone(sinks)}
	}
	s.table.Store(t)
}

// Keep passes has, which reports whether a process exists, to the sinks: they may have served an earlier Supervisor with other
// processes.
func (s *Sinks) Keep(has func(group, process string) bool) {
	if t := s.table.Load(); t != nil {
		for _, sink := range t.sinks {
			sink.Keep(has)
		}
	}
}

// Gone notifies the sinks that a process no longer exists.
func (s *Sinks) Gone(group, process string) {
	if t := s.table.Load(); t != nil {
		for _, sink := range t.sinks {
			sink.Gone(group, process)
		}
	}
}

// taps are a channel's connections to the sinks. They belong to the thread of its poller.
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

// sink passes output to the sinks.
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

// tap connects the channel to the present sinks.
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

// retap connects the channel to the present sinks if they were replaced.
func (c *Channel) retap() child.Work {
	if c.Sinks.table.Load() != c.taps.table {
		c.tap()
		c.settlePause()
	}
	return nil
}
