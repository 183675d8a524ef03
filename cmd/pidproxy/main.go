// Command pidproxy runs a command that puts itself into the background and
// writes a pid file, so that supervisord has a process to look after: signals
// sent to pidproxy go to the pid in the file (supervisor/pidproxy.py).
//
// It ends with status 0 when the command has ended or after it has passed on
// TERM, INT or QUIT, as Supervisor's does. Two cases differ, in which Supervisor's is
// silent or ends with a traceback: a command that cannot be run is reported, with
// status 127, and a pid that cannot be signalled with status 1.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/hark-supervisor/hark/core/locale"
)

const usage = `pidproxy -- run command and proxy signals to it via its pidfile.

Usage: %s <pidfile name> <command> [<cmdarg1> ...]

`

func main() {
	os.Exit(run(os.Args))
}

func run(args []string) int {
	if len(args) < 3 {
		fmt.Printf(usage, args[0])
		return 1
	}
	p := proxy{pidfile: args[1]}
	// What Python ignores stays ignored in the command, as under Supervisor's.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ)
	caught := make(chan os.Signal, 16)
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGQUIT, syscall.SIGCHLD)

	pid, err := start(args[2], args[2:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "cannot run %q: %v\n", args[2], err)
		return 127
	}
	for {
		// Looked at before waiting too: the command may have ended already.
		if ended(pid) {
			return 0
		}
		s, ok := (<-caught).(syscall.Signal)
		if !ok || s == syscall.SIGCHLD {
			continue
		}
		if done, status := p.pass(s); done {
			return status
		}
	}
}

// start runs a command; a relative one is relative to the working directory,
// PATH is not searched.
func start(name string, argv []string) (int, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return 0, err
	}
	return syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: locale.Environ(os.Environ()), Files: []uintptr{0, 1, 2}})
}

// ended reports whether the command has ended, and reaps it.
func ended(pid int) bool {
	var status syscall.WaitStatus
	for {
		got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		return err == nil && got == pid
	}
}

type proxy struct{ pidfile string }

// pass sends a signal on and reports whether pidproxy ends now, and how.
func (p proxy) pass(s syscall.Signal) (done bool, status int) {
	pid, err := p.pid()
	if err != nil {
		fmt.Printf("Can't read child pidfile %s!\n", p.pidfile)
		return false, 0
	}
	if err := syscall.Kill(pid, s); err != nil {
		fmt.Fprintf(os.Stderr, "cannot send %s to %d: %v\n", s, pid, err)
		return true, 1
	}
	switch s {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		return true, 0
	}
	return false, 0
}

// pid reads the file again each time: the command may write it late or again. A
// number that means a group or all processes is not a pid.
func (p proxy) pid() (int, error) {
	data, err := os.ReadFile(p.pidfile)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, err
	}
	if pid <= 0 {
		return 0, fmt.Errorf("%d is not a pid", pid)
	}
	return pid, nil
}
