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
	var faulty, looks, times atomic.Int64
	faulty.Store(enough)
	stop := start(settler{
		after: time.Millisecond, calm: time.Millisecond, seldom: time.Millisecond,
		faults: func() int64 {
			looks.Add(1)
			return faulty.Load()
		},
		giveBack: func() {
			runtime.GC()
			times.Add(1)
		},
	})
	defer stop()
	work := func() {
		t.Helper()
		before := looks.Load()
		testkit.Until(t, "it looks after a collection", func() bool {
			runtime.GC()
			return looks.Load() > before
		})
	}
	testkit.Until(t, "memory is given back", func() bool { return times.Load() == 1 })
	work()
	work() // but nothing came of it
	if got := times.Load(); got != 1 {
		t.Errorf("memory was given back %d times without need", got)
	}
	faulty.Add(enough)
	work()
	testkit.Until(t, "memory is given back again", func() bool { return times.Load() == 2 })
}

// Whoever has nothing to do is not woken: not even by the collections of giving memory back.
func TestWhoHasNothingToDoIsLeftAlone(t *testing.T) {
	var looks atomic.Int64
	stop := start(settler{
		after: time.Millisecond, calm: time.Millisecond, seldom: time.Millisecond,
		faults: func() int64 {
			looks.Add(1)
			return enough
		},
		giveBack: runtime.GC,
	})
	defer stop()
	testkit.Until(t, "it has looked once more", func() bool { return looks.Load() == 3 }) // twice around giving back
	before := collections()
	for range 50 {
		testkit.Pause()
	}
	if got := looks.Load(); got != 3 && collections() == before {
		t.Errorf("it looked %d times more", got-3)
	}
}

func TestItEndsWhileItWaits(t *testing.T) {
	for _, after := range []time.Duration{0, time.Hour} {
		start(settler{after: after, faults: func() int64 { return 0 }, giveBack: func() {}})()
	}
}
