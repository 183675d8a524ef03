package main

import (
	"bytes"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/hark-supervisor/hark/internal/gosource"
	"github.com/hark-supervisor/hark/sdk/bash"
	"github.com/hark-supervisor/hark/sdk/python"
)

// templates are the files that "listener new" writes; listenerLanguages says which
// language has which.
//
//go:embed templates/listener
var templates embed.FS

const (
	// harkVersion is the version of Hark that a new listener in Go requires; a test
	// holds it to the Makefile's.
	harkVersion = "v0.1.0"
	goVersion   = "1.26.0"
	// longestListenerName bounds a name, in bytes: what a file system takes less
	// what is put behind it.
	longestListenerName = 100
	newListenerEvents   = "PROCESS_STATE_EXITED,PROCESS_STATE_FATAL"
)

func listenerHelp() string {
	return "listener new <name> [--lang LANGUAGE] [--dir DIRECTORY] [--replace DIRECTORY]\n" +
		"\t\t\tWrite an event listener, its configuration section and a test.\n" +
		"\t\t\tLANGUAGE is one of\n" +
		"\t\t\t" + strings.Join(listenerLanguageNames(), ", ") + "\n" +
		"\t\t\t(python if not given); DIRECTORY a new one of that name if\n" +
		"\t\t\tnot given. Nothing is overwritten or configured. --replace\n" +
		"\t\t\tnames Hark's source for a listener in Go, where it is not the\n" +
		"\t\t\tone beside this program."
}

func listenerLanguageNames() []string {
	var names []string
	for _, l := range listenerLanguages() {
		names = append(names, l.name)
	}
	return names
}

func (verbs) Listener() Action {
	return Action{
		Name: "listener", Extra: true, Local: true,
		Help: listenerHelp(),
		Flags: []Flag{
			{Name: "lang", Value: true, Help: "its language, e.g. python, node or sh", Values: listenerLanguageNames},
			{Name: "dir", Value: true, Help: "where to write to"},
			{Name: "replace", Value: true, Help: "the directory of Hark's source, for Go"},
		},
		Complete: completeWords(func() []string { return []string{"new"} }), JSON: textOnly(),
		Run: func(r *run, arg string) (answer, error) {
			verb, name, _ := strings.Cut(arg, " ")
			if verb != "new" {
				return answer{}, r.misuse(exitInvalidArgs, "Error: listener requires new and a name")
			}
			var args []string
			for _, f := range r.action.Flags {
				if v, ok := r.flags[f.Name]; ok {
					args = append(args, "--"+f.Name+"="+v)
				}
			}
			return answer{printed: true, status: listenerNew(append(args, strings.Fields(name)...), r.out, r.err)}, nil
		},
	}
}

// listenerLanguage is what a language's listener is made of.
type listenerLanguage struct {
	name  string
	file  func(name string) string // of the listener; its mode is that of a program where it is one
	test  func(name string) string
	needs string // what must be there to run it

	// library, if it has one, is a file that is written next to the listener.
	library     func() string
	libraryName string

	// Of a language that is compiled: what makes the program of the file, in its
	// directory, and how that is started; the listener's name in its place itself if nil.
	build func(name string) string
	start func(program string) []string

	module    bool // has a go.mod
	ownTest   bool // its test is in the language itself, not in sh
	runsTests func(test string) string
}

func listenerLanguages() []listenerLanguage {
	suffixed := func(suffix string) func(string) string { return func(name string) string { return name + suffix } }
	fixed := func(name string) func(string) string { return func(string) string { return name } }
	script := func(name, suffix, needs string) listenerLanguage {
		return listenerLanguage{name: name, file: suffixed(suffix), test: suffixed("-test.sh"), needs: needs}
	}
	return []listenerLanguage{
		{name: "python", file: suffixed(".py"), test: suffixed("_test.py"), ownTest: true, needs: "Python 3",
			library: python.Library, libraryName: "hark_listener.py"},
		{name: "bash", file: suffixed(".bash"), test: suffixed("-test.sh"), needs: "bash 4.4 or later", library: bash.Library, libraryName: "hark-listener.bash"},
		{name: "go", file: fixed("main.go"), test: fixed("main_test.go"), ownTest: true, module: true, needs: "Go",
			build:     func(name string) string { return "go build -o " + name },
			runsTests: func(test string) string { return "cd " + filepath.Dir(test) + " && go test" }},
		script("sh", ".sh", "head -c and tr"),
		script("perl", ".pl", "Perl 5.10 or later"),
		script("ruby", ".rb", "Ruby 2.7 or later"),
		script("php", ".php", "PHP 7.1 or later for the command line"),
		script("node", ".js", "Node.js 14 or later"),
		{name: "java", file: fixed("Listener.java"), test: suffixed("-test.sh"), needs: "a JDK, 11 or later, to build it and a Java runtime",
			build: func(string) string { return "javac Listener.java" },
			start: func(program string) []string { return []string{"java", "-cp", filepath.Dir(program), "Listener"} }},
		script("lua", ".lua", "Lua 5.2 or later, or LuaJIT"),
		script("tcl", ".tcl", "Tcl 8.5 or later"),
		script("awk", ".awk", "awk, sh, head -c and tr"),
		{name: "rust", file: fixed("main.rs"), test: suffixed("-test.sh"), needs: "rustc 1.61 or later to build it",
			build: func(name string) string { return "rustc -O -o " + name + " main.rs" }},
	}
}

// program is what the section and the test start, by the listener's file or what is
// built of it, in dir.
func (l listenerLanguage) program(dir, name string) []string {
	file := l.file(name)
	if l.build != nil {
		file = name
	}
	file = filepath.Join(dir, file)
	if dir == "." {
		file = "./" + file
	}
	if l.start != nil {
		return l.start(file)
	}
	return []string{file}
}

// newFile is a file to be written.
type newFile struct {
	path string
	mode os.FileMode
	data []byte
}

// listenerNew is "listener new": it writes a listener, its section and a test, and
// returns the exit status. It writes all of them or none.
func listenerNew(args []string, stdout, stderr io.Writer) int {
	name, language, dir, replace, err := listenerNewOptions(args)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	var source gosource.Source
	if err == nil && language.module {
		source, err = sourceForListener(replace)
	}
	var files []newFile
	if err == nil {
		files, err = newListenerFiles(name, language, dir, source)
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "Error: %v\n", err)
		return exitInvalidArgs
	}
	if err := writeNew(dir, files); err != nil {
		_, _ = fmt.Fprintf(stderr, "Error: %v\n", err)
		return exitGeneric
	}
	var b strings.Builder
	for _, f := range files {
		_, _ = fmt.Fprintf(&b, "%s: written\n", f.path)
	}
	switch {
	case language.module:
		_, _ = fmt.Fprintln(&b, source.Remark())
	case language.library != nil:
		_, _ = fmt.Fprintf(&b, "Its library is %s, a copy of its own: nothing else needs to be installed.\n", filepath.Join(dir, language.libraryName))
	}
	test := testCommand(filepath.Join(dir, language.test(name)), language)
	_, _ = fmt.Fprintf(&b, "It needs %s; its test needs supervisor-listener-test in PATH.\n", language.needs)
	if language.build != nil {
		_, _ = fmt.Fprintf(&b, "Build it: cd %s && %s\n", dir, buildCommand(name, language, source))
	}
	_, _ = fmt.Fprintf(&b, "Test it: %s\n", test)
	_, _ = fmt.Fprintf(&b, "Use it: add %s to the configuration, or copy it to where that includes from; then supervisorctl update\n", filepath.Join(dir, name+".conf"))
	_, _ = io.WriteString(stdout, b.String())
	return exitSuccess
}

// buildCommand is what makes the program of a compiled language, in its directory.
func buildCommand(name string, language listenerLanguage, source gosource.Source) string {
	command := language.build(name)
	if first := source.Prepare(); language.module && first != "" {
		command = first + " && " + command
	}
	return command
}

// sourceForListener finds Hark's source for a listener in Go: in the directory that --replace names, or next to this program.
func sourceForListener(replace string) (gosource.Source, error) {
	if replace == "" {
		self, err := os.Executable()
		return gosource.Beside(self), err
	}
	replace, err := filepath.Abs(replace)
	if err != nil {
		return gosource.Source{}, err
	}
	return gosource.In(replace)
}

// testCommand is how to run the test at path. The conformance kit that it needs may be next to this program, and not in PATH.
func testCommand(path string, language listenerLanguage) string {
	command := path
	if language.runsTests != nil {
		command = language.runsTests(path)
	}
	const kit = "supervisor-listener-test"
	if _, err := exec.LookPath(kit); err == nil {
		return command
	}
	self, err := os.Executable()
	if err != nil {
		return command
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(self), kit)); err != nil {
		return command
	}
	return "export PATH=\"" + filepath.Dir(self) + ":$PATH\"; " + command
}

func listenerNewOptions(args []string) (name string, language listenerLanguage, dir, replace string, err error) {
	fs := flag.NewFlagSet("listener new", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	lang := fs.String("lang", "python", "")
	directory := fs.String("dir", "", "")
	source := fs.String("replace", "", "")
	for len(args) > 0 {
		if err := fs.Parse(args); err != nil {
			return "", language, "", "", err
		}
		if args = fs.Args(); len(args) == 0 {
			break
		}
		if name != "" {
			return "", language, "", "", fmt.Errorf("listener new takes one name, and %q is another", args[0])
		}
		name, args = args[0], args[1:] // options may stand behind the name, too
	}
	if err := checkListenerName(name); err != nil {
		return "", language, "", "", err
	}
	all := listenerLanguages()
	i := slices.IndexFunc(all, func(l listenerLanguage) bool { return l.name == *lang })
	if i < 0 {
		return "", language, "", "", fmt.Errorf("--lang is %q, not one of %s", *lang, strings.Join(listenerLanguageNames(), ", "))
	}
	if *directory == "" {
		*directory = name
	}
	return name, all[i], *directory, *source, nil
}

// listenerName is what can be a section's name, a file's, a module's and a word of a
// comment in any of the languages.
var listenerName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)

func checkListenerName(name string) error {
	switch {
	case name == "":
		return errors.New("listener new requires a name")
	case !listenerName.MatchString(name):
		return fmt.Errorf("%q cannot be the name of a listener: it must be letters, digits, _ and -, and not begin with -", name)
	case len(name) > longestListenerName:
		return fmt.Errorf("%q cannot be the name of a listener: it is longer than %d bytes", name, longestListenerName)
	}
	return nil
}

// newListenerFiles renders the files.
func newListenerFiles(name string, language listenerLanguage, dir string, source gosource.Source) ([]newFile, error) {
	command, err := commandForSection(language.program(dir, name))
	if err != nil {
		return nil, err
	}
	mode, build, prepare := os.FileMode(0o755), "", ""
	if language.build != nil {
		mode, prepare = 0o644, buildCommand(name, language, source)
		build = "cd " + dir + " && " + prepare
	}
	values := struct {
		Name, File, Test, Events, Command, Build, Prepare, Start string
	}{name, language.file(name), language.test(name), newListenerEvents, command, build, prepare, strings.Join(language.program(".", name), " ")}
	testMode, test := os.FileMode(0o755), "test.tmpl"
	if language.ownTest {
		testMode, test = mode, language.name+"/test.tmpl"
	}
	files := []newFile{
		{path: language.file(name), mode: mode}, {path: language.test(name), mode: testMode}, {path: name + ".conf", mode: 0o644},
	}
	sources := []string{language.name + "/listener.tmpl", test, "section.tmpl"}
	for i := range sources {
		t, err := template.ParseFS(templates, "templates/listener/"+sources[i])
		if err != nil {
			return nil, fmt.Errorf("internal error: %w", err)
		}
		var b bytes.Buffer
		if err := t.Execute(&b, values); err != nil {
			return nil, fmt.Errorf("internal error: %w", err)
		}
		files[i].path = filepath.Join(dir, files[i].path)
		files[i].data = b.Bytes()
	}
	if language.module {
		module := source.GoMod("listener/"+name, harkVersion, goVersion, "golang.org/x/sys", "github.com/kolo/xmlrpc") // what sdk/listener and sdk/client need
		files = append(files, newFile{path: filepath.Join(dir, "go.mod"), mode: 0o644, data: []byte(module)})
	}
	if language.library != nil {
		files = append(files, newFile{path: filepath.Join(dir, language.libraryName), mode: 0o644, data: []byte(language.library())})
	}
	return files, nil
}

// commandForSection writes a command line so that command= of a section means it.
func commandForSection(argv []string) (string, error) {
	var words []string
	for _, word := range argv {
		quoted, err := quoteForSection(word)
		if err != nil {
			return "", err
		}
		words = append(words, quoted)
	}
	return strings.Join(words, " "), nil
}

// quoteForSection writes a word of a command, a path mostly. A space
// before ; or # begins a comment even within quotes.
func quoteForSection(path string) (string, error) {
	if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.Contains(path, " ;") || strings.Contains(path, " #") {
		return "", fmt.Errorf("no configuration can hold the path %q: choose another --dir", path)
	}
	quoted := strings.ReplaceAll(path, "%", "%%")
	if strings.ContainsAny(quoted, " \"'\\") {
		quoted = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(quoted) + `"`
	}
	return quoted, nil
}

// writeNew writes files that are not there yet: all, or none. The directory is made
// where it is missing.
func writeNew(dir string, files []newFile) (err error) {
	_, missing := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot write the listener: %w", err)
	}
	var written []string
	defer func() {
		if err == nil {
			return
		}
		for _, path := range written {
			_ = os.Remove(path)
		}
		if missing != nil {
			_ = os.Remove(dir) // only where it is empty
		}
	}()
	for _, f := range files {
		out, err := os.OpenFile(f.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.mode)
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s is there already, and is not overwritten: choose another name or --dir", f.path)
		}
		if err != nil {
			return fmt.Errorf("cannot write the listener: %w", err)
		}
		written = append(written, f.path)
		_, err = out.Write(f.data)
		if closeErr := out.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("cannot write the listener: %w", err)
		}
	}
	return nil
}
