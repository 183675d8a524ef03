package config

import (
	"cmp"
	"errors"
	"slices"
)

// Report is what Check has to say of a configuration.
type Report struct {
	Files    []string // that were read
	Errors   []Issue  // a daemon would refuse to start
	Warnings []Issue  // it would start, and something in it will surprise
}

// Check reads a configuration as Load does and tells all that is wrong with it and
// all that is likely to surprise, each with its place as far as it has one. Besides
// the files of the configuration it looks at whether the programs and directories
// named are there. The Report's errors are those of Load, in the order of the files.
func Check(o Options) Report {
	l, err := newLoader(o)
	if err != nil {
		var all Errors
		errors.As(err, &all)
		return Report{Errors: all}
	}
	l.load()
	r := Report{Files: l.cfg.Files, Errors: append(slices.Clone(l.errs), l.late...)}
	c := &checker{l: l}
	c.gathered()
	if l.doc.Has("supervisord") {
		c.cutValues()
		c.repeats()
		c.sections()
		c.servers()
		c.percents()
		c.memberships()
		c.logs()
		c.processes()
	}
	for _, w := range c.found {
		// What is an error needs no warning besides.
		if !slices.ContainsFunc(r.Errors, func(e Issue) bool { return e.Key != "" && e.Section == w.Section && e.Key == w.Key }) {
			r.Warnings = append(r.Warnings, w)
		}
	}
	byPlace := func(a, b Issue) int {
		return cmp.Or(cmp.Compare(c.fileIndex(a.File), c.fileIndex(b.File)), cmp.Compare(a.Line, b.Line))
	}
	slices.SortStableFunc(r.Errors, byPlace)
	slices.SortStableFunc(r.Warnings, byPlace)
	return r
}

// checker gathers warnings about what a loader has read.
type checker struct {
	l     *loader
	found []Issue
}

// warn adds a warning at a key, or at its section when there is no such key.
func (c *checker) warn(section, key, text string) {
	at := c.l.doc.Where(section, key)
	if at.File == "" {
		at.File = c.l.file
	}
	c.add(Issue{File: at.File, Line: at.Line, Section: section, Key: key, Text: text})
}

func (c *checker) add(i Issue) {
	if !slices.Contains(c.found, i) {
		c.found = append(c.found, i)
	}
}

// gathered takes over what Load would write to the activity log.
func (c *checker) gathered() {
	for _, i := range c.l.warned {
		c.add(i)
	}
	placed := make(map[string]bool)
	for _, i := range c.l.warned {
		placed[i.String()] = true
	}
	for _, text := range slices.Concat(c.l.cfg.Criticals, c.l.cfg.Warnings, c.l.warnings) {
		if !placed[text] {
			c.add(Issue{File: c.l.file, Text: text})
		}
	}
}

// fileIndex orders files as they were read; what is no file comes first.
func (c *checker) fileIndex(name string) int {
	return slices.Index(c.l.cfg.Files, c.l.paths.absolute(name))
}
