package main

import (
	"errors"
	goflag "flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/plugins/bundled"
	"github.com/hark-supervisor/hark/plugins/scaffold"
	"github.com/hark-supervisor/hark/plugins/trust"
)

// pluginVerb is the first argument that makes supervisord the tool that installs plugins. Those are local acts of who may write to a plugin
// directory: no method of XML-RPC does them, and supervisorctl plugin runs this.
const pluginVerb = "plugin"

const pluginUsage = `usage: supervisord plugin VERB [options]

  install FILE [--user USER]              copy a plugin into the first writable plugin directory, and record its
                                          description and hash
  install --files F[,F...] -- CMD ARG...  record a plugin that an interpreter runs: CMD, and the files that it reads
  remove NAME                             remove an installed plugin
  list [--json]                           list the installed plugins, and those that come with Hark
  info NAME [--json]                      describe a plugin, and the keys of its sections
  verify [NAME...]                        check that files match their record, and that others cannot write them
  sections [no-files] [--json]            check that the plugins of a configuration's sections exist, and check the keys
                                          of these sections; supervisorctl config check includes it
  check NAME|FILE [KIND] [KEY=VALUE...]   start a plugin, configure it with these keys, check its health, and stop it
  new NAME --kind notifier|logsink|namespace [--lang go|node|python] [--dir DIR]
                                          write a new plugin, with its tests

All accept -c FILE, the configuration with plugin_dirs and [plugin:NAME] (by default the one that supervisord finds;
without one, the default directories). supervisorctl plugin restart NAME restarts a running plugin.
`

// pluginTool is one run of supervisord plugin.
type pluginTool struct {
	stdout, stderr io.Writer
	conf           string
	json           bool
	user           string
	files          string

	cfg    *config.Config // nil until it is needed
	policy *trust.Policy
	run    string // a directory of this tool's own
}

// errPluginUsage is a command line that is none.
var errPluginUsage = errors.New("see: supervisord plugin --help")

// pluginCommand is supervisord plugin with its arguments. It returns the exit status: 0, 1 when something is wrong with a plugin, 2
// for a command line or a configuration that is none.
func pluginCommand(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		_, _ = io.WriteString(stdout, pluginUsage)
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	t := &pluginTool{stdout: stdout, stderr: stderr}
	verb, rest := args[0], args[1:]
	if verb == "new" {
		return t.done(scaffold.New(rest, version, stdout))
	}
	run := map[string]func([]string) error{
		"install": t.install, "remove": t.remove, "list": t.list, "info": t.info, "verify": t.verify, "check": t.check, "sections": t.sections,
	}[verb]
	if run == nil {
		return t.done(fmt.Errorf("there is no verb %q; %w", verb, errPluginUsage))
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

func (t *pluginTool) done(err error) int {
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
	case errors.Is(err, errPluginUsage):
		_, _ = fmt.Fprintf(t.stderr, "Error: %v\n", err)
		return 2
	}
	_, _ = fmt.Fprintf(t.stderr, "Error: %v\n", err)
	return 1
}

// parse takes the options, which may stand between the words.
func (t *pluginTool) parse(verb string, args []string) (words []string, err error) {
	set := goflag.NewFlagSet(verb, goflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&t.conf, "c", "", "")
	set.StringVar(&t.conf, "configuration", "", "")
	set.BoolVar(&t.json, "json", false, "")
	set.StringVar(&t.user, "user", "", "")
	set.StringVar(&t.files, "files", "", "")
	for {
		if err := set.Parse(args); err != nil {
			return nil, fmt.Errorf("%w; %w", err, errPluginUsage)
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
func (t *pluginTool) load() error {
	d := &daemon{program: os.Args[0]}
	var err error
	if d.dir, err = os.Getwd(); err != nil {
		return err
	}
	given, err := parseFlags(nil)
	if err != nil {
		return err
	}
	d.given = given
	dirs := config.DefaultPluginDirs()
	if t.conf != "" || configured() {
		if t.cfg, err = d.load(t.conf); err != nil {
			return err
		}
		dirs = t.cfg.Supervisord.PluginDirs
	}
	return t.trust(dirs)
}

// trust makes the policy over plugin directories, and a directory of our own for copies of scripts.
func (t *pluginTool) trust(dirs []string) (err error) {
	if t.run, err = os.MkdirTemp("", "hark-plugin-"); err != nil {
		return err
	}
	if err := os.Chmod(t.run, passable); err != nil { //nolint:gosec // the users of plugins pass through
		return err
	}
	t.policy = trustPolicy(dirs, func() (string, error) { return t.run, nil })
	return nil
}

// close removes what load made.
func (t *pluginTool) close() {
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

// trustPolicy is the policy of a daemon with these plugin directories. Copies of scripts go below what runDir gives.
func trustPolicy(dirs []string, runDir func() (string, error)) *trust.Policy {
	p := &trust.Policy{Dirs: dirs, RunDir: runDir, UID: os.Geteuid(), BundledPlugins: bundled.Names()}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), trust.BundledName)
		if _, err := os.Stat(beside); err == nil {
			p.Bundled = beside
		}
	}
	return p
}

// wanted is a plugin as the configuration has it.
func (t *pluginTool) wanted(name string) (trust.Wanted, *config.User, error) {
	w := trust.Wanted{Name: name}
	if t.cfg != nil {
		for i := range t.cfg.Plugins {
			if p := &t.cfg.Plugins[i]; p.Name == name {
				w, err := wantedPlugin(p)
				return w, p.User, err
			}
		}
	}
	return w, nil, nil
}
