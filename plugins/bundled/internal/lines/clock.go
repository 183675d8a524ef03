package lines

import "time"

// maxClocks bounds the channels whose last time a Clock remembers.
const maxClocks = 10000

// Clock makes the times of a channel's lines increase: a chunk has one time for all of its lines, and a receiver that sorts
// by time shows lines of the same time in any order. It is used by one goroutine at a time.
type Clock struct {
	tick time.Duration
	last map[key]time.Time
}

// NewClock returns a Clock whose times are multiples of tick, the receiver's resolution: 1 ns or more.
func NewClock(tick time.Duration) *Clock { return &Clock{tick, map[key]time.Time{}} }

// Of is the time of a line: its own or, where that is not later than the one before it in the channel, a tick after that.
func (c *Clock) Of(l *Line) time.Time {
	k := key{l.Group, l.Process, l.Channel}
	t := l.Time.Truncate(c.tick)
	if last, ok := c.last[k]; ok && !t.After(last) {
		t = last.Add(c.tick)
	}
	if len(c.last) >= maxClocks {
		clear(c.last)
	}
	c.last[k] = t
	return t
}
