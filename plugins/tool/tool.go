// Package tool is supervisord plugin: it installs, lists, describes and checks plugins. These are local actions of users who may write
// to a plugin directory: no method of XML-RPC does them, and supervisorctl plugin runs this.
package tool

import (
	"errors"
	goflag "flag"
	"fmt"
	"io"
	"os"

	"github.com/hark-supervisor/hark/core/accounts"
	"github.com/hark-supervisor/hark/core/cmdline"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/rundir"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/plugins/scaffold"
	"github.com/hark-supervisor/hark/plugins/sections"
	"github.com/hark-supervisor/hark/plugins/trust"
)

// Verb is the first argument that makes supervisord this tool.
const Verb = "plugin"

const usage = `usage: supervisord plugin VERB [options]

  install FILE [--user USER]              copy a plugin into the first writable plugin directory, and record its
                                          description and hash
                                          (--shadow: even in the place of one that comes with Hark)
  install --files F[,F...] -- CMD ARG...  record a plugin that an interpreter runs: CMD, and the files that it reads
  remove NAME                             remove an installed plugin
  list [--json]                           list the plugins that are installed, that the configuration names by command, and
                                          that come with Hark
  info NAME [--json]                      describe a plugin, and the keys of its sections
  verify [NAME...]                        check that files match their record, and that others cannot write them
  sections [no-files] [--json]            check that the plugins of a configuration's sections exist, and check the keys
                                          of these sections; supervisorctl config check includes it
  check NAME|FILE [KIND] [KEY=VALUE...]   start a plugin, configure it with these keys, check its health, and stop it;
                                          without keys that it requires it is not started
  new NAME --kind notifier|logsink|namespace [--lang go|node|python] [--dir DIR]
                                          write a new plugin, with its tests

All accept -c FILE, the configuration with plugin_dirs and [plugin:NAME] (by default the one that supervisord finds;
without one, the default directories). supervisorctl plugin restart NAME restarts a running plugin.
`

// tool is one run of supervisord plugin.
type tool struct {
	version        string // of the daemon
	stdout, stderr io.Writer
	conf           string
	json           bool
	user           string
	files          string
	shadow         bool // a plugin that comes with Hark may be replaced

	cfg    *config.Config // nil until it is needed
	policy *trust.Policy
	run    string // a directory of this tool's own
}

// errUsage is a command line that is none.
var errUsage = errors.New("see: supervisord plugin --help")

// Command is supervisord plugin with its arguments. It returns the exit status: 0, 1 when something is wrong with a plugin, 2
// for a command line or a configuration that is none.
func Command(args []string, version string, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		_, _ = io.WriteString(stdout, usage)
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	t := &tool{version: version, stdout: stdout, stderr: stderr}
	verb, rest := args[0], args[1:]
	if verb == "new" {
		return t.done(scaffold.New(rest, version, stdout))
	}
	run := map[string]func([]string) error{
		"install": t.install, "remove": t.remove, "list": t.list, "info": t.info, "verify": t.verify, "check": t.check, "sections": t.sections,
	}[verb]
	if run == nil {
		return t.done(fmt.Errorf("there is no verb %q; %w", verb, errUsage))
	}
	words, err := t.parse(verb, rest)
	if err == nil && verb != "sections" { // which has a configuration with errors
		err = t.load()
	}
	if err == nil {
		err = run(words)
	}
	return t.done(err)
}

func (t *tool) done(err error) int {
	var bad config.Errors
	switch {
	case err == nil:
		return 0
	case errors.As(err, &bad):
		for _, issue := range bad {
			_, _ = fmt.Fprintln(t.stderr, issue.String())
		}
		return 2
	case errors.Is(err, errSections):
		return 1
	case errors.Is(err, errUsage):
		_, _ = fmt.Fprintf(t.stderr, "Error: %v\n", err)
		return 2
	}
	_, _ = fmt.Fprintf(t.stderr, "Error: %v\n", err)
	return 1
}

// parse takes the options, which may stand between the words.
func (t *tool) parse(verb string, args []string) (words []string, err error) {
	set := goflag.NewFlagSet(verb, goflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&t.conf, "c", "", "")
	set.StringVar(&t.conf, "configuration", "", "")
	set.BoolVar(&t.json, "json", false, "")
	set.StringVar(&t.user, "user", "", "")
	set.StringVar(&t.files, "files", "", "")
	set.BoolVar(&t.shadow, "shadow", false, "")
	for {
		if err := set.Parse(args); err != nil {
			return nil, fmt.Errorf("%w; %w", err, errUsage)
		}
		rest := set.Args()
		if len(rest) == 0 {
			return words, nil
		}
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			return append(words, rest...), nil
		}
		words, args = append(words, rest[0]), rest[1:]
	}
}

// load reads the configuration, as far as there is one, and makes the policy.
func (t *tool) load() error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	dirs := config.DefaultPluginDirs()
	if t.conf != "" || configured() {
		o := config.Options{
			Path: t.conf, Argv0: cmdline.Program(os.Args[0]), Dir: dir, Template: notify.CheckTemplate,
			Accounts: &config.AccountFiles{Fallback: getent},
		}
		if t.cfg, err = config.Load(o); err != nil {
			return err
		}
		dirs = t.cfg.Supervisord.PluginDirs
	}
	return t.trust(dirs)
}

// trust makes the policy over plugin directories, and a directory of our own for copies of scripts.
func (t *tool) trust(dirs []string) (err error) {
	if t.run, err = os.MkdirTemp("", "hark-plugin-"); err != nil {
		return err
	}
	if err := os.Chmod(t.run, rundir.Passable); err != nil { //nolint:gosec // the users of plugins pass through
		return err
	}
	t.policy = sections.Policy(dirs, func() (string, error) { return t.run, nil })
	return nil
}

// close removes what load made.
func (t *tool) close() {
	if t.run != "" {
		_ = os.RemoveAll(t.run)
	}
}

// configured reports whether there is a configuration in one of the places that are searched.
func configured() bool {
	for _, path := range config.SearchPaths(os.Args[0]) {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// wanted is a plugin as the configuration has it.
func (t *tool) wanted(name string) (trust.Wanted, *config.User, error) {
	w := trust.Wanted{Name: name}
	if t.cfg != nil {
		for i := range t.cfg.Plugins {
			if p := &t.cfg.Plugins[i]; p.Name == name {
				w, err := sections.Wanted(p)
				return w, p.User, err
			}
		}
	}
	return w, nil, nil
}

// getent looks an account up where this static binary cannot.
func getent(argv []string) ([]byte, error) { return accounts.Getent(nil, argv) }
