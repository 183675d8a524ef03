package config

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// Report is what Check has to say of a configuration.
type Report struct {
	Files    []string // that were read
	Errors   []Issue  // a daemon would refuse to start, or take a line for something else than it was meant to be
	Warnings []Issue  // it would start, and something in it will surprise
	Notes    []Issue  // worth knowing, and as likely meant as not
	Plugins  bool     // there are sections about plugins, whose keys Check does not know

	byPlace func(a, b Issue) int
}

// Check reads a configuration as Load does and reports all that is wrong with it and
// all that is likely to surprise, each with its place. Besides the files of the
// configuration it looks whether the programs and directories named are there, unless
// Options.NoFiles is set. The Report's errors are those of Load, in the order of the
// files.
//
// A file that has sections of programs and none that only a whole configuration has
// ([supervisord], [include], a server, [supervisorctl]) is checked as one that
// another configuration includes, and a note says so.
func Check(o Options) Report {
	l, err := newLoader(o)
	if err != nil {
		var all Errors
		errors.As(err, &all)
		return Report{Errors: all}
	}
	l.mayBeSnippet = true
	l.load()
	r := Report{Files: l.cfg.Files, Errors: append(slices.Clone(l.errs), l.late...)}
	c := &checker{l: l}
	c.gathered()
	if l.doc.Has("supervisord") || l.isSnippet() {
		c.layout()
		c.repeats()
	}
	if l.whole && (l.doc.Has("supervisord") || l.isSnippet()) { // what was not read is not missing
		c.spools()
		c.quotes()
		c.listenerKeys()
		c.sections()
		c.servers()
		c.percents()
		c.memberships()
		c.filters()
		c.logs()
		c.sockets()
		c.processes()
		for _, found := range c.control() {
			if !slices.Contains(r.Errors, found) {
				r.Errors = append(r.Errors, found)
			}
		}
	}
	for _, w := range c.causes {
		if !slices.Contains(r.Warnings, w) {
			r.Warnings = append(r.Warnings, w)
		}
	}
	for _, w := range c.found {
		// What is an error needs no warning besides.
		if !slices.ContainsFunc(r.Errors, func(e Issue) bool { return e.Key != "" && e.Section == w.Section && e.Key == w.Key }) {
			r.Warnings = append(r.Warnings, w)
		}
	}
	r.Notes = slices.Concat(c.notes, l.outside)
	r.Errors = append(r.Errors, c.headers...)
	r.Plugins = len(l.cfg.Instances) > 0
	r.byPlace = func(a, b Issue) int {
		return cmp.Or(cmp.Compare(c.fileIndex(a.File), c.fileIndex(b.File)), cmp.Compare(a.Line, b.Line))
	}
	r.Sort()
	return r
}

// Sort orders issues by file, in the order in which the files were read, and by line. Check has done so; it is for callers that add issues.
func (r *Report) Sort() {
	if r.byPlace == nil {
		return
	}
	for _, found := range [][]Issue{r.Errors, r.Warnings, r.Notes} {
		slices.SortStableFunc(found, r.byPlace)
	}
}

// Sections reads what a configuration says about plugins, as far as it can be read, whatever
// is wrong with the rest of it: Plugins and Instances of the Config are filled, and wrong
// is what Options.Template reports about templates of [notifier:x]. It is for
// checking them in addition to Check, and accepts a file that another includes, as Check does.
func Sections(o Options) (c *Config, wrong []Issue) {
	l, err := newLoader(o)
	if err != nil {
		return &Config{}, nil
	}
	l.mayBeSnippet = true
	l.load()
	return l.cfg, l.templateIssues
}

// wholeOnly are the sections that a file has which is a configuration of its own.
var wholeOnly = [...]string{"supervisord", "include", "unix_http_server", "inet_http_server", "supervisorctl"}

// isSnippet reports whether the file, by what it holds, is one that another includes.
// Only Check asks: supervisord refuses it, as Supervisor does.
func (l *loader) isSnippet() bool {
	if !l.mayBeSnippet || slices.ContainsFunc(wholeOnly[:], l.doc.Has) {
		return false
	}
	return slices.ContainsFunc(l.doc.Sections(), func(name string) bool {
		return strings.Contains(name, ":") && schemaOf(l.schemas, name) != nil
	})
}

// checker gathers warnings and notes about what a loader has read.
type checker struct {
	l      *loader
	found  []Issue
	causes []Issue // why a value is not the intended one: added to an error about it too
	notes  []Issue
	// headers are lines that were meant to be headers and are not: everything below them is in another section than it seems.
	headers []Issue
	seen    map[Issue]bool
}

// warn adds a warning at a key, or at its section if there is no such key.
func (c *checker) warn(section, key, text string) { c.add(c.l.issue(section, key, text)) }

// note adds a note, as warn does a warning.
func (c *checker) note(section, key, text string) {
	if i := c.l.issue(section, key, text); !slices.Contains(c.notes, i) {
		c.notes = append(c.notes, i)
	}
}

func (c *checker) add(i Issue) {
	if c.seen == nil {
		c.seen = make(map[Issue]bool)
	}
	if !c.seen[i] {
		c.seen[i] = true
		c.found = append(c.found, i)
	}
}

// gathered takes over what Load would write to the activity log.
func (c *checker) gathered() {
	for _, i := range slices.Concat(c.l.notices, c.l.unknown) {
		c.add(i)
	}
}

// fileIndex orders files as they were read; what is not a file comes first.
func (c *checker) fileIndex(name string) int {
	return slices.Index(c.l.cfg.Files, c.l.paths.absolute(name))
}
