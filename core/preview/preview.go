// Package preview determines what an update would do to groups and their processes, and to the other sections that it changes.
package preview

import (
	"slices"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

// The actions of a Group.
const (
	Add    = "add"
	Change = "change" // it is stopped, removed and added again
	Remove = "remove"
	Reload = "reload" // a section, of which update takes nothing: it takes effect with reload
)

// The fates of a Process.
const (
	FateStart   = "start"   // it does not run, and will
	FateRestart = "restart" // it runs, is stopped, and starts with its new settings
	FateStop    = "stop"    // it runs, and will not
	FateNone    = "none"    // it does not run, and will not
)

// Group is what an update would do to one group, or to a section about plugins, which
// has no processes, or not do to a section that only reload takes.
type Group struct {
	Name      string          `rpc:"group" doc:"its name"`
	Action    string          `rpc:"action" doc:"remove, change (stopped, removed and added again), add, or reload for what an update does not apply"`
	Changes   []config.Change `rpc:"changes" doc:"for change the reasons, for add the settings that are not defaults"`
	Processes []Process       `rpc:"processes" doc:"what becomes of each process"`
}

// Process is what an update would do to one process.
type Process struct {
	Name      string        `rpc:"name" doc:"the process"`
	State     process.State `rpc:"statename,text" doc:"its state now; STOPPED for one that is not there yet"`
	Fate      string        `rpc:"fate" doc:"start, restart, stop or none"`
	ComesBack bool          `rpc:"comes_back" doc:"it was started once and does not run now, and adding its group again starts it, even if somebody had stopped it"`
}

// Active is an active group.
type Active struct {
	Conf      *config.Group // without the processes that were taken out of it
	Processes []Present
}

// Present is the present state of a process.
type Present struct {
	Name       string
	State      process.State
	Respawning bool // it is about to be started again
	Started    bool // it was started once
}

// Sections are the names of sections other than groups that an update adds, changes and removes.
type Sections struct {
	Added, Changed, Removed []string
	Why                     func(name string) []config.Change // what is different about one that has changed
}

// Of returns what an update to the configuration fresh would do to the active groups and to the other sections; startup is the
// configuration with which this life of the daemon began.
func Of(active []Active, startup, fresh *config.Config, further Sections) (plans []Group) {
	confs := make([]*config.Group, len(active))
	for i, g := range active {
		confs[i] = g.Conf
	}
	added, changed, removed := config.Diff(confs, fresh.Groups)
	for _, name := range removed {
		plans = append(plans, plan(Remove, name, present(active, name), nil))
	}
	for _, name := range changed {
		plans = append(plans, plan(Change, name, present(active, name), groupNamed(fresh.Groups, name)))
	}
	for _, name := range added {
		plans = append(plans, plan(Add, name, present(active, name), groupNamed(fresh.Groups, name)))
	}
	for _, sections := range []struct {
		action string
		names  []string
	}{{Remove, further.Removed}, {Change, further.Changed}, {Add, further.Added}} {
		for _, name := range sections.names {
			p := Group{Name: name, Action: sections.action}
			if p.Action == Change {
				p.Changes = further.Why(name)
			}
			plans = append(plans, p)
		}
	}
	for _, c := range config.StartupChanges(startup, fresh) {
		p := Group{Name: c.Section, Action: Reload}
		for _, key := range c.Keys {
			p.Changes = append(p.Changes, config.Change{Key: key})
		}
		plans = append(plans, p)
	}
	return plans
}

// present returns the active group of that name, nil if there is none.
func present(active []Active, name string) *Active {
	if i := slices.IndexFunc(active, func(g Active) bool { return g.Conf.Name == name }); i >= 0 {
		return &active[i]
	}
	return nil
}

// groupNamed returns the first group of that name, which is the one that would be added.
func groupNamed(groups []*config.Group, name string) *config.Group {
	i := slices.IndexFunc(groups, func(g *config.Group) bool { return g.Name == name })
	return groups[i]
}

// plan compares an active group, nil for one that is added, with its new configuration next, nil for one that is removed.
func plan(action, name string, g *Active, next *config.Group) Group {
	p := Group{Name: name, Action: action}
	wanted := make(map[string]*config.Process)
	if next != nil {
		for _, conf := range next.Processes {
			wanted[conf.Name] = conf
		}
	}
	if g != nil {
		if next != nil {
			p.Changes = config.Changes(g.Conf, next)
		}
		for _, x := range g.Processes {
			p.Processes = append(p.Processes, x.plan(wanted[x.Name]))
			delete(wanted, x.Name)
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
		p.Processes = append(p.Processes, Process{Name: conf.Name, Fate: fate})
		delete(wanted, conf.Name)
	}
	return p
}

// plan returns what becomes of a process when its group is removed and, unless next is nil, added again with next.
func (x Present) plan(next *config.Process) Process {
	p := Process{Name: x.Name, State: x.State, Fate: FateNone}
	runs := !x.State.IsStopped() || x.Respawning
	starts := next != nil && next.AutoStart
	switch {
	case runs && starts:
		p.Fate = FateRestart
	case runs:
		p.Fate = FateStop
	case starts:
		p.Fate = FateStart
		p.ComesBack = x.Started
	}
	return p
}
