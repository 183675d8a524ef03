package economy

import (
	"math"
	"runtime/debug"
	"testing"
)

// While there are many clients less memory is held, and as much as before when they have gone, however many servers there are.
func TestACrowdHoldsLessMemory(t *testing.T) {
	t.Setenv("GOGC", "")
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	look := func() (percent int, limit int64) {
		percent = debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
		return percent, debug.SetMemoryLimit(-1)
	}
	var c Crowds
	for _, many := range []bool{true, true, false} {
		c.Crowded(many)
		if p, l := look(); p != crowdedGC || l >= 1<<30 {
			t.Errorf("%d percent, at most %d bytes", p, l)
		}
	}
	c.Crowded(false)
	if p, l := look(); p != 100 || l != math.MaxInt64 {
		t.Errorf("in the end %d percent, at most %d bytes", p, l)
	}
}
