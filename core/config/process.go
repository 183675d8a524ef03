package config

import (
	"errors"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// Process is one process: what its section says, expanded for it.
type Process struct {
	Command        Command        `key:"command" type:"command" is:"required,perprocess,byhand" sample:"/bin/cat" doc:"The program and its arguments. A program without a slash is searched in PATH. Quotes and backslashes are those of a shell, but nothing else is: no variables, no pipes, no wildcards." example:"/usr/bin/app --port 80%(process_num)02d"`
	Name           string         `key:"process_name" type:"name of processes" is:"perprocess,byhand" default:"%(program_name)s" sample:"%(program_name)s" doc:"The name of each process. With numprocs above 1 it must contain %(process_num)." example:"%(program_name)s_%(process_num)02d"`
	NumProcs       int            `key:"numprocs" is:"names" default:"1" unit:"processes" sample:"1" doc:"How many processes are started; at most 100000."`
	NumProcsStart  int            `key:"numprocs_start" is:"names" default:"0" doc:"The number %(process_num) of the first process."`
	Directory      string         `key:"directory" is:"perprocess" sample:"/tmp" doc:"The directory that the program starts in. Without it, the daemon's."`
	Umask          int            `key:"umask" type:"umask" sample:"022" doc:"The umask of the program, in octal. Without it, the daemon's."`
	Priority       int            `key:"priority" default:"999" sample:"999" doc:"Programs of a lower priority start first and stop last."`
	AutoStart      bool           `key:"autostart" default:"true" sample:"true" doc:"Whether the program starts together with the daemon."`
	StartWait      time.Duration  `key:"startsecs" type:"seconds" default:"1" unit:"seconds" sample:"1" doc:"How long the program must stay up before it counts as running. With 0 it counts at once."`
	StartRetries   int            `key:"startretries" default:"3" unit:"retries" sample:"3" doc:"How many failed starts in a row are retried before the program is FATAL."`
	AutoRestart    AutoRestart    `key:"autorestart" default:"unexpected" sample:"unexpected" doc:"Whether the program is started again when it exits. It is always with true, never with false; with unexpected it is when its exit code is not in exitcodes, or when a signal killed it."`
	ExitCodes      []int          `key:"exitcodes" default:"0" sample:"0" doc:"The exit codes that are expected." example:"0,2"`
	StopSignal     syscall.Signal `key:"stopsignal" default:"TERM" sample:"QUIT" doc:"The signal that stops the program."`
	StopWait       time.Duration  `key:"stopwaitsecs" type:"seconds" default:"10" unit:"seconds" sample:"10" doc:"How long the program may take to stop before it is killed."`
	StopAsGroup    bool           `key:"stopasgroup" default:"false" sample:"false" doc:"Whether stopsignal goes to the program's whole process group. This is for programs that do not pass it on to their children. It implies killasgroup."`
	KillAsGroup    bool           `key:"killasgroup" as:"stopasgroup" sample:"false" doc:"Whether the program's whole process group is killed when it does not stop in time. The default is the value of stopasgroup."`
	User           *User          `key:"user" type:"user" sample:"chrism" doc:"The user that the program runs as. Only root can choose another than its own. Environment variables such as HOME stay as they are."`
	RedirectStderr bool           `key:"redirect_stderr" default:"false" sample:"true" doc:"Whether stderr goes where stdout goes."`
	Stdout         Stream         `keys:"stdout_"`
	Stderr         Stream         `keys:"stderr_"`
	Environment    []EnvVar       `key:"environment" is:"perprocess" sample:"A=\"1\",B=\"2\"" doc:"Variables that are added to the program's environment. Values with characters other than letters and digits need quotes." example:"PORT=\"80%(process_num)02d\",DEBUG=\"0\""` // those of [supervisord] first, the program's over them
	ServerURL      string         `key:"serverurl" type:"server URL" default:"AUTO" sample:"AUTO" doc:"The value of SUPERVISOR_SERVER_URL in the program's environment. AUTO is the first Unix socket of the configuration, or else its last TCP port."`                         // "" is AUTO
}

// Stream is one output channel of a process.
type Stream struct {
	Logfile         Logfile `key:"logfile" is:"perprocess" default:"AUTO" sample:"/a/path" doc:"The file that {} is written to. AUTO makes one in childlogdir and removes it at the next start; NONE writes none; syslog writes none and sends each line to syslog, as {}_syslog does."`
	MaxBytes        int64   `key:"logfile_maxbytes" type:"size" is:"perprocess" default:"50MB" unit:"bytes" sample:"1MB" doc:"The size at which the log of {} is rotated; 0 never rotates it."`
	Backups         int     `key:"logfile_backups" is:"perprocess" default:"10" unit:"files" sample:"10" doc:"How many rotated logs of {} are kept; with 0 a full one is emptied."`
	CaptureMaxBytes int64   `key:"capture_maxbytes" type:"size" default:"0" unit:"bytes" sample:"1MB" doc:"The size of the buffer for PROCESS_COMMUNICATION events, which the program writes to {}; 0 looks for no such events."`
	EventsEnabled   bool    `key:"events_enabled" default:"false" sample:"false" doc:"Whether each write to {} is a PROCESS_LOG event."`
	Syslog          bool    `key:"syslog" is:"perprocess" default:"false" sample:"false" doc:"Whether {} goes to syslog as well, each line behind the name of the process."`
	Block           bool    `key:"on_full" type:"what to do with a full disk" is:"hark" default:"drop" doc:"What happens while the log of {} cannot be written, such as on a full disk: its output is dropped and counted, or the program is blocked."`
}

// processTable are the keys of a section that makes processes, in the order of ServerOptions._processes_from_section (supervisor/options.py).
func processTable() *table {
	return tableOf[Process](processOrder)
}

func processOrder() []string {
	return []string{
		"priority", "autostart", "autorestart", "startsecs", "startretries", "stopsignal", "stopwaitsecs", "stopasgroup", "killasgroup",
		"exitcodes", "redirect_stderr", "numprocs", "numprocs_start",
		"stdout_capture_maxbytes", "stdout_events_enabled", "stderr_capture_maxbytes", "stderr_events_enabled",
		"serverurl", "user", "umask",
		"environment", "directory",
		"stdout_logfile", "stdout_logfile_backups", "stdout_logfile_maxbytes", "stdout_syslog",
		"stderr_logfile", "stderr_logfile_backups", "stderr_logfile_maxbytes", "stderr_syslog",
	}
}

// Command is a command line, split into arguments.
type Command struct {
	Line  string   // as it is run
	Shown string   // Line as anybody may see it: %(ENV_x)s stays as it is written, for it may be a secret
	Argv  []string // Line by the rules of Python's shlex.split; none for an empty line and with Err
	Err   error    // why Line cannot be split: a start fails with it
}

// ParseCommand splits a command line that holds no secret.
func ParseCommand(line string) Command {
	argv, err := pytext.Split(line)
	return Command{Line: line, Shown: line, Argv: argv, Err: err}
}

// unclosed reports whether a quotation is open at the end of the line.
func (c Command) unclosed() bool { return errors.Is(c.Err, pytext.ErrNoClosingQuotation) }

// AutoRestart is the autorestart policy.
type AutoRestart int

// The policies.
const (
	RestartNever AutoRestart = iota
	RestartUnexpected
	RestartAlways
)

// String is the policy as it is written.
func (a AutoRestart) String() string {
	switch a {
	case RestartAlways:
		return "true"
	case RestartUnexpected:
		return "unexpected"
	}
	return "false"
}

// LogKind says what a *_logfile value names.
type LogKind int

// The kinds of log file.
const (
	LogNone LogKind = iota // NONE, OFF, empty, or the syslog alias
	LogAuto                // AUTO: named in childlogdir at start
	LogPath
)

// Logfile is a *_logfile value.
type Logfile struct {
	Kind LogKind
	Path string // LogPath: as written, ~ expanded; a relative one is relative to where the daemon runs
	// Empty: the value was an empty one, which logs nowhere as NONE does but is
	// another value to Supervisor (getAllConfigInfo, reload).
	Empty bool

	syslog bool // the value was syslog, the deprecated name of *_syslog=true; only while a section is read
}

// Name returns the path, "auto" for an AUTO log, or "" for none (supervisor/rpcinterface.py, getAllConfigInfo).
func (f Logfile) Name() string {
	switch f.Kind {
	case LogPath:
		return f.Path
	case LogAuto:
		return "auto"
	}
	return ""
}

// String is the value as it is written.
func (f Logfile) String() string {
	switch {
	case f.Kind == LogPath:
		return f.Path
	case f.Kind == LogAuto:
		return "AUTO"
	case f.Empty:
		return `""`
	}
	return "NONE"
}

// logfile reads a log file's name (datatypes.py, logfile_name).
func (l *loader) logfile(s string) (Logfile, error) {
	switch lower(s) {
	case "":
		return Logfile{Kind: LogNone, Empty: true}, nil
	case "none", "off":
		return Logfile{Kind: LogNone}, nil
	case "auto":
		return Logfile{Kind: LogAuto}, nil
	case "syslog":
		return Logfile{Kind: LogNone, syslog: true}, nil
	}
	path, err := l.paths.existingDirPath(s)
	return Logfile{Kind: LogPath, Path: path}, err
}
