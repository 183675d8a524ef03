package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

func statusAction() Action {
	return Action{
		Name: "status",
		Help: "status <name>\t\tGet status for a single process\n" +
			"status <gname>:*\tGet status for all processes in a group\n" +
			"status <name> <name>\tGet status for multiple named processes\n" +
			"status\t\t\tGet all process status info",
		Flags:    []Flag{{Name: "all", Help: "sections about plugins too: whether each is served"}},
		Complete: completeProcesses,
		Run:      status,
	}
}

func status(r *run, arg string) error {
	ok, err := r.up()
	if err != nil {
		return err
	}
	if !ok {
		r.status = exitStatusUnknown
		return nil
	}
	v, err := r.call("getAllProcessInfo")
	if err != nil {
		return err
	}
	infos, err := asInfos(v)
	if err != nil {
		return err
	}
	if names := strings.Fields(arg); len(names) > 0 && !slices.Contains(names, "all") {
		infos = r.pick(infos, names)
	}
	r.showStatuses(infos)
	if slices.ContainsFunc(infos, func(p processInfo) bool { return stopped(p.State) }) {
		r.status = exitStatusNotRunning
	}
	if _, all := r.flags["all"]; all {
		return r.showSections()
	}
	return nil
}

// showSections prints a line for each section that a plugin serves or should, in the
// columns of the processes.
func (r *run) showSections() error {
	sections, err := r.servedSections()
	if f := asFault(err); f != nil && f.Code == faultUnknownMethod {
		return nil // Supervisor has no plugins
	}
	if err != nil {
		return err
	}
	var rows []processInfo
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		if strings.HasPrefix(name, "plugin:") {
			continue
		}
		s := sections[name]
		row := processInfo{Group: name, Name: name, StateName: "SERVED", Description: printable(s.trouble)}
		if !s.ready {
			row.StateName, r.status = "UNSERVED", notServed
		}
		rows = append(rows, row)
	}
	r.showStatuses(rows)
	return nil
}

// pick is the processes that the names mean, in the order of the names. It says
// which of them mean none.
func (r *run) pick(infos []processInfo, names []string) []processInfo {
	var picked []processInfo
	for _, name := range names {
		group, process, whole := splitNamespec(name)
		before := len(picked)
		for _, p := range infos {
			if p.Group == group && (whole || p.Name == process) {
				picked = append(picked, p)
			}
		}
		switch {
		case len(picked) > before:
			continue
		case whole:
			r.printf("%s: ERROR (no such group)\n", group)
		default:
			r.printf("%s: ERROR (no such process)\n", name)
		}
		r.status = exitStatusUnknown
	}
	return picked
}

// showStatuses prints a line for each process: the name in a column as wide as
// the longest, of at least 30, the state in one of 10.
func (r *run) showStatuses(infos []processInfo) {
	width := 30
	for _, p := range infos {
		width = max(width, utf8.RuneCountInString(namespec(p.Group, p.Name)))
	}
	var b strings.Builder
	for _, p := range infos {
		fmt.Fprintf(&b, "%-*s%-10s%s\n", width+3, namespec(p.Group, p.Name), p.StateName, p.Description)
	}
	r.printf("%s", b.String())
}
