// Package cmdline has the command line of supervisord.
package cmdline

import (
	"fmt"
	"os"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// flag is one command-line option of supervisord (supervisor/supervisord.py,
// the usage text; running.rst).
type flag struct {
	short byte   // 0: none
	long  string // without the dashes; "" for none
	value bool   // takes a value
	dest  string // what it sets: a key of [supervisord], or an act
	meta  string
	help  string
}

// The acts: options that set no key.
const (
	Config    = "configuration"
	Help      = "help"
	Version   = "version"
	BuildInfo = "build-info"
	profile   = "profile_options"
)

func flags() []flag {
	return []flag{
		{'c', "configuration", true, Config, "FILENAME", "configuration file path (searches if not given)"},
		{'n', "nodaemon", false, "nodaemon", "", "run in the foreground (same as 'nodaemon=true' in config file)"},
		{'s', "silent", false, "silent", "", "no logs to stdout (maps to 'silent=true' in config file)"},
		{'h', "help", false, Help, "", "print this usage message and exit"},
		{'?', "", false, Help, "", ""},
		{'v', "version", false, Version, "", "print supervisord version number and exit"},
		{'u', "user", true, "user", "USER", "run supervisord as this user (or numeric uid)"},
		{'m', "umask", true, "umask", "UMASK", "use this umask for daemon subprocess (default is 022)"},
		{'d', "directory", true, "directory", "DIRECTORY", "directory to chdir to when daemonized"},
		{'l', "logfile", true, "logfile", "FILENAME", "use FILENAME as logfile path"},
		{'y', "logfile_maxbytes", true, "logfile_maxbytes", "BYTES", "use BYTES to limit the max size of logfile"},
		{'z', "logfile_backups", true, "logfile_backups", "NUM", "number of backups to keep when max bytes reached"},
		{'e', "loglevel", true, "loglevel", "LEVEL", "use LEVEL as log level (debug,info,warn,error,critical)"},
		{'j', "pidfile", true, "pidfile", "FILENAME", "write a pid file for the daemon process to FILENAME"},
		{'i', "identifier", true, "identifier", "STR", "identifier used for this instance of supervisord"},
		{'q', "childlogdir", true, "childlogdir", "DIRECTORY", "the log directory for child process logs"},
		{'k', "nocleanup", false, "nocleanup", "", "prevent the process from performing cleanup (removal of old automatic child log files) at startup"},
		{'a', "minfds", true, "minfds", "NUM", "the minimum number of file descriptors for start success"},
		{'t', "strip_ansi", false, "strip_ansi", "", "strip ansi escape codes from process output"},
		{0, "minprocs", true, "minprocs", "NUM", "the minimum number of processes available for start success"},
		{0, "profile_options", true, profile, "OPTIONS", "accepted for compatibility and ignored: there is no Python profiler to run under"},
		{0, "build-info", false, BuildInfo, "", "print Hark's own version, commit and build time and exit"},
	}
}

// Given is what the command line says.
type Given struct {
	Acts      map[string]string // of the acts: destination to value, "true" for switches
	Overrides []config.Override
	seen      map[string]bool
}

// usageError is a command line that cannot be understood, in the words of Supervisor's options.py.
type usageError string

func (e usageError) Error() string { return string(e) }

// Parse reads a command line as Supervisor's options.py does: no positional arguments, nothing given twice.
func Parse(args []string) (*Given, error) {
	table := flags()
	options := make([]pytext.Option, len(table))
	for i, f := range table {
		options[i] = pytext.Option{Short: f.short, Long: f.long, Value: f.value}
	}
	all, rest, err := pytext.Getopt(args, options)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, usageError("positional arguments are not supported: " + pytext.QuoteList(rest))
	}
	got := &Given{Acts: map[string]string{}, seen: map[string]bool{}}
	for _, g := range all {
		if err := got.set(&table[g.Option], g.As, g.Value); err != nil {
			return nil, err
		}
	}
	return got, nil
}

// set keeps a value; an option given twice is an error (options.py: "conflicting").
func (g *Given) set(f *flag, as, value string) error {
	if !f.value {
		value = "true"
	}
	switch f.dest {
	case Help, Version, BuildInfo:
		g.Acts[f.dest] = value
		return nil
	}
	if g.seen[f.dest] {
		return usageError(fmt.Sprintf("conflicting command line option '%s'", as))
	}
	g.seen[f.dest] = true
	if f.dest == Config {
		g.Acts[f.dest] = value
		return nil
	}
	g.Overrides = append(g.Overrides, config.Override{Option: as, Key: f.dest, Value: value})
	return nil
}

// Usage is the whole of --help.
func Usage(program string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "supervisord -- run a set of applications as daemons.\n\nUsage: %s [options]\n\nOptions:\n", program)
	for _, f := range flags() {
		if f.help == "" {
			continue
		}
		b.WriteString(pytext.OptionHelp(f.short, f.long, f.meta, f.help))
	}
	b.WriteString("\nWithout -c the configuration is searched in ../etc/supervisord.conf and\n../supervisord.conf beside the program, ./supervisord.conf, ./etc/supervisord.conf,\n/etc/supervisord.conf and /etc/supervisor/supervisord.conf.\n")
	return b.String()
}

// Program returns the program's path, if argv[0] has none: it was found in PATH, and the search for a configuration
// begins next to the file.
func Program(argv0 string) string {
	if !strings.Contains(argv0, "/") {
		if file, err := os.Executable(); err == nil {
			return file
		}
	}
	return argv0
}
