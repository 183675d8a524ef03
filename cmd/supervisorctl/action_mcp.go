package main

import (
	"errors"
	"os"
	"os/exec"

	"github.com/hark-supervisor/hark/core/build"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// mcpAction hands over to supervisor-mcp: what it is made of would make every other start of this program slower.
func (verbs) MCP() Action {
	return Action{
		Name: "mcp", Extra: true, Endless: true, OneServer: true, GoesOn: func(string) bool { return true },
		Help: "mcp [--allow control]\tServe the Model Context Protocol on standard input and output, so that an\n" +
			"\t\t\tassistant can ask how programs do: tools for status, events, logs and the\n" +
			"\t\t\tconfiguration. They read only; --allow control adds those that start,\n" +
			"\t\t\tstop, update and silence. docs/mcp.md says how clients are set up.",
		Flags: []Flag{
			{Name: "allow", Value: true, Help: "control: tools that change something too", Values: func() []string { return []string{"control"} }},
		},
		Complete: completeNothing, JSON: textOnly(), Run: serveMCP,
	}
}

// serveMCP runs supervisor-mcp, which asks this program for all that its client wants, with the options of this one.
func serveMCP(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	var args []string
	if allow, given := r.flags["allow"]; given {
		if allow != "control" {
			return answer{}, r.misuse(exitInvalidArgs, "Error: bad --allow "+pytext.Quote(allow)+"; accepted: control")
		}
		args = append(args, "--allow", allow)
	}
	program, err := build.Companion("supervisor-mcp")
	if err != nil {
		return answer{}, refuseText("Error: supervisor-mcp is not beside this program or in PATH; install it from the same package")
	}
	o := r.ctl.options
	if o.fileGiven {
		args = append(args, "--configuration", o.file)
	}
	args = append(append(args, "--"), o.given...)
	cmd := exec.CommandContext(r.ctx, program, args...)
	cmd.Env = append(os.Environ(), "SUPERVISOR_SERVER_URL="+o.servers[0])
	if o.username != nil {
		cmd.Env = append(cmd.Env, "SUPERVISOR_USERNAME="+*o.username)
	}
	if o.password != nil { // never on a command line, which everybody can see
		cmd.Env = append(cmd.Env, "SUPERVISOR_PASSWORD="+o.password.Reveal())
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.ctl.in.file, r.out, r.err
	a := answer{printed: true}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		a.status, err = max(exit.ExitCode(), exitGeneric), nil
	}
	return a, err
}
