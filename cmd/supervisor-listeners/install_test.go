package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// superlance are the names of Superlance's programs that there is one of here for.
var superlance = []string{"memmon", "httpok", "crashmail", "crashmailbatch", "fatalmailbatch", "crashsms"}

// install runs packaging/install on the tree as it is and these listeners as all of
// bin/, and returns what it says.
func install(t *testing.T, tree, destdir string, env ...string) string {
	t.Helper()
	cmd := exec.Command("bash", filepath.Join(tree, "packaging", "install"), destdir, "/usr")
	cmd.Env = append(append(os.Environ(), "PYTHONDIR=/usr/lib/python"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "bin" && e.Name() != "dist" {
			if err := os.Symlink(filepath.Join(root, e.Name()), filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "bin", "supervisor-listeners")); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(dir, "dist", "go", "modules", "example.org", "a")
	if err := os.MkdirAll(source, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(source, "go.mod"), filepath.Join(dir, "dist", "go", "go.mod")} {
		if err := os.WriteFile(name, []byte("module a\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Root need not have Go: make install takes what make build has made, and says so where there is nothing.
func TestInstallBuildsNothing(t *testing.T) {
	src, dest, path := tree(t), t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "go"), []byte("#!/bin/sh\necho go was called >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	run := func() string {
		cmd := exec.Command("make", "-C", src, "install", "DESTDIR="+dest)
		cmd.Env = append(os.Environ(), "PATH="+path+":"+os.Getenv("PATH"), "PYTHONDIR=/usr/lib/python")
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if out := run(); strings.Contains(out, "go was called") || strings.Contains(out, "Error") {
		t.Errorf("it says %s", out)
	}
	for _, name := range []string{"bin/supervisor-listeners", "share/hark/go/go.mod", "share/hark/go/modules/example.org/a/go.mod"} {
		if _, err := os.Stat(filepath.Join(dest, "usr/local", name)); err != nil {
			t.Error(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(src, "bin")); err != nil {
		t.Fatal(err)
	}
	if out := run(); !strings.Contains(out, "run make build first") || strings.Contains(out, "go was called") {
		t.Errorf("with nothing built it says %s", out)
	}
}

func TestInstalledListenersHaveSuperlancesNames(t *testing.T) {
	src, dest := tree(t), t.TempDir()
	bin := filepath.Join(dest, "usr", "bin")
	foreign := filepath.Join(bin, "memmon")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(foreign, []byte("Superlance's"), 0o755); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(bin, "httpok")
	if err := os.Symlink("/opt/superlance/httpok", dangling); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it finds its own
		out := install(t, src, dest)
		if strings.Count(out, "Kept ") != 2 || !strings.Contains(out, "Kept "+foreign) || !strings.Contains(out, "Kept "+dangling) {
			t.Errorf("it says %q", out)
		}
	}
	manual, err := exec.Command("gzip", "-dc", filepath.Join(dest, "usr", "share", "man", "man5", "supervisord.conf.5.gz")).Output()
	if err != nil || strings.Contains(string(manual), "@DATE@") || !strings.Contains(string(manual), "stopwaitsecs") {
		t.Errorf("supervisord.conf(5): %v, %.200s", err, manual)
	}
	if text, _ := os.ReadFile(foreign); string(text) != "Superlance's" {
		t.Errorf("memmon is now %.40q", text)
	}
	for _, name := range superlance[2:] {
		cmd := exec.Command(filepath.Join(bin, name), "-h")
		cmd.Env = append(os.Environ(), "HARK_TEST_ROLE=listeners")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), name) {
			t.Errorf("%s: %v, %s", name, err, out)
		}
	}
	for _, p := range programs() {
		_, err := os.Lstat(filepath.Join(bin, p.name))
		if taken := slices.Contains(superlance, p.name); taken != (err == nil) {
			t.Errorf("%s is there: %v", p.name, err)
		}
	}
	if out, err := exec.Command("bash", filepath.Join(src, "packaging", "uninstall"), dest, "/usr").CombinedOutput(); err != nil {
		t.Errorf("uninstall: %v\n%s", err, out)
	}
	var left []string
	if err := filepath.WalkDir(dest, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			left = append(left, path)
		}
		return err
	}); err != nil || !slices.Equal(left, []string{dangling, foreign}) {
		t.Errorf("uninstall leaves %q, %v", left, err)
	}
	if err := errors.Join(os.Remove(dangling), os.Remove(foreign)); err != nil {
		t.Error(err)
	}
	install(t, src, dest)
	if out, err := exec.Command("bash", filepath.Join(src, "packaging", "uninstall"), dest, "/usr").CombinedOutput(); err != nil {
		t.Errorf("uninstall: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dest, "usr")); err == nil {
		t.Error("uninstall leaves an empty PREFIX")
	}
	dest = t.TempDir()
	install(t, src, dest, "LISTENER_LINKS=no")
	if entries, _ := os.ReadDir(filepath.Join(dest, "usr", "bin")); len(entries) != 2 { // hark-listener.bash, too
		t.Errorf("without links there are %v", entries)
	}
}

// What --help does not have is in the manual pages of all programs.
func TestTheManualPageHasSignalsAndExitStatuses(t *testing.T) {
	cmd := exec.Command("../../packaging/man", "supervisor-listeners")
	cmd.Env = append(os.Environ(), "BINDIR="+filepath.Join(tree(t), "bin"), "HARK_TEST_ROLE=listeners")
	page, err := cmd.CombinedOutput()
	for _, want := range []string{".SH NAME\nsupervisor\\-listeners \\- the event listeners", "\n.SH SIGNALS\n", "\n.SH EXIT STATUS\n", "memmon"} {
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("%v: there is no %q in\n%s", err, want, page)
		}
	}
	for _, name := range []string{"supervisord", "supervisorctl", "pidproxy", "supervisor-plugins"} {
		more, err := os.ReadFile("../../packaging/manual/" + name)
		if err != nil || !strings.Contains(string(more), ".SH SIGNALS\n") || !strings.Contains(string(more), ".SH EXIT STATUS\n") {
			t.Errorf("%s: %v, it has no signals or no exit statuses", name, err)
		}
	}
}

// The package names what the program has.
func TestThePackagesScriptsKnowTheNames(t *testing.T) {
	for _, script := range []string{"install", "deb/postinst", "deb/prerm", "Dockerfile"} {
		text, err := os.ReadFile("../../packaging/" + script)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "for name in "+strings.Join(superlance, " ")+"; do") {
			t.Errorf("%s does not go through %v", script, superlance)
		}
	}
	for _, name := range superlance {
		if find(name) == nil {
			t.Errorf("there is no %s", name)
		}
	}
}

// What is installed is found by the languages, and stands in for Supervisor's
// package only where there is none.
func TestInstalledModulesAreFound(t *testing.T) {
	dest := t.TempDir()
	install(t, tree(t), dest)
	python := func(code string, path ...string) string {
		t.Helper()
		cmd := exec.Command("/usr/bin/python3", "-S", "-E", "-c", "import sys, site\nsys.path[:0] = sys.argv[1:]\nsite.addsitedir("+
			`"`+filepath.Join(dest, "usr/lib/python")+`"`+")\n"+code)
		cmd.Args = append(cmd.Args, path...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := python("import hark_listener, supervisor.childutils as c; print(c.__file__)"); !strings.HasPrefix(got, dest) {
		t.Errorf("without Supervisor its package is %s", got)
	}
	real := t.TempDir()
	if err := os.Mkdir(filepath.Join(real, "supervisor"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(real, "supervisor", "__init__.py"), []byte("whose = 'the real one'"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := python("import supervisor; print(supervisor.whose)", real); got != "the real one" {
		t.Errorf("with Supervisor its package is %s", got)
	}
	cmd := exec.Command("bash", "-c", "source hark-listener.bash && declare -F hark_listen hark_communicate")
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dest, "usr/bin")+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, file := range []string{"python/crash_log.py", "bash/crash-log.bash", "sh/crash-log.sh"} {
		if info, err := os.Stat(filepath.Join(dest, "usr/share/hark/listeners", file)); err != nil || info.Mode().Perm()&0o111 == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
}
