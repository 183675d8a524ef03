package main

import (
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
)

// isPattern reports whether a name has wildcards other than those of group:*.
func isPattern(name string) bool {
	group, proc, _ := strings.Cut(name, ":")
	if proc == "*" {
		name = group
	}
	return strings.ContainsAny(name, "*?[")
}

// isPatternOrGroup is isPattern for actions that do not know group:* in Supervisor.
func isPatternOrGroup(name string) bool { return strings.ContainsAny(name, "*?[") }

// choose finds the processes of names and patterns among all, in their order, and
// what chose none: what a daemon of Hark does by itself, for Supervisor's.
func choose(all []processInfo, names []string) (picked []processInfo, missed []string, err error) {
	used := make([]bool, len(names))
	globs := make([]*eventlistener.Programs, len(names))
	for i, name := range names {
		if group, proc, two := strings.Cut(name, ":"); two && proc == "" {
			name = group + ":*"
		}
		if strings.ContainsAny(name, "*?[") {
			if globs[i], err = eventlistener.ParsePrograms([]string{name}); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, p := range all {
		group, name := p.Group, p.Name
		chosen := false
		for i, wanted := range names {
			if wanted == "all" || wanted == p.Namespec || wanted == group+":"+name || globs[i] != nil && globs[i].Match(group, name) {
				chosen, used[i] = true, true
			}
		}
		if chosen {
			picked = append(picked, p)
		}
	}
	for i, name := range names {
		if !used[i] && name != "all" && !slices.Contains(missed, name) {
			missed = append(missed, name)
		}
	}
	return picked, missed, nil
}
