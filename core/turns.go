package core

import (
	"sync/atomic"
	"time"
)

// turns measures the loop: how long it is busy before it waits again is how long everybody else may have to wait for it.
type turns struct {
	began   time.Time // the loop's alone
	count   atomic.Uint64
	longest atomic.Int64 // since it was asked last
	ever    atomic.Int64
}

func (t *turns) begin() { t.began = time.Now() }

func (t *turns) end() {
	if t.began.IsZero() { // the first one, which starts all programs
		return
	}
	took := int64(time.Since(t.began))
	t.count.Add(1)
	for _, most := range []*atomic.Int64{&t.longest, &t.ever} {
		if took > most.Load() {
			most.Store(took)
		}
	}
}

// LoopInfo is how busy the supervisor's loop is.
type LoopInfo struct {
	Turns   uint64
	Longest time.Duration // since LoopInfo was asked for last
	Ever    time.Duration // since the start, but for the turn that starts the programs
}

// LoopInfo tells how long the turns of the loop take. It does not block.
func (s *Supervisor) LoopInfo() LoopInfo {
	return LoopInfo{Turns: s.turns.count.Load(), Longest: time.Duration(s.turns.longest.Swap(0)), Ever: time.Duration(s.turns.ever.Load())}
}
