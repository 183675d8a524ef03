package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

const topKeys = "q quit  s start  x stop  r restart  l log  e stderr  / filter  o order  ? help"

const topHelp = `Keys of top

  up down pgup pgdn home end    choose a process (also k j g G)
  s                             start it
  x                             stop it, after a y
  r                             restart it, after a y
  l or enter                    open or close the pane with its log
  e                             the log of stderr, or of stdout again
  /                             show only names and states with what is typed
  esc                           show all again, close the pane
  o                             order by name, state, cpu, memory, uptime, restarts
  q or ctrl+c                   quit

CPU and memory are of a process together with its descendants; 100 is one CPU.
Any key goes back.`

// View draws the screen.
func (m *topModel) View() tea.View {
	v := tea.NewView(strings.Join(m.screen(), "\n"))
	v.AltScreen = true
	return v
}

// screen is exactly height lines of at most width columns.
func (m *topModel) screen() []string {
	lines := make([]string, 0, m.height)
	if m.help {
		lines = append(lines, strings.Split(topHelp, "\n")...)
		return m.fit(lines)
	}
	lines = append(lines, m.title(), m.style(styleBar, pad(m.heading(), m.width)))
	for i := m.first; i < min(m.first+m.page(), len(m.rows)); i++ {
		lines = append(lines, m.row(&m.rows[i]))
	}
	pane := m.paneHeight()
	lines = m.fill(lines, m.height-1-pane)
	if pane > 0 {
		lines = append(lines, m.style(styleBar, pad(" log of "+printable(m.chosen)+" "+m.channel, m.width)))
		lines = append(lines, m.logLines(pane-1)...)
		lines = m.fill(lines, m.height-1)
	}
	return m.fit(append(lines, m.footer()))
}

func (m *topModel) fill(lines []string, n int) []string {
	for len(lines) < n {
		lines = append(lines, "")
	}
	return lines
}

func (m *topModel) fit(lines []string) []string {
	lines = m.fill(lines, m.height)[:max(m.height, 0)]
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, m.width, "")
	}
	return lines
}

func (m *topModel) title() string {
	counts := make(map[string]int)
	for _, r := range m.all {
		counts[r.state]++
	}
	var parts []string
	for state, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, printable(state)))
	}
	slices.Sort(parts)
	text := fmt.Sprintf("%s: %d processes", printable(m.source.identifier()), len(m.all))
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	if m.order > 0 {
		text += "  by " + topOrders()[m.order].title
	}
	switch {
	case m.err != nil:
		return m.style(styleBad, oneLine(m.err.Error())+"; trying again")
	case !m.loaded:
		return printable(m.source.identifier()) + ": asking ..."
	}
	return text
}

func (m *topModel) nameWidth() int {
	width := 4
	for i := range m.all {
		width = max(width, ansi.StringWidth(printable(m.all[i].namespec)))
	}
	return max(4, min(width, m.width-46))
}

func (m *topModel) heading() string {
	return fmt.Sprintf("%-*s %-8s %8s %11s %7s %8s", m.nameWidth(), "NAME", "STATE", "PID", "UPTIME", "CPU%", "RSS")
}

func (m *topModel) row(r *topRow) string {
	blank := func(have bool, text string) string {
		if !have {
			return "-"
		}
		return text
	}
	running := r.pid != 0
	left := pad(ansi.Truncate(printable(r.namespec), m.nameWidth(), "~"), m.nameWidth()+1)
	state := pad(printable(r.state), 9)
	right := fmt.Sprintf("%8s %11s %7s %8s", blank(running, fmt.Sprint(r.pid)), blank(running, shortUptime(r.uptime)),
		blank(r.cpu >= 0, fmt.Sprintf("%.1f", r.cpu)), blank(r.rss >= 0, shortSize(r.rss)))
	if r.restarts > 0 {
		right += fmt.Sprintf("  restarts %d", r.restarts)
	}
	if !running && r.description != "" {
		right += "  " + oneLine(r.description)
	}
	if r.namespec == m.chosen {
		return m.style(styleChosen, pad(left+state+right, m.width))
	}
	return left + m.style(stateStyle(r.state), state) + right
}

func (m *topModel) footer() string {
	switch {
	case m.typing:
		return "/" + printable(m.filter) + "_"
	case m.asked != "":
		return m.style(styleBad, fmt.Sprintf("%s %s? y or any other key", m.asked, printable(m.chosen)))
	case m.message != "":
		return oneLine(m.message)
	case m.filter != "":
		return fmt.Sprintf("only %q (%d of %d)  esc all", m.filter, len(m.rows), len(m.all))
	}
	return topKeys
}

// logLines is the last n lines of the log pane.
func (m *topModel) logLines(n int) []string {
	if m.logOf != m.chosen+" "+m.channel {
		return nil
	}
	lines := strings.Split(strings.TrimRight(m.log, "\n"), "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		lines[i] = oneLine(line)
	}
	return lines
}

// Styles are SGR parameters.
const (
	styleGood   = "32"
	styleBusy   = "33"
	styleBad    = "31"
	styleDim    = "2"
	styleBar    = "7"
	styleChosen = "1;7"
)

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

// style marks text; without colour only bars are, which are no colour.
func (m *topModel) style(sgr, text string) string {
	if sgr == "" || !m.colour && sgr != styleBar && sgr != styleChosen {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}

// oneLine takes out what would move the cursor or colour the screen.
func oneLine(s string) string {
	s = ansi.Strip(s)
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case !unicode.IsPrint(r): // C0, C1, and what turns the direction of writing
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// shortUptime is hours, minutes and seconds, with days before them.
func shortUptime(d time.Duration) string {
	s := int(d.Seconds())
	clock := fmt.Sprintf("%d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		return fmt.Sprintf("%dd %s", days, clock)
	}
	return clock
}

// shortSize is bytes with three digits and a unit of 1024.
func shortSize(n float64) string {
	units := []string{"B", "K", "M", "G", "T", "P"}
	i := 0
	for ; n >= 1000 && i < len(units)-1; i++ {
		n /= 1024
	}
	if n >= 10 || i == 0 {
		return fmt.Sprintf("%.0f%s", n, units[i])
	}
	return fmt.Sprintf("%.1f%s", n, units[i])
}
