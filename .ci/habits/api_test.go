package habits

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hark-supervisor/hark/"

// shown are the types of other packages that an API package may show.
var shown = map[string][]string{
	"github.com/hashicorp/go-hclog": {"Logger"},
	module + "eventlistener":        {"Type", "Header"},
}

// What an author reads in the documentation of an API package (docs/api.md) is of that package, of the standard library, or of another API
// package: a type of gRPC, of go-plugin or of a package that may change would bind them too.
func TestAPIsShowNoTypesOfOthers(t *testing.T) {
	apis := apiPackages(t)
	if !slices.Contains(apis, "sdk") || len(apis) < 3 {
		t.Fatalf("docs/api.md lists %q", apis)
	}
	for _, api := range apis {
		set := token.NewFileSet()
		files := sources(t, set, filepath.Join(root, api))
		imports := map[string]string{} // by the name they are used by
		for _, f := range files {
			for _, i := range f.Imports {
				full, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				name := strings.TrimPrefix(path.Base(full), "go-")
				if i.Name != nil {
					name = i.Name.Name
				}
				imports[name] = full
			}
		}
		p, err := doc.NewFromFiles(set, files, module+api) // takes away what is not exported
		if err != nil {
			t.Fatal(err)
		}
		if p.Doc == "" || len(p.Types)+len(p.Funcs) == 0 {
			t.Errorf("%s has no documentation, or nothing in it", api)
		}
		for _, n := range declarations(p) {
			ast.Inspect(n, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				x, ok := s.X.(*ast.Ident)
				if !ok {
					return true
				}
				from, name := imports[x.Name], s.Sel.Name
				ours := strings.TrimPrefix(from, module)
				switch {
				case from == "", !strings.Contains(from, "."), slices.Contains(apis, ours), slices.Contains(shown[from], name):
				default:
					t.Errorf("%s: %s shows %s.%s", place(set, s), api, from, name)
				}
				return true
			})
		}
	}
}

// apiPackages are those of the first table of docs/api.md.
func apiPackages(t *testing.T) (found []string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs/api.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "\n| package | for |\n")
	if !ok {
		t.Fatal("docs/api.md has no table of packages")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\|").FindAllStringSubmatch(table, -1) {
		found = append(found, m[1])
	}
	return found
}

// sources are the files of a package, for whatever system, without tests.
func sources(t *testing.T, set *token.FileSet, dir string) (files []*ast.File) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type()&fs.ModeType != 0 || !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// declarations are the types in what a package exports: of its functions, methods, types, constants and variables.
func declarations(p *doc.Package) (found []ast.Node) {
	values := func(all []*doc.Value) {
		for _, v := range all {
			for _, s := range v.Decl.Specs {
				if t := s.(*ast.ValueSpec).Type; t != nil {
					found = append(found, t)
				}
			}
		}
	}
	functions := func(all []*doc.Func) {
		for _, f := range all {
			found = append(found, f.Decl.Type)
		}
	}
	values(p.Consts)
	values(p.Vars)
	functions(p.Funcs)
	for _, t := range p.Types {
		found = append(found, t.Decl)
		values(t.Consts)
		values(t.Vars)
		functions(t.Funcs)
		functions(t.Methods)
	}
	return found
}
