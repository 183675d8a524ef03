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
		return answer{text: text + r.topics("hark", func(a Action) bool { return a.Extra })}, nil
	}
	if a := find(r.ctl.actions, arg); a != nil && a.Help != "" {
		return answer{text: a.Help + "\n"}, nil
	}
	return answer{text: "*** No help on " + arg + "\n"}, nil
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
	return fmt.Sprintf("\n%s\n%s\n%s\n", heading, strings.Repeat("=", len(heading)), columns(names, 79))
}

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
