package turns

import (
	"sync/atomic"
	"time"
)

// stats measures the turns of the loop: a turn is as long as any caller may have to wait for the loop.
type stats struct {
	began   time.Time // belongs to the loop
	count   atomic.Uint64
	busy    atomic.Int64
	slow    atomic.Uint64
	longest atomic.Int64 // since the last call of Info
	ever    atomic.Int64
}

// Slow is how long a turn of the loop may take before it counts as slow: a turn should never take so long.
const Slow = 10 * time.Millisecond

func (t *stats) begin() { t.began = time.Now() }

func (t *stats) end() {
	if t.began.IsZero() { // the first one, which starts all programs
		return
	}
	took := int64(time.Since(t.began))
	t.count.Add(1)
	t.busy.Add(took)
	if took > int64(Slow) {
		t.slow.Add(1)
	}
	for _, most := range []*atomic.Int64{&t.longest, &t.ever} {
		if took > most.Load() {
			most.Store(took)
		}
	}
}

// Info describes how busy a loop is.
type Info struct {
	Turns   uint64        `rpc:"turns" doc:"turns of the loop"`
	Busy    time.Duration `rpc:"busy" doc:"the seconds that they took together"`
	Slow    uint64        `rpc:"slow" doc:"turns of more than 10 ms"` // the constant
	Longest time.Duration `rpc:"longest" doc:"the longest since the last call, in seconds"`
	Ever    time.Duration `rpc:"longest_ever" doc:"the longest since the start, but for the turn that starts the programs"`
}

// Info returns how long the turns of the loop take, and resets Longest. It does not block.
func (l *Loop[S]) Info() Info {
	i := l.Totals()
	i.Longest = time.Duration(l.stats.longest.Swap(0))
	return i
}

// Totals returns Info without Longest, which is not reset. It does not block.
func (l *Loop[S]) Totals() Info {
	t := &l.stats
	return Info{Turns: t.count.Load(), Busy: time.Duration(t.busy.Load()), Slow: t.slow.Load(), Ever: time.Duration(t.ever.Load())}
}
