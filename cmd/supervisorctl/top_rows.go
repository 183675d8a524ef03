package main

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Widths of the columns behind the state.
const (
	pidWidth    = 8
	uptimeWidth = 11
	cpuWidth    = 7
	rssWidth    = 8
	// topArea is what all of them take, with spaces between; a screen of topWide columns has them, whatever the names are.
	topArea = pidWidth + 1 + uptimeWidth + 1 + cpuWidth + 1 + rssWidth
	topWide = 70
	// topReason is how many columns stay for the reason on a narrower one.
	topReason = 16
)

// topColumns is which columns the table has. A reason, of what does not run, stands in the place of those after the state.
type topColumns struct {
	table                 bool // it does not: every row has all columns, for scripts
	marks                 bool
	name, area            int
	pid, uptime, cpu, rss bool
}

// columns chooses the columns for the screen: name and state are always there; where there is little room the pid goes first, then memory
// and uptime.
func (m *topModel) columns() topColumns {
	c := topColumns{marks: len(m.marked) > 0}
	width := m.width
	if c.marks {
		width -= 2
	}
	for i := range m.all {
		c.name = max(c.name, ansi.StringWidth(printable(m.all[i].namespec)))
	}
	least := topReason
	if width >= topWide {
		least = topArea
	}
	c.name = max(4, min(c.name, width-1-stateWidth-least))
	c.area = max(0, width-c.name-1-stateWidth)
	used := -1
	for _, column := range []struct {
		width int
		shown *bool
	}{{cpuWidth, &c.cpu}, {uptimeWidth, &c.uptime}, {rssWidth, &c.rss}, {pidWidth, &c.pid}} {
		if used+1+column.width > c.area {
			break
		}
		*column.shown = true
		used += 1 + column.width
	}
	return c
}

// values sets texts in those of the columns that are there.
func (c *topColumns) values(pid, uptime, cpu, rss string) string {
	var cells []string
	for _, cell := range []struct {
		shown bool
		width int
		text  string
	}{{c.pid, pidWidth, pid}, {c.uptime, uptimeWidth, uptime}, {c.cpu, cpuWidth, cpu}, {c.rss, rssWidth, rss}} {
		if cell.shown {
			cells = append(cells, fmt.Sprintf("%*s", cell.width, cell.text))
		}
	}
	return strings.Join(cells, " ")
}

// mark is what stands before the name.
func (c *topColumns) mark(marked bool) string {
	switch {
	case !c.marks:
		return ""
	case marked:
		return "* "
	}
	return "  "
}

func (c *topColumns) heading() string {
	return c.mark(false) + fmt.Sprintf("%-*s %-*s", c.name, "NAME", stateWidth, "STATE") + c.values("PID", "UPTIME", "CPU%", "RSS")
}

func (m *topModel) row(c *topColumns, r *topRow) string {
	blank := func(have bool, text string) string {
		if !have {
			return "-"
		}
		return text
	}
	left := c.mark(m.marked[r.namespec]) + pad(shortened(printable(r.namespec), c.name), c.name+1)
	state := pad(printable(r.state), stateWidth)
	right := c.values(blank(r.pid != 0, fmt.Sprint(r.pid)), blank(r.pid != 0, shortUptime(r.uptime)), blank(r.cpu >= 0, fmt.Sprintf("%.1f", r.cpu)),
		blank(r.rss >= 0, shortSize(r.rss)))
	switch reason := oneLine(r.reason); {
	case reason == "":
	case c.table:
		right += "  " + reason
	default:
		right = reason
	}
	if r.restarts > 0 {
		right += "  " + r.restartText()
	}
	if r.namespec == m.chosen {
		return m.style(styleChosen, pad(left+state+right, m.width))
	}
	return left + m.style(r.style, state) + right
}

func (r *topRow) restartText() string {
	text := fmt.Sprintf("restarts %d", r.restarts)
	if r.last != "" {
		text += " (" + r.last + ")"
	}
	return text
}
