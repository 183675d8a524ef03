// Package scaffold writes the beginnings of a plugin: what "plugin new" makes. They are complete: they build, pass their tests and can be
// installed, and their author changes what they do.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/hark-supervisor/hark/examples/plugins/node"
	"github.com/hark-supervisor/hark/examples/plugins/python"
	"github.com/hark-supervisor/hark/internal/gosource"
)

// templates has a directory for each language; a file whose name begins with a kind is for that kind alone.
//
//go:embed templates
var templates embed.FS

// Plugin is what is to be written.
type Plugin struct {
	Name    string // lower-case letters, digits and hyphens, a letter first
	Kind    string // notifier, logsink or namespace
	Lang    string // go, node or python
	Module  string // path of the Go module; "" for the name
	Version string // of Hark's module, for go.mod: v0.1.0

	Source gosource.Source // of Hark, for go.mod
}

// Kinds and Langs are what Kind and Lang may be.
func Kinds() []string { return []string{"notifier", "logsink", "namespace"} }

// Langs are the languages.
func Langs() []string { return []string{"go", "node", "python"} }

const maxName = 64

// goVersion is the version for go.mod if Hark's source, which has it, is not available.
const goVersion = "1.26.0"

func (p *Plugin) check() error {
	switch {
	case p.Name == "" || len(p.Name) > maxName || p.Name[0] < 'a' || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Errorf("%.80q is not a name of a plugin: it has lower-case letters, digits and hyphens, a letter first", p.Name)
	case !slices.Contains(Kinds(), p.Kind):
		return fmt.Errorf("--kind is one of %s, not %.80q", strings.Join(Kinds(), ", "), p.Kind)
	case !slices.Contains(Langs(), p.Lang):
		return fmt.Errorf("--lang is one of %s, not %.80q", strings.Join(Langs(), ", "), p.Lang)
	case strings.ContainsAny(p.Module+p.Source.Dir+p.Version, " \t\n\"'`()"):
		return errors.New("a module, its version and a directory have no spaces, quotes or brackets here")
	}
	return nil
}

// Write writes the plugin into a directory, which must not exist yet or be empty. It is there whole or not at all.
func Write(dir string, p Plugin) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.Module == "" {
		p.Module = p.Name
	}
	files, err := p.files()
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot write the plugin into %s: it already exists", dir)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	made, err := os.MkdirTemp(parent, ".new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(made) }()
	if err := os.Chmod(made, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		mode := fs.FileMode(0o644)
		if bytes.HasPrefix(text, []byte("#!")) {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(made, name), text, mode); err != nil {
			return err
		}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // the empty one
		return err
	}
	return os.Rename(made, dir)
}

// files are the plugin's files by name.
func (p *Plugin) files() (map[string][]byte, error) {
	files := map[string][]byte{}
	dir := path.Join("templates", p.Lang)
	entries, err := fs.ReadDir(templates, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".tmpl")
		if kind, rest, ok := strings.Cut(name, "_"); ok && slices.Contains(Kinds(), kind) {
			if kind != p.Kind {
				continue
			}
			name = rest
		}
		text, err := templates.ReadFile(path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		t, err := template.New(e.Name()).Delims("[[", "]]").Option("missingkey=error").Parse(string(text))
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := t.Execute(&out, p); err != nil {
			return nil, err
		}
		files[strings.ReplaceAll(name, "NAME", p.Name)] = out.Bytes()
	}
	switch p.Lang {
	case "go":
		files["go.mod"] = []byte(p.Source.GoMod(p.Module, p.Version, goVersion))
	case "node":
		err = copyAll(files, node.Files)
	case "python":
		err = copyAll(files, python.Files)
	}
	return files, err
}

// copyAll adds the files of an example that any plugin in its language needs.
func copyAll(files map[string][]byte, from embed.FS) error {
	entries, err := fs.ReadDir(from, ".")
	for _, e := range entries {
		if err == nil {
			files[e.Name()], err = from.ReadFile(e.Name())
		}
	}
	return err
}

// Section is the word of the plugin's sections.
func (p *Plugin) Section() string {
	if p.Kind == "namespace" {
		return "rpcinterface"
	}
	return p.Kind
}

// Prepare is the command that comes before go test and go build, "" for none.
func (p *Plugin) Prepare() string { return p.Source.Prepare() }

// Class is the plugin's name as a class.
func (p *Plugin) Class() string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(p.Name, func(r rune) bool { return r == '-' }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// New is the command plugin new: it reads its arguments, writes the plugin and says what comes next. version is Hark's, with or
// without a v.
func New(args []string, version string, out io.Writer) error {
	p := Plugin{Version: "v" + strings.TrimPrefix(version, "v")}
	var dir, replace string
	flags := flag.NewFlagSet("plugin new", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&p.Kind, "kind", "", "")
	flags.StringVar(&p.Lang, "lang", "go", "")
	flags.StringVar(&p.Module, "module", "", "")
	flags.StringVar(&replace, "replace", "", "")
	flags.StringVar(&dir, "dir", "", "")
	usage := errors.New("usage: plugin new NAME --kind notifier|logsink|namespace [--lang go|node|python] [--dir DIR] [--module PATH] [--replace DIR]")
	for len(args) > 0 { // the name may stand before or behind the flags
		if err := flags.Parse(args); err != nil {
			return fmt.Errorf("%w\n%w", err, usage)
		}
		if args = flags.Args(); len(args) > 0 {
			if p.Name != "" {
				return usage
			}
			p.Name, args = args[0], args[1:]
		}
	}
	if p.Name == "" || p.Kind == "" {
		return usage
	}
	if dir == "" {
		dir = p.Name
	}
	if err := p.findSource(replace); err != nil {
		return err
	}
	if err := Write(dir, p); err != nil {
		return err
	}
	next, remark := "go test ./... && go build -trimpath -ldflags '-s -w' -tags grpcnotrace .", "\n"+p.Source.Remark()+"\n"
	if prepare := p.Prepare(); prepare != "" {
		next = prepare + " && " + next
	}
	switch p.Lang {
	case "node":
		next, remark = "npm install && npm test", ""
	case "python":
		next, remark = "./test_plugin.py", ""
	}
	_, err := fmt.Fprintf(out, "%s is written. Next:\n\n    cd %s\n    %s\n%s\nREADME.md explains the rest.\n", dir, dir, next, remark)
	return err
}

// findSource finds Hark's source for a plugin in Go: in the directory that --replace names, or next to this program.
func (p *Plugin) findSource(replace string) error {
	if p.Lang != "go" {
		return nil
	}
	if replace == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		p.Source = gosource.Beside(self)
		return nil
	}
	replace, err := filepath.Abs(replace)
	if err != nil {
		return err
	}
	p.Source, err = gosource.In(replace)
	return err
}
