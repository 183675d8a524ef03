package config

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Issue is one thing wrong with a configuration.
type Issue struct {
	File    string // the file as it was opened; "" for the command line
	Line    int    // 1-based; 0 when no line can be named
	Section string // the section's whole name; "" when it is about the file
	Key     string // the key, or the option as typed; "" when it is about the section
	Text    string // what is wrong, what is accepted; never a secret's value
	// Supervisor is what Supervisor says about the same thing, word for word
	// and over several lines where it does; the whole issue for what only Hark
	// checks. Passwords are masked in it too.
	Supervisor string
}

// String is "file:line: [section] key: text", without the parts that are not known.
func (i Issue) String() string {
	var b strings.Builder
	b.WriteString(Place(i.File, i.Line))
	if i.Section != "" {
		b.WriteString("[" + i.Section + "] ")
	}
	if i.Key != "" {
		b.WriteString(i.Key + ": ")
	}
	b.WriteString(i.Text)
	return b.String()
}

// Place is what stands before an error: "file:line: ", without the line where none is known, and "command line: " without a file.
func Place(file string, line int) string {
	switch {
	case file == "":
		return "command line: "
	case line > 0:
		return fmt.Sprintf("%s:%d: ", file, line)
	}
	return file + ": "
}

// Errors is everything that is wrong with a configuration, in the order in which
// Supervisor would find it. Load returns it as its error.
type Errors []Issue

// First is Supervisor's own message for the first error it would stop at: what
// supervisord prints after "Error: " and reloadConfig's fault carries.
func (e Errors) First() string {
	if len(e) == 0 {
		return ""
	}
	return e[0].Supervisor
}

// FirstError returns the text that Supervisor would give for a broken configuration: that of the first error.
func FirstError(err error) string {
	var all Errors
	if errors.As(err, &all) {
		return all.First()
	}
	return err.Error()
}

// Error is every issue, one a line, in the order of files and lines.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, issue := range e.sorted() {
		lines[i] = issue.String()
	}
	return strings.Join(lines, "\n")
}

// Texts is what a program says of a configuration that it cannot use: Supervisor's sentence for the first error that it would stop at, then
// every error, in the order of files and lines. An error that only Hark finds is not said twice. Names of files are as they are seen from dir.
func (e Errors) Texts(dir string) []string {
	if len(e) == 0 {
		return nil
	}
	var texts []string
	if first := &e[0]; first.Supervisor != first.String() {
		texts = append(texts, first.Supervisor)
	}
	for _, issue := range e.sorted() {
		texts = append(texts, issue.In(dir).String())
	}
	return texts
}

// In is the issue with the whole name of its file, which was opened from dir.
func (i Issue) In(dir string) Issue {
	if i.File != "" && !filepath.IsAbs(i.File) {
		i.File = filepath.Join(dir, i.File)
	}
	return i
}

// sorted is every issue by file, in the order in which they come up, and line.
func (e Errors) sorted() Errors {
	files := map[string]int{}
	for _, issue := range e {
		if _, known := files[issue.File]; !known {
			files[issue.File] = len(files)
		}
	}
	all := slices.Clone(e)
	slices.SortStableFunc(all, func(a, b Issue) int { return cmp.Or(files[a.File]-files[b.File], a.Line-b.Line) })
	return all
}

// Issue is one thing wrong with a value of [supervisord] or of a server that reads well. said is Supervisor's sentence for it; "" : it has none.
func (c *Config) Issue(section, key, text, said string) Issue {
	at, written := c.positions[position(section, key)]
	if !written {
		if at, written = c.positions[position(section, "")]; !written {
			at = Position{File: c.Path}
		}
	}
	i := Issue{File: at.File, Line: at.Line, Section: section, Key: key, Text: text, Supervisor: said}
	if said == "" {
		i.Supervisor = i.String()
	}
	return i
}

func position(section, key string) string { return section + "\n" + key }

// notePositions keeps where the values are that only their use shows to be wrong.
func (l *loader) notePositions() {
	l.cfg.positions = make(map[string]Position)
	sections := []string{"supervisord"}
	for _, s := range l.cfg.Servers {
		sections = append(sections, s.Section)
	}
	for _, g := range l.cfg.Groups {
		if g.Kind == FastCGIGroup {
			sections = append(sections, "fcgi-program:"+g.Name)
		}
	}
	for _, section := range sections {
		l.cfg.positions[position(section, "")] = l.doc.Where(section, "")
		for _, key := range l.doc.Own(section) {
			l.cfg.positions[position(section, key)] = l.doc.Where(section, key)
		}
	}
	for _, o := range l.o.Overrides {
		l.cfg.positions[position("supervisord", o.Key)] = Position{}
	}
}
