// Command supervisor-listeners is a set of event listeners in one program. The listener
// is chosen by the program's own name, or else by its first argument:
//
//	command = /usr/bin/memmon -a 1GB
//	command = /usr/bin/supervisor-listeners memmon -a 1GB
//
// memmon, httpok, crashmail, crashmailbatch, fatalmailbatch and crashsms take the
// options of Superlance's, so that a configuration moves over; eventlog, exec,
// nats-bridge and fatal-exit are Hark's own. One file holds one listener: its options, its help
// and what it does with an event. README.md lists where they differ from
// Superlance's.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/sdk/listener"
)

// Exit statuses. Superlance's usage errors are 255, or 2 where optparse found them.
const (
	exitFailed       = 1
	exitUsage        = 255
	exitUnknown      = 2
	exitBatchUsage   = 2
	exitBatchMissing = 1
)

// surroundings are what a listener finds around it; tests put their own there.
type surroundings struct {
	stdout io.Writer // for help, before the protocol begins
	stderr io.Writer
	getenv func(string) string
	now    func() time.Time
	serve  func(context.Context, listener.Handler, ...listener.Option) error
}

// program is one of the listeners.
type program struct {
	name    string
	summary string
	run     func(surroundings, []string) int
}

func programs() []program {
	return []program{
		{"memmon", "restart processes that use too much memory", runMemmon},
		{"httpok", "restart processes when a URL does not answer as it should", runHTTPOK},
		{"crashmail", "mail when a process exits unexpectedly", runCrashmail},
		{"crashmailbatch", "the same, many exits in one mail", runCrashmailBatch},
		{"fatalmailbatch", "mail when processes cannot be started, many in one mail", runFatalmailBatch},
		{"crashsms", "short mails for a text message gateway", runCrashsms},
		{"eventlog", "write events as lines of JSON to a rotated file", runEventlog},
		{"exec", "run a command for each event", runExec},
		{"nats-bridge", "run a listener on the events of many machines, from NATS", runNATSBridge},
		{"fatal-exit", "end supervisord with a status when a process is FATAL", runFatalExit},
	}
}

func main() {
	os.Exit(run(os.Args, surroundings{
		stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: time.Now, serve: listener.Serve,
	}))
}

// run finds the listener that is meant and returns its exit status.
func run(args []string, s surroundings) int {
	own := strings.TrimSuffix(filepath.Base(args[0]), ".py")
	args = args[1:]
	name := own
	if find(name) == nil && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	if p := find(name); p != nil {
		return p.run(s, args)
	}
	var list strings.Builder
	_, _ = fmt.Fprintf(&list, "usage: %s LISTENER [options]; LISTENER -h explains one of these:\n", own)
	for _, p := range programs() {
		_, _ = fmt.Fprintf(&list, "  %-15s %s\n", p.name, p.summary)
	}
	switch name {
	case "-h", "--help", "help":
		_, _ = io.WriteString(s.stdout, list.String())
		return 0
	}
	_, _ = io.WriteString(s.stderr, list.String())
	return exitUnknown
}

func find(name string) *program {
	for _, p := range programs() {
		if p.name == name {
			return &p
		}
	}
	return nil
}

// errHelp is what an option -h comes to.
var errHelp = errors.New("help is wanted")

// usage prints a listener's help: to stdout and with status 0 where it was asked
// for, else after what is wrong.
func (s surroundings) usage(text string, err error, status int) int {
	if errors.Is(err, errHelp) {
		_, _ = io.WriteString(s.stdout, text)
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintf(s.stderr, "%v\n\n", err)
	}
	_, _ = io.WriteString(s.stderr, text)
	return status
}

// logf writes a line to the listener's stderr log.
func (s surroundings) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(s.stderr, format+"\n", args...)
}

// underSupervisor reports whether supervisord started this process. Superlance asks
// for SUPERVISOR_SERVER_URL, which is missing where supervisord has no server,
// though not all listeners need one.
func (s surroundings) underSupervisor() bool {
	return s.getenv("SUPERVISOR_SERVER_URL") != "" || s.getenv("SUPERVISOR_ENABLED") != ""
}

const (
	// firstPause and longestPause are between tries at an event that was rejected.
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// listen serves events and returns the exit status.
func (s surroundings) listen(ctx context.Context, handle listener.Handler, options ...listener.Option) int {
	options = append([]listener.Option{listener.Pause(firstPause, longestPause)}, options...)
	if err := s.serve(ctx, handle, options...); err != nil {
		s.logf("%v", err)
		return exitFailed
	}
	return 0
}
