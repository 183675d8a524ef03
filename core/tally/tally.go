// Package tally counts what the metrics of the daemon report: how processes end, what is started, and what log files get.
package tally

import (
	"maps"
	"strconv"
	"sync/atomic"

	"github.com/hark-supervisor/hark/eventlistener"
)

// maxEndings bounds how many different endings are told apart; what comes after them is counted as "other".
const maxEndings = 32

// Tally is what was counted since the daemon began, or was restarted.
type Tally struct {
	Events  map[string]uint64 // made, by type
	Endings map[string]uint64 // of processes: "0", "3", "signal 9"; at most 32 different ones, the rest is "other"
	Starts  map[string]uint64 // processes started, by group, since it was added
	// Of programs' log files.
	LogBytes, LogDropped, LogRotations uint64
}

// Counter counts starts and endings. It belongs to one goroutine.
type Counter struct {
	endings map[string]uint64
	starts  map[string]uint64
}

// New has counted nothing yet.
func New() *Counter {
	return &Counter{endings: map[string]uint64{}, starts: map[string]uint64{}}
}

// Started counts a process of a group.
func (c *Counter) Started(group string) { c.starts[group]++ }

// Removed forgets a group.
func (c *Counter) Removed(group string) { delete(c.starts, group) }

// Ended counts how a process ended.
func (c *Counter) Ended(e eventlistener.Exit) {
	key := strconv.Itoa(e.Status)
	if e.Signal != 0 {
		key = "signal " + strconv.Itoa(e.Signal)
	}
	if _, known := c.endings[key]; !known && len(c.endings) >= maxEndings {
		key = "other"
	}
	c.endings[key]++
}

// Read gives what was counted. Of the groups given, one that has started nothing has a count too.
func (c *Counter) Read(events map[eventlistener.Type]uint64, groups []string) Tally {
	t := Tally{Events: make(map[string]uint64, len(events)), Endings: maps.Clone(c.endings), Starts: make(map[string]uint64, len(groups))}
	for kind, n := range events {
		t.Events[kind.String()] = n
	}
	for _, group := range groups {
		t.Starts[group] = c.starts[group]
	}
	return t
}

// Logs counts what programs' log files get. It may be used on any thread.
type Logs struct{ bytes, dropped, rotations atomic.Uint64 }

// Wrote counts what one write did to a log file.
func (l *Logs) Wrote(bytes, dropped, rotations int) {
	l.bytes.Add(uint64(bytes - dropped))
	if dropped > 0 {
		l.dropped.Add(uint64(dropped))
	}
	if rotations > 0 {
		l.rotations.Add(uint64(rotations))
	}
}

// Read adds what was counted to t.
func (l *Logs) Read(t *Tally) {
	t.LogBytes, t.LogDropped, t.LogRotations = l.bytes.Load(), l.dropped.Load(), l.rotations.Load()
}
