package eventlistener

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// Programs chooses events by the process they are about. A nil one chooses all.
type Programs struct {
	written []string
	globs   []string
}

// ParsePrograms returns the filter of some patterns: * matches any characters, ? one character, [abc], [a-z] and [!a] one of a
// set. A pattern with a colon is matched against group:name, one without against the namespec, which is the name alone where
// group and process have the same name. The error quotes the first pattern that is not valid. An empty pattern is not valid.
func ParsePrograms(patterns []string) (*Programs, error) {
	p := &Programs{written: slices.Clone(patterns)}
	for _, written := range patterns {
		glob := strings.ReplaceAll(written, "[!", "[^")
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			return nil, fmt.Errorf("cannot use pattern %q", written)
		}
		p.globs = append(p.globs, glob)
	}
	return p, nil
}

// Patterns returns the patterns of the filter as they were written; nil for a nil filter. The caller must not change the slice.
func (p *Programs) Patterns() []string {
	if p == nil {
		return nil
	}
	return p.written
}

// Pass reports whether an event passes the filter. An event that is not about a process always does.
func (p *Programs) Pass(e *Event) bool {
	return p == nil || e.process.Name == "" || p.Match(e.process.Group, e.process.Name)
}

// Match reports whether events about a process pass the filter.
func (p *Programs) Match(group, process string) bool {
	if p == nil {
		return true
	}
	return p.MatchNames(pytext.Namespec(group, process), group+":"+process)
}

// MatchNames is Match for callers that have a process's names already: its namespec, and group:name.
func (p *Programs) MatchNames(short, long string) bool {
	if p == nil {
		return true
	}
	return slices.ContainsFunc(p.globs, func(glob string) bool {
		name := short
		if strings.Contains(glob, ":") {
			name = long
		}
		ok, _ := path.Match(glob, name) // ParsePrograms has refused bad patterns
		return ok
	})
}
