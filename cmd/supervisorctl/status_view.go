package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// stateWidth is the column of a state: the longest, and a space.
const stateWidth = 9

// statusText is a line for each process as Supervisor prints it: the name in a column as wide as the longest, of at least 30, the state in
// one of 10.
func statusText(infos []processInfo) string {
	width := statusWidth(infos)
	var b strings.Builder
	for _, p := range infos {
		fmt.Fprintf(&b, "%-*s%-10s%s\n", width+3, p.Namespec, p.State, p.Description)
	}
	return b.String()
}

func statusWidth(infos []processInfo) int {
	width := 30
	for _, p := range infos {
		width = max(width, utf8.RuneCountInString(p.Namespec))
	}
	return width
}

// statusView is statusText for people who look at a terminal of some columns: Supervisor's form where it fits. Where it does not, the columns
// are as narrow as may be, of what runs the pid and then the uptime are left out, and a reason goes on in further lines.
func statusView(infos []processInfo, columns int, colour bool) string {
	style := func(sgr, text string) string {
		if !colour {
			return text
		}
		return styled(sgr, text)
	}
	longest, wide, named := 0, true, statusWidth(infos)+3
	for i := range infos {
		p := &infos[i]
		longest = max(longest, ansi.StringWidth(printable(p.Namespec)))
		wide = wide && named+10+ansi.StringWidth(printable(p.reason())) <= columns
	}
	state := 10
	if !wide {
		least := narrowReason
		if columns >= topWide {
			least = wideReason
		}
		named, state = min(longest, max(columns-stateWidth-least-1, 8))+1, stateWidth
	}
	var b strings.Builder
	for i := range infos {
		p := &infos[i]
		name := printable(p.Namespec)
		if ansi.StringWidth(name) > named-1 { // the name is whole, and what is to be said of it in the next line
			b.WriteString(name + "\n")
			name = ""
		}
		b.WriteString(pad(name, named) + style(p.stateStyle(), p.State))
		room := max(columns-named-state, 1)
		gap := strings.Repeat(" ", max(1, state-ansi.StringWidth(p.State)))
		for n, part := range fitted(p, room) {
			switch {
			case n > 0:
				b.WriteString("\n" + strings.Repeat(" ", named+state) + part)
			case part != "":
				how := p.howEnded()
				if n := min(len(how), len(part)); part[:n] == how[:n] && p.State != "STOPPED" {
					part = style(p.stateStyle(), part[:n]) + part[n:]
				}
				b.WriteString(gap + part)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// How many columns a reason has at least, however long names are: on a terminal of topWide columns, and on a narrower one.
const (
	wideReason   = 40
	narrowReason = 18
)

// fitted is the reason of a process in lines of at most room columns.
func fitted(p *processInfo, room int) []string {
	text := printable(p.reason())
	if ansi.StringWidth(text) <= room {
		return []string{text}
	}
	if p.PID != 0 {
		_, uptime, ok := strings.Cut(text, ", uptime ")
		switch {
		case ok && len("up ")+ansi.StringWidth(uptime) <= room:
			return []string{"up " + uptime}
		case ok:
			return nil
		}
	}
	return wrapped(text, room)
}

// wrapped is a text in lines of at most width columns, parted between words; a word that is longer is parted itself.
func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && ansi.StringWidth(line)+1+ansi.StringWidth(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		parts := strings.Split(ansi.Hardwrap(word, max(width, 1), false), "\n")
		lines = append(lines, parts[:len(parts)-1]...)
		line = parts[len(parts)-1]
	}
	return append(lines, line)
}
