package core

import (
	"context"
	"sort"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
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

// ProcessInfo tells of one process. Error: BadName.
func (s *Supervisor) ProcessInfo(ctx context.Context, group, name string) (ProcessInfo, error) {
	var info ProcessInfo
	var refused *Error
	err := s.ask(ctx, func() {
		m, e := s.find(group, name)
		if refused = e; e == nil {
			info = s.info(m, s.clock.Now())
		}
	})
	if err == nil && refused != nil {
		err = refused
	}
	return info, err
}

// AllProcessInfo tells of every process, by name of group, then of process.
func (s *Supervisor) AllProcessInfo(ctx context.Context) ([]ProcessInfo, error) {
	var all []ProcessInfo
	err := s.ask(ctx, func() {
		n := 0
		for _, g := range s.order {
			n += len(g.members)
		}
		all = make([]ProcessInfo, 0, n)
		now := s.clock.Now()
		for _, g := range s.order {
			for _, m := range g.members {
				all = append(all, s.info(m, now))
			}
		}
	})
	// Sorted by the caller: the loop has better to do.
	sort.Slice(all, func(i, j int) bool {
		if c := strings.Compare(all[i].Group, all[j].Group); c != 0 {
			return c < 0
		}
		return all[i].Name < all[j].Name
	})
	return all, err
}

// ConfigInfo tells of every process of the last configuration read, by process name.
func (s *Supervisor) ConfigInfo(ctx context.Context) ([]ConfigInfo, error) {
	var all []ConfigInfo
	err := s.ask(ctx, func() {
		for _, g := range s.configured {
			active := s.groups[g.Name]
			for _, p := range g.Processes {
				info := ConfigInfo{
					Group: g, Process: p, InUse: active != nil,
					StdoutLog: configuredLog(p.Stdout.Logfile), StderrLog: configuredLog(p.Stderr.Logfile),
				}
				if active != nil && active.conf == g {
					if m := active.byName[p.Name]; m != nil {
						info.StdoutLog, info.StderrLog = m.logs.Stdout, m.logs.Stderr
					}
				}
				all = append(all, info)
			}
		}
	})
	sort.SliceStable(all, func(i, j int) bool { return all[i].Process.Name < all[j].Process.Name })
	return all, err
}

func configuredLog(l config.Logfile) string {
	switch l.Kind {
	case config.LogPath:
		return l.Path
	case config.LogAuto:
		return "auto"
	}
	return ""
}

// LogPath is the file of a process's channel ("stdout" or "stderr"); "" when it
// has none. Error: BadName.
func (s *Supervisor) LogPath(ctx context.Context, group, name, channel string) (string, error) {
	m, err := s.asked(ctx, group, name)
	if err != nil {
		return "", err
	}
	if channel == stderrChannel {
		return m.logs.Stderr, nil
	}
	return m.logs.Stdout, nil
}

// ProcessNames lists every process by priority (rpcinterface.py,
// _getAllProcesses), as group and name.
func (s *Supervisor) ProcessNames(ctx context.Context) ([]Outcome, error) {
	var names []Outcome
	err := s.ask(ctx, func() {
		members, _ := s.chosen("", true)
		for _, m := range members {
			names = append(names, Outcome{Name: m.conf.Name, Group: m.group.conf.Name})
		}
	})
	return names, err
}
