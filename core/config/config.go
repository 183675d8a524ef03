// Package config turns supervisord.conf into checked values. It has no
// behaviour: a reader exact to Python's ConfigParser fills an ini.File, the tags
// of the fields of the values declare every key with its type, default and origin
// (declare.go), and Load returns either a Config or every error found, in the
// order Supervisor would find the first.
package config

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
	Misnamed      []Issue          // sections without effect that were most likely meant to have another name; Warnings has them too
	Criticals     []string         // for the activity log at CRIT: a file that others may write, an open server
	Infos         []string         // for the activity log at INFO: "Included extra file ... during parsing"

	positions map[string]Position // see Issue
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

// String is the level as it is written in loglevel.
func (l Level) String() string { return levelNames()[l] }
