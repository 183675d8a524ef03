package main

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// maxSGR bounds the colours that are carried from one line of a log to the next, in bytes.
const maxSGR = 256

// logColours shows lines of a program's log with the program's colours, and with nothing else that a terminal
// interprets. A colour continues in the next line, as on a terminal.
type logColours struct {
	colour bool   // otherwise colours are left out, too
	now    string // the sequences in effect
}

// line is one line, which ends without colour.
func (c *logColours) line(text string) string {
	if !c.colour {
		return oneLine(text)
	}
	var b strings.Builder
	b.WriteString(c.now)
	for rest := text; rest != ""; {
		i := strings.IndexByte(rest, 0x1b)
		if i < 0 {
			b.WriteString(oneLine(rest))
			break
		}
		b.WriteString(oneLine(rest[:i]))
		rest = rest[i:]
		sequence, _, n, _ := ansi.DecodeSequence(rest, ansi.NormalState, nil)
		if n <= 0 {
			break
		}
		if isSGR(sequence) {
			b.WriteString(sequence)
			c.keep(sequence)
		}
		rest = rest[n:]
	}
	if c.now != "" || strings.Contains(b.String(), "\x1b") {
		b.WriteString("\x1b[m")
	}
	return b.String()
}

// keep adds a sequence to those in effect; a reset ends them.
func (c *logColours) keep(sequence string) {
	switch parameters := sequence[2 : len(sequence)-1]; {
	case strings.Trim(parameters, "0") == "":
		c.now = ""
	case strings.HasPrefix(parameters, "0;"):
		c.now = sequence
	case len(c.now)+len(sequence) <= maxSGR:
		c.now += sequence
	default:
		c.now = sequence
	}
}

// isSGR reports whether a sequence sets colours and the like: ESC [ parameters m.
func isSGR(sequence string) bool {
	inner, ok := strings.CutPrefix(sequence, "\x1b[")
	if !ok {
		return false
	}
	inner, ok = strings.CutSuffix(inner, "m")
	return ok && strings.Trim(inner, "0123456789;:") == ""
}
