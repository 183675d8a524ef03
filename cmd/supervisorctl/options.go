package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// option is one command-line option (supervisor/options.py, ClientOptions).
type option struct {
	short byte // 0: none
	long  string
	value bool // takes a value
	many  bool // may be given again; any other twice is an error, as in Supervisor
	meta  string
	help  string
	set   func(o *options, as, value string) error
}

// optionTable is every option, in the order of --help.
func optionTable() []option {
	return []option{
		{short: 'c', long: "configuration", value: true, meta: "FILENAME", help: "the configuration file (searched for if not given)",
			set: func(o *options, _, value string) error { o.file, o.fileGiven = value, true; return nil }},
		{short: 'h', long: "help", many: true, help: "print this text and exit",
			set: func(o *options, _, _ string) error { o.help = true; return errStop }},
		{short: '?', many: true,
			set: func(o *options, _, _ string) error { o.help = true; return errStop }},
		{short: 'i', long: "interactive", help: "run the action, if there is one, then a shell",
			set: func(o *options, _, _ string) error { o.interactive = true; return nil }},
		{short: 's', long: "serverurl", value: true, meta: "URL", many: true, help: "the server: http://HOST:PORT or unix:///PATH\n     (default \"http://localhost:9001\").", set: setServer},
		{short: 'u', long: "username", value: true, meta: "USERNAME", help: "the name to show the server",
			set: func(o *options, _, value string) error { o.username = &value; return nil }},
		{short: 'p', long: "password", value: true, meta: "PASSWORD", help: "the password to show the server",
			set: func(o *options, _, value string) error {
				secret := config.NewSecret(value)
				o.password = &secret
				return nil
			}},
		{short: 'r', long: "history_file", value: true, meta: "FILENAME", help: "where the shell keeps its history",
			set: func(o *options, _, value string) error { o.history = value; return nil }},
		{long: "fleet", value: true, meta: "NAME", help: "the servers of [fleet:NAME], all of them, as with -s given several times",
			set: func(o *options, _, value string) error { o.fleet = value; return nil }},
		{long: "no-color", help: "no colours on a terminal, as with NO_COLOR in the environment",
			set: func(o *options, _, _ string) error { o.plain = true; return nil }},
		{long: "version", many: true, help: "print version, commit and Go of this program and exit",
			set: func(o *options, _, _ string) error { o.version = true; return errStop }},
	}
}

// options is what the command line and the configuration say.
type options struct {
	help        bool
	version     bool
	interactive bool
	args        []string // the action and what follows it
	given       []string // what stands before the action

	file      string // -c
	fileGiven bool
	// fileIsServers reports whether the configuration file is, as far as is known, the one of the server.
	fileIsServers bool
	servers       []string       // -s; otherwise the configuration's one
	username      *string        // nil: none
	password      *config.Secret // nil: none
	prompt        string
	history       string             // "" for none
	plain         bool               // --no-color
	fleet         string             // --fleet
	program       string             // as it was called
	plugins       []config.CtlPlugin // those whose actions we have
	warnings      []string
	unusable      error // what is wrong with the configuration, where the action can do without it
}

// errStop ends the reading of a command line: --help acts when it is met.
var errStop = errors.New("stop")

// usageError is a command line or a configuration that cannot be used; every
// line is one text.
type usageError []string

func (e usageError) Error() string { return strings.Join(e, "\n") }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// usage says what is wrong in Supervisor's form and returns its exit status.
func usage(w io.Writer, program string, err error) int {
	_, _ = fmt.Fprintf(w, "Error: %v\nFor help, use %s -h\n", err, program)
	return exitInvalidArgs
}

// readOptions reads a command line and the configuration it names. The command
// line stands over the configuration.
func readOptions(argv []string) (*options, error) {
	o := &options{program: argv[0]}
	rest, err := o.parse(argv[1:])
	if o.help || o.version {
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	o.args, o.given = rest, argv[1:len(argv)-len(rest)]
	if len(o.args) == 0 {
		o.interactive = true
	}
	ctl := &config.Ctl{ServerURL: "http://localhost:9001", Prompt: "supervisor"}
	if !o.fileGiven || o.file != "" { // -c "" is not a configuration
		read, err := config.LoadCtl(config.Options{Path: o.file, Argv0: argv0(argv[0])})
		switch {
		case err == nil:
			ctl = read
		case o.needsNoServer():
			o.unusable = configError(err)
		default:
			return nil, configError(err)
		}
	}
	if o.fleet != "" {
		if err := o.useFleet(ctl); err != nil {
			return nil, err
		}
	}
	o.fileIsServers = o.file != "" || !o.fileGiven && len(o.servers) == 0
	if len(o.servers) == 0 {
		o.servers = []string{ctl.ServerURL}
	}
	if o.username == nil && ctl.Username != "" {
		o.username = &ctl.Username
	}
	if o.password == nil && !ctl.Password.IsZero() {
		o.password = &ctl.Password
	}
	if o.history == "" {
		o.history = ctl.HistoryFile
	}
	o.prompt = ctl.Prompt
	for _, p := range ctl.Plugins {
		if pluginActions(p) != nil {
			o.plugins = append(o.plugins, p)
			continue
		}
		o.warnings = append(o.warnings, fmt.Sprintf("warning: [ctlplugin:%s] is left out: %q is Python, which Hark does not run; remove the section to silence this", p.Name, p.Factory))
	}
	return o, nil
}

// needsNoServer reports whether the action on the command line is one that Hark adds and that
// works without a server, such as config check, and so without a [supervisorctl] section.
func (o *options) needsNoServer() bool {
	if len(o.args) == 0 || o.fleet != "" {
		return false
	}
	a := find(actionTable(), o.args[0])
	return a != nil && a.Local && a.Extra
}

// useFleet takes the servers of a fleet, besides those of -s.
func (o *options) useFleet(ctl *config.Ctl) error {
	i := slices.IndexFunc(ctl.Fleets, func(f config.Fleet) bool { return f.Name == o.fleet })
	if i < 0 {
		return usagef("there is no [fleet:%s] section in the configuration; it takes servers=URL,URL", o.fleet)
	}
	f := &ctl.Fleets[i]
	o.servers = append(o.servers, f.Servers...)
	if f.Username != "" && o.username == nil {
		o.username = &f.Username
	}
	if !f.Password.IsZero() && o.password == nil {
		o.password = &f.Password
	}
	return nil
}

// argv0 is where the search for a configuration begins: next to the executable.
func argv0(program string) string {
	if strings.Contains(program, "/") {
		return program
	}
	if file, err := os.Executable(); err == nil {
		return file
	}
	return program
}

// configError is Supervisor's sentence, then everything that is wrong.
func configError(err error) error {
	var all config.Errors
	if !errors.As(err, &all) {
		return usageError{err.Error()}
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "" // names stay as they are
	}
	return usageError(all.Texts(dir))
}

func setServer(o *options, as, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Path == "" {
		return usagef("invalid value for %s %s: value %s is not a URL", as, pytext.Quote(value), pytext.Quote(value))
	}
	o.servers = append(o.servers, value)
	return nil
}

// parse sets what a command line says, when all of it is known to be right as in Supervisor. It returns what follows
// the options.
func (o *options) parse(args []string) ([]string, error) {
	table := optionTable()
	known := make([]pytext.Option, len(table))
	for i, opt := range table {
		known[i] = pytext.Option{Short: opt.short, Long: opt.long, Value: opt.value}
	}
	given, rest, err := pytext.Getopt(args, known)
	if err != nil {
		return nil, usagef("%v", err)
	}
	seen := map[int]bool{}
	for _, g := range given {
		opt := &table[g.Option]
		if err := opt.set(o, g.As, g.Value); err != nil {
			return nil, err
		}
		if seen[g.Option] && !opt.many {
			return nil, usagef("conflicting command line option %s", pytext.Quote(g.As))
		}
		seen[g.Option] = true
	}
	return rest, nil
}

// help is the whole of --help.
func help(program string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "supervisorctl -- control applications run by supervisord from the cmd line.\n\nUsage: %s [options] [action [arguments]]\n\nOptions:\n", program)
	for _, opt := range optionTable() {
		if opt.help == "" {
			continue
		}
		b.WriteString(pytext.OptionHelp(opt.short, opt.long, opt.meta, opt.help))
	}
	b.WriteString("\nWithout an action, or with -i, a shell reads actions. Its action \"help\" lists them,\nand \"help ACTION\" explains one.\n")
	return b.String()
}
