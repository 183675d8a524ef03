package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/pyrepr"
)

// readSupervisord reads [supervisord] in the order of ServerOptions.read_config.
func (l *loader) readSupervisord() {
	const section = "supervisord"
	s := &l.cfg.Supervisord
	get := func(key string) setting { return l.get(section, key, l.here) }
	s.MinFDs = unsigned(l.integer(get("minfds"), 1024))
	s.MinProcs = unsigned(l.integer(get("minprocs"), 200))
	s.Directory = convert(l, get("directory"), "", l.paths.existingDirectory)
	user := get("user")
	s.Umask = l.octal(get("umask"), 0o022) & 0o777
	s.Logfile = convert(l, get("logfile"), "supervisord.log", l.paths.existingDirPath)
	s.LogfileMaxBytes = convert(l, get("logfile_maxbytes"), 50<<20, byteSize)
	s.LogfileBackups = l.integer(get("logfile_backups"), 10)
	s.LogLevel = convert(l, get("loglevel"), INFO, loggingLevel)
	s.Pidfile = convert(l, get("pidfile"), "supervisord.pid", l.paths.existingDirPath)
	s.Identifier = l.text(get("identifier"), "supervisor")
	s.NoDaemon = l.boolean(get("nodaemon"), false)
	s.Silent = l.boolean(get("silent"), false)
	if dir := get("childlogdir"); dir.state == present {
		s.ChildLogDir = convert(l, dir, "", l.paths.existingDirectory)
	} else {
		s.ChildLogDir = l.paths.tempDir(l.env)
	}
	s.NoCleanup = l.boolean(get("nocleanup"), false)
	s.StripAnsi = l.boolean(get("strip_ansi"), false)
	environment := l.expand(l.raw(section, "environment"), "environment", l.here, map[string]any{"host_node_name": l.o.Hostname})
	s.Environment = convert(l, environment, nil, keyValuePairs)
	for _, v := range s.Environment {
		l.env["ENV_"+v.Name] = v.Value
	}
	l.own(func() {
		s.Subreaper = l.boolean(get("subreaper"), false)
		s.RequireAuth = l.boolean(get("require_auth"), false)
		s.StrictConfigPermissions = l.boolean(get("strict_config_permissions"), false)
		s.PluginDirs = l.pluginDirs(get("plugin_dirs"))
		s.PluginStopWait = l.interval(get("plugin_stopwaitsecs"), defaultPluginStopWait)
		if path := convert(l, get("event_log"), "", l.paths.existingDirPath); path != "" {
			s.EventLog = l.paths.normalize(path)
		}
		s.EventLogMaxBytes = convert(l, get("event_log_maxbytes"), 50<<20, byteSize)
		s.EventLogBackups = l.integer(get("event_log_backups"), 10)
		types := get("event_log_events")
		if types.state == absent {
			types.text, types.state = defaultEventLog, present
		}
		s.EventLogEvents = l.events(types)
	})
	// The account itself is looked up last, as in Supervisor, and only if it still counts.
	if user.state == present && !l.overridden("user") {
		s.User = &User{Name: user.text}
	}
}

// defaultPluginStopWait leaves the programs most of the 10 s that Docker gives a container.
const defaultPluginStopWait = 2 * time.Second

// defaultEventLog is what the event log is of: what would not fill it by itself.
const defaultEventLog = "PROCESS_STATE,PROCESS_COMMUNICATION,REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE,PROCESS_GROUP,HARK"

func unsigned(n int) uint64 { return uint64(max(n, 0)) } //nolint:gosec // not negative

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
			said := fmt.Sprintf("invalid value for %s %s: %s", o.Option, pyrepr.String(o.Value), err)
			accepts := schemaOf(l.schemas, "supervisord").Field(o.Key)
			text := fmt.Sprintf("cannot use %q", o.Value)
			if accepts != nil {
				text += "; accepted: " + accepts.Type.Accepts()
			}
			l.add(Issue{Key: o.Option, Text: text, Supervisor: said})
		case given[o.Key]:
			l.add(Issue{Key: o.Option, Text: "given twice; accepted: once", Supervisor: "conflicting command line option " + pyrepr.String(o.Option)})
		default:
			apply = append(apply, set)
		}
		given[o.Key] = true
	}
	return apply
}

func (l *loader) override(o Override) (func(*Supervisord), error) {
	switch o.Key {
	case "nodaemon":
		return func(s *Supervisord) { s.NoDaemon = true }, nil
	case "silent":
		return func(s *Supervisord) { s.Silent = true }, nil
	case "nocleanup":
		return func(s *Supervisord) { s.NoCleanup = true }, nil
	case "strip_ansi":
		return func(s *Supervisord) { s.StripAnsi = true }, nil
	case "user":
		return func(s *Supervisord) { s.User = &User{Name: o.Value} }, nil
	case "identifier":
		return func(s *Supervisord) { s.Identifier = o.Value }, nil
	case "umask":
		n, err := octal(o.Value)
		return func(s *Supervisord) { s.Umask = int(n) & 0o777 }, err
	case "directory":
		v, err := l.paths.existingDirectory(o.Value)
		return func(s *Supervisord) { s.Directory = v }, err
	case "childlogdir":
		v, err := l.paths.existingDirectory(o.Value)
		return func(s *Supervisord) { s.ChildLogDir = v }, err
	case "logfile":
		v, err := l.paths.existingDirPath(o.Value)
		return func(s *Supervisord) { s.Logfile = v }, err
	case "pidfile":
		v, err := l.paths.existingDirPath(o.Value)
		return func(s *Supervisord) { s.Pidfile = v }, err
	case "logfile_maxbytes":
		n, err := byteSize(o.Value)
		return func(s *Supervisord) { s.LogfileMaxBytes = n }, err
	case "logfile_backups":
		n, err := integer(o.Value)
		return func(s *Supervisord) { s.LogfileBackups = int(n) }, err
	case "loglevel":
		v, err := loggingLevel(o.Value)
		return func(s *Supervisord) { s.LogLevel = v }, err
	case "minfds":
		n, err := integer(o.Value)
		return func(s *Supervisord) { s.MinFDs = unsigned(int(n)) }, err
	case "minprocs":
		n, err := integer(o.Value)
		return func(s *Supervisord) { s.MinProcs = unsigned(int(n)) }, err
	case "profile_options":
		l.warnings = append(l.warnings, "profile_options is accepted and has no effect: there is no Python to profile")
		return func(*Supervisord) {}, nil
	}
	return nil, errors.New("internal error: no such option")
}

// applyOverrides puts the command line over the file and settles what depends
// on both (options.py, ServerOptions.realize).
func (l *loader) applyOverrides(overrides []func(*Supervisord)) {
	s := &l.cfg.Supervisord
	for _, set := range overrides {
		set(s)
	}
	if s.User != nil {
		s.User = l.account(s.User.Name, func(said string) {
			if !l.overridden("user") {
				l.refuse(setting{"supervisord", "user", s.User.Name, present}, said)
				return
			}
			l.add(Issue{Key: "user", Text: fmt.Sprintf("cannot use %q; accepted: %s", s.User.Name, Account.Accepts()), Supervisor: said})
		})
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

// account looks a user up (datatypes.py, name_to_uid); refuse gets Supervisor's message.
func (l *loader) account(name string, refuse func(said string)) *User {
	u, err := l.o.Accounts.User(name)
	if err == nil {
		u.Name = name
		return &u
	}
	if _, notID := integer(name); notID != nil {
		refuse("Invalid user name " + name)
	} else {
		refuse("Invalid user id " + name)
	}
	return nil
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
