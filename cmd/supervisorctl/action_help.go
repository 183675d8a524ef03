package main

import (
	"fmt"
	"slices"
	"strings"
)

func helpAction() Action {
	return Action{
		Name:     "help",
		Help:     "help\t\tPrint a list of available actions\nhelp <action>\tPrint help for <action>",
		Local:    true,
		Complete: completeActions,
		Run:      showHelp,
	}
}

func showHelp(r *run, arg string) error {
	if arg == "" {
		r.topics("default", false)
		if slices.ContainsFunc(r.ctl.actions, func(a Action) bool { return a.Extra }) {
			r.topics("hark", true)
		}
		return nil
	}
	if a := find(r.ctl.actions, arg); a != nil && a.Help != "" {
		r.println(a.Help)
		return nil
	}
	r.printf("*** No help on %s\n", arg)
	return nil
}

// topics lists the actions that have help, under a heading, as Python's cmd.Cmd
// does. help itself is not among them.
func (r *run) topics(set string, extra bool) {
	var names []string
	for _, a := range r.ctl.actions {
		if a.Extra == extra && a.Help != "" && a.Name != "help" {
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	heading := set + " commands (type help <topic>):"
	r.printf("\n%s\n%s\n%s\n", heading, strings.Repeat("=", len(heading)), columns(names, 79))
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
