// Package gosource finds the source of Hark that plugins and listeners in Go are built of, and writes their go.mod. As long as Hark's module is
// not published, that names directories of this machine: what packaging/gosource wrote, which needs no network, or else a checkout.
package gosource

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Module is the path of the module of Hark.
const Module = "github.com/hark-supervisor/hark"

// Source is Hark's source in a directory; the zero Source is none.
type Source struct {
	Dir   string
	Whole bool // with the modules that it needs, in modules/

	goVersion string
	requires  []requirement
}

type requirement struct{ module, version string }

// Beside returns the source that belongs to a program: of an installed one PREFIX/share/hark/go, of one in bin/ of a checkout what make build has
// put into dist/go, or the checkout itself. The zero Source where there is none.
func Beside(program string) Source {
	if resolved, err := filepath.EvalSymlinks(program); err == nil {
		program = resolved
	}
	prefix := filepath.Dir(filepath.Dir(program))
	for _, dir := range []string{filepath.Join(prefix, "share", "hark", "go"), filepath.Join(prefix, "dist", "go"), prefix} {
		if s, err := In(dir); err == nil {
			return s
		}
	}
	return Source{}
}

// In returns the source in a directory.
func In(dir string) (Source, error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return Source{}, fmt.Errorf("there is no source of Hark in %s: %w", dir, err)
	}
	s := Source{Dir: dir}
	module := ""
	for line := range strings.SplitSeq(string(text), "\n") {
		words := strings.Fields(strings.TrimPrefix(line, "require "))
		switch {
		case len(words) < 2 || words[0] == "//":
		case words[0] == "module":
			module = words[1]
		case words[0] == "go":
			s.goVersion = words[1]
		case strings.HasPrefix(words[1], "v"):
			s.requires = append(s.requires, requirement{words[0], words[1]})
		}
	}
	if module != Module {
		return Source{}, fmt.Errorf("%s has the module %q, and not %s", dir, module, Module)
	}
	if info, err := os.Stat(filepath.Join(dir, "modules")); err == nil && info.IsDir() {
		s.Whole = true
	}
	return s, nil
}

// GoMod is the go.mod of a module that requires Hark at a version, and of the modules that Hark needs these, or all. goVersion is that of its go
// line where there is no source to take it from.
func (s Source) GoMod(module, version, goVersion string, needs ...string) string {
	var b strings.Builder
	if s.goVersion != "" {
		goVersion = s.goVersion
	}
	fmt.Fprintf(&b, "module %s\n\ngo %s\n\nrequire %s %s\n", module, goVersion, Module, version)
	if s.Dir == "" {
		return b.String()
	}
	replace := func(module, dir string) string {
		if strings.ContainsAny(dir, " \t\"'`()") || strings.Contains(dir, "//") {
			dir = "\"" + dir + "\""
		}
		return fmt.Sprintf("\t%s => %s\n", module, dir)
	}
	replaced := replace(Module, s.Dir)
	if s.Whole {
		b.WriteString("\nrequire (\n")
		for _, r := range s.requires {
			if len(needs) > 0 && !slices.Contains(needs, r.module) {
				continue
			}
			fmt.Fprintf(&b, "\t%s %s // indirect\n", r.module, r.version)
			replaced += replace(r.module, filepath.Join(s.Dir, "modules", r.module))
		}
		b.WriteString(")\n")
	}
	b.WriteString("\n// Hark's module is not published yet: this is its source on this machine.\nreplace (\n" + replaced + ")\n")
	return b.String()
}

// Prepare is what makes a module with such a go.mod ready to be built: "" where nothing needs to be done.
func (s Source) Prepare() string {
	if s.Whole {
		return ""
	}
	return "go mod tidy"
}

// Remark explains, to a user who has written such a go.mod, where Hark's source is.
func (s Source) Remark() string {
	switch {
	case s.Dir == "":
		return "Hark's module is not published yet, and its source was not found beside this program: go.mod needs a line\n" +
			"replace " + Module + " => the directory of a checkout of Hark."
	case s.Whole:
		return "Hark's module is not published yet: go.mod replaces it, and all that it needs, by " + s.Dir + ". No network is needed."
	}
	return "Hark's module is not published yet: go.mod replaces it by " + s.Dir + "; go mod tidy fetches what it needs of others."
}
