// Command supervisorctl controls a supervisord, Hark's or Python's: a drop-in for
// Supervisor's supervisorctl.
//
// A command line is read as Supervisor reads it (options.go), and what is on it
// after the options is one line for the shell. The controller finds the line's
// action in the table (actions.go) and runs it on the server: a run holds all
// that an action may touch, so that several can go on side by side. Without an
// action, or with -i, the shell (shell.go) reads lines from the terminal or from
// whatever standard input is.
//
// An action returns an answer (answer.go): a value, how it reads, and an exit
// status; one that takes its time reports lines as it goes. print.go prints that
// for people, or with --json the value, encoded by its tags. What a daemon answers
// is decoded by the same tags (reply.go).
//
// What an action prints, and the status with which it ends, is Supervisor's to
// the byte; an error that Supervisor would print as a Python exception is printed
// so (failure.go). What to do about it is one more line on standard error.
//
// To add a verb: write action_VERB.go with a method of verbs that returns its Action
// (actions.go). UPDATE_GOLDEN=1 go test -run Golden writes what it prints and its rows of
// docs/supervisorctl.md.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/hark-supervisor/hark/core/build"
)

// streams are the standard streams: tests give others.
type streams struct {
	in       *os.File
	out, err io.Writer
}

// Set with -ldflags -X.
var (
	version   = "0.1.0"
	commit    = "unknown"
	buildTime = "unknown"
)

func main() {
	os.Exit(command(os.Args, streams{os.Stdin, os.Stdout, os.Stderr}))
}

// command is supervisorctl with a command line. It returns the exit status.
func command(args []string, std streams) int {
	o, err := readOptions(args)
	if err != nil {
		return usage(std.err, args[0], err)
	}
	if o.help {
		_, _ = io.WriteString(std.out, help(args[0]))
		return exitSuccess
	}
	if o.version {
		_, _ = fmt.Fprintln(std.out, build.Of(version, commit, buildTime))
		return exitSuccess
	}
	for _, w := range o.warnings {
		_, _ = fmt.Fprintln(std.err, w)
	}
	c := newController(o, std)
	defer c.close()
	ctx := context.Background()
	status := exitSuccess
	if len(o.args) > 0 {
		var stop bool
		if status, stop = c.line(ctx, joinArgs(o.args)); stop {
			return status
		}
	}
	if o.interactive {
		c.shell(ctx)
	}
	return status
}
