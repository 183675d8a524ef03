// Package tally counts what the metrics of the daemon report: how processes end, what is started, and what log files get.
package tally

import (
	"maps"
	"strconv"
	"sync/atomic"

	"github.com/hark-supervisor/hark/eventlistener"
)

// maxEndings bounds how many different endings are counted separately; further ones are counted as "other".
const maxEndings = 32

// Tally has the totals since the daemon began, or was restarted.
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

// New returns a Counter whose counts are zero.
func New() *Counter {
	return &Counter{endings: map[string]uint64{}, starts: map[string]uint64{}}
}

// Started counts a start of a process of a group.
func (c *Counter) Started(group string) { c.starts[group]++ }

// Removed drops the count of a group that was removed.
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

// Read returns the totals. Each of the groups given has a count, 0 if none of its processes was started.
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

// Logs counts the bytes written to and dropped from programs' log files, and their rotations. Its methods may be called from any
// goroutine.
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

// Read adds the counts to t.
func (l *Logs) Read(t *Tally) {
	t.LogBytes, t.LogDropped, t.LogRotations = l.bytes.Load(), l.dropped.Load(), l.rotations.Load()
}
