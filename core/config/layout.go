package config

import (
	"fmt"
	"slices"
	"strings"
)

// layout warns of values that are not what was meant because of how their lines are
// written: cut short by a comment sign, or swallowing the line below.
func (c *checker) layout() {
	refused := make(map[[2]string]bool)
	for _, e := range slices.Concat(c.l.errs, c.l.late) {
		refused[[2]string{e.Section, e.Key}] = true
	}
	for _, name := range c.l.cfg.Files {
		data, err := readLimited(c.l.paths.at(name))
		if err != nil {
			continue
		}
		w := lineWalker{c: c, file: c.nameOf(name), refused: refused}
		for i, line := range strings.Split(unixNewlines(string(data)), "\n") {
			w.feed(i+1, line)
		}
	}
}

// lineWalker follows a file as the parser does, to see which line belongs to what.
type lineWalker struct {
	c            *checker
	file         string
	refused      map[[2]string]bool // section and key of values that are errors
	section, key string
	indent       int
}

func (w *lineWalker) feed(number int, line string) {
	at := commentStart(line)
	value := line
	if at >= 0 {
		value = line[:at]
	}
	if value = strip(value); value == "" {
		return
	}
	header, isHeader := headerName(value)
	continued := w.key != "" && indentOf(line) > w.indent
	switch {
	case continued && isHeader && schemaOf(w.c.l.schemas, header) != nil:
		w.cause(number, fmt.Sprintf("the line %q is part of this value, because it is indented; a section begins in the first column", value))
	case continued:
		if name, _, ok := strings.Cut(value, "="); ok && w.key != "environment" {
			name = lower(strings.TrimRightFunc(name, isSpace))
			if f := schemaOf(w.c.l.schemas, w.section).Field(name); f != nil {
				w.cause(number, fmt.Sprintf("the line that sets %s is part of this value, because it is indented", name))
			}
		}
	case isHeader:
		w.section, w.key, w.indent = header, "", indentOf(line)
		return
	case value[0] == '[' && strings.ContainsAny(value, "=:"):
		w.header(number, value)
		fallthrough
	default:
		w.indent = indentOf(line)
		if d := strings.IndexAny(value, "=:"); d > 0 {
			w.key, value = lower(strings.TrimRightFunc(value[:d], isSpace)), value[d+1:]
		}
	}
	switch {
	case at >= 0 && w.key != "":
		w.cut(number, value, line[at:])
	case w.refused[[2]string{w.section, w.key}] && strings.ContainsAny(value, ";#"):
		w.cause(number, fmt.Sprintf("the %q is part of the value, as in Supervisor: a comment begins only behind a space", value[strings.IndexAny(value, ";#")]))
	}
}

// header reports a line that was meant to be a header and is a setting, to Supervisor too.
func (w *lineWalker) header(number int, value string) {
	key := strip(value[:strings.IndexAny(value, "=:")])
	w.c.headers = append(w.c.headers, Issue{
		File: w.file, Line: number, Section: w.section,
		Text: fmt.Sprintf("the line %s has no \"]\", so no section begins here: supervisord, as Supervisor, takes it for a setting %q of this section, "+
			"and the lines below it for further ones", showLine(value), key),
	})
}

// cut warns of a comment sign inside a value: " ;" and " #" end it, within quotes too. A
// comment behind a whole value is what the sign is for, so it is said of values that end
// within quotes, and of any value that is refused.
func (w *lineWalker) cut(number int, value, comment string) {
	text := fmt.Sprintf("the value ends at the %q, which begins a comment even within quotes; without the space before it, it does not", comment[:1])
	if w.refused[[2]string{w.section, w.key}] || ParseCommand(value).Err != nil && quoted(w.c.l.schemas, w.section, w.key) {
		w.cause(number, text)
	}
}

// quoted reports whether quotes mean something in a key's value.
func quoted(schemas []SectionSchema, section, key string) bool {
	f := schemaOf(schemas, section).Field(key)
	return f == nil || f.Type.Quoted
}

func (w *lineWalker) cause(number int, text string) {
	w.c.causes = append(w.c.causes, Issue{File: w.file, Line: number, Section: w.section, Key: w.key, Text: text})
}
