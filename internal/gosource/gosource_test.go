package gosource

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write writes a file below dir.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const mod = "module " + Module + "\n\ngo 1.99\n\nrequire (\n\texample.org/a v1.2.3\n\texample.org/b v0.1.0 // indirect\n)\n"

func TestTheSourceBesideAProgram(t *testing.T) {
	prefix, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, prefix, "bin/supervisord", "")
	program := filepath.Join(prefix, "bin", "supervisord")
	if s := Beside(program); s.Dir != "" || !strings.Contains(s.Remark(), "was not found") {
		t.Errorf("nothing is there: %+v", s)
	}
	write(t, prefix, "go.mod", "module example.org/other\n")
	if s := Beside(program); s.Dir != "" {
		t.Errorf("another module: %+v", s)
	}
	write(t, prefix, "go.mod", mod)
	if s := Beside(program); s.Dir != prefix || s.Whole || s.Prepare() != "go mod tidy" || !strings.Contains(s.Remark(), prefix) {
		t.Errorf("a checkout: %+v", s)
	}
	for _, place := range []string{"dist/go", "share/hark/go"} { // the installed one counts more
		write(t, prefix, place+"/go.mod", mod)
		write(t, prefix, place+"/modules/example.org/a/go.mod", "")
		link := filepath.Join(t.TempDir(), "supervisord")
		if err := os.Symlink(program, link); err != nil {
			t.Fatal(err)
		}
		if s := Beside(link); s.Dir != filepath.Join(prefix, place) || !s.Whole || s.Prepare() != "" || !strings.Contains(s.Remark(), "No network") {
			t.Errorf("%s: %+v", place, s)
		}
	}
}

func TestGoMod(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b")
	write(t, dir, "go.mod", mod)
	s, err := In(dir)
	if err != nil {
		t.Fatal(err)
	}
	const head = "module mine\n\ngo 1.99\n\nrequire " + Module + " v1\n"
	if got := s.GoMod("mine", "v1", "1.1"); !strings.HasPrefix(got, head+"\n//") || !strings.HasSuffix(got, "replace (\n\t"+Module+" => \""+dir+"\"\n)\n") {
		t.Errorf("a checkout: %s", got)
	}
	s.Whole = true
	got := s.GoMod("mine", "v1", "1.1", "example.org/b")
	if !strings.Contains(got, "\nrequire (\n\texample.org/b v0.1.0 // indirect\n)\n") || !strings.Contains(got, "\texample.org/b => \""+dir+"/modules/example.org/b\"\n") {
		t.Errorf("one that is whole: %s", got)
	}
	if got := s.GoMod("mine", "v1", "1.1"); strings.Count(got, "example.org/a") != 3 {
		t.Errorf("all of it: %s", got)
	}
	if got := (Source{}).GoMod("mine", "v1", "1.1"); got != strings.Replace(head, "1.99", "1.1", 1) {
		t.Errorf("none: %s", got)
	}
}

func TestWhatIsNoSource(t *testing.T) {
	dir := t.TempDir()
	if _, err := In(dir); err == nil || !strings.Contains(err.Error(), "there is no source of Hark in "+dir) {
		t.Error(err)
	}
	write(t, dir, "go.mod", "module example.org/x\n")
	if _, err := In(dir); err == nil || !strings.Contains(err.Error(), `the module "example.org/x"`) {
		t.Error(err)
	}
}
