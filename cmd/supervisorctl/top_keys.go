package main

import (
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// topKey is a key of top. Those that the page has, too, do the same there.
type topKey struct {
	names []string // of the key and those that do the same
	short string   // in the footer, "" for not there
	help  string
	do    func(m *topModel) tea.Cmd
}

// topKeys are the keys, in the order of the footer and the help.
func topKeys() []topKey {
	act := func(verb string) func(m *topModel) tea.Cmd {
		return func(m *topModel) tea.Cmd { return m.act(verb) }
	}
	move := func(by func(m *topModel) int) func(m *topModel) tea.Cmd {
		return func(m *topModel) tea.Cmd { return m.move(by(m)) }
	}
	return []topKey{
		{[]string{"?", "h"}, "help", "this list", func(m *topModel) tea.Cmd { m.help = true; return nil }},
		{[]string{"q", "ctrl+c"}, "quit", "quit", func(*topModel) tea.Cmd { return tea.Quit }},
		{[]string{"s"}, "start", "start the chosen program, or those that are selected", act("start")},
		{[]string{"S"}, "stop", "stop it or them, after a y", act("stop")},
		{[]string{"R"}, "restart", "restart it or them, after a y", act("restart")},
		{[]string{"l", "enter"}, "log", "open or close the pane with its log", func(m *topModel) tea.Cmd { return m.open("stdout") }},
		{[]string{"tab"}, "", "in the pane: the log of stderr, or of stdout again", (*topModel).otherChannel},
		{[]string{"e"}, "events", "open or close the pane with the events of all programs", func(m *topModel) tea.Cmd { return m.open(paneEvents) }},
		{[]string{"x"}, "select", "select it, or no longer", (*topModel).mark},
		{[]string{"/"}, "filter", "show only names and states with what is typed", func(m *topModel) tea.Cmd { m.typing, m.message = true, ""; return nil }},
		{[]string{"o"}, "order", "order by name, state, cpu, memory, uptime, restarts", func(m *topModel) tea.Cmd { m.order = (m.order + 1) % len(topOrders()); return nil }},
		{[]string{"r"}, "", "refresh", func(m *topModel) tea.Cmd { return m.refresh(true) }},
		{[]string{"esc"}, "", "close what is open, show all, select none", (*topModel).escape},
		{[]string{"j", "down"}, "", "next program", move(func(*topModel) int { return 1 })},
		{[]string{"k", "up"}, "", "previous program", move(func(*topModel) int { return -1 })},
		{[]string{"pgdown", "space"}, "", "next page", move((*topModel).page)},
		{[]string{"pgup"}, "", "previous page", move(func(m *topModel) int { return -m.page() })},
		{[]string{"g", "home"}, "", "first program", move(func(m *topModel) int { return -len(m.rows) })},
		{[]string{"G", "end"}, "", "last program", move(func(m *topModel) int { return len(m.rows) })},
	}
}

// key takes a key.
func (m *topModel) key(msg tea.KeyPressMsg) tea.Cmd {
	key := msg.String()
	if key == "ctrl+c" {
		return tea.Quit
	}
	if m.typing {
		m.typed(key, msg.Text)
		return nil
	}
	if m.asked != "" {
		verb, names := m.asked, m.about
		m.asked, m.about, m.message = "", nil, ""
		if key == "y" {
			return m.do(verb, names)
		}
		return nil
	}
	if m.help {
		m.helpAt += max(1, m.height-1)
		if m.helpAt >= len(m.helpLines()) {
			m.help, m.helpAt = false, 0
		}
		return nil
	}
	for _, k := range topKeys() {
		if slices.Contains(k.names, key) {
			return k.do(m)
		}
	}
	return nil
}

// targets are the programs that an action is about: those that are selected, otherwise the chosen one.
func (m *topModel) targets() []string {
	if len(m.marked) > 0 {
		return slices.Sorted(maps.Keys(m.marked))
	}
	if m.chosen == "" {
		return nil
	}
	return []string{m.chosen}
}

// act starts, stops or restarts. What ends a process is confirmed: the keys lie close together.
func (m *topModel) act(verb string) tea.Cmd {
	names := m.targets()
	if len(names) == 0 {
		return nil
	}
	if verb == "start" {
		return m.do(verb, names)
	}
	m.asked, m.about = verb, names
	return nil
}

// question asks whether to do what was asked for. It names the program, or says how many they are: then asking names them.
func (m *topModel) question() string {
	const answers = "? y or any other key"
	if n := len(m.about); n > 1 {
		return m.asked + " " + count(n, "program") + answers
	}
	return m.asked + " " + shortened(printable(m.about[0]), max(m.width-len(m.asked)-1-len(answers), 8)) + answers
}

// asking names the programs that a question is about, in at most n lines.
func (m *topModel) asking(n int) []string {
	lines := wrapped(printable(strings.Join(m.about, ", ")), m.width)
	if len(lines) > n {
		lines = lines[:n]
		lines[n-1] = ansi.Truncate(lines[n-1], max(m.width-4, 1), "") + " ..."
	}
	return lines
}

// mark selects the chosen program, or deselects it, and moves to the next.
func (m *topModel) mark() tea.Cmd {
	if m.chosen == "" {
		return nil
	}
	if m.marked[m.chosen] {
		delete(m.marked, m.chosen)
	} else {
		m.marked[m.chosen] = true
	}
	return m.move(1)
}

// open opens the pane with something, or closes it if it shows that.
func (m *topModel) open(what string) tea.Cmd {
	if m.pane == what || m.pane == "stderr" && what == "stdout" {
		m.pane = ""
		return nil
	}
	m.pane = what
	if what != paneEvents {
		return m.readLog()
	}
	if m.came != nil {
		return nil
	}
	m.came = m.source.events(m.ctx)
	return m.readEvents()
}

func (m *topModel) otherChannel() tea.Cmd {
	switch m.pane {
	case "stdout":
		m.pane = "stderr"
	case "stderr":
		m.pane = "stdout"
	}
	return m.readLog()
}

func (m *topModel) escape() tea.Cmd {
	m.filter, m.message, m.pane = "", "", ""
	clear(m.marked)
	return nil
}
