package habits

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// promising are the documents whose promises have names of tests.
var promising = []string{"docs/security.md", "docs/differences.md", "docs/contributing.md", "PROTOCOL.md"}

var (
	// namedTest is a test's name in a document; "...End" stands for all tests whose names end so.
	namedTest = regexp.MustCompile("`(\\.\\.\\.[A-Z][A-Za-z0-9_]*|(?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9_]*)`(?: (?:of|in) `([a-z][a-z0-9_/.-]*)`)?")
	testName  = regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]`)
)

// A promise with the name of a test that is gone is held by nothing.
func TestPromisesNameTestsThatExist(t *testing.T) {
	tests := allTests(t)
	for _, document := range promising {
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		for _, missing := range missingTests(string(text), tests) {
			t.Errorf("%s: there is no test %s", document, missing)
		}
	}
	const wrong = "This holds (`TestPromisesNameTestsThatExist` in `core`, `TestNobodyWroteThis`, `...NobodyWroteThis`, `TestPromisesNameTestsThatExist`, `...ThatExist`)."
	if got := fmt.Sprint(missingTests(wrong, tests)); got != "[TestPromisesNameTestsThatExist in core TestNobodyWroteThis ...NobodyWroteThis]" {
		t.Errorf("of a text with three mistakes these are found: %s", got)
	}
}

// missingTests gives those that a text names and that are not among the tests, which are given with their directories.
func missingTests(text string, tests map[string][]string) (missing []string) {
	for _, named := range namedTest.FindAllStringSubmatch(text, -1) {
		name, dir := named[1], named[2]
		found := false
		for test, dirs := range tests {
			end, any := strings.CutPrefix(name, "...")
			if test != name && !(any && strings.HasSuffix(test, end)) {
				continue
			}
			for _, d := range dirs {
				found = found || dir == "" || d == dir || strings.HasPrefix(d, dir+"/")
			}
		}
		switch {
		case found:
		case dir != "":
			missing = append(missing, name+" in "+dir)
		default:
			missing = append(missing, name)
		}
	}
	return missing
}

// allTests are the names of all tests of the module in Go, each with the directories that have one of the name.
func allTests(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, declared := range file.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil && testName.MatchString(f.Name.Name) {
				all[f.Name.Name] = append(all[f.Name.Name], filepath.ToSlash(dir))
			}
		}
		return nil
	})
	if err != nil || len(all) < 100 {
		t.Fatalf("%d tests: %v", len(all), err)
	}
	return all
}
