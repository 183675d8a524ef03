package core

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/tally"
	"github.com/hark-supervisor/hark/core/turns"
)

// ConfigInfo is one configured process (getAllConfigInfo).
type ConfigInfo struct {
	Group   *config.Group
	Process *config.Process
	InUse   bool // its group is active
	// The log files as resolved; "" for none, and "auto" for an AUTO log of a
	// group that is not active yet.
	StdoutLog, StderrLog string
}

// ProcessInfo returns the state of one process. Error: BadName.
func (s *Supervisor) ProcessInfo(ctx context.Context, group, name string) (info ProcessInfo, err error) {
	err = s.asking(ctx, func(l *loop) *Error {
		m, refused := l.find(group, name)
		if refused == nil {
			info = l.info(m, l.clock.Now())
		}
		return refused
	})
	return info, err
}

// AllProcessInfo returns the state of every process, sorted by the name of the group, then of the process.
func (s *Supervisor) AllProcessInfo(ctx context.Context) ([]ProcessInfo, error) {
	var all []ProcessInfo
	err := s.turns.Ask(ctx, func(l *loop) {
		n := 0
		for _, g := range l.order {
			n += len(g.members)
		}
		all = make([]ProcessInfo, 0, n)
		now := s.clock.Now()
		for _, g := range l.order {
			for _, m := range g.members {
				all = append(all, l.info(m, now))
			}
		}
	})
	// Sorted on the caller's goroutine, so that the loop is not delayed.
	slices.SortFunc(all, func(a, b ProcessInfo) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Name, b.Name))
	})
	return all, err
}

// ConfigInfo returns every process of the last configuration read, sorted by the process's name.
func (s *Supervisor) ConfigInfo(ctx context.Context) ([]ConfigInfo, error) {
	var all []ConfigInfo
	err := s.turns.Ask(ctx, func(l *loop) {
		for _, g := range l.configured {
			active := l.groups[g.Name]
			for _, p := range g.Processes {
				info := ConfigInfo{
					Group: g, Process: p, InUse: active != nil,
					StdoutLog: p.Stdout.Logfile.Name(), StderrLog: p.Stderr.Logfile.Name(),
				}
				if active != nil && active.conf == g {
					if m := active.member(p.Name); m != nil {
						info.StdoutLog, info.StderrLog = m.output.Logs.Stdout, m.output.Logs.Stderr
					}
				}
				all = append(all, info)
			}
		}
	})
	slices.SortStableFunc(all, func(a, b ConfigInfo) int { return strings.Compare(a.Process.Name, b.Process.Name) })
	return all, err
}

// LogPath returns the path of the log of a process's channel ("stdout" or "stderr"); "" if the channel has no log file.
// Error: BadName.
func (s *Supervisor) LogPath(ctx context.Context, group, name, channel string) (string, error) {
	m, err := s.asked(ctx, group, name)
	if err != nil {
		return "", err
	}
	if channel == output.Stderr {
		return m.output.Logs.Stderr, nil
	}
	return m.output.Logs.Stdout, nil
}

// Tally returns what the metrics count of processes, events and logs.
func (s *Supervisor) Tally(ctx context.Context) (t tally.Tally, err error) {
	err = s.turns.Ask(ctx, func(l *loop) {
		groups := make([]string, len(l.order))
		for i, g := range l.order {
			groups[i] = g.conf.Name
		}
		t = l.tally.Read(l.bus.Published(), groups)
	})
	s.output.Written.Read(&t)
	return t, err
}

// Turn waits for one turn of the loop; that it returns nil shows that the loop works. Errors: those of InTurn.
func (s *Supervisor) Turn(ctx context.Context) error { return s.turns.Ask(ctx, func(*loop) {}) }

// LoopInfo reports how long the turns of the loop take. It does not block.
func (s *Supervisor) LoopInfo() turns.Info { return s.turns.Info() }

// LoopTotals is LoopInfo without Longest, which LoopInfo resets: a call of LoopTotals does not change what LoopInfo returns
// to others. It does not block.
func (s *Supervisor) LoopTotals() turns.Info { return s.turns.Totals() }

// Waiting returns the names of the processes with autostart that are not up yet: neither RUNNING nor EXITED with an expected
// status and not about to be started again.
func (s *Supervisor) Waiting(ctx context.Context) (names []string, err error) {
	err = s.turns.Ask(ctx, func(l *loop) {
		for _, g := range l.order {
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
