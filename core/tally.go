package core

import (
	"context"
	"strconv"
	"sync/atomic"

	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
)

// maxEndings bounds how many different endings are told apart; what comes after them is counted as "other".
const maxEndings = 32

// Tally is what was counted since the daemon began, or was restarted.
type Tally struct {
	Events  map[string]uint64 // made, by type
	Endings map[string]uint64 // of processes: "0", "3", "signal 9"; at most 32 different ones, the rest is "other"
	Starts  map[string]uint64 // processes started, by group, since it was added
	// Of programs' log files.
	LogBytes, LogDropped, LogRotations uint64
}

// tally counts. Its maps are the loop's, the numbers of logs are the pollers' too.
type tally struct {
	endings                   map[string]uint64
	starts                    map[string]uint64
	bytes, dropped, rotations atomic.Uint64
}

func newTally() *tally {
	return &tally{endings: map[string]uint64{}, starts: map[string]uint64{}}
}

// ended counts how a process ended.
func (t *tally) ended(e eventlistener.Exit) {
	key := strconv.Itoa(e.Status)
	if e.Signal != 0 {
		key = "signal " + strconv.Itoa(e.Signal)
	}
	if _, known := t.endings[key]; !known && len(t.endings) >= maxEndings {
		key = "other"
	}
	t.endings[key]++
}

// wrote counts what one write did to a log file.
func (t *tally) wrote(bytes, dropped, rotations int) {
	t.bytes.Add(uint64(bytes - dropped))
	if dropped > 0 {
		t.dropped.Add(uint64(dropped))
	}
	if rotations > 0 {
		t.rotations.Add(uint64(rotations))
	}
}

// Tally gives what was counted.
func (s *Supervisor) Tally(ctx context.Context) (Tally, error) {
	t := Tally{
		Events: map[string]uint64{}, Endings: map[string]uint64{}, Starts: map[string]uint64{},
		LogBytes: s.tally.bytes.Load(), LogDropped: s.tally.dropped.Load(), LogRotations: s.tally.rotations.Load(),
	}
	err := s.ask(ctx, func() {
		for kind, n := range s.bus.Published() {
			t.Events[kind.String()] = n
		}
		for key, n := range s.tally.endings {
			t.Endings[key] = n
		}
		for group := range s.groups { // one that has started nothing, too
			t.Starts[group] = s.tally.starts[group]
		}
	})
	return t, err
}

// Turn has the loop turn once, which tells that it does. Error: the context's, or ErrEnded.
func (s *Supervisor) Turn(ctx context.Context) error { return s.ask(ctx, func() {}) }

// Waiting names the processes with autostart that are not up yet: neither RUNNING nor ended as they should (EXITED with an expected
// status, and not about to be started again).
func (s *Supervisor) Waiting(ctx context.Context) (names []string, err error) {
	err = s.ask(ctx, func() {
		for _, g := range s.order {
			for _, m := range g.members {
				state := m.machine.State()
				done := state == process.Exited && !m.machine.Respawning() && m.expected
				if m.conf.AutoStart && state != process.Running && !done {
					names = append(names, m.namespec())
				}
			}
		}
	})
	return names, err
}
