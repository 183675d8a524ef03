package core

import (
	"context"
	"slices"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

// The actions of a GroupPlan.
const (
	PlanAdd    = "add"
	PlanChange = "change" // it is stopped, removed and added again
	PlanRemove = "remove"
	PlanReload = "reload" // a section, of which update takes nothing: it takes effect with reload
)

// The fates of a ProcessPlan.
const (
	FateStart   = "start"   // it does not run, and will
	FateRestart = "restart" // it runs, is stopped, and starts with its new settings
	FateStop    = "stop"    // it runs, and will not
	FateNone    = "none"    // it does not run, and will not
)

// GroupPlan is what an update would do to one group, or to a section about plugins, which
// has no processes, or not do to a section that only reload takes.
type GroupPlan struct {
	Name, Action string
	Changes      []config.Change // PlanChange: why; PlanAdd: what it sets other than by default
	Processes    []ProcessPlan
}

// ProcessPlan is what an update would do to one process.
type ProcessPlan struct {
	Name  string
	State process.State // STOPPED for one that is not there yet
	Fate  string
	// ComesBack: it was started once and does not run now (somebody stopped it, it
	// exited or gave up), and adding its group again starts it.
	ComesBack bool
}

// PreviewUpdate reads the configuration again and reports what reloadConfig followed by
// adding and removing groups would do. Unlike Reload it changes nothing: the
// configuration that addProcessGroup takes from stays the one read before. Error: CantReread with
// every reason.
func (s *Supervisor) PreviewUpdate(ctx context.Context) ([]GroupPlan, error) {
	fresh, err := s.opts.Reread()
	if err != nil {
		return nil, refuse(CantReread, err.Error())
	}
	var plans []GroupPlan
	var further GroupDiff
	var why func(string) []config.Change
	if s.opts.Further != nil {
		further, why, _ = s.opts.Further(fresh)
	}
	err = s.turns.Ask(ctx, func(l *loop) {
		active := make([]*config.Group, len(l.order))
		for i, g := range l.order {
			active[i] = g.present()
		}
		added, changed, removed := config.Diff(active, fresh.Groups)
		for _, name := range removed {
			plans = append(plans, l.plan(PlanRemove, name, nil))
		}
		for _, name := range changed {
			plans = append(plans, l.plan(PlanChange, name, groupNamed(fresh.Groups, name)))
		}
		for _, name := range added {
			plans = append(plans, l.plan(PlanAdd, name, groupNamed(fresh.Groups, name)))
		}
	})
	for _, sections := range []struct {
		action string
		names  []string
	}{{PlanRemove, further.Removed}, {PlanChange, further.Changed}, {PlanAdd, further.Added}} {
		for _, name := range sections.names {
			p := GroupPlan{Name: name, Action: sections.action}
			if p.Action == PlanChange {
				p.Changes = why(name)
			}
			plans = append(plans, p)
		}
	}
	for _, c := range config.StartupChanges(s.opts.Config, fresh) {
		p := GroupPlan{Name: c.Section, Action: PlanReload}
		for _, key := range c.Keys {
			p.Changes = append(p.Changes, config.Change{Key: key})
		}
		plans = append(plans, p)
	}
	return plans, err
}

// groupNamed finds a group as addable does: the first of a name.
func groupNamed(groups []*config.Group, name string) *config.Group {
	i := slices.IndexFunc(groups, func(g *config.Group) bool { return g.Name == name })
	return groups[i]
}

// plan compares a group with what it is to become; next is nil for one to be removed.
func (l *loop) plan(action, name string, next *config.Group) GroupPlan {
	p := GroupPlan{Name: name, Action: action}
	g := l.groups[name]
	wanted := make(map[string]*config.Process)
	if next != nil {
		for _, conf := range next.Processes {
			wanted[conf.Name] = conf
		}
	}
	if g != nil {
		if next != nil {
			p.Changes = config.Changes(g.present(), next)
		}
		for _, m := range g.members {
			p.Processes = append(p.Processes, m.plan(wanted[m.conf.Name]))
			delete(wanted, m.conf.Name)
		}
	}
	if next == nil {
		return p
	}
	if g == nil {
		p.Changes = config.Additions(next)
	}
	for _, conf := range next.Processes {
		if wanted[conf.Name] == nil {
			continue
		}
		fate := FateNone
		if conf.AutoStart {
			fate = FateStart
		}
		p.Processes = append(p.Processes, ProcessPlan{Name: conf.Name, Fate: fate})
		delete(wanted, conf.Name)
	}
	return p
}

// plan reports what becomes of a process when it is removed, and added again as next
// unless that is nil.
func (m *member) plan(next *config.Process) ProcessPlan {
	x := m.machine
	p := ProcessPlan{Name: m.conf.Name, State: x.State(), Fate: FateNone}
	runs := !x.State().IsStopped() || x.Respawning()
	starts := next != nil && next.AutoStart
	switch {
	case runs && starts:
		p.Fate = FateRestart
	case runs:
		p.Fate = FateStop
	case starts:
		p.Fate = FateStart
		p.ComesBack = !x.StartTime().IsZero()
	}
	return p
}
