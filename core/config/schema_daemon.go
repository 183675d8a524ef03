package config

const (
	fromSupervisor = "Supervisor"
	fromHark       = "Hark"
)

func supervisordSchema() SectionSchema {
	return SectionSchema{
		Name: "supervisord", Sample: "supervisord", Live: true,
		Doc: "The daemon itself.",
		Fields: []Field{
			{Key: "logfile", Type: FilePath, Default: "supervisord.log", Origin: fromSupervisor, Sample: "/tmp/supervisord.log", Live: true,
				Doc: "the activity log, or syslog; default $CWD/supervisord.log"},
			{Key: "logfile_maxbytes", Type: ByteSize, Default: "50MB", Unit: "bytes", Origin: fromSupervisor, Sample: "50MB", Live: true,
				Doc: "size at which it is rotated, 0 for never; default 50MB"},
			{Key: "logfile_backups", Type: Integer, Default: "10", Unit: "files", Origin: fromSupervisor, Sample: "10", Live: true,
				Doc: "rotated files kept, 0 for none; default 10"},
			{Key: "loglevel", Type: LogLevel, Default: "info", Origin: fromSupervisor, Sample: "info", Live: true,
				Doc: "critical, error, warn, info, debug, trace, blather; default info"},
			{Key: "pidfile", Type: FilePath, Default: "supervisord.pid", Origin: fromSupervisor, Sample: "/tmp/supervisord.pid", Live: true,
				Doc: "where the daemon writes its pid; default $CWD/supervisord.pid"},
			{Key: "nodaemon", Type: Boolean, Default: "false", Origin: fromSupervisor, Sample: "false", Live: true,
				Doc: "stay in the foreground; default false"},
			{Key: "silent", Type: Boolean, Default: "false", Origin: fromSupervisor, Sample: "false", Live: true,
				Doc: "no log on stdout in the foreground; default false"},
			{Key: "minfds", Type: Integer, Default: "1024", Unit: "descriptors", Origin: fromSupervisor, Sample: "1024", Live: true,
				Doc: "open files that must be allowed; default 1024"},
			{Key: "minprocs", Type: Integer, Default: "200", Unit: "processes", Origin: fromSupervisor, Sample: "200", Live: true,
				Doc: "processes that must be allowed; default 200"},
			{Key: "umask", Type: Octal, Default: "022", Origin: fromSupervisor, Sample: "022",
				Doc: "umask of the daemon and what it starts; default 022"},
			{Key: "user", Type: Account, Origin: fromSupervisor, Sample: "supervisord",
				Doc: "become this user at start, when started as root"},
			{Key: "identifier", Type: Text, Default: "supervisor", Origin: fromSupervisor, Sample: "supervisor",
				Doc: "this daemon's name for clients; default supervisor"},
			{Key: "directory", Type: DirectoryPath, Origin: fromSupervisor, Sample: "/tmp",
				Doc: "change to it when daemonizing; default: stay"},
			{Key: "nocleanup", Type: Boolean, Default: "false", Origin: fromSupervisor, Sample: "true",
				Doc: "keep old AUTO logs at start; default false"},
			{Key: "childlogdir", Type: DirectoryPath, Origin: fromSupervisor, Sample: "/tmp",
				Doc: "where AUTO logs go; default $TMPDIR or /tmp"},
			{Key: "environment", Type: Variables, Origin: fromSupervisor, Sample: `KEY="value"`,
				Doc: "variables for every program"},
			{Key: "strip_ansi", Type: Boolean, Default: "false", Origin: fromSupervisor, Sample: "false",
				Doc: "drop ANSI escape sequences from programs' logs; default false"},
			{Key: "subreaper", Type: Boolean, Default: "false", Origin: fromHark,
				Doc: "adopt orphans of the programs without being PID 1; default false"},
			{Key: "require_auth", Type: Boolean, Default: "false", Origin: fromHark,
				Doc: "refuse to start with an inet server that asks for no password; default false"},
			{Key: "strict_config_permissions", Type: Boolean, Default: "false", Origin: fromHark,
				Doc: "refuse to start with a configuration that others may write; default false"},
			{Key: "plugin_dirs", Type: Directories, Default: "/usr/lib/hark/plugins,/usr/local/lib/hark/plugins", Origin: fromHark,
				Doc: "where plugins are installed, absolute, separated by commas; default /usr/lib/hark/plugins,/usr/local/lib/hark/plugins"},
			{Key: "plugin_stopwaitsecs", Type: Interval, Default: "2", Unit: "seconds", Origin: fromHark,
				Doc: "how long the daemon's end waits for all plugins together to bring on what they have, 0 for not at all; default 2"},
			{Key: "event_log", Type: FilePath, Origin: fromHark, Doc: "a file of events, one JSON object a line; default: none"},
			{Key: "event_log_maxbytes", Type: ByteSize, Default: "50MB", Unit: "bytes", Origin: fromHark, Doc: "size at which it is rotated, 0 for never; default 50MB"},
			{Key: "event_log_backups", Type: Integer, Default: "10", Unit: "files", Origin: fromHark, Doc: "rotated files kept, 0 for none; default 10"},
			{Key: "event_log_events", Type: EventList, Default: defaultEventLog, Origin: fromHark, Doc: "types of events in it; default all but TICK and PROCESS_LOG"},
		},
	}
}

// authFields are the keys that both kinds of server have.
func authFields() []Field {
	return []Field{
		{Key: "username", Type: Text, Origin: fromSupervisor, Sample: "user", Doc: "who may connect; default: anybody"},
		{Key: "password", Type: Text, Origin: fromSupervisor, Sample: "123", Secret: true, Doc: "the password, or {SHA} and its SHA-1 in hex; default: none"},
		{Key: "password_file", Type: Text, Origin: fromHark, Doc: "a file whose first line is the password"},
		{Key: "read_only_username", Type: Text, Origin: fromHark, Doc: "a second user who may look but not act"},
		{Key: "read_only_password", Type: Text, Origin: fromHark, Secret: true, Doc: "that user's password"},
	}
}

func unixServerSchema() SectionSchema {
	return SectionSchema{
		Name: "unix_http_server", Sample: "unix_http_server", Live: true,
		Doc: "The server on a Unix socket, which supervisorctl talks to.",
		Fields: append([]Field{
			{Key: "file", Type: SocketFile, Origin: fromSupervisor, Sample: "/tmp/supervisor.sock", Live: true, Doc: "path of the socket"},
			{Key: "chmod", Type: Octal, Default: "0700", Origin: fromSupervisor, Sample: "0700", Doc: "mode of the socket; default 0700"},
			{Key: "chown", Type: AccountPair, Origin: fromSupervisor, Sample: "nobody:nogroup", Doc: "owner of the socket, user or user:group"},
		}, authFields()...),
	}
}

func inetServerSchema() SectionSchema {
	return SectionSchema{
		Name: "inet_http_server", Sample: "inet_http_server",
		Doc: "The server on a TCP port. It is off by default: whoever reaches it can start programs as the users they run as. " +
			"Bind it to 127.0.0.1 or a trusted network, give it a password, and never show it to the internet.",
		Fields: append(append([]Field{
			{Key: "port", Type: PortAddress, Origin: fromSupervisor, Sample: "127.0.0.1:9001", Doc: "host:port; *:port is every address"},
		}, authFields()...),
			Field{Key: "certfile", Type: Text, Origin: fromHark, Doc: "TLS: the certificate chain, PEM"},
			Field{Key: "keyfile", Type: Text, Origin: fromHark, Doc: "TLS: its private key, PEM"},
			Field{Key: "client_ca", Type: Text, Origin: fromHark, Doc: "TLS: ask clients for a certificate of these authorities, PEM"},
		),
	}
}

func rpcInterfaceSchema() SectionSchema {
	return SectionSchema{
		Name: "rpcinterface:x", Sample: "rpcinterface:supervisor", Live: true, Open: true,
		Doc: "The XML-RPC namespace x. Without rpcinterface:supervisor neither supervisorctl nor the page can do anything.",
		Fields: []Field{
			{Key: factoryKey, Type: Factory, Origin: fromSupervisor, Sample: mainFactory, Live: true, Doc: "what serves the namespace"},
			{Key: "plugin", Type: Text, Origin: fromHark, Doc: "the plugin that serves the namespace"},
		},
	}
}

func supervisorctlSchema() SectionSchema {
	return SectionSchema{
		Name: "supervisorctl", Sample: "supervisorctl", Live: true,
		Doc: "How supervisorctl reaches the daemon: the same socket, user and password as above.",
		Fields: []Field{
			{Key: "serverurl", Type: ServerURL, Default: defaultServerURL, Origin: fromSupervisor, Sample: "unix:///tmp/supervisor.sock", Live: true, Doc: "unix:// and a path, or http://host:port"},
			{Key: "username", Type: Text, Origin: fromSupervisor, Sample: "chris", Doc: "as in the server's section"},
			{Key: "password", Type: Text, Origin: fromSupervisor, Sample: "123", Secret: true, Doc: "as in the server's section, in clear"},
			{Key: "prompt", Type: Text, Default: defaultPrompt, Origin: fromSupervisor, Sample: "mysupervisor", Doc: "the shell's prompt; default supervisor"},
			{Key: "history_file", Type: Text, Origin: fromSupervisor, Sample: "~/.sc_history", Doc: "keep the shell's history there; default: nowhere"},
		},
	}
}

func ctlPluginSchema() SectionSchema {
	return SectionSchema{
		Name: "ctlplugin:x", Open: true,
		Doc:    "More commands for supervisorctl.",
		Fields: []Field{{Key: ctlFactoryKey, Type: Factory, Origin: fromSupervisor, Doc: "what adds the commands"}},
	}
}

func fleetSchema() SectionSchema {
	return SectionSchema{
		Name: "fleet:x",
		Doc:  "Servers that supervisorctl --fleet x acts on, all of them.",
		Fields: []Field{
			{Key: "servers", Type: ServerURLs, Origin: fromHark, Doc: "their URLs, separated by commas"},
			{Key: "username", Type: Text, Origin: fromHark, Doc: "what to show them; default as [supervisorctl]"},
			{Key: "password", Type: Text, Origin: fromHark, Secret: true, Doc: "in clear; default as [supervisorctl]"},
		},
	}
}

func groupSchema() SectionSchema {
	return SectionSchema{
		Name: "group:x", Sample: "group:thegroupname",
		Doc: "Programs put into one group x, to be handled together; they leave the groups of their own names.",
		Fields: []Field{
			{Key: "programs", Type: ProgramList, Origin: fromSupervisor, Sample: "progname1,progname2", Doc: "names of programs of this configuration"},
			{Key: "priority", Type: Integer, Default: "999", Origin: fromSupervisor, Sample: "999", Doc: "lower starts first and stops last; default 999"},
		},
	}
}

func includeSchema() SectionSchema {
	return SectionSchema{
		Name: "include", Sample: "include",
		Doc:    "More files of configuration. Names are relative to this file; an included file includes no others.",
		Fields: []Field{{Key: "files", Type: Globs, Origin: fromSupervisor, Sample: "relative/directory/*.ini", Doc: "names and patterns, separated by white space"}},
	}
}
