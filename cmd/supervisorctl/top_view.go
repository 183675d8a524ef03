package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// View draws the screen.
func (m *topModel) View() tea.View {
	v := tea.NewView(strings.Join(m.screen(), "\n"))
	v.AltScreen = true
	return v
}

// screen is exactly height lines of at most width columns.
func (m *topModel) screen() []string {
	if m.help {
		return m.fit(m.helpScreen())
	}
	lines := make([]string, 0, m.height)
	columns := m.columns()
	lines = append(lines, m.title(), m.style(styleHeading, pad(columns.heading(), m.width)))
	for i := m.first; i < min(m.first+m.page(), len(m.rows)); i++ {
		lines = append(lines, m.row(&columns, &m.rows[i]))
	}
	pane, detail := m.paneHeight(), m.detailHeight()
	lines = m.fill(lines, m.height-1-pane-detail)
	if pane > 0 {
		lines = append(lines, m.style(styleStrong, m.paneTitle()))
		lines = append(lines, m.paneLines(pane-1)...)
		lines = m.fill(lines, m.height-1-detail)
	}
	if detail > 0 {
		lines = append(lines, m.detail(detail)...)
		lines = m.fill(lines, m.height-1)
	}
	return m.fit(append(lines, m.footer()))
}

// helpScreen is as much of the help as fits, and how to go on.
func (m *topModel) helpScreen() []string {
	all := m.helpLines()
	from := min(m.helpAt, len(all))
	end := min(from+max(1, m.height-1), len(all))
	lines := m.fill(slices.Clone(all[from:end]), m.height-1)
	if end < len(all) {
		return append(lines, "any key: more")
	}
	return append(lines, "any key: back")
}

// helpLines are the keys and what they do.
func (m *topModel) helpLines() []string {
	const indent = 14
	lines := []string{"Keys of top"}
	for _, k := range topKeys() {
		for i, part := range wrapped(k.help, max(m.width-indent, 16)) {
			names := ""
			if i == 0 {
				names = strings.Join(k.names, " ")
			}
			lines = append(lines, fmt.Sprintf("%-*s%s", indent, names, part))
		}
	}
	return append(lines, wrapped("CPU and memory are of a process together with its descendants; 100 is one CPU.", m.width)...)
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

// topStates is the order of states in the title: what needs attention comes first.
func topStates() []string {
	return []string{"FATAL", "UNKNOWN", "BACKOFF", "EXITED", "STOPPING", "STARTING", "STOPPED", "RUNNING"}
}

func (m *topModel) title() string {
	switch name := printable(m.source.identifier()); {
	case m.err != nil:
		return m.style(styleBad, oneLine(m.err.Error())+"; trying again")
	case !m.loaded:
		return name + ": asking ..."
	}
	counts := make(map[string]int)
	for _, r := range m.all {
		counts[r.state]++
	}
	var parts []string
	for _, state := range topStates() {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
			delete(counts, state)
		}
	}
	for _, state := range slices.Sorted(maps.Keys(counts)) { // no daemon has others
		parts = append(parts, fmt.Sprintf("%d %s", counts[state], printable(state)))
	}
	text := printable(m.source.identifier()) + ": " + processCount(len(m.all))
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	if m.order > 0 {
		text += "  by " + topOrders()[m.order].title
	}
	return text
}

func processCount(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

func (m *topModel) footer() string {
	switch {
	case m.typing:
		return "/" + printable(m.filter) + "_"
	case m.asked != "":
		return m.style(styleBad, m.question())
	case m.message != "":
		return oneLine(m.message)
	case len(m.marked) > 0:
		return fmt.Sprintf("%d selected  s start  S stop  R restart  esc none", len(m.marked))
	case m.filter != "":
		return fmt.Sprintf("only %q (%d of %d)  esc all", m.filter, len(m.rows), len(m.all))
	}
	text := ""
	for _, k := range topKeys() { // as many as fit, the help before all
		if next := text + k.names[0] + " " + k.short; k.short != "" && len(next) <= m.width {
			text = next + "  "
		}
	}
	return strings.TrimRight(text, " ")
}

// detail describes the chosen process completely in at most n lines.
func (m *topModel) detail(n int) []string {
	if m.asked != "" {
		return m.asking(n)
	}
	i := slices.IndexFunc(m.rows, func(r topRow) bool { return r.namespec == m.chosen })
	if i < 0 {
		return nil
	}
	r := &m.rows[i]
	parts := []string{}
	if r.pid != 0 {
		parts = append(parts, fmt.Sprintf("pid %d", r.pid), "up "+shortUptime(r.uptime))
	}
	if r.cpu >= 0 {
		parts = append(parts, fmt.Sprintf("%.1f%% CPU", r.cpu))
	}
	if r.rss >= 0 {
		parts = append(parts, shortSize(r.rss)+" memory")
	}
	if r.pid == 0 && r.reason != "" {
		parts = append(parts, oneLine(r.reason))
	}
	if r.restarts > 0 {
		parts = append(parts, r.restartText())
	}
	text := printable(r.namespec) + " " + printable(r.state) + ": " + strings.Join(parts, ", ")
	lines := wrapped(text, m.width)
	return lines[:min(n, len(lines))]
}

func (m *topModel) paneTitle() string {
	what := "log of " + shortened(printable(m.chosen), max(m.width-28, 8)) + ": " + m.pane
	switch m.pane {
	case "stdout":
		what += " (tab: stderr)"
	case "stderr":
		what += " (tab: stdout)"
	case paneEvents:
		what = "events"
	}
	return "-- " + what + " " + strings.Repeat("-", max(0, m.width-len("--  ")-ansi.StringWidth(what)))
}

// paneLines are the last n lines of what the pane shows.
func (m *topModel) paneLines(n int) []string {
	if m.pane == paneEvents {
		if len(m.events) == 0 {
			return []string{"Nothing has happened so far."}
		}
		var lines []string
		for i := max(0, len(m.events)-n); i < len(m.events); i++ {
			lines = append(lines, m.events[i].line(time.Now(), m.style))
		}
		return lines
	}
	if m.logOf != m.chosen+" "+m.pane {
		return nil
	}
	colours := logColours{colour: m.colour}
	lines := strings.Split(strings.TrimRight(m.log, "\n"), "\n")
	for i, line := range lines { // all of them, since colours continue
		lines[i] = colours.line(line)
	}
	return lines[max(0, len(lines)-n):]
}

// style marks text; without colour only bars are, which are not a colour.
func (m *topModel) style(sgr, text string) string {
	if !m.colour && sgr != styleHeading && sgr != styleChosen {
		return text
	}
	return styled(sgr, text)
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
