// Package config turns supervisord.conf into checked values. It has no
// behaviour: a reader exact to Python's ConfigParser fills an ini.File, the
// schema gives every key its type, default and origin, and Load returns either
// a Config or every error found, in the order Supervisor would find the first.
package config

import (
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// Config is one configuration, files and command line taken together.
type Config struct {
	Path          string   // the file read, absolute; "" when there is none
	Here          string   // the directory of Path: %(here)s
	Files         []string // Path and every included file, in reading order
	Supervisord   Supervisord
	Servers       []Server
	ServerURL     string           // where children find the daemon: the first unix server, or else the last inet one; "" without any
	RPCInterfaces []RPCInterface   // in the order of the file
	Plugins       []Plugin         // [plugin:x], in the order of the file
	Instances     []PluginInstance // the sections that plugins serve; namespaces first
	Groups        []*Group         // by priority, then name, as Supervisor sorts them
	Startup       []StartupSetting // what takes effect with a start or reload only
	Warnings      []string         // for the activity log at WARN: unknown keys and the like
	Criticals     []string         // for the activity log at CRIT: a file that others may write, an open server
	Infos         []string         // for the activity log at INFO: "Included extra file ... during parsing"

	positions map[string]Position // see Issue
}

// Supervisord is the [supervisord] section (supervisor/options.py, ServerOptions).
type Supervisord struct {
	Logfile                 string // absolute; "syslog" for the local syslog; no value means none, as in Supervisor
	LogfileSyslog           bool
	LogfileMaxBytes         int64 // default 50MB; 0 never rotates
	LogfileBackups          int   // default 10
	LogLevel                Level // default info
	Pidfile                 string
	Umask                   int // default 022
	NoDaemon                bool
	Silent                  bool
	MinFDs                  uint64 // default 1024
	MinProcs                uint64 // default 200
	NoCleanup               bool
	User                    *User  // nil: stay who we are
	Identifier              string // default "supervisor"
	Directory               string // "" : stay
	ChildLogDir             string // absolute; default the temporary directory
	Environment             []EnvVar
	StripAnsi               bool
	Subreaper               bool                 // Hark's own; default false
	RequireAuth             bool                 // Hark's own; refuse to start an inet server without a password
	StrictConfigPermissions bool                 // Hark's own; refuse a configuration that others may write
	PluginDirs              []string             // Hark's own; where plugins are found
	PluginStopWait          time.Duration        // Hark's own; what the end waits for all plugins; default 2 s, from 0 to a year
	EventLog                string               // Hark's own; absolute; "" for none
	EventLogMaxBytes        int64                // default 50MB; 0 never rotates
	EventLogBackups         int                  // default 10
	EventLogEvents          []eventlistener.Type // default all but TICK and PROCESS_LOG
}

// Level is an activity log level with Supervisor's numbers (supervisor/loggers.py, LevelsByName).
type Level int

// The levels.
const (
	CRIT Level = 50
	ERRO Level = 40
	WARN Level = 30
	INFO Level = 20
	DEBG Level = 10
	TRAC Level = 5
	BLAT Level = 3
)

// EnvVar is one variable of environment=, in the order of the file.
type EnvVar struct{ Name, Value string }

// Server is one [unix_http_server] or [inet_http_server] section, or one of the
// suffixed [inet_http_server:x] kind.
type Server struct {
	Section                     string // the section's whole name
	Network                     string // "unix" or "tcp"
	Path                        string // unix: the socket's file
	Mode                        uint32 // unix: chmod, default 0700
	Chown                       *Owner // unix: nil leaves the owner
	Host                        string // tcp: "" is every address
	Port                        int
	Auth                        bool // whether there is a username (it may be empty) and a password
	Username                    string
	Password                    Secret // cleartext or {SHA}hex
	ReadOnlyUsername            string
	ReadOnlyPassword            Secret
	CertFile, KeyFile, ClientCA string // TLS, inet only
}

// RPCInterface is one [rpcinterface:x] section.
type RPCInterface struct {
	Name    string
	Factory string   // supervisor.rpcinterface_factory as written
	Plugin  string   // Hark's own, instead of Factory: the plugin that serves the namespace
	Keys    []EnvVar // the section's other keys, DEFAULT's too
	File    string
	Line    int
}

// Kind tells the groups apart.
type Kind int

// The kinds of group.
const (
	ProgramGroup  Kind = iota // [program:x], or [group:x] of programs
	ListenerGroup             // [eventlistener:x]
	FastCGIGroup              // [fcgi-program:x]
)

// Group is one process group with its expanded process configurations.
type Group struct {
	Name      string
	Kind      Kind
	Priority  int        // default 999; listeners -1
	Processes []*Process // in Supervisor's order: by priority
	// Heterogeneous is true for a [group:x] section.
	Heterogeneous bool
	Listener      *Listener // ListenerGroup only
	Socket        *Socket   // FastCGIGroup only
}

// Listener is what an [eventlistener:x] section adds.
type Listener struct {
	BufferSize    int // default 10
	Events        []eventlistener.Type
	ResultHandler string // default supervisor.dispatchers:default_handler
	PrintResults  bool   // ResultHandler is supervisor_stdout:event_handler: results go to the daemon's standard output

	// Hark's own. The defaults are Supervisor's behaviour.
	Programs       *eventlistener.Programs // nil: events about any process
	Overflow       eventlistener.Overflow  // default discard_oldest
	SpoolDir       string                  // where the spool is, with overflow=spool; absolute, and need not be there; "" for childlogdir
	SpoolMaxBytes  int64                   // default 64MB
	SpoolSync      bool                    // commits wait for the disk; default false
	MaxInFlight    int                     // default 1, at most eventlistener.MaxInFlightLimit
	AckTimeout     time.Duration           // 0: forever
	MaxDeliveries  int                     // 0: no end
	RestartOnError bool                    // on_protocol_error=restart
	Stdin          bool                    // calls may write to the listeners' stdin; default false (Supervisor: always)
	Payload        eventlistener.Form      // default supervisor
}

// Socket is what an [fcgi-program:x] section adds.
type Socket struct {
	URL     string // as written: unix:///path or tcp://host:port
	Network string // "unix" or "tcp"
	Path    string
	Host    string
	Port    int
	Owner   *Owner // unix only
	Mode    uint32 // unix only; default 0700
	Backlog int    // 0: SOMAXCONN
}

// Process is one process: a program's settings after numprocs expansion.
type Process struct {
	Name           string
	Command        string
	Shown          string         // Command as anybody may see it: %(ENV_x)s stays as it is written, for it may be a secret
	Directory      string         // "" : stay
	Umask          int            // -1: inherit
	Priority       int            // default 999
	AutoStart      bool           // default true
	AutoRestart    AutoRestart    // default Unexpected
	StartSecs      int            // seconds, default 1
	StartRetries   int            // default 3
	ExitCodes      []int          // default 0
	StopSignal     syscall.Signal // default TERM
	StopWaitSecs   int            // seconds, default 10
	StopAsGroup    bool
	KillAsGroup    bool // default StopAsGroup
	User           *User
	RedirectStderr bool
	Stdout, Stderr Stream
	Environment    []EnvVar // [supervisord] environment first, the program's over it
	ServerURL      string   // "" : the daemon's own (AUTO)
}

// defaultStopSignal is stopsignal's default.
const defaultStopSignal = syscall.SIGTERM

// AutoRestart is the autorestart policy.
type AutoRestart int

// The policies.
const (
	RestartNever AutoRestart = iota
	RestartUnexpected
	RestartAlways
)

// Stream is one output channel of a process.
type Stream struct {
	Logfile         Logfile
	MaxBytes        int64 // default 50MB
	Backups         int   // default 10
	CaptureMaxBytes int64 // 0: no capture mode
	EventsEnabled   bool
	Syslog          bool
	Block           bool // *_on_full=block; default drop
}

// LogKind reports what a *_logfile value names.
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
}

// StartDuration is StartSecs as a duration.
func (p *Process) StartDuration() time.Duration { return time.Duration(p.StartSecs) * time.Second }

// StopDuration is StopWaitSecs as a duration.
func (p *Process) StopDuration() time.Duration { return time.Duration(p.StopWaitSecs) * time.Second }
