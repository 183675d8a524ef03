// Command supervisord is Hark's daemon: a drop-in for Supervisor's supervisord.
//
// It reads the configuration, drops privileges, opens the activity log and the
// HTTP servers, goes to the background unless told otherwise, and then runs one
// core.Supervisor after another: a shutdown ends the last, a restart begins the
// next with a fresh configuration. This package is wiring: what the daemon does
// is in core and core/rpc.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/hark-supervisor/hark/core/background"
	"github.com/hark-supervisor/hark/core/build"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/cmdline"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/disk"
	"github.com/hark-supervisor/hark/core/locale"
	"github.com/hark-supervisor/hark/plugins/tool"
)

// supervisorVersion is the level of Supervisor that Hark is compatible with.
const supervisorVersion = "4.4.0"

// Set with -ldflags -X.
var (
	version   = "0.1.0"
	commit    = "unknown"
	buildTime = "unknown"
)

func main() {
	if child.UmaskVerb(os.Args) {
		return
	}
	os.Exit(besideSignals(func() int { return command(os.Args, os.Stdout, os.Stderr) }))
}

// besideSignals runs f on threads other than this one, the first of the process, which does nothing but take signals. The kernel delivers a
// signal to the first thread if that accepts it, and to no other, even while it hangs in a disk: TERM would not be noticed.
func besideSignals(f func() int) (status int) {
	runtime.LockOSThread()
	done := make(chan int)
	go func() { done <- f() }()
	return <-done
}

// command is supervisord with a command line. It returns the exit status.
func command(args []string, stdout, stderr io.Writer) int {
	if len(args) > 1 && args[1] == tool.Verb {
		return tool.Command(args[2:], version, stdout, stderr)
	}
	report := background.NewReporter()
	if report.Daemonized() {
		stderr = report.Stderr()
	}
	got, err := cmdline.Parse(args[1:])
	if err != nil {
		return usage(report, stderr, args[0], err.Error())
	}
	switch {
	case got.Acts[cmdline.Help] != "":
		_, _ = io.WriteString(stdout, cmdline.Usage(args[0]))
		return 0
	case got.Acts[cmdline.Version] != "":
		_, _ = fmt.Fprintln(stdout, supervisorVersion)
		return 0
	case got.Acts[cmdline.BuildInfo] != "":
		_, _ = fmt.Fprintf(stdout, "%s\ncompatible with supervisor %s\n", build.Of(version, commit, buildTime), supervisorVersion)
		return 0
	}
	manager := newNotifier() // first of all: it takes from the environment what no child may see
	d := &daemon{given: got, program: args[0], environ: locale.Environ(os.Environ()), report: report, notify: manager, turns: disk.NewTurns()}
	if d.dir, err = os.Getwd(); err != nil {
		return usage(report, stderr, args[0], fmt.Sprintf("cannot find the working directory: %v", err))
	}
	if got.Acts[cmdline.Config] == "" && os.Getuid() == 0 && !report.Daemonized() {
		_, _ = fmt.Fprintln(stderr, rootSearchWarning)
	}
	if d.conf, err = d.load(got.Acts[cmdline.Config]); err != nil {
		return usage(report, stderr, args[0], d.configErrors(err)...)
	}
	d.path = d.conf.Path
	if !d.conf.Supervisord.NoDaemon && !report.Daemonized() {
		return background.Daemonize(stderr)
	}
	status, err := d.run()
	if err != nil {
		return usage(report, stderr, args[0], d.configErrors(err)...)
	}
	return status
}

// rootSearchWarning is Supervisor's (options.py, default_configfile).
const rootSearchWarning = `UserWarning: Supervisord is running as root and it is searching for its configuration file in default locations (including its current working directory); you probably want to specify a "-c" argument specifying an absolute path to a configuration file for improved security.`

// usage prints why supervisord cannot start, as Supervisor does (options.py,
// usage), and returns its exit status, 2. All but the first text are Hark's extra.
func usage(report *background.Reporter, stderr io.Writer, program string, texts ...string) int {
	_, _ = fmt.Fprintf(stderr, "Error: %s\n", texts[0])
	for _, more := range texts[1:] {
		_, _ = fmt.Fprintln(stderr, more)
	}
	_, _ = fmt.Fprintf(stderr, "For help, use %s -h\n", program)
	report.Done(2)
	return 2
}

// configErrors words a refused configuration: Supervisor's own sentence for the
// first error, then every error with its place.
func (d *daemon) configErrors(err error) []string {
	var all config.Errors
	if !errors.As(err, &all) {
		return []string{err.Error()}
	}
	return all.Texts(d.dir)
}
