package core

import (
	"fmt"
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
)

// maxGlobs bounds the patterns with wildcards in one Selection: each is compared with
// every process in one turn of the loop. Names without wildcards have no bound.
const maxGlobs = 100

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

// pick finds the processes of a Selection by priority, and which of its names and
// patterns chose none.
func (l *loop) pick(sel *Selection) (picked []pick, missed []string) {
	used := make([]bool, len(sel.written))
	for _, g := range l.byPriority() {
		for _, m := range g.ranked {
			short := m.namespec()
			long := g.conf.Name + ":" + m.conf.Name
			place, named := sel.names[short]
			if named {
				used[place] = true
			}
			if place, byLong := sel.names[long]; byLong {
				named, used[place] = true, true
			}
			chosen := named || sel.all
			for _, glob := range sel.globs {
				written := sel.written[glob.place]
				if written == short || written == long { // a name may hold a bracket
					named = true
				} else if chosen && used[glob.place] || !glob.programs.Match(g.conf.Name, m.conf.Name) {
					continue
				}
				chosen, used[glob.place] = true, true
			}
			if chosen {
				picked = append(picked, pick{m, named})
			}
		}
	}
	for i, written := range sel.written {
		if first, isName := sel.names[written]; !used[i] && written != "all" && (!isName || first == i) {
			missed = append(missed, written)
		}
	}
	return picked, missed
}
