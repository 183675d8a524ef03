package economy

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// crowdedGC is the garbage collector's target, in percent, while many clients are connected. What they have is little in
// itself, but twice that is held at the usual target of 100.
const crowdedGC = 50

// crowdMemory is how many bytes many clients may have beyond what there is before the garbage collector does more than that.
const crowdMemory = 64 << 20

// Crowds has less memory held while many clients are connected, unless the environment (GOGC) says how much is.
type Crowds struct {
	mu             sync.Mutex
	servers, usual int
	limit          int64 // of memory, as it was
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
			c.limit = debug.SetMemoryLimit(-1)
			debug.SetMemoryLimit(min(inUse()+crowdMemory, c.limit))
		}
	default:
		if c.servers--; c.servers == 0 {
			debug.SetGCPercent(c.usual)
			debug.SetMemoryLimit(c.limit)
		}
	}
}

// inUse is the memory that the runtime has of the system.
func inUse() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}
