package main

import (
	"fmt"
	"slices"
	"strings"
)

func (verbs) Help() Action {
	return Action{
		Name:     "help",
		Help:     "help\t\tPrint a list of available actions\nhelp <action>\tPrint help for <action>",
		Local:    true,
		Complete: completeActions, JSON: textOnly(),
		Run: showHelp,
	}
}

func showHelp(r *run, arg string) (answer, error) {
	if arg == "" {
		text := r.topics("default", func(a Action) bool { return a.Plugin == "" && !a.Extra })
		for _, p := range r.ctl.options.plugins {
			text += r.topics(p.Name, func(a Action) bool { return a.Plugin == p.Name })
		}
		text += r.topics("hark", func(a Action) bool { return a.Extra })
		if r.onTerminal() {
			text += r.flagTopics()
		}
		return answer{text: text}, nil
	}
	a := find(r.ctl.actions, arg)
	if a == nil && r.onTerminal() { // such as help config check
		verb, _, _ := strings.Cut(arg, " ")
		a = find(r.ctl.actions, verb)
	}
	if a != nil && a.Help != "" {
		return answer{text: r.helpOf(a)}, nil
	}
	text := "*** No help on " + arg + "\n"
	if near := r.ctl.meant(arg); near != "" && r.onTerminal() {
		text = fmt.Sprintf("There is no action %q: did you mean %s?\n", printable(arg), near)
	}
	return answer{text: text}, nil
}

// asksForHelp reports whether the arguments ask how the action is used: --help before a word --, or -h alone.
func (a *Action) asksForHelp(arg string) bool {
	if a.OthersFlags || a.Help == "" {
		return false
	}
	words := strings.Fields(arg)
	if end := slices.Index(words, "--"); end >= 0 {
		words = words[:end]
	}
	return arg == "-h" || slices.Contains(words, "--help")
}

// helpOf explains an action: Supervisor's text, and for people the flags that Hark adds. An action of Hark's has them everywhere.
func (r *run) helpOf(a *Action) string {
	text := strings.TrimRight(a.Help, "\n") + "\n"
	if !a.Extra && !r.onTerminal() {
		return a.Help + "\n"
	}
	if r.onTerminal() {
		text = reflowed(text, r.columns())
	}
	if len(a.Flags) == 0 {
		return text
	}
	if text += "\nFlags:\n"; !a.Extra {
		text = strings.Replace(text, "\nFlags:\n", "\nFlags that Hark adds:\n", 1)
	}
	width := 0
	for i := range a.Flags {
		width = max(width, len(a.Flags[i].usage()))
	}
	for i := range a.Flags {
		lines := wrapped(a.Flags[i].Help, max(r.columns()-width-4, 20))
		text += fmt.Sprintf("  %-*s  %s\n", width, a.Flags[i].usage(), strings.Join(lines, "\n"+strings.Repeat(" ", width+4)))
	}
	return text
}

const (
	// helpIndent is where texts stand behind usages in a help, and narrowIndent where they stand on a terminal that has no room for that.
	helpIndent   = 24
	narrowIndent = 4
)

// reflowed is a help in lines of at most width columns: as it is where it fits.
func reflowed(help string, width int) string {
	if fits(help, width) {
		return help
	}
	indent := helpIndent
	if width < 3*helpIndent {
		indent = narrowIndent
	}
	var b strings.Builder
	usage, text := "", ""
	flush := func() {
		lines := wrapped(text, max(width-indent, 16))
		if first := strings.Join(wrapped(usage, width), "\n"); len(first) < indent && text != "" {
			fmt.Fprintf(&b, "%-*s%s\n", indent, first, lines[0])
			lines = lines[1:]
		} else if usage != "" {
			b.WriteString(first + "\n")
		}
		for _, line := range lines {
			if line != "" {
				b.WriteString(strings.Repeat(" ", indent) + line + "\n")
			}
		}
	}
	for line := range strings.Lines(help) {
		line = strings.TrimRight(line, "\n")
		if rest, more := strings.CutPrefix(line, "\t"); more {
			text += " " + strings.TrimSpace(rest)
			continue
		}
		flush()
		usage, text, _ = strings.Cut(line, "\t")
	}
	flush()
	return b.String()
}

// fits reports whether all lines of a text have at most width columns; a tab ends at a multiple of eight.
func fits(text string, width int) bool {
	for line := range strings.Lines(text) {
		at := 0
		for _, r := range strings.TrimRight(line, "\n") {
			if at++; r == '\t' {
				at += (8 - at%8) % 8
			}
		}
		if at > width {
			return false
		}
	}
	return true
}

// usage is the flag as it is given.
func (f *Flag) usage() string {
	if f.Value {
		return "--" + f.Name + " " + strings.ToUpper(f.Name)
	}
	return "--" + f.Name
}

// flagTopics lists the flags that Hark adds to Supervisor's actions.
func (r *run) flagTopics() string {
	var names []string
	of := map[string][]string{}
	for i := range r.ctl.actions {
		a := &r.ctl.actions[i]
		if a.Extra || a.Plugin != "" {
			continue
		}
		for _, f := range a.Flags {
			if of[f.Name] == nil {
				names = append(names, f.Name)
			}
			of[f.Name] = append(of[f.Name], a.Name)
		}
	}
	slices.Sort(names)
	width := len("--help")
	for _, name := range names {
		width = max(width, len("--"+name))
	}
	heading := "flags that hark adds (help <topic> explains them):"
	text := fmt.Sprintf("\n%s\n%s\n", heading, strings.Repeat("=", len(heading)))
	row := func(name, actions string) {
		lines := wrapped(actions, max(r.columns()-width-3, 20))
		text += fmt.Sprintf("%-*s  %s\n", width, name, strings.Join(lines, "\n"+strings.Repeat(" ", width+2)))
	}
	for _, name := range names {
		row("--"+name, strings.Join(of[name], " "))
	}
	row("--help", "every action")
	return text + "\n" + strings.Join(wrapped("supervisorctl --help explains what stands before the action: -c, -s, --fleet, --no-color and others.", r.columns()), "\n") + "\n"
}

// topics lists those actions of a set that have help, under a heading, as
// Python's cmd.Cmd does; a set without any has no heading. help itself is not
// among them.
func (r *run) topics(set string, in func(Action) bool) string {
	var names []string
	for _, a := range r.ctl.actions {
		if in(a) && a.Help != "" && a.Name != "help" {
			names = append(names, a.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	heading := set + " commands (type help <topic>):"
	return fmt.Sprintf("\n%s\n%s\n%s\n", heading, strings.Repeat("=", len(heading)), columns(names, r.helpColumns()))
}

// helpColumns is how wide the lists of actions may be: as wide as Supervisor's, unless the terminal is narrower.
func (r *run) helpColumns() int { return min(r.columns(), usualColumns) - 1 }

// columns sets words in columns, downwards, each as wide as its longest word, in
// as few rows as the width allows.
func columns(words []string, width int) string {
	rows := 1
	var widths []int
	for ; rows < len(words); rows++ {
		widths = widths[:0]
		total := -2
		for i := 0; i < len(words); i += rows {
			widest := 0
			for _, w := range words[i:min(i+rows, len(words))] {
				widest = max(widest, len(w))
			}
			widths = append(widths, widest)
			total += widest + 2
		}
		if total <= width {
			break
		}
	}
	if rows >= len(words) {
		widths = []int{0} // one column; nothing after it to be aligned
	}
	var b strings.Builder
	for row := range rows {
		for col := 0; row+col*rows < len(words); col++ {
			if col > 0 {
				b.WriteString("  ")
			}
			fmt.Fprintf(&b, "%-*s", widths[col], words[row+col*rows])
		}
		b.WriteByte('\n')
	}
	return b.String()
}
