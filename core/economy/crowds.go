package economy

import (
	"os"
	"runtime/debug"
	"sync"
)

// crowdedGC is the garbage collector's target, in percent, while many clients are connected. What they have is little in
// itself, but twice that is held at the usual target of 100.
const crowdedGC = 50

// Crowds has less memory held while many clients are connected, unless the environment (GOGC) says how much is.
type Crowds struct {
	mu             sync.Mutex
	servers, usual int
}

// Crowded notes that a server has many clients, or that it has no longer. The servers of two lives may overlap.
func (c *Crowds) Crowded(many bool) {
	if os.Getenv("GOGC") != "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case many:
		if c.servers++; c.servers == 1 {
			c.usual = debug.SetGCPercent(crowdedGC)
		}
	default:
		if c.servers--; c.servers == 0 {
			debug.SetGCPercent(c.usual)
		}
	}
}
