package habits

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	// The most lines of Go, without tests, that the files of a directory may have together: what is not about the loop's own work
	// belongs into a package beside core, and what is not wiring out of cmd/supervisord.
	coreLines, wiringLines = 3300, 1200
	// supervisorMethods is the most methods that core.Supervisor may have.
	supervisorMethods = 60
	// fileLines is the most lines of a file that is neither a test nor generated: one concept each.
	fileLines = 500
)

// TestThePartsStaySmall: figures that grow a line at a time, and that nobody sees grow.
func TestThePartsStaySmall(t *testing.T) {
	for dir, most := range map[string]int{"core": coreLines, "cmd/supervisord": wiringLines} {
		paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.go") {
				lines += linesOf(t, path)
			}
		}
		if lines == 0 || lines > most {
			t.Errorf("the files of %s have %d lines, at most %d", dir, lines, most)
		}
	}
	methods := 0
	for _, top := range []string{"bench", "cmd", "core", "eventlistener", "internal", "plugins", "sdk", "testplugins"} {
		eachFile(t, top, func(file string, set *token.FileSet, f *ast.File) {
			if n := linesOf(t, filepath.Join(root, file)); n > fileLines && !ast.IsGenerated(f) && !strings.HasSuffix(file, ".pb.go") {
				t.Errorf("%s has %d lines, at most %d", file, n, fileLines)
			}
			if filepath.Dir(file) == "core" {
				methods += methodsOf(f, "Supervisor")
			}
		})
	}
	if methods == 0 || methods > supervisorMethods {
		t.Errorf("core.Supervisor has %d methods, at most %d", methods, supervisorMethods)
	}
}

func linesOf(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

// methodsOf counts the methods of a type in a file.
func methodsOf(f *ast.File, name string) (n int) {
	for _, d := range f.Decls {
		function, ok := d.(*ast.FuncDecl)
		if !ok || function.Recv == nil {
			continue
		}
		of := function.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		if id, ok := of.(*ast.Ident); ok && id.Name == name {
			n++
		}
	}
	return n
}

// above are, for each floor of the module, the floors that it must not import. The linter (depguard, in .golangci.yml) holds each package to a
// list of its own; this holds the floors apart, whatever that file says.
var above = map[string][]string{
	"eventlistener": {"core", "plugins", "cmd", "sdk"},
	"internal":      {"core", "plugins", "cmd"},
	"sdk":           {"core", "plugins", "cmd"},
	"core":          {"plugins", "cmd", "sdk"},
	"plugins":       {"cmd"},
	"testplugins":   {"core", "plugins", "cmd"},
}

// underneath are packages of core that import nothing of this module, so that every floor may use them.
var underneath = map[string]bool{"core/held": true}

// TestImportsGoDownOnly: no floor imports one above it.
func TestImportsGoDownOnly(t *testing.T) {
	for floor, forbidden := range above {
		eachFile(t, floor, func(file string, _ *token.FileSet, f *ast.File) {
			for _, i := range f.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				of, ours := strings.CutPrefix(path, module)
				top, _, _ := strings.Cut(of, "/")
				for _, bad := range forbidden {
					if ours && top == bad && !underneath[of] {
						t.Errorf("%s imports %s, which is above it", file, of)
					}
				}
			}
		})
	}
	for path := range underneath {
		eachFile(t, path, func(file string, _ *token.FileSet, f *ast.File) {
			for _, i := range f.Imports {
				if strings.Contains(i.Path.Value, module) && filepath.Dir(file) == path {
					t.Errorf("%s imports %s", file, i.Path.Value)
				}
			}
		})
	}
}
