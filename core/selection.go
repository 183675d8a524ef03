package core

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	// maxGlobs bounds the patterns with wildcards in one Selection: each is compared with every process. Names without
	// wildcards have no bound.
	maxGlobs = 100
	// maxCompared is how many names are compared with patterns before others have the processor.
	maxCompared = 1000
)

// Selection chooses processes: by "all", by name ("web:web_00", "cron"), by group
// ("web:*", "web:"), or by a pattern as eventlistener.ParsePrograms takes them.
type Selection struct {
	all     bool
	names   map[string]int // a name as written, and its place in written
	globs   []glob
	written []string
}

type glob struct {
	programs *eventlistener.Programs
	place    int
}

// ParseSelection makes a Selection of names and patterns. Error: BadArguments.
func ParseSelection(patterns []string) (*Selection, error) {
	s := &Selection{names: make(map[string]int, len(patterns)), written: patterns}
	for i, written := range patterns {
		pattern := written
		if group, proc, two := strings.Cut(written, ":"); two && proc == "" {
			pattern = group + ":*"
		}
		switch {
		case written == "all":
			s.all = true
		case !strings.ContainsAny(pattern, "*?["):
			if _, again := s.names[written]; !again {
				s.names[written] = i
			}
		default:
			programs, err := eventlistener.ParsePrograms([]string{pattern})
			if err != nil {
				return nil, refuse(BadArguments, err.Error())
			}
			s.globs = append(s.globs, glob{programs, i})
		}
	}
	if len(s.globs) > maxGlobs {
		return nil, refuse(BadArguments, fmt.Sprintf("cannot use %d patterns, at most %d", len(s.globs), maxGlobs))
	}
	return s, nil
}

// roster returns all groups by priority, each with its processes of the moment by priority.
func (l *loop) roster() []roll {
	groups := l.byPriority()
	all := make([]roll, len(groups))
	for i, g := range groups {
		all[i] = roll{g, g.ranked}
	}
	return all
}

// roll is a group and its processes of some moment. Both may be read off the loop: what changes a group's list makes a new one.
type roll struct {
	group  *group
	ranked []*member
}

// chosen returns the choice of a Selection. Patterns are compared here, off the loop: that may take long. A process that is removed before the
// choice is used is not chosen, nor is one that is added.
func (s *Supervisor) chosen(ctx context.Context, sel *Selection) (choice, error) {
	if len(sel.globs) == 0 {
		return func(l *loop) ([]pick, []string, *Error) {
			picked, missed := sel.pick(l.roster())
			return picked, missed, nil
		}, nil
	}
	var roster []roll
	if err := s.turns.Ask(ctx, func(l *loop) { roster = l.roster() }); err != nil {
		return nil, err
	}
	picked, missed := sel.pick(roster)
	return func(l *loop) ([]pick, []string, *Error) {
		picked = slices.DeleteFunc(picked, func(p pick) bool { return !l.present(p.m) })
		return picked, missed, nil
	}, nil
}

// present reports whether a process is still there.
func (l *loop) present(m *member) bool {
	g := l.groups[m.group.conf.Name]
	return g == m.group && g.member(m.conf.Name) == m
}

// pick finds the processes of a Selection by priority, and which of its names and patterns chose none.
func (s *Selection) pick(roster []roll) (picked []pick, missed []string) {
	used := make([]bool, len(s.written))
	compared := 0
	for _, g := range roster {
		for _, m := range g.ranked {
			if compared += len(s.globs); compared >= maxCompared {
				compared = 0
				runtime.Gosched() // when many do this each has little time at once, and a short request need not wait for all
			}
			short := m.namespec()
			long := g.group.conf.Name + ":" + m.conf.Name
			place, named := s.names[short]
			if named {
				used[place] = true
			}
			if place, byLong := s.names[long]; byLong {
				named, used[place] = true, true
			}
			chosen := named || s.all
			for _, glob := range s.globs {
				written := s.written[glob.place]
				if written == short || written == long { // a name may hold a bracket
					named = true
				} else if chosen && used[glob.place] || !glob.programs.MatchNames(short, long) {
					continue
				}
				chosen, used[glob.place] = true, true
			}
			if chosen {
				picked = append(picked, pick{m, named})
			}
		}
	}
	for i, written := range s.written {
		if first, isName := s.names[written]; !used[i] && written != "all" && (!isName || first == i) {
			missed = append(missed, written)
		}
	}
	return picked, missed
}
