package core

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// Processes that are added to groups, or taken out of them, at run time (supervisor_twiddler/rpcinterface.py). A group's configuration stays
// that of the file: a process that was added is not a difference from it, so that reread and update leave that process alone; a process
// that was taken out is one, so that update brings it back.

// GroupNames lists the groups in the order in which they were added.
func (s *Supervisor) GroupNames(ctx context.Context) ([]string, error) {
	var names []string
	err := s.turns.Ask(ctx, func(l *loop) {
		for _, g := range l.order {
			names = append(names, g.conf.Name)
		}
	})
	return names, err
}

// AddProgram adds a program's processes to a group; those with autostart start. Errors: BadName (no such group, or a process
// of that name in it), BadArguments (invalid settings), Failed (the group is a pool or a FastCGI group, or the logs cannot be
// made), ShutdownState. On an error nothing is added.
func (s *Supervisor) AddProgram(ctx context.Context, into, program string, settings map[string]string) error {
	// first what is cheap, and before any log file is made
	if err := s.askTwiddling(ctx, into, func(*loop, *group) *Error { return nil }); err != nil {
		return err
	}
	if s.opts.Program == nil {
		return refuse(Failed, "there is nothing that reads the settings of programs")
	}
	fresh, warnings, err := s.opts.Program(program, into, settings)
	if err != nil {
		return refuse(BadArguments, config.FirstError(err))
	}
	if name, twice := config.SameName(fresh); twice {
		return refuse(BadName, name)
	}
	free := func(_ *loop, g *group) *Error {
		for _, p := range fresh {
			if g.member(p.Name) != nil {
				return refuse(BadName, p.Name)
			}
		}
		return nil
	}
	if err := s.askTwiddling(ctx, into, free); err != nil {
		return err
	}
	set := s.opts.Config.Supervisord
	paths, err := output.ResolveLogs(&config.Group{Name: into, Processes: fresh}, set.ChildLogDir, set.Identifier)
	if err != nil {
		return refuse(Failed, err.Error())
	}
	added := false
	defer func() {
		if !added {
			output.DiscardLogs(fresh, paths)
		}
	}()
	for _, w := range warnings {
		s.log(config.WARN, w)
	}
	return s.askTwiddling(context.WithoutCancel(ctx), into, func(l *loop, g *group) *Error { // so that it is known whether the group has taken the logs
		if e := free(l, g); e != nil { // another call was quicker
			return e
		}
		added = true
		l.addMembers(g, fresh, paths)
		return nil
	})
}

// askTwiddling does something to a group of programs on the loop.
func (s *Supervisor) askTwiddling(ctx context.Context, name string, f func(*loop, *group) *Error) error {
	return s.askRunning(ctx, func(l *loop) *Error {
		g := l.groups[name]
		switch {
		case g == nil:
			return refuse(BadName, "group: "+name)
		case g.pool != nil:
			return refuse(Failed, fmt.Sprintf("%s is a pool of event listeners, whose processes are those of its section", name))
		case g.socket != nil:
			return refuse(Failed, fmt.Sprintf("%s is a FastCGI group, whose processes are those of its section", name))
		}
		return f(l, g)
	})
}

// addMembers makes processes members of a group. New slices are made: calls under way hold the old ones.
func (l *loop) addMembers(g *group, fresh []*config.Process, paths []output.Paths) {
	members, ranked := slices.Clone(g.members), slices.Clone(g.ranked)
	var added []*member
	if g.added == nil {
		g.added = make(map[string]bool)
	}
	for i, p := range fresh {
		m := newMember(g, p, paths[i])
		g.added[p.Name] = true
		added = append(added, m)
		l.log(config.INFO, fmt.Sprintf("added process: '%s', which is in no configuration file", m.namespec()))
	}
	g.members, g.ranked = append(members, added...), append(ranked, added...)
	for _, m := range added {
		g.know(m)
	}
	sort.SliceStable(g.ranked, func(i, j int) bool { return g.ranked[i].conf.Priority < g.ranked[j].conf.Priority })
	for _, m := range added {
		l.step(m, process.Boot{})
	}
}

// RemoveProcess takes a stopped process out of its group. Errors: BadName, StillRunning, Failed (a group that is a pool or FastCGI's),
// ShutdownState.
func (s *Supervisor) RemoveProcess(ctx context.Context, from, name string) error {
	return s.askTwiddling(ctx, from, func(l *loop, g *group) *Error {
		m := g.member(name)
		switch {
		case m == nil:
			return refuse(BadName, name)
		case m.machine.Pid() != 0 || !m.machine.State().IsStopped():
			return refuse(StillRunning, name)
		}
		l.removeMember(m)
		return nil
	})
}

func (l *loop) removeMember(m *member) {
	g := m.group
	if m.child != nil {
		m.child.Abandon()
		m.child = nil
	}
	l.deadlines.Forget(&m.deadline)
	not := func(other *member) bool { return other == m }
	g.members = slices.DeleteFunc(slices.Clone(g.members), not)
	g.ranked = slices.DeleteFunc(slices.Clone(g.ranked), not)
	delete(g.byName, m.conf.Name)
	if g.added[m.conf.Name] {
		delete(g.added, m.conf.Name)
	} else {
		if g.dropped == nil {
			g.dropped = make(map[string]bool)
		}
		g.dropped[m.conf.Name] = true
	}
	m.gone()
	l.output.Sinks.Gone(g.conf.Name, m.conf.Name)
	l.log(config.INFO, fmt.Sprintf("removed process: '%s'", m.namespec()))
}

// present returns a group's configuration without the processes that were taken out of it.
func (g *group) present() *config.Group {
	if len(g.dropped) == 0 {
		return g.conf
	}
	left := *g.conf
	left.Processes = slices.DeleteFunc(slices.Clone(left.Processes), func(p *config.Process) bool { return g.dropped[p.Name] })
	return &left
}

// tellAdded logs which processes are removed with a group and are in no file, so that update does not bring them back.
func (l *loop) tellAdded(g *group) {
	for _, name := range slices.Sorted(maps.Keys(g.added)) {
		l.log(config.WARN, fmt.Sprintf("removed process: '%s' with its group; it was added at run time and is in no configuration file", pytext.Namespec(g.conf.Name, name)))
	}
}

// WriteLog writes a line to the activity log. level is a number of Supervisor's levels (config.Level). Error: BadArguments for
// another number.
func (s *Supervisor) WriteLog(level int, message string) error {
	switch l := config.Level(level); l {
	case config.CRIT, config.ERRO, config.WARN, config.INFO, config.DEBG, config.TRAC, config.BLAT:
		s.log(l, message)
		return nil
	}
	return refuse(BadArguments, "there is no such level")
}
