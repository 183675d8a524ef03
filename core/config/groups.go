package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Kind is what a group is made of.
type Kind int

// The kinds of group.
const (
	ProgramGroup  Kind = iota // [program:x], or [group:x] of programs
	ListenerGroup             // [eventlistener:x]
	FastCGIGroup              // [fcgi-program:x]
)

// String is what the names of such sections begin with.
func (k Kind) String() string {
	switch k {
	case ListenerGroup:
		return "eventlistener"
	case FastCGIGroup:
		return "fcgi-program"
	}
	return "program"
}

// Group is one process group with its expanded process configurations.
type Group struct {
	Programs      []string   `key:"programs" type:"names of programs" is:"required,names" sample:"progname1,progname2" doc:"The programs of the group: names of [program:x] and [fcgi-program:x] sections. They leave the groups of their own names." example:"web,worker"`
	Priority      int        `key:"priority" default:"999" sample:"999" doc:"Groups of a lower priority start first and stop last."`
	Name          string     `key:"-"`
	Kind          Kind       `key:"-"`
	Processes     []*Process `key:"-"` // in Supervisor's order: by priority
	Heterogeneous bool       `key:"-"` // it is a [group:x] section
	Listener      *Listener  `key:"-"` // ListenerGroup only
	Socket        *Socket    `key:"-"` // FastCGIGroup only
}

// SameName returns a name that two of the processes have.
func SameName(all []*Process) (name string, twice bool) {
	seen := make(map[string]bool, len(all))
	for _, p := range all {
		if seen[p.Name] {
			return p.Name, true
		}
		seen[p.Name] = true
	}
	return "", false
}

// groupTable are the keys of [group:x], of which other groups have priority.
func groupTable() *table {
	return tableOf[Group](func() []string { return []string{"programs", "priority"} })
}

// readGroups reads every group, program, listener pool and FastCGI program in
// the order of ServerOptions.process_groups_from_parser, and sorts them.
func (l *loader) readGroups() {
	taken := make(map[string]bool) // sections that a [group:x] names
	for _, section := range l.doc.Sections() {
		if name, ok := strings.CutPrefix(section, "group:"); ok {
			l.addGroup(l.readGroup(section, name, taken))
		}
	}
	for _, section := range l.doc.Sections() {
		if name, ok := strings.CutPrefix(section, "program:"); ok && !taken[section] {
			l.addGroup(l.readProgram(section, name))
		}
	}
	for _, section := range l.doc.Sections() {
		if name, ok := strings.CutPrefix(section, "eventlistener:"); ok {
			l.addGroup(l.readListener(section, name))
		}
	}
	for _, section := range l.doc.Sections() {
		if name, ok := strings.CutPrefix(section, "fcgi-program:"); ok && !taken[section] {
			l.addGroup(l.readFastCGI(section, name))
		}
	}
	slices.SortStableFunc(l.cfg.Groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
	})
	for _, g := range l.cfg.Groups {
		for _, p := range g.Processes {
			env := slices.Clone(l.cfg.Supervisord.Environment)
			for _, v := range p.Environment {
				env = setVar(env, v.Name, v.Value)
			}
			p.Environment = env
		}
	}
	l.warnDuplicates()
}

func (l *loader) addGroup(g *Group) { l.cfg.Groups = append(l.cfg.Groups, g) }

// warnDuplicates says what Supervisor does in silence: of two groups of a name
// the first is run, of two processes of a name in a group the last.
func (l *loader) warnDuplicates() {
	groups := make(map[string]bool)
	for _, g := range l.cfg.Groups {
		if groups[g.Name] {
			l.warn(l.sectionOf(g), "", fmt.Sprintf("there are two groups named %q: only the one of lower priority is used", g.Name))
		}
		groups[g.Name] = true
		processes := make(map[string]bool)
		for _, p := range g.Processes {
			if processes[p.Name] {
				l.warn(l.sectionOf(g), "", fmt.Sprintf("group %q has two processes named %q: only the last is used", g.Name, p.Name))
			}
			processes[p.Name] = true
		}
	}
}

// sectionOf is the section that a group was made from.
func (l *loader) sectionOf(g *Group) string {
	switch {
	case g.Heterogeneous:
		return "group:" + g.Name
	case len(g.Processes) > 0:
		return l.origins[g.Processes[0]]
	case g.Kind == ListenerGroup:
		return "eventlistener:" + g.Name
	case g.Kind == FastCGIGroup:
		return "fcgi-program:" + g.Name
	}
	return "program:" + g.Name
}

// name checks the x of [group:x] and the like.
func (l *loader) name(section, name string) string {
	v, err := processName(name)
	if err != nil {
		l.reject(section, "", err.Error(), fmt.Sprintf("cannot use the name %q; accepted: a name without spaces, colons and slashes", name))
		return name
	}
	return v
}

func (l *loader) readGroup(section, name string, taken map[string]bool) *Group {
	g := fresh[Group](groupTable())
	g.Name, g.Heterogeneous = l.name(section, name), true
	l.reads(section).fill(groupTable().reading, &g)
	for _, program := range g.Programs {
		from, fcgi := "program:"+program, "fcgi-program:"+program
		switch isProgram, isFCGI := l.doc.Has(from), l.doc.Has(fcgi); {
		case !isProgram && !isFCGI && l.isSnippet():
			l.outside = append(l.outside, l.issue(section, "programs",
				fmt.Sprintf("there is no program %q in this file; supervisord refuses the group if no other file has it", program)))
			continue
		case !isProgram && !isFCGI:
			l.reject(section, "programs", fmt.Sprintf("[%s] names unknown program or fcgi-program %s", section, program),
				fmt.Sprintf("there is no program %q; accepted: names of [program:x] and [fcgi-program:x] sections", program))
			continue
		case isProgram && isFCGI:
			l.reject(section, "programs", fmt.Sprintf("[%s] name %s is ambiguous (exists as program and fcgi-program)", section, program),
				fmt.Sprintf("%q is both a [program:x] and an [fcgi-program:x]; accepted: a name that is one of them", program))
		case isFCGI:
			from = fcgi
		}
		taken[from] = true
		g.Processes = append(g.Processes, l.processes(from, g.Name)...)
	}
	return &g
}

func (l *loader) readProgram(section, name string) *Group {
	g := fresh[Group](groupTable())
	g.Name = l.name(section, name)
	l.priority(section, &g)
	g.Processes = l.processes(section, g.Name)
	return &g
}

// priority reads the priority of a group that is not a [group:x].
func (l *loader) priority(section string, g *Group) {
	l.reads(section).fill([]*key{groupTable().key("priority")}, g)
}
