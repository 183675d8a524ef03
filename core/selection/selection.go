// Package selection chooses processes by names and patterns.
package selection

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	// maxGlobs bounds the patterns with wildcards in one Selection: each is compared with every process. Names without
	// wildcards have no bound.
	maxGlobs = 100
	// maxCompared is how many names are compared with patterns before others have the processor.
	maxCompared = 1000
)

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

// Parse makes a Selection of names and patterns. An error says which pattern is wrong.
func Parse(patterns []string) (*Selection, error) {
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
				return nil, err
			}
			s.globs = append(s.globs, glob{programs, i})
		}
	}
	if len(s.globs) > maxGlobs {
		return nil, fmt.Errorf("cannot use %d patterns, at most %d", len(s.globs), maxGlobs)
	}
	return s, nil
}

// HasPatterns reports whether processes are compared with patterns, which may take long.
func (s *Selection) HasPatterns() bool { return len(s.globs) > 0 }

// Chooser looks at one process after another, for one goroutine.
type Chooser struct {
	s        *Selection
	used     []bool // of s.written
	compared int
}

// Chooser returns a Chooser that has not looked at any process.
func (s *Selection) Chooser() *Chooser { return &Chooser{s: s, used: make([]bool, len(s.written))} }

// Choose reports whether the process with this namespec, and with group:name as the long form of it, is chosen, and whether that is by its own
// name.
func (c *Chooser) Choose(namespec, long string) (chosen, named bool) {
	s := c.s
	if c.compared += len(s.globs); c.compared >= maxCompared {
		c.compared = 0
		runtime.Gosched() // when many do this each has little time at once, and a short request need not wait for all
	}
	place, named := s.names[namespec]
	if named {
		c.used[place] = true
	}
	if place, byLong := s.names[long]; byLong {
		named, c.used[place] = true, true
	}
	chosen = named || s.all
	for _, glob := range s.globs {
		written := s.written[glob.place]
		if written == namespec || written == long { // a name may contain a bracket
			named = true
		} else if chosen && c.used[glob.place] || !glob.programs.MatchNames(namespec, long) {
			continue
		}
		chosen, c.used[glob.place] = true, true
	}
	return chosen, named
}

// Missed returns the names and patterns that have chosen no process.
func (c *Chooser) Missed() (missed []string) {
	for i, written := range c.s.written {
		if first, isName := c.s.names[written]; !c.used[i] && written != "all" && (!isName || first == i) {
			missed = append(missed, written)
		}
	}
	return missed
}
