package main

import (
	"os"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
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

// onTerminal reports whether people read on a terminal what the run prints. Then it is made for them; elsewhere it is Supervisor's to the byte.
func (r *run) onTerminal() bool { return r.terminal != nil }

// colour reports whether the run prints in colour: on a terminal, unless that is disabled.
func (r *run) colour() bool {
	return r.onTerminal() && !r.ctl.options.plain && wantsColour(os.Getenv)
}

// usualColumns is how wide a terminal is taken to be that does not say.
const usualColumns = 80

// columns is how many columns a line of the run may have on the terminal.
func (r *run) columns() int {
	if !r.onTerminal() {
		return usualColumns
	}
	width, _, err := term.GetSize(int(r.terminal.Fd()))
	if err != nil || width <= 0 {
		width = usualColumns
	}
	return max(width-r.indent, 1)
}

// Styles are SGR parameters.
const (
	styleGood    = "32"
	styleBusy    = "33"
	styleBad     = "31"
	styleDim     = "2"
	styleStrong  = "1"
	styleHeading = "1;4"
	styleChosen  = "7"
)

// styled is text in a style, "" for none.
func styled(sgr, text string) string {
	if sgr == "" || text == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// style is text in a style where the run prints in colour.
func (r *run) style(sgr, text string) string {
	if !r.colour() {
		return text
	}
	return styled(sgr, text)
}

// stateStyle is the colour of a state, "" for none.
func stateStyle(state string) string {
	switch state {
	case "RUNNING":
		return styleGood
	case "STARTING", "STOPPING", "BACKOFF":
		return styleBusy
	case "FATAL", "UNKNOWN":
		return styleBad
	case "STOPPED", "EXITED":
		return styleDim
	}
	return ""
}

// shortened is a name in at most width columns: of a longer one the middle is omitted, since both ends distinguish names.
func shortened(name string, width int) string {
	have := ansi.StringWidth(name)
	if have <= width {
		return name
	}
	if width < 5 {
		return ansi.Truncate(name, width, "~")
	}
	tail := (width - 1) / 2
	return ansi.Truncate(name, width-tail, "~") + ansi.TruncateLeft(name, have-tail, "")
}
