package core

import (
	"slices"
	"sort"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/fastcgi"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/programs"
	"github.com/hark-supervisor/hark/core/relisten"
	"github.com/hark-supervisor/hark/core/spools"
	"github.com/hark-supervisor/hark/core/turns"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// group is one active process group. It belongs to the loop; other goroutines must not dereference a pointer to it.
type group struct {
	conf    *config.Group
	members []*member           // as configured
	ranked  []*member           // by priority (Subprocess.__lt__)
	byName  map[string]*member  // of more than fewMembers; nil otherwise: the map of each of 1,000 groups of one takes as much as its member
	socket  *fastcgi.Socket     // FastCGI groups
	pool    *eventlistener.Pool // listener groups
	types   []string            // listener groups: what the pool is subscribed to
	spool   *spools.Spool       // listener groups with overflow=spool

	// The changes made at run time, which conf does not contain (twiddle.go).
	added   map[string]bool // processes that are in no file
	dropped map[string]bool // processes of conf that were taken out
}

// fewMembers is how many members of a group are looked at one by one for a name.
const fewMembers = 8

// member returns the member of a name; nil: there is none.
func (g *group) member(name string) *member {
	if g.byName != nil {
		return g.byName[name]
	}
	for _, m := range g.members {
		if m.conf.Name == name {
			return m
		}
	}
	return nil
}

// know has a new member, which is in members, found by its name.
func (g *group) know(m *member) {
	switch {
	case g.byName != nil:
		g.byName[m.conf.Name] = m
	case len(g.members) > fewMembers:
		g.byName = make(map[string]*member, max(len(g.members), len(g.conf.Processes)))
		for _, m := range g.members {
			g.byName[m.conf.Name] = m
		}
	}
}

// member is one process of a group. It belongs to the loop, except conf and output.Logs, which never change.
type member struct {
	group    *group
	conf     *config.Process
	output   output.Process
	machine  *process.Machine
	spawn    *child.Spawn // the spawn under way; nil: there is none
	child    *child.Child // the last child; its pipes may outlive it
	channels *output.Pair // of the last spawn; nil: there was none
	waiters  []waiter

	restarts int  // ProcessInfo.Restarts
	forsaken bool // a shutdown could not stop it
	// expected: the state is EXITED, and the exit code was one of exitcodes.
	expected bool
	deadline turns.Entry[*member]
	listens  *eventlistener.Member // listener groups
	again    relisten.Row          // listener groups
}

func newMember(g *group, p *config.Process, paths output.Paths) *member {
	m := &member{
		group: g, conf: p, machine: process.New(programs.Spec(p)),
		output: output.Process{Ref: eventlistener.Process{Name: p.Name, Group: g.conf.Name}, Conf: p, Logs: paths},
	}
	m.deadline.Of = m
	return m
}

// addGroup makes a group active and announces it (supervisord.py, add_process_group).
func (l *loop) addGroup(g *config.Group, paths []output.Paths, sp *spools.Spool) {
	active := &group{conf: g, spool: sp, members: make([]*member, 0, len(g.Processes))}
	if g.Kind == config.FastCGIGroup {
		active.socket = fastcgi.NewSocket(g.Socket, l.opts.FastCGI)
		l.opts.FastCGI.Add(g.Socket, 1)
	}
	for i, p := range g.Processes {
		m := newMember(active, p, paths[i])
		// Of two processes with one name the last is kept, in the first's place, as
		// in Supervisor's dict.
		if first := active.member(p.Name); first != nil {
			active.members[slices.Index(active.members, first)] = m
		} else {
			active.members = append(active.members, m)
		}
		active.know(m)
	}
	active.ranked = append([]*member(nil), active.members...)
	sort.SliceStable(active.ranked, func(i, j int) bool {
		return active.ranked[i].conf.Priority < active.ranked[j].conf.Priority
	})
	if g.Kind == config.ListenerGroup {
		l.openPool(active)
	}
	l.groups[g.Name] = active
	l.order = append(l.order, active)
	l.bus.Publish(eventlistener.NewProcessGroup(eventlistener.ProcessGroupAdded, g.Name))
}

// removeGroup takes a stopped group out and announces it.
func (l *loop) removeGroup(g *group) {
	l.closeGroup(g)
	for _, m := range g.members {
		m.gone()
		l.output.Sinks.Gone(g.conf.Name, m.conf.Name)
		l.deadlines.Forget(&m.deadline)
	}
	if g.socket != nil {
		l.opts.FastCGI.Add(g.conf.Socket, -1)
	}
	l.tellAdded(g)
	l.abandonSpool(g)
	delete(l.groups, g.conf.Name)
	l.tally.Removed(g.conf.Name)
	for i, other := range l.order {
		if other == g {
			l.order = append(l.order[:i], l.order[i+1:]...)
			break
		}
	}
	if i := slices.Index(l.pools, g); i >= 0 {
		l.pools = slices.Delete(l.pools, i, i+1)
	}
	l.bus.Publish(eventlistener.NewProcessGroup(eventlistener.ProcessGroupRemoved, g.conf.Name))
}

// closeGroup releases what a group holds outside the loop.
func (l *loop) closeGroup(g *group) {
	if g.pool != nil {
		l.bus.Unsubscribe(g.pool)
	}
	g.unused()
	for _, m := range g.members {
		if m.child != nil {
			m.child.Abandon()
			m.child = nil
		}
	}
}

// byPriority returns every group by priority, those of the same priority in the order they were added.
func (l *loop) byPriority() []*group {
	sorted := append([]*group(nil), l.order...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].conf.Priority < sorted[j].conf.Priority })
	return sorted
}

// over reports whether a process is in a stopped state, or is not waited for any longer.
func (m *member) over() bool { return m.forsaken || m.machine.State().IsStopped() }

// stopped reports whether all of a group's processes are in a stopped state.
func (g *group) stopped() bool {
	for _, m := range g.members {
		if !m.over() {
			return false
		}
	}
	return true
}

// unstopped returns every process of a group that is not in a stopped state.
func (g *group) unstopped() []*member {
	var left []*member
	for _, m := range g.members {
		if !m.over() {
			left = append(left, m)
		}
	}
	return left
}

// namespec returns a process's full name: group:process, or the name alone where both are the same (options.py,
// make_namespec).
func (m *member) namespec() string { return pytext.Namespec(m.group.conf.Name, m.conf.Name) }

func (m *member) ref(pid int) eventlistener.Process {
	return eventlistener.Process{Name: m.conf.Name, Group: m.group.conf.Name, Pid: pid}
}

// unused releases the socket that was prepared for a FastCGI group's first process. It does nothing after that process has
// taken the socket.
func (g *group) unused() {
	if g.socket != nil {
		g.socket.GiveUp()
	}
}

// protocol returns the version and the extensions of the protocol that the group's listeners may use; "" for a group without
// a pool.
func (g *group) protocol() string {
	if g.pool == nil {
		return ""
	}
	return g.pool.Extensions()
}
