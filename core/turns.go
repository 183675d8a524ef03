package core

import (
	"sync/atomic"
	"time"
)

// turns measures the loop: how long it is busy before it waits again is how long everybody else may have to wait for it.
type turns struct {
	began   time.Time // the loop's alone
	count   atomic.Uint64
	busy    atomic.Int64
	slow    atomic.Uint64
	longest atomic.Int64 // since it was asked last
	ever    atomic.Int64
}

// SlowTurn is how long a turn of the loop may take before it counts as slow: what a turn is for should never take so long.
const SlowTurn = 10 * time.Millisecond

func (t *turns) begin() { t.began = time.Now() }

func (t *turns) end() {
	if t.began.IsZero() { // the first one, which starts all programs
		return
	}
	took := int64(time.Since(t.began))
	t.count.Add(1)
	t.busy.Add(took)
	if took > int64(SlowTurn) {
		t.slow.Add(1)
	}
	for _, most := range []*atomic.Int64{&t.longest, &t.ever} {
		if took > most.Load() {
			most.Store(took)
		}
	}
}

// LoopInfo is how busy the supervisor's loop is.
type LoopInfo struct {
	Turns   uint64
	Busy    time.Duration // that they took together
	Slow    uint64        // of them that took longer than SlowTurn
	Longest time.Duration // since LoopInfo was asked for last
	Ever    time.Duration // since the start, but for the turn that starts the programs
}

// LoopInfo reports how long the turns of the loop take. It does not block.
func (s *Supervisor) LoopInfo() LoopInfo {
	i := s.LoopTotals()
	i.Longest = time.Duration(s.turns.longest.Swap(0))
	return i
}

// LoopTotals is LoopInfo without Longest: whoever asks for it takes that from nobody else. It does not block.
func (s *Supervisor) LoopTotals() LoopInfo {
	t := &s.turns
	return LoopInfo{Turns: t.count.Load(), Busy: time.Duration(t.busy.Load()), Slow: t.slow.Load(), Ever: time.Duration(t.ever.Load())}
}
