package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// Supervisord is the [supervisord] section (supervisor/options.py, ServerOptions).
type Supervisord struct {
	Logfile                 string        `key:"logfile" type:"file" is:"live" default:"supervisord.log" sample:"/tmp/supervisord.log" doc:"The daemon's own log, the activity log. A relative name is relative to the directory that the daemon is started in; syslog writes to the system's log." example:"/var/log/supervisor/supervisord.log"`
	LogfileMaxBytes         int64         `key:"logfile_maxbytes" type:"size" is:"live" default:"50MB" unit:"bytes" sample:"50MB" doc:"The size at which the activity log is rotated; 0 never rotates it."`
	LogfileBackups          int           `key:"logfile_backups" is:"live" default:"10" unit:"files" sample:"10" doc:"How many rotated activity logs are kept; with 0 a full one is emptied."`
	LogLevel                Level         `key:"loglevel" is:"live" default:"info" sample:"info" doc:"The least severe level that is written to the activity log."`
	Pidfile                 string        `key:"pidfile" type:"file" is:"live" default:"supervisord.pid" sample:"/tmp/supervisord.pid" doc:"The file that the daemon writes its process id to." example:"/run/supervisord.pid"`
	NoDaemon                bool          `key:"nodaemon" is:"live" default:"false" sample:"false" doc:"Whether the daemon stays in the foreground."`
	Silent                  bool          `key:"silent" is:"live" default:"false" sample:"false" doc:"Whether the daemon in the foreground writes no log to stdout."`
	MinFDs                  uint64        `key:"minfds" is:"live" default:"1024" unit:"descriptors" sample:"1024" doc:"How many open files the daemon must be allowed to have. It raises its limit if it can, and does not start otherwise."`
	MinProcs                uint64        `key:"minprocs" is:"live" default:"200" unit:"processes" sample:"200" doc:"How many processes the daemon's user must be allowed to have. It raises its limit if it can, and does not start otherwise."`
	Umask                   int           `key:"umask" type:"umask" default:"022" sample:"022" doc:"The umask of the daemon and of the programs that set none, in octal."`
	User                    *User         `key:"user" type:"name of a user" sample:"supervisord" doc:"The user that the daemon becomes when it is started as root. Programs cannot run as other users then."`
	Identifier              string        `key:"identifier" default:"supervisor" sample:"supervisor" doc:"The name of this daemon for clients and listeners, and in the names of AUTO logs."`
	Directory               string        `key:"directory" type:"directory" sample:"/tmp" doc:"The directory that the daemon changes to when it goes into the background. Without it, it stays."`
	NoCleanup               bool          `key:"nocleanup" default:"false" sample:"true" doc:"Whether AUTO logs of an earlier run are kept at start."`
	ChildLogDir             string        `key:"childlogdir" type:"directory" sample:"/tmp" doc:"The directory of AUTO logs. Without it, the system's directory for temporary files: TMPDIR, or else /tmp."` // absolute
	Environment             []EnvVar      `key:"environment" sample:"KEY=\"value\"" doc:"Variables that are added to the environment of all programs. They can be named as %(ENV_KEY)s in the sections of programs. The environment of the daemon itself stays as it is." example:"LANG=\"C.UTF-8\",TZ=\"UTC\""`
	StripAnsi               bool          `key:"strip_ansi" default:"false" sample:"false" doc:"Whether escape sequences such as those for colours are removed from the programs' logs."`
	Subreaper               bool          `key:"subreaper" is:"hark" default:"false" doc:"Whether processes that outlive their parents become children of the daemon even where it is not PID 1 (Linux). As PID 1, it adopts them in any case."`
	RequireAuth             bool          `key:"require_auth" is:"hark" default:"false" doc:"Whether the daemon refuses to start with an [inet_http_server] that asks for no password."`
	StrictConfigPermissions bool          `key:"strict_config_permissions" is:"hark" default:"false" doc:"Whether the daemon refuses to start with a configuration file that other users can write to. Otherwise it warns."`
	PluginDirs              []string      `key:"plugin_dirs" type:"directories" is:"hark" default:"/usr/lib/hark/plugins,/usr/local/lib/hark/plugins" doc:"The directories that plugins are installed in; the first that can be written to gets new ones."`
	PluginStopWait          time.Duration `key:"plugin_stopwaitsecs" type:"time" is:"hark" default:"2" unit:"seconds" doc:"How long the daemon, before it ends, waits for its plugins to deliver what they still have; 0 does not wait."`

	LogfileSyslog bool `key:"-"` // Logfile is the system's log
}

// supervisordTable are the keys of [supervisord], in the order of ServerOptions.read_config.
func supervisordTable() *table {
	return tableOf[Supervisord](func() []string {
		return []string{"minfds", "minprocs", "directory", "user", "umask", "logfile", "logfile_maxbytes", "logfile_backups", "loglevel", "pidfile", "identifier",
			"nodaemon", "silent", "childlogdir", "nocleanup", "strip_ansi", "environment"}
	})
}

// readSupervisord reads [supervisord].
func (l *loader) readSupervisord() {
	s := &l.cfg.Supervisord
	*s = fresh[Supervisord](supervisordTable())
	r := l.reads("supervisord")
	r.own = l.env
	r.fill(supervisordTable().reading, s)
	if s.ChildLogDir == "" {
		s.ChildLogDir = l.paths.tempDir(l.env)
	}
	// The account itself is looked up last, as in Supervisor, and only if it still counts.
	if l.overridden("user") {
		s.User = nil
	}
}

func (l *loader) overridden(key string) bool {
	for _, o := range l.o.Overrides {
		if o.Key == key {
			return true
		}
	}
	return false
}

// readOverrides converts the command line in its order and returns what puts it
// over the file.
func (l *loader) readOverrides() []func(*Supervisord) {
	var apply []func(*Supervisord)
	given := make(map[string]bool)
	for _, o := range l.o.Overrides {
		set, err := l.override(o)
		switch {
		case err != nil:
			said := fmt.Sprintf("invalid value for %s %s: %s", o.Option, pytext.Quote(o.Value), err)
			text := fmt.Sprintf("cannot use %q", o.Value)
			if k := supervisordTable().key(o.Key); k != nil {
				text += "; accepted: " + k.Type.Accepts
			}
			l.add(Issue{Key: o.Option, Text: text, Supervisor: said})
		case given[o.Key]:
			l.add(Issue{Key: o.Option, Text: "given twice; accepted: once", Supervisor: "conflicting command line option " + pytext.Quote(o.Option)})
		default:
			apply = append(apply, set)
		}
		given[o.Key] = true
	}
	return apply
}

// override converts one option of the command line as the key that it stands over.
func (l *loader) override(o Override) (func(*Supervisord), error) {
	if o.Key == "profile_options" {
		l.warnings = append(l.warnings, "profile_options is accepted and has no effect: there is no Python to profile")
		return func(*Supervisord) {}, nil
	}
	k := supervisordTable().key(o.Key)
	if k == nil {
		return nil, errors.New("internal error: no such option")
	}
	var given Supervisord
	value := k.in(reflect.ValueOf(&given).Elem())
	text := o.Value
	if value.Kind() == reflect.Bool { // a flag
		text = "true"
	}
	err := k.Type.parse(l, k, text, value)
	return func(s *Supervisord) { k.in(reflect.ValueOf(s).Elem()).Set(value) }, err
}

// applyOverrides puts the command line over the file and settles what depends
// on both (options.py, ServerOptions.realize).
func (l *loader) applyOverrides(overrides []func(*Supervisord)) {
	s := &l.cfg.Supervisord
	for _, set := range overrides {
		set(s)
	}
	if s.User != nil {
		name := s.User.Name
		var err error
		if s.User, err = l.account(name); err != nil && !l.overridden("user") {
			l.refuse(setting{"supervisord", "user", name, present}, err.Error())
		} else if err != nil {
			l.add(Issue{Key: "user", Text: fmt.Sprintf("cannot use %q; accepted: %s", name, supervisordTable().key("user").Type.Accepts), Supervisor: err.Error()})
		}
	}
	if s.LogfileSyslog = s.Logfile == "syslog"; !s.LogfileSyslog {
		s.Logfile = l.paths.normalize(s.Logfile)
	}
	s.Pidfile = l.paths.normalize(s.Pidfile)
	// AUTO logs are made before the daemon changes to its directory=.
	s.ChildLogDir = l.paths.absolute(s.ChildLogDir)
	for _, server := range l.cfg.Servers {
		if server.Network == "unix" {
			l.cfg.ServerURL = "unix://" + server.Path
			return
		}
	}
	for _, server := range l.cfg.Servers { // the last one counts, as in Supervisor
		host := server.Host
		if host == "" {
			host = "localhost"
		}
		l.cfg.ServerURL = fmt.Sprintf("http://%s:%d", host, server.Port)
	}
}

// account looks a user up (datatypes.py, name_to_uid).
func (l *loader) account(name string) (*User, error) {
	u, err := l.o.Accounts.User(name)
	if err == nil {
		u.Name = name
		return &u, nil
	}
	if _, notID := integer(name); notID != nil {
		return nil, errors.New("Invalid user name " + name) //nolint:staticcheck // Supervisor's words
	}
	return nil, errors.New("Invalid user id " + name) //nolint:staticcheck // Supervisor's words
}

// owner reads user or user:group (datatypes.py, colon_separated_user_group).
func (l *loader) owner(s string) (*Owner, error) {
	name, group, both := strings.Cut(s, ":")
	u, err := l.o.Accounts.User(name)
	if err != nil {
		return nil, err
	}
	o := &Owner{UID: u.UID, GID: -1}
	if both {
		if o.GID, err = l.o.Accounts.Group(group); err != nil {
			return nil, err
		}
	}
	return o, nil
}
