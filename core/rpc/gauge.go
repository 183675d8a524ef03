package rpc

import "time"

// gauge knows how many descriptors the process has open. To count them takes time where they are many, so that of connections alone is
// followed meanwhile. The owner of a gauge holds a lock.
type gauge struct {
	count  func() (open int, known bool)
	now    func() time.Duration
	others int           // what is open in addition to connections
	due    time.Duration // when that is counted again; 0: never was
	blind  bool          // it cannot be counted
}

// countShare: counting takes no more than one in so many of the time.
const countShare = 100

// inUse is how many descriptors are open when a new connection has one, and there are so many connections in addition to it. Where they cannot be
// counted it is a lower bound: the kernel assigns the lowest free number.
func (g *gauge) inUse(descriptor, connections int) int {
	if now := g.now(); !g.blind && now >= g.due {
		open, known := g.count()
		g.blind, g.others = !known, max(open-connections-1, 0)
		g.due = g.now() + max(lookAgain, countShare*(g.now()-now))
	}
	return max(g.others+connections+1, descriptor+1)
}

// stale makes what was counted be counted again.
func (g *gauge) stale() { g.due = 0 }
