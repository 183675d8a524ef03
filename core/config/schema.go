package config

import (
	"slices"
	"strings"
)

// Field is one key of a section.
type Field struct {
	Key        string
	Type       *ValueType
	Default    string // as it would be written; "" for none
	Unit       string // "" where there is none
	Min, Max   string // bounds; "" where there are none
	Origin     string // "Supervisor", or "Hark" for a key of ours that is off unless written
	Doc        string // what it means, for people: a line of one or more sentences
	Example    string // a value that shows how it is written; "" where that needs no showing
	Sample     string // its value in the sample configuration; "": Example or else Default
	Live       bool   // in the sample without the comment sign
	Only       string // the kind of section that has it, of a declaration that serves several; "" for all
	Secret     bool   // never shown
	Required   bool   // a section without it is refused
	PerProcess bool   // expanded again for each process of a section
	Compared   bool   // another value is a change to reread
	Names      bool   // another value changes which processes there are
	As         string // the key whose value is its default; "" for none
}

// Unquoted reports whether errors about the key show nothing of its value: it is a secret, or likely to hold one.
func (f *Field) Unquoted() bool { return f.Secret || f.Type.Hidden }

// SectionSchema is one kind of section.
type SectionSchema struct {
	Name    string // "supervisord", or with a placeholder: "program:x"
	Doc     string // a paragraph, for people
	Sample  string // the header in the sample
	Live    bool   // in the sample without the comment sign
	Open    bool   // its other keys belong to what it names
	Example string // keys of such a section, a line each; "" where it needs no showing
	Base    string // the section whose keys it has in addition to its own; "" for none
	Fields  []Field

	index map[string]*Field
}

// Prefix is what the names of such sections begin with: "program:" for "program:x".
func (s *SectionSchema) Prefix() string {
	if i := strings.IndexByte(s.Name, ':'); i >= 0 {
		return s.Name[:i+1]
	}
	return s.Name
}

// Field finds a key, nil if the section has none of that name.
func (s *SectionSchema) Field(key string) *Field {
	if s == nil {
		return nil
	}
	return s.index[key]
}

// declared is a kind of section with the keys that some structs declare, each key once: the first struct that declares it has it.
func declared(s SectionSchema, tables ...*table) SectionSchema {
	s.index = make(map[string]*Field)
	for _, t := range tables {
		for _, f := range t.fields() {
			if s.index[f.Key] != nil || f.Only != "" && f.Only != s.Name {
				continue
			}
			s.Fields = append(s.Fields, f)
			s.index[f.Key] = &f
		}
	}
	s.Fields = slices.Clip(s.Fields)
	return s
}

// include is the [include] section.
type include struct {
	Files []string `key:"files" type:"files" is:"required,byhand" sample:"relative/directory/*.ini" doc:"The files to read: names and patterns. What a pattern finds is read in the order of its names. A relative name is relative to the directory of this file." example:"conf.d/*.conf"`
}

// Schema is every section and key that Hark knows, in the order of the sample
// configuration. What is not in it is accepted and, in a known section, warned about.
func Schema() []SectionSchema {
	return []SectionSchema{
		declared(SectionSchema{
			Name: "unix_http_server", Sample: "unix_http_server", Live: true,
			Doc:     "The server on a Unix socket, which supervisorctl talks to.",
			Example: "file = /run/supervisor.sock\nchmod = 0770\nchown = root:adm",
		}, serverTable()),
		declared(SectionSchema{
			Name: "inet_http_server", Sample: "inet_http_server",
			Doc: "The server on a TCP port. Without this section there is none: whoever reaches it can start programs as the users they run as. " +
				"Bind it to 127.0.0.1 or a trusted network, give it a password, and never show it to the internet.",
			Example: "port = 127.0.0.1:9001\nusername = admin\npassword = secret",
		}, serverTable()),
		declared(SectionSchema{
			Name: "supervisord", Sample: "supervisord", Live: true,
			Doc:     "The daemon itself. A configuration must have this section, which may be empty.",
			Example: "logfile = /var/log/supervisor/supervisord.log\nchildlogdir = /var/log/supervisor\npidfile = /run/supervisord.pid\nminfds = 65536",
		}, supervisordTable()),
		declared(SectionSchema{
			Name: "rpcinterface:x", Sample: "rpcinterface:supervisor", Live: true, Open: true,
			Doc: "The XML-RPC namespace x. Without [rpcinterface:supervisor] neither supervisorctl nor the page can do anything. " +
				"Further keys belong to what serves the namespace.",
			Example: "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
		}, rpcInterfaceTable()),
		declared(SectionSchema{
			Name: "supervisorctl", Sample: "supervisorctl", Live: true,
			Doc:     "How supervisorctl reaches the daemon: the address, user name and password of a server above.",
			Example: "serverurl = unix:///run/supervisor.sock",
		}, ctlTable()),
		declared(SectionSchema{Name: "ctlplugin:x", Sample: "ctlplugin:thectlpluginname", Open: true, Doc: "More commands for supervisorctl. Further keys belong to what adds them."}, ctlPluginTable()),
		declared(SectionSchema{
			Name: "fleet:x", Sample: "fleet:thefleetname", Doc: "Servers that supervisorctl --fleet x acts on, all of them.",
			Example: "servers = http://web1:9001,http://web2:9001\nusername = admin\npassword = secret",
		}, fleetTable()),
		declared(SectionSchema{
			Name: "program:x", Sample: "program:theprogramname",
			Doc:     "A program x that is kept running.",
			Example: "command = /usr/bin/app --port 80%(process_num)02d\nprocess_name = %(program_name)s_%(process_num)02d\nnumprocs = 4\ndirectory = /srv/app\nuser = www-data\nstopwaitsecs = 30\nstdout_logfile = /var/log/app/%(process_num)02d.log\nredirect_stderr = true",
		}, processTable()),
		declared(SectionSchema{
			Name: "fcgi-program:x", Sample: "fcgi-program:thefcgiprogramname",
			Doc:     "A FastCGI program, whose processes share one listening socket.",
			Example: "command = /usr/bin/php-cgi\nsocket = unix:///run/php.sock\nsocket_owner = www-data\nprocess_name = %(program_name)s_%(process_num)d\nnumprocs = 5",
			Base:    "program:x",
		}, socketTable(), processTable()),
		declared(SectionSchema{
			Name: "eventlistener:x", Sample: "eventlistener:theeventlistenername",
			Doc:     "A pool of processes that are sent events (PROTOCOL.md). The standard output of a listener is the protocol: stdout_capture_maxbytes and stdout_events_enabled have no effect here, and redirect_stderr is refused.",
			Example: "command = supervisor-listeners crashmail -m admin@example.org\nevents = PROCESS_STATE_EXITED,PROCESS_STATE_FATAL",
			Base:    "program:x",
		}, listenerTable(), processTable()),
		declared(SectionSchema{
			Name: "group:x", Sample: "group:thegroupname",
			Doc:     "Programs put into one group x, to be handled together.",
			Example: "programs = web,worker\npriority = 10",
		}, groupTable()),
		declared(SectionSchema{
			Name: "plugin:x", Sample: "plugin:thepluginname",
			Doc:     "How the plugin x runs, where the defaults are not right. What it does is said by the sections that name it: [notifier:x], [logsink:x] and [rpcinterface:x].",
			Example: "user = nobody\npermissions = read",
		}, pluginTable()),
		declared(SectionSchema{
			Name: "notifier:x", Sample: "notifier:thenotifiername", Open: true,
			Doc:     "A notifier: a plugin that notifies people of events. Further keys belong to the plugin: supervisord plugin info NAME lists them.",
			Example: "plugin = slack\nevents = PROCESS_STATE_FATAL,PROCESS_STATE_EXITED\nmin_severity = warning\ngroup_wait = 10\nwebhook_url_file = /etc/supervisor/slack",
		}, notifierTable()),
		declared(SectionSchema{
			Name: "logsink:x", Sample: "logsink:thelogsinkname", Open: true,
			Doc:     "A log sink: a plugin that is sent what programs write, besides their log files. Further keys belong to the plugin: supervisord plugin info NAME lists them.",
			Example: "plugin = syslog\nprograms = site:*\noverflow = spool",
		}, logSinkTable()),
		declared(SectionSchema{
			Name: "include", Sample: "include",
			Doc:     "More files of configuration. An included file includes no others.",
			Example: "files = conf.d/*.conf",
		}, tableOf[include](inOrder)),
	}
}

// schemaOf finds the schema of a section by its whole name, nil for an unknown
// kind. Server sections go by prefix without a colon, as Supervisor reads them.
func schemaOf(schemas []SectionSchema, section string) *SectionSchema {
	for i := range schemas {
		s := &schemas[i]
		prefix := s.Prefix()
		if section == prefix || (strings.HasSuffix(prefix, ":") || strings.HasSuffix(prefix, "_http_server")) && strings.HasPrefix(section, prefix) {
			return s
		}
	}
	return nil
}
