package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// prog is one program to supervise.
type prog struct {
	name     string
	argv     []string
	log      string // a log file, "" for none
	maxBytes int64
	backups  int
	capture  bool
	restart  bool
}

// listener is one event listener.
type listener struct {
	name   string
	argv   []string
	events string
	buffer int
	ahead  int // READYs it may write ahead, where the supervisor can do that; 0: one
}

// site is one daemon's configuration and its directory.
type site struct {
	dir       string
	progs     []prog
	listeners []listener
	numprocs  bool // one [program] with numprocs instead of many programs
}

func (s *site) sock() string { return filepath.Join(s.dir, "s.sock") }

// flavour is the adapter to one supervisor: all the harness knows of it.
type flavour interface {
	name() string
	// write puts the configuration under s.dir; an error means "cannot".
	write(s *site) error
	// command is the daemon in the foreground, environment additions second.
	command(s *site) (argv, env []string)
	// helpers are the comms of the supervisor's own helper processes.
	helpers() []string
	// logFiles lists a program's log files, oldest first.
	logFiles(s *site, p prog) []string
	// stop is the signal that makes the daemon stop everything and go.
	stop() syscall.Signal
	// api gives (cheap call, all-processes call) and whether there is one.
	api() (state, all call, ok bool)
	// status is the command line that prints the state of all programs.
	status(s *site) []string
	// events says whether it has the eventlistener protocol.
	events() bool
}

func env(key, def string) []string {
	if v := os.Getenv(key); v != "" {
		def = v
	}
	return strings.Fields(def)
}

// flavours is every adapter there is.
func flavours() []flavour {
	return []flavour{
		&ini{id: "ours", daemon: env("BENCH_OURS", "supervisord"), ctl: env("BENCH_OURS_CTL", "supervisorctl")},
		&ini{id: "ours-spool", daemon: env("BENCH_OURS", "supervisord"), ctl: env("BENCH_OURS_CTL", "supervisorctl"), pool: "overflow=spool\n"},
		&ini{id: "ours-sync", daemon: env("BENCH_OURS", "supervisord"), ctl: env("BENCH_OURS_CTL", "supervisorctl"), pool: "overflow=spool\nspool_sync=true\n"},
		&ini{id: "py", daemon: env("BENCH_PY", "supervisord"), ctl: env("BENCH_PY_CTL", "supervisorctl")},
		&ini{id: "ochin", daemon: env("BENCH_OCHIN", "ochinchina-supervisord"), ochin: true},
		s6{},
		runit{},
		pc{},
		pebble{},
		catFloor{},
		forkFloor{},
		pipeFloor{},
	}
}

func flavourNamed(name string) (flavour, error) {
	for _, f := range flavours() {
		if f.name() == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("no flavour %q", name)
}

func mkfile(path, text string, mode os.FileMode) error {
	os.MkdirAll(filepath.Dir(path), 0755)
	return os.WriteFile(path, []byte(text), mode)
}
