package economy

import (
	"runtime/debug"
	"testing"
)

// The servers of two lives may be crowded at once; the last that is not gives the usual target back.
func TestCrowds(t *testing.T) {
	const usual = 100
	before := debug.SetGCPercent(usual)
	defer debug.SetGCPercent(before)
	target := func() int {
		now := debug.SetGCPercent(usual)
		debug.SetGCPercent(now)
		return now
	}
	t.Setenv("GOGC", "")
	var c Crowds
	for i, step := range []struct {
		many bool
		want int
	}{{true, crowdedGC}, {true, crowdedGC}, {false, crowdedGC}, {false, usual}} {
		if c.Crowded(step.many); target() != step.want {
			t.Errorf("step %d: %d, want %d", i, target(), step.want)
		}
	}
	t.Setenv("GOGC", "200")
	if c.Crowded(true); target() != usual {
		t.Error("what the environment says is overruled")
	}
}
