package settle

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Memory is given back after the start, and again after there was work; what giving it back does itself is none.
func TestMemoryIsGivenBackAfterWork(t *testing.T) {
	var faulty, times atomic.Int64
	faulty.Store(enough)
	stop := start(settler{
		after: time.Millisecond, calm: time.Millisecond, seldom: time.Millisecond,
		faults: faulty.Load,
		giveBack: func() {
			runtime.GC()
			times.Add(1)
		},
	})
	defer stop()
	given := func(n int64) {
		t.Helper()
		testkit.Until(t, "memory is given back", func() bool { return times.Load() >= n })
		for range 20 {
			testkit.Pause()
		}
		if got := times.Load(); got != n {
			t.Fatalf("%d times, want %d", got, n)
		}
	}
	given(1)
	runtime.GC() // work, but nothing came of it
	given(1)
	faulty.Add(enough)
	given(1) // nothing is looked at while no garbage is collected
	runtime.GC()
	given(2)
}

func TestItEndsWhileItWaits(t *testing.T) {
	for _, after := range []time.Duration{0, time.Hour} {
		start(settler{after: after, faults: func() int64 { return 0 }, giveBack: func() {}})()
	}
}
