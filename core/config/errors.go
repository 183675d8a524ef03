package config

import (
	"fmt"
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
	switch {
	case i.File == "":
		b.WriteString("command line: ")
	case i.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", i.File, i.Line)
	default:
		b.WriteString(i.File + ": ")
	}
	if i.Section != "" {
		b.WriteString("[" + i.Section + "] ")
	}
	if i.Key != "" {
		b.WriteString(i.Key + ": ")
	}
	b.WriteString(i.Text)
	return b.String()
}

// Errors is everything wrong with a configuration, in the order in which
// Supervisor would come upon it. Load returns it as its error.
type Errors []Issue

// First is Supervisor's own message for the first error it would stop at: what
// supervisord prints after "Error: " and reloadConfig's fault carries.
func (e Errors) First() string {
	if len(e) == 0 {
		return ""
	}
	return e[0].Supervisor
}

// Error is every issue, one a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].String()
	}
	return strings.Join(lines, "\n")
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
