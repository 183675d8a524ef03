// Command supervisor-mcp serves the Model Context Protocol for one supervisord on standard input and output. supervisorctl mcp starts it:
//
//	supervisor-mcp [--allow control] [--configuration FILE] [-- OPTION...]
//
// Each tool (tools.go) is an action of supervisorctl, which it runs with those options and --json (call.go). It is a program of its own
// because what the protocol's library brings would double the time that every supervisorctl takes to start. docs/mcp.md is for its users.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/hark-supervisor/hark/core/build"
	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// maxLine bounds one message of a client, in bytes.
const maxLine = 1 << 20

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

const usageText = `supervisor-mcp -- serve the Model Context Protocol for one supervisord

Usage: supervisor-mcp [--allow control] [--configuration FILE] [-- OPTION...]

  --allow control       tools that change something too
  --configuration FILE  whose secrets are taken out of answers (that of the default places)
  --help                print this text and exit
  --version             print version, commit and Go of this program and exit
  OPTION                what every supervisorctl is started with: -c FILE, -s URL, -u NAME, -p PASSWORD

It is started as "supervisorctl [OPTION...] mcp [--allow control]", which also says in its
environment (SUPERVISOR_SERVER_URL, _USERNAME, _PASSWORD) how the daemon is reached for the
line about each call in its activity log. docs/mcp.md says how clients are set up.
`

// Set with -ldflags -X.
var (
	version   = "0.1.0"
	commit    = "unknown"
	buildTime = "unknown"
)

func main() {
	ctx, done := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := command(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	done()
	os.Exit(status)
}

// command is supervisor-mcp with a command line. It returns the exit status.
func command(ctx context.Context, args []string, in io.ReadCloser, out, errs io.Writer) int {
	flags := flag.NewFlagSet("supervisor-mcp", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	allow := flags.String("allow", "", "")
	file := flags.String("configuration", "", "")
	shows := flags.Bool("version", false, "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(out, usageText)
		return 0
	case err == nil && *allow != "" && *allow != "control":
		err = fmt.Errorf("bad --allow %q; accepted: control", *allow)
	case err == nil && *shows:
		_, _ = fmt.Fprintln(out, build.Of(version, commit, buildTime))
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintf(errs, "Error: %v\nFor help, use supervisor-mcp --help\n", err)
		return exitUsage
	}
	program, err := build.Companion("supervisorctl") // does what tools say
	if err != nil {
		_, _ = fmt.Fprintln(errs, "Error: supervisorctl is neither beside supervisor-mcp nor in PATH")
		return exitFailed
	}
	h := newHost(program, *file, flags.Args(), *allow != "", errs)
	if c, err := client.FromEnvironment(client.WithTimeout(noteTime)); err == nil {
		h.daemon = c
		defer c.Close()
	}
	defer h.through.Wait()
	l := newLines(in, out)
	h.agreed = l.agreed
	err = h.server.Run(ctx, &mcp.IOTransport{Reader: l, Writer: &l.out, MaxLineLength: -1}) // lines bounds them
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, io.EOF) {
		_, _ = fmt.Fprintln(errs, "Error: "+err.Error())
		return exitFailed
	}
	return 0
}

// instructions is what a client learns about the server as a whole.
func instructions(control bool) string {
	const about = "Tools for one supervisord, which starts, watches and restarts the programs of its configuration. " +
		"Programs are named GROUP:NAME, or NAME where both are the same; GROUP:* is a whole group, and patterns such as web* are understood. " +
		"To find out why a program is down, ask for status, then tail_log of its stderr and stdout, then events. "
	if control {
		return about + "Tools that change something are allowed: say what you are going to do before you stop or restart a program."
	}
	return about + "Nothing can be changed: supervisorctl mcp was started without --allow control."
}
