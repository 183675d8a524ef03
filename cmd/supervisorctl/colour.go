package main

import "os"

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
