package main

import (
	"bytes"
	"io"
	"os"
	"strings"
)

// terminalOf is the terminal that a stream is, nil if it is none.
func terminalOf(stream any) *os.File {
	if f, ok := stream.(*os.File); ok && isTerminal(f) {
		return f
	}
	return nil
}

// wantsColour: NO_COLOR (no-color.org) and TERM=dumb say no.
func wantsColour(getenv func(string) string) bool {
	return getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// colour reports whether the run prints in colour: on a terminal, unless told not to.
func (r *run) colour() bool {
	return terminalOf(r.out) != nil && !r.ctl.options.plain && wantsColour(os.Getenv)
}

// coloured makes status colour the states where it prints on a terminal. Elsewhere
// it is Supervisor's, to the byte.
func coloured(one func(*run, string) error) func(*run, string) error {
	return func(r *run, arg string) error {
		if !r.colour() {
			return one(r, arg)
		}
		out := r.out
		var text bytes.Buffer
		r.out = &text
		err := one(r, arg)
		r.out = out
		_, _ = io.WriteString(out, colourStates(text.String()))
		return err
	}
}

// colourStates colours the second word of each line where it is a state; columns
// stay where they are.
func colourStates(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		name := strings.IndexByte(line, ' ')
		rest := strings.TrimLeft(line[max(name, 0):], " ")
		state, _, _ := strings.Cut(strings.TrimRight(rest, "\n"), " ")
		style := stateStyle(state)
		if name < 0 || style == "" {
			b.WriteString(line)
			continue
		}
		at := len(line) - len(rest)
		b.WriteString(line[:at] + "\x1b[" + style + "m" + state + "\x1b[0m" + rest[len(state):])
	}
	return b.String()
}
