package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/hark-supervisor/hark/core/locale"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// Override is one option of supervisord's command line that stands over the
// configuration file. Flags (nodaemon, silent, nocleanup, strip_ansi) mean true
// whatever their Value.
type Override struct {
	Option string // as typed, "-m" or "--umask": errors show it
	Key    string // the key of [supervisord] it stands over, or "profile_options"
	Value  string
}

// Options is what a configuration is loaded from.
type Options struct {
	Path      string     // the file; "" searches SearchPaths
	Argv0     string     // how the program was called: the search begins next to it
	Overrides []Override // in the order of the command line
	Dir       string     // the working directory; default the process's
	Environ   []string   // for %(ENV_X)s, "NAME=value"; nil: the process's as Python would have it (core/locale)
	Hostname  string     // for %(host_node_name)s; default the system's
	Accounts  Accounts   // default AccountFiles without a fallback
	// Template reports what is wrong with a template of [notifier:x]; nil: not checked.
	Template func(text string) error
	// NoFiles takes every directory, program and account to be there: the configuration is
	// checked elsewhere than it will run. Only Check sets it.
	NoFiles bool
}

// maxNumProcs bounds numprocs. Supervisor has no bound and fails beyond
// some number; no Linux runs this many processes of one program.
const maxNumProcs = 100000

// SearchPaths lists where a configuration is looked for when none is named, in
// Supervisor's order (options.py, Options.__init__): next to the directory of the
// executable, in the working directory, in /etc.
func SearchPaths(argv0 string) []string {
	here := dirName(dirName(argv0))
	return []string{
		joinPath(joinPath(here, "etc"), "supervisord.conf"),
		joinPath(here, "supervisord.conf"),
		"supervisord.conf",
		"etc/supervisord.conf",
		"/etc/supervisord.conf",
		"/etc/supervisor/supervisord.conf",
	}
}

// loader carries one Load. It collects issues instead of stopping at the first
// and goes in Supervisor's order, so that its first issue is Supervisor's.
type loader struct {
	o       Options
	paths   paths
	schemas []SectionSchema
	doc     *Document
	cfg     *Config
	file    string              // the path as given: Supervisor's messages show it so
	env     map[string]any      // ENV_X names, [supervisord] environment among them once read
	hidden  map[string][]string // values of environment=, by name: errors show none of them
	here    map[string]any      // the one name here

	errs    Errors
	late    Errors // about Hark's own keys, after all that Supervisor checks
	ours    bool   // issues go to late
	seen    map[Issue]bool
	section string // the program section being read: its name goes into Supervisor's messages

	warnings []string // ours, after Supervisor's
	notices  []Issue  // everything for the activity log, with its place
	unknown  []Issue  // unused settings
	headers  []Issue  // lines that were meant to be headers and are not
	// templateIssues are those of errs and late that Options.Template reported.
	templateIssues []Issue
	origins        map[*Process]string // the section that a process was made from

	process Process // what the processes of the section being read have in common

	mayBeSnippet bool    // the file may be one that another includes; see Check
	outside      []Issue // what such a file names and has not
	whole        bool    // all files were read to their ends
}

// Load reads and checks a configuration. The error is an Errors with everything
// wrong in it; then the Config is nil. It reads files and may run the Accounts'
// fallback, and changes nothing.
func Load(o Options) (*Config, error) {
	l, err := newLoader(o)
	if err != nil {
		return nil, err
	}
	l.load()
	if all := append(l.errs, l.late...); len(all) > 0 {
		return nil, all
	}
	l.cfg.Warnings = append(l.cfg.Warnings, l.warnings...)
	return l.cfg, nil
}

// load reads and checks everything; what is wrong is in errs and late.
func (l *loader) load() {
	l.doc = newDocument()
	overrides := l.readOverrides()
	if l.whole = l.find() && l.readFiles(); l.whole {
		l.readSupervisord()
		l.readRPCInterfaces()
		l.readPlugins()
		l.readGroups()
		l.readServers()
		l.applyOverrides(overrides)
		l.checkMainInterface()
		l.cfg.Startup = l.startupSettings()
		l.checkOwn()
		l.notePositions()
	}
}

func newLoader(o Options) (*loader, error) {
	if o.Dir == "" {
		dir, err := os.Getwd()
		if err != nil {
			return nil, failure("cannot tell the working directory: " + err.Error())
		}
		o.Dir = dir
	}
	if o.Environ == nil {
		o.Environ = locale.Environ(os.Environ())
	}
	if o.Hostname == "" {
		o.Hostname, _ = os.Hostname() // "" as Python's platform.node returns if it is not available
	}
	if o.Accounts == nil {
		o.Accounts = &AccountFiles{}
	}
	if o.NoFiles {
		o.Accounts = anybody{o.Accounts}
	}
	l := &loader{o: o, cfg: &Config{}, schemas: Schema(), env: make(map[string]any, len(o.Environ)), hidden: map[string][]string{},
		seen: make(map[Issue]bool), origins: make(map[*Process]string)}
	for _, e := range o.Environ {
		name, value, ok := strings.Cut(e, "=")
		if _, again := l.env["ENV_"+name]; ok && !again { // Python keeps the first of two
			l.env["ENV_"+name] = value
		}
	}
	home, hasHome := l.env["ENV_HOME"].(string)
	l.paths = paths{cwd: o.Dir, home: home, hasHome: hasHome, uid: os.Getuid(), accounts: o.Accounts, anywhere: o.NoFiles}
	return l, nil
}

// failure is an error about no file.
func failure(text string) Errors { return Errors{{Text: text, Supervisor: text}} }

// find settles which file to read; false when there is none.
func (l *loader) find() bool {
	l.file = l.o.Path
	if l.file == "" {
		searched := SearchPaths(l.o.Argv0)
		i := slices.IndexFunc(searched, func(p string) bool {
			_, err := os.Stat(l.paths.at(p))
			return err == nil
		})
		if i < 0 {
			text := fmt.Sprintf("No config file found at default paths (%s); use the -c option to specify a config file at a different path",
				strings.Join(searched, ", "))
			l.add(Issue{Text: text, Supervisor: text})
			return false
		}
		l.file = searched[i]
	}
	l.cfg.Path = l.paths.absolute(l.file)
	l.cfg.Here = l.paths.absolute(dirName(l.file))
	l.here = map[string]any{"here": l.cfg.Here}
	return true
}

// readFiles reads the file and those it includes; false when they are so broken
// that nothing more can be said.
func (l *loader) readFiles() bool {
	data, err := l.readFile(l.file)
	if err != nil {
		said := "could not read config file " + l.file
		if errors.Is(err, os.ErrNotExist) {
			said = "could not find config file " + l.file
		}
		l.add(Issue{File: l.file, Text: "cannot read the file: " + reason(err), Supervisor: said})
		return false
	}
	if !l.parse(l.file, data) {
		return false
	}
	if l.doc.Has("include") && !l.readIncludes() {
		return false
	}
	if !l.doc.Has("supervisord") && !l.isSnippet() {
		l.add(Issue{File: l.file, Text: "there is no [supervisord] section; accepted: one, which may be empty",
			Supervisor: ".ini file does not include supervisord section"})
	}
	return true
}

func (l *loader) parse(name string, data []byte) bool {
	e := l.doc.parse(name, data)
	if e == nil {
		return true
	}
	for _, i := range e.issues() {
		l.add(i)
	}
	return e.fatal == nil
}

// reason is an error without the file name that our message has already.
func reason(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// readFile reads one file of the configuration and records who may write it.
func (l *loader) readFile(name string) ([]byte, error) {
	at := l.paths.at(name)
	data, err := readLimited(at)
	if err != nil {
		return nil, err
	}
	l.cfg.Files = append(l.cfg.Files, l.paths.absolute(name))
	return data, nil
}

// readIncludes reads the files of [include] over the main file. Each file's
// %(here)s is its own directory (options.py, ServerOptions.read_config).
func (l *loader) readIncludes() bool {
	l.doc.expandHere(l.cfg.Here)
	raw, ok := l.doc.Get("include", "files")
	if !ok {
		l.reject("include", "", ".ini file has [include] section, but no files setting", "there is no files setting; accepted: files=PATTERN")
		return true
	}
	names := pytext.Names{l.here, {"host_node_name": l.o.Hostname}, l.env}
	files, err := pytext.Format(raw, names)
	if err != nil {
		l.reject("include", "files", expandWords(raw, "include.files", names, err), expandText(raw, names, err))
		return true
	}
	whole := true
	for _, pattern := range strings.FieldsFunc(files, isSpace) {
		pattern = joinPath(l.cfg.Here, pattern)
		found := l.paths.glob(pattern)
		if len(found) == 0 {
			l.supervisorWarns("include", "files", fmt.Sprintf(`No file matches via include "%s"`, pattern))
			continue
		}
		slices.Sort(found)
		for _, name := range found {
			l.cfg.Infos = append(l.cfg.Infos, fmt.Sprintf(`Included extra file "%s" during parsing`, name))
			data, err := l.readFile(name)
			if err != nil {
				// Supervisor passes over such a file without a word.
				l.warn("include", "files", fmt.Sprintf("cannot read included file %q, left out: %s", name, reason(err)))
				continue
			}
			whole = l.parse(name, data) && whole
			l.doc.expandHere(l.paths.absolute(dirName(name)))
		}
	}
	return whole
}

// foreignWriters names who else may write a configuration file, "" for no one.
// Pipes and the like have no relevant owner.
func foreignWriters(name string) string {
	st, err := os.Stat(name)
	if err != nil || !st.Mode().IsRegular() {
		return ""
	}
	var who []string
	if st.Mode()&0o020 != 0 {
		who = append(who, "its group")
	}
	if st.Mode()&0o002 != 0 {
		who = append(who, "everybody")
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && sys.Uid != 0 && int(sys.Uid) != os.Geteuid() {
		who = append(who, fmt.Sprintf("its owner, uid %d", sys.Uid))
	}
	return strings.Join(who, " and ")
}
