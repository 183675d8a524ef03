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
	RPCInterfaces []RPCInterface // in the order of the file
	Groups        []*Group       // by priority, then name, as Supervisor sorts them
	Warnings      []string       // for the activity log at WARN: unknown keys and the like
	Criticals     []string       // for the activity log at CRIT: a file that others may write, an open server
	Infos         []string       // for the activity log at INFO: "Included extra file ... during parsing"
}

// Supervisord is the [supervisord] section (supervisor/options.py, ServerOptions).
type Supervisord struct {
	Logfile                 string // absolute; "syslog" for the local syslog; "NONE"-like values become ""
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
	ChildLogDir             string // default the temporary directory
	Environment             []EnvVar
	StripAnsi               bool
	Subreaper               bool // Hark's own; default false
	RequireAuth             bool // Hark's own; refuse to start an inet server without a password
	StrictConfigPermissions bool // Hark's own; refuse a configuration that others may write
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

// User is a resolved account.
type User struct {
	Name   string // as written
	UID    int
	GID    int
	Groups []int // supplementary groups, GID included
	Home   string
}

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
	Username                    string // "" : no authentication
	Password                    Secret // cleartext or {SHA}hex
	ReadOnlyUsername            string
	ReadOnlyPassword            Secret
	CertFile, KeyFile, ClientCA string // TLS, inet only
}

// Owner is a chown or socket_owner value: ids, -1 where not given.
type Owner struct{ UID, GID int }

// RPCInterface is one [rpcinterface:x] section.
type RPCInterface struct {
	Name    string
	Factory string   // supervisor.rpcinterface_factory as written
	Keys    []EnvVar // the section's other keys
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

// LogKind tells what a *_logfile value names.
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
	Path string // LogPath: absolute; /dev/stdout and /dev/stderr as written
}

// StartDuration is StartSecs as a duration.
func (p *Process) StartDuration() time.Duration { return time.Duration(p.StartSecs) * time.Second }

// StopDuration is StopWaitSecs as a duration.
func (p *Process) StopDuration() time.Duration { return time.Duration(p.StopWaitSecs) * time.Second }
