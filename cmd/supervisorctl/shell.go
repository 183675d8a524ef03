package main

import (
	"context"
	"errors"
	"os"
	"os/signal"

	"golang.org/x/term"
)

// shell shows the status, then runs line after line until its input ends, quit,
// or Ctrl-C. Its exit status does not matter, as in Supervisor.
func (c *controller) shell(ctx context.Context) {
	// What is interruptible listens for itself; in between Ctrl-C does nothing.
	between := make(chan os.Signal, 1)
	signal.Notify(between, os.Interrupt)
	defer signal.Stop(between)

	if isTerminal(c.in.file) {
		c.in.editor = newEditor(c.options.history, func(line string, pos int) (string, []string, string) {
			return c.completeWord(ctx, line, pos)
		})
		defer c.in.editor.restoreWhenKilled()()
	}
	if _, stop := c.line(ctx, "status"); stop {
		return
	}
	for {
		line, err := c.prompt(ctx)
		if errors.Is(err, errInterrupted) {
			(&run{out: c.out}).println("")
			return
		}
		if err != nil {
			line = "EOF"
		}
		if _, stop := c.line(ctx, line); stop {
			return
		}
	}
}

func (c *controller) prompt(ctx context.Context) (string, error) {
	ctx, done := signal.NotifyContext(ctx, os.Interrupt)
	defer done()
	return c.in.ask(ctx, c.options.prompt+"> ")
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
