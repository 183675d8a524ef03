package core

import (
	"context"
	"slices"

	"github.com/hark-supervisor/hark/core/selection"
)

// Selection chooses processes by names and patterns.
type Selection = selection.Selection

// ParseSelection makes a Selection of names and patterns. Error: BadArguments.
func ParseSelection(patterns []string) (*Selection, error) {
	s, err := selection.Parse(patterns)
	if err != nil {
		return nil, refuse(BadArguments, err.Error())
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
	if !sel.HasPatterns() {
		return func(l *loop) ([]pick, []string, *Error) {
			picked, missed := picks(sel, l.roster())
			return picked, missed, nil
		}, nil
	}
	var roster []roll
	if err := s.turns.Ask(ctx, func(l *loop) { roster = l.roster() }); err != nil {
		return nil, err
	}
	picked, missed := picks(sel, roster)
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

// picks finds the processes of a Selection by priority, and which of its names and patterns chose none.
func picks(sel *Selection, roster []roll) (picked []pick, missed []string) {
	chooser := sel.Chooser()
	for _, g := range roster {
		for _, m := range g.ranked {
			if chosen, named := chooser.Choose(m.namespec(), g.group.conf.Name+":"+m.conf.Name); chosen {
				picked = append(picked, pick{m, named})
			}
		}
	}
	return picked, chooser.Missed()
}
