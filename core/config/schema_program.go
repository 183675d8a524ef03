package config

func programSchema() SectionSchema {
	return SectionSchema{
		Name: "program:x", Sample: "program:theprogramname",
		Doc:    "A program x to be kept running, with everything that can be set for it.",
		Fields: programFields(),
	}
}

func programFields() []Field {
	return append([]Field{
		{Key: "command", Type: Text, Origin: fromSupervisor, Sample: "/bin/cat", Doc: "the program and its arguments; looked for in PATH"},
		{Key: "process_name", Type: ProcessNameFormat, Default: "%(program_name)s", Origin: fromSupervisor, Sample: "%(program_name)s", Doc: "names of the processes; default %(program_name)s"},
		{Key: "numprocs", Type: Integer, Default: "1", Unit: "processes", Origin: fromSupervisor, Sample: "1", Doc: "how many to start; default 1"},
		{Key: "numprocs_start", Type: Integer, Default: "0", Origin: fromSupervisor, Doc: "the first %(process_num)d; default 0"},
		{Key: "directory", Type: Text, Origin: fromSupervisor, Sample: "/tmp", Doc: "change to it before starting; default: stay"},
		{Key: "umask", Type: Octal, Origin: fromSupervisor, Sample: "022", Doc: "the program's umask; default: the daemon's"},
		{Key: "priority", Type: Integer, Default: "999", Origin: fromSupervisor, Sample: "999", Doc: "lower starts first and stops last; default 999"},
		{Key: "autostart", Type: Boolean, Default: "true", Origin: fromSupervisor, Sample: "true", Doc: "start with the daemon; default true"},
		{Key: "startsecs", Type: Seconds, Default: "1", Unit: "seconds", Origin: fromSupervisor, Sample: "1", Doc: "seconds up before it counts as running; default 1"},
		{Key: "startretries", Type: Integer, Default: "3", Unit: "tries", Origin: fromSupervisor, Sample: "3", Doc: "failed starts in a row before giving up; default 3"},
		{Key: "autorestart", Type: RestartPolicy, Default: "unexpected", Origin: fromSupervisor, Sample: "unexpected", Doc: "after an exit: true, false, or unexpected exit codes; default unexpected"},
		{Key: "exitcodes", Type: ExitCodeList, Default: "0", Origin: fromSupervisor, Sample: "0", Doc: "the expected ones; default 0"},
		{Key: "stopsignal", Type: SignalName, Default: "TERM", Origin: fromSupervisor, Sample: "QUIT", Doc: "what stops it; default TERM"},
		{Key: "stopwaitsecs", Type: Seconds, Default: "10", Unit: "seconds", Origin: fromSupervisor, Sample: "10", Doc: "seconds from there to SIGKILL; default 10"},
		{Key: "stopasgroup", Type: Boolean, Default: "false", Origin: fromSupervisor, Sample: "false", Doc: "stop its whole process group; default false"},
		{Key: "killasgroup", Type: Boolean, Default: "false", Origin: fromSupervisor, Sample: "false", Doc: "SIGKILL its whole process group; default as stopasgroup"},
		{Key: "user", Type: Account, Origin: fromSupervisor, Sample: "chrism", Doc: "run it as this user"},
		{Key: "redirect_stderr", Type: Boolean, Default: "false", Origin: fromSupervisor, Sample: "true", Doc: "stderr goes where stdout goes; default false"},
	}, append(append(streamFields("stdout"), streamFields("stderr")...),
		Field{Key: "environment", Type: Variables, Origin: fromSupervisor, Sample: `A="1",B="2"`, Doc: "more variables for it"},
		Field{Key: "serverurl", Type: ServerURL, Default: "AUTO", Origin: fromSupervisor, Sample: "AUTO", Doc: "SUPERVISOR_SERVER_URL for it; default AUTO"},
	)...)
}

func streamFields(name string) []Field {
	return []Field{
		{Key: name + "_logfile", Type: LogfilePath, Default: "AUTO", Origin: fromSupervisor, Sample: "/a/path", Doc: "log of " + name + ", NONE for none; default AUTO"},
		{Key: name + "_logfile_maxbytes", Type: ByteSize, Default: "50MB", Unit: "bytes", Origin: fromSupervisor, Sample: "1MB", Doc: "size at which it is rotated, 0 for never; default 50MB"},
		{Key: name + "_logfile_backups", Type: Integer, Default: "10", Unit: "files", Origin: fromSupervisor, Sample: "10", Doc: "rotated files kept, 0 for none; default 10"},
		{Key: name + "_capture_maxbytes", Type: ByteSize, Default: "0", Unit: "bytes", Origin: fromSupervisor, Sample: "1MB", Doc: "size of a captured block, 0 for no capture mode; default 0"},
		{Key: name + "_events_enabled", Type: Boolean, Default: "false", Origin: fromSupervisor, Sample: "false", Doc: "an event for what is written; default false"},
		{Key: name + "_syslog", Type: Boolean, Default: "false", Origin: fromSupervisor, Sample: "false", Doc: "to syslog too, under the process's name; default false"},
		{Key: name + "_on_full", Type: OnFull, Default: "drop", Origin: fromHark, Doc: "when its log cannot be written: drop, or block the program; default drop"},
	}
}

func fcgiSchema() SectionSchema {
	return SectionSchema{
		Name: "fcgi-program:x",
		Doc:  "A program whose processes share one listening socket as descriptor 0.",
		Fields: append([]Field{
			{Key: "socket", Type: SocketURL, Origin: fromSupervisor, Doc: "tcp://host:port or unix:///path"},
			{Key: "socket_backlog", Type: Integer, Unit: "connections", Origin: fromSupervisor, Doc: "listen backlog, 1 to 65535; default the system's"},
			{Key: "socket_owner", Type: AccountPair, Origin: fromSupervisor, Doc: "owner of a Unix socket; default the program's user"},
			{Key: "socket_mode", Type: Octal, Default: "0700", Origin: fromSupervisor, Doc: "mode of a Unix socket; default 0700"},
		}, programFields()...),
	}
}

func listenerSchema() SectionSchema {
	s := SectionSchema{
		Name: "eventlistener:x", Sample: "eventlistener:theeventlistenername",
		Doc: "A pool of processes that are notified of events, with everything that can be set for it.",
	}
	for _, f := range programFields() {
		switch f.Key {
		case "priority":
			f.Default, f.Sample, f.Doc = "-1", "-1", "lower starts first and stops last; default -1"
		case "redirect_stderr":
			f.Sample, f.Doc = "false", "cannot be true: stdout is the protocol's"
		case "stdout_capture_maxbytes", "stderr_capture_maxbytes":
			f.Sample = ""
		}
		s.Fields = append(s.Fields, f)
		if f.Key == "numprocs" {
			s.Fields = append(s.Fields,
				Field{Key: "events", Type: EventList, Origin: fromSupervisor, Sample: "EVENT", Doc: "types of events to be notified of; needed"},
				Field{Key: "buffer_size", Type: Integer, Default: "10", Unit: "events", Origin: fromSupervisor, Sample: "10", Doc: "events kept while all are busy; default 10"},
				Field{Key: "result_handler", Type: Text, Default: defaultResultHandler, Origin: fromSupervisor, Doc: "what judges a listener's result"},
				Field{Key: "programs", Type: Patterns, Origin: fromHark, Doc: "only events about these processes, and those about none; default all"},
				Field{Key: "overflow", Type: OverflowPolicy, Default: "discard_oldest", Origin: fromHark, Doc: "what a full buffer gives up: discard_oldest or discard_newest; or spool, which keeps events on disk; default discard_oldest"},
				Field{Key: "spool_dir", Type: SpoolDirectory, Origin: fromHark, Doc: "where the spool is kept, with overflow=spool; default childlogdir"},
				Field{Key: "spool_maxbytes", Type: ByteSize, Default: "64MB", Unit: "bytes", Origin: fromHark, Doc: "size of the spool at which its oldest events are discarded, at least 1MB; default 64MB"},
				Field{Key: "spool_sync", Type: Boolean, Default: "false", Origin: fromHark, Doc: "write so that events survive a loss of power, which is slower; default false"},
				Field{Key: "max_in_flight", Type: Integer, Default: "1", Unit: "events", Origin: fromHark, Doc: "how many times READY may be written ahead; default 1"},
				Field{Key: "ack_timeout", Type: Seconds, Default: "0", Unit: "seconds", Origin: fromHark, Doc: "an answer that takes longer restarts the listener, 0 for never; default 0"},
				Field{Key: "max_deliveries", Type: Integer, Default: "0", Unit: "deliveries", Origin: fromHark, Doc: "failed ones after which an event is a dead letter, 0 for never; default 0"},
				Field{Key: "on_protocol_error", Type: ProtocolErrorPolicy, Default: "unknown", Origin: fromHark, Doc: "a listener that breaks the protocol is unknown (deaf) or restarted: unknown, restart; default unknown"},
				Field{Key: "stdin", Type: Boolean, Default: "false", Origin: fromHark, Doc: "sendProcessStdin may write between the events of the protocol; default false"},
				Field{Key: "payload", Type: PayloadForm, Default: "supervisor", Origin: fromHark, Doc: "supervisor, extended (more tokens) or json; default supervisor"},
			)
		}
	}
	return s
}
