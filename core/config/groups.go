package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

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
	g := &Group{Name: l.name(section, name), Heterogeneous: true}
	programs := stringList(l.text(l.get(section, "programs", l.here), ""))
	g.Priority = l.integer(l.get(section, "priority", l.here), 999)
	for _, program := range programs {
		from, fcgi := "program:"+program, "fcgi-program:"+program
		switch isProgram, isFCGI := l.doc.Has(from), l.doc.Has(fcgi); {
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
	return g
}

func (l *loader) readProgram(section, name string) *Group {
	g := &Group{Name: l.name(section, name)}
	g.Priority = l.integer(l.get(section, "priority", l.here), 999)
	g.Processes = l.processes(section, g.Name)
	return g
}
