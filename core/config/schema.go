package config

import "strings"

// ValueType is the form of a key's value.
type ValueType int

// The forms of values.
const (
	Text ValueType = iota
	Integer
	Seconds
	Boolean
	Octal
	ByteSize
	LogLevel
	FilePath      // its directory must be there
	DirectoryPath // must be there
	LogfilePath   // FilePath, AUTO or NONE
	Account
	AccountPair
	SignalName
	ExitCodeList
	RestartPolicy
	Variables
	ProgramList
	EventList
	PortAddress
	SocketURL
	ServerURL
	ServerURLs
	Globs
	OnFull
	Factory
	ProcessNameFormat
	SocketFile // made by the daemon
	Patterns
	OverflowPolicy
	ProtocolErrorPolicy
	PayloadForm
	SpoolDirectory // looked for when the spool is opened
	Interval
	Severity
	SeverityRules
	RateLimit
	QuietHours
	Template
	Channels
	SinkOverflow
	Directories
	Permissions
	SHA256
	PluginFiles
)

// Accepts says in a few words what a value of the type may be.
func (t ValueType) Accepts() string {
	switch t {
	case Integer:
		return "a whole number"
	case Seconds:
		return "a whole number of seconds"
	case Boolean:
		return "true, false, yes, no, on, off, 1 or 0"
	case Octal:
		return "an octal number such as 022"
	case ByteSize:
		return "a whole number of bytes, with KB, MB or GB behind it if wanted"
	case LogLevel:
		return "critical, error, warn, info, debug, trace or blather"
	case FilePath:
		return "a file name in a directory that exists"
	case DirectoryPath:
		return "a directory that exists"
	case LogfilePath:
		return "AUTO, NONE, or a file name in a directory that exists"
	case Account:
		return "the name or number of a user"
	case AccountPair:
		return "a user, or user:group"
	case SignalName:
		return "a signal's name or number such as TERM or 15"
	case ExitCodeList:
		return "numbers from 0 to 255, separated by commas"
	case RestartPolicy:
		return "unexpected, true or false"
	case Variables:
		return `KEY="value",KEY2="value2"`
	case ProgramList:
		return "names of programs, separated by commas"
	case EventList:
		return "names of event types, separated by commas"
	case PortAddress:
		return "port, host:port or *:port, the port from 1 to 65535"
	case SocketURL:
		return "unix:///absolute/path or tcp://host:port"
	case ServerURL:
		return "AUTO, unix:///path or http://host:port"
	case ServerURLs:
		return "unix:///path or http://host:port, several separated by commas"
	case Globs:
		return "file names and patterns, separated by white space"
	case OnFull:
		return "drop or block"
	case Factory:
		return "supervisor.rpcinterface:make_main_rpcinterface"
	case ProcessNameFormat:
		return "a name without spaces, colons and slashes, made from %(program_name)s and %(process_num)d"
	case SocketFile:
		return "the path of a socket"
	case Patterns:
		return "names of processes and patterns such as web:*, separated by commas"
	case OverflowPolicy:
		return "discard_oldest, discard_newest or spool"
	case Interval:
		return "a number of seconds, or a time such as 500ms, 5s, 2m or 1h"
	case Severity:
		return "info, warning, error or critical"
	case SeverityRules:
		return "event types with a severity each, such as PROCESS_STATE_STOPPED=warning, separated by commas"
	case RateLimit:
		return "a number and a time, such as 10/1m"
	case QuietHours:
		return "two different times of day, such as 22:00-07:00"
	case Template:
		return "a template of text/template over an alert (docs/plugins.md)"
	case Channels:
		return "stdout, stderr or both"
	case SinkOverflow:
		return "drop_oldest, block or spool"
	case Directories:
		return "absolute paths of directories, separated by commas"
	case Permissions:
		return "none, read or control"
	case SHA256:
		return "64 hexadecimal digits"
	case PluginFiles:
		return "absolute paths, or PATH=SHA256, separated by commas"
	case ProtocolErrorPolicy:
		return "unknown or restart"
	case PayloadForm:
		return "supervisor, extended or json"
	case SpoolDirectory:
		return "the path of a directory"
	}
	return "text"
}

// Field is one key of a section.
type Field struct {
	Key     string
	Type    ValueType
	Default string // as it would be written; "" for none
	Unit    string // "" where there is none
	Origin  string // "Supervisor", or "Hark" for a key of ours that is off unless written
	Doc     string // one line, for people
	Sample  string // its value in the sample configuration; "" leaves it out there
	Live    bool   // in the sample without the comment sign
	Secret  bool   // never shown
}

// Unquoted reports whether errors about the key show nothing of its value: it is a secret, or likely to hold one.
func (f *Field) Unquoted() bool {
	return f.Secret || f.Type == Variables || f.Type == Template
}

// SectionSchema is one kind of section.
type SectionSchema struct {
	Name   string // "supervisord", or with a placeholder: "program:x"
	Doc    string // a paragraph, for people
	Sample string // the header in the sample; "" leaves the section out there
	Live   bool   // in the sample without the comment sign
	Open   bool   // its other keys belong to what it names
	Fields []Field
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
	for i := range s.Fields {
		if s.Fields[i].Key == key {
			return &s.Fields[i]
		}
	}
	return nil
}

// Schema is every section and key that Hark knows, in the order of the sample
// configuration. What is not in it is accepted and, in a known section, warned about.
func Schema() []SectionSchema {
	return []SectionSchema{
		unixServerSchema(), inetServerSchema(), supervisordSchema(),
		rpcInterfaceSchema(), supervisorctlSchema(), ctlPluginSchema(), fleetSchema(),
		programSchema(), fcgiSchema(), listenerSchema(), groupSchema(), pluginSchema(), notifierSchema(), logSinkSchema(), includeSchema(),
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
