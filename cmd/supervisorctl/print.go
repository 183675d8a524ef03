package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// perform runs the action and prints what it comes to. An error is what the action has no words for.
func (r *run) perform(arg string) error {
	a, err := r.action.Run(r, arg)
	var own *refusal
	if errors.As(err, &own) {
		r.report(own.lines...)
		a = answer{hints: hintsOf(err)}
	} else if err != nil {
		for _, l := range r.lines { // they would have been printed before
			r.println(l.text)
		}
		r.lines = nil
		return err
	}
	if a.status != exitSuccess {
		r.status = a.status
	}
	switch {
	case a.printed:
	case !r.json, a.value == nil && a.text != "": // a form of the action that has no document
		_, _ = io.WriteString(r.out, a.text)
	case a.value != nil:
		r.document = a.value
	default:
		r.document = r.reported()
	}
	for _, h := range a.hints {
		r.hint(h)
	}
	return nil
}

// report prints lines at once; with --json they are kept for the document.
func (r *run) report(lines ...line) {
	for _, l := range lines {
		if l.status != exitSuccess {
			r.status = l.status
		}
		if r.json {
			r.lines = append(r.lines, l)
		} else {
			r.println(l.text)
		}
	}
}

// reported is the document of an action that has only reported lines. One that is about nothing in particular is well where all is.
func (r *run) reported() []line {
	all := []line{}
	for _, l := range r.lines {
		l.OK = l.OK && (l.Name != "" || r.status == exitSuccess)
		if l.text != "" {
			all = append(all, l)
		}
	}
	return all
}

// writeJSON prints a document, indented, on lines of its own.
func writeJSON(to io.Writer, document any) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// fail prints an error as Supervisor prints an exception; to people on a terminal, without anything of Python.
func (r *run) fail(err error) {
	f := describe(err)
	if r.onTerminal() {
		text := f.forPeople()
		if outOfReach(err) {
			text = "cannot reach " + withoutPassword(r.server.url) + ": " + text
		}
		r.println(r.style(styleBad, "error:") + " " + text)
	} else {
		r.println(fmt.Sprintf("error: <class '%s'>, %s", f.class, f.text))
	}
	if f.hint != "" {
		r.hint(f.hint)
	}
	for _, h := range hintsOf(err) {
		r.hint(h)
	}
	r.status = exitGeneric
}

// hint says on standard error what to do next: Supervisor has no such line, so
// it stays out of what scripts read.
func (r *run) hint(text string) {
	text = "hint: " + text
	if r.onTerminal() && terminalOf(r.err) != nil {
		text = r.folded(text, 0)
	}
	_, _ = fmt.Fprintln(r.err, text)
}

// folded is a text parted between words so that it fits the terminal; indent is that of the further lines.
func (r *run) folded(text string, indent int) string {
	return strings.Join(wrapped(text, max(r.columns()-indent, 20)), "\n"+strings.Repeat(" ", indent))
}

// println prints a line of a continuing output, and of errors in general. Actions report theirs.
func (r *run) println(line string) { _, _ = io.WriteString(r.out, line+"\n") }
