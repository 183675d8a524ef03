package trust

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// place is a plugin directory, a run directory and the policy over them.
type place struct {
	*Policy
	t   *testing.T
	dir string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "plugins")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return &place{t: t, dir: dir, Policy: &Policy{Dirs: []string{dir}, RunDir: func() (string, error) { return root, nil }, UID: os.Getuid()}}
}

func (p *place) write(name, content string, mode os.FileMode) string {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		p.t.Fatal(err)
	}
	return path
}

const answer = `#!/bin/sh
echo "$1: 42"
`

// describes stands for running the program: it runs it for real and checks that it can.
func describes(name string) Describe {
	return func(_ context.Context, e *Executable) (Described, error) {
		if err := run(e, new(strings.Builder), "--describe"); err != nil {
			return Described{}, err
		}
		return Described{Name: name, Version: "1.2.3", Doc: "Answers.", Kinds: []string{"notifier"}, Raw: json.RawMessage(`{"name":"` + name + `"}`)}, nil
	}
}

// run executes what Resolve gave, as the host does.
func run(e *Executable, out *strings.Builder, args ...string) error {
	cmd := exec.Command(e.Path)
	if e.File != nil {
		cmd = exec.Command(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), e.File.Fd()))
	}
	cmd.Args = slices.Concat(e.Argv, args)
	cmd.Stdout = out
	return cmd.Run()
}

func (p *place) install(file, name string) *Entry {
	p.t.Helper()
	e, dir, err := p.Install(context.Background(), Source{File: file}, describes(name), time.Unix(1700000000, 0))
	if err != nil {
		p.t.Fatal(err)
	}
	if dir != p.dir {
		p.t.Fatalf("installed into %s, wanted %s", dir, p.dir)
	}
	return e
}

func (p *place) resolves(w Wanted) *Executable {
	p.t.Helper()
	e, err := p.Resolve(w)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = e.Close() })
	return e
}

func (p *place) refuses(w Wanted, words ...string) {
	p.t.Helper()
	e, err := p.Resolve(w)
	if err == nil {
		_ = e.Close()
		p.t.Fatal("it was not refused")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			p.t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

func output(t *testing.T, e *Executable, args ...string) string {
	t.Helper()
	var out strings.Builder
	if err := run(e, &out, args...); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAScriptIsExecutedFromACopy(t *testing.T) {
	p := newPlace(t)
	p.install(p.write("x", answer, 0o755), "answer")
	e := p.resolves(Wanted{Name: "answer"})
	if !e.Pinned || e.File != nil || filepath.Dir(e.Path) != filepath.Join(filepath.Dir(p.dir), "x") {
		t.Fatalf("got %+v", e)
	}
	// What happens to the original after the check does not matter.
	if err := os.WriteFile(filepath.Join(p.dir, "answer"), []byte("#!/bin/sh\necho evil\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := output(t, e, "the answer"); got != "the answer: 42\n" {
		t.Errorf("it printed %q", got)
	}
	p.refuses(Wanted{Name: "answer"}, "has changed", "sha256", "plugin install")
}

func TestAnELFProgramIsExecutedByDescriptor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("ELF by descriptor is Linux's")
	}
	p := newPlace(t)
	echo, err := os.ReadFile("/bin/echo")
	if err != nil {
		t.Fatal(err)
	}
	p.install(p.write("x", string(echo), 0o755), "echo")
	e := p.resolves(Wanted{Name: "echo"})
	if !e.Pinned || e.File == nil {
		t.Fatalf("got %+v", e)
	}
	// Another file under the name is not executed: the descriptor is.
	if err := os.Remove(filepath.Join(p.dir, "echo")); err != nil {
		t.Fatal(err)
	}
	if got := output(t, e, "hello"); got != "hello\n" {
		t.Errorf("it printed %q", got)
	}
}

func TestWhatIsRefused(t *testing.T) {
	file := func(p *place) string { return filepath.Join(p.dir, "answer") }
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		damage func(*testing.T, *place)
		words  []string
		root   bool
	}{
		{"a changed file", func(t *testing.T, p *place) {
			must(t, os.WriteFile(file(p), []byte(answer+"# more\n"), 0o755))
		}, []string{"has changed"}, false},
		{"a file everybody can write", func(t *testing.T, p *place) { must(t, os.Chmod(file(p), 0o757)) }, []string{"everybody", "chmod o-w"}, false},
		{"a directory everybody can write", func(t *testing.T, p *place) { must(t, os.Chmod(p.dir, 0o777)) }, []string{"everybody"}, false},
		{"a directory above that everybody can write", func(t *testing.T, p *place) { must(t, os.Chmod(filepath.Dir(p.dir), 0o777)) }, []string{"everybody"}, false},
		{"a symbolic link out of the directory", func(t *testing.T, p *place) {
			outside := p.write("outside", answer, 0o755)
			must(t, os.Remove(file(p)))
			must(t, os.Symlink(outside, file(p)))
		}, []string{"leads out of"}, false},
		{"a file that is not executable", func(t *testing.T, p *place) { must(t, os.Chmod(file(p), 0o644)) }, []string{"chmod +x"}, false},
		{"a file that is gone", func(t *testing.T, p *place) { must(t, os.Remove(file(p))) }, []string{"no such file"}, false},
		{"a directory in its place", func(t *testing.T, p *place) {
			must(t, os.Remove(file(p)))
			must(t, os.Mkdir(file(p), 0o755))
		}, []string{"not a regular file"}, false},
		{"another user's file", func(t *testing.T, p *place) { must(t, os.Chown(file(p), 12345, 0)) }, []string{"belongs to uid 12345", "chown root"}, true},
		{"another user's directory", func(t *testing.T, p *place) { must(t, os.Chown(p.dir, 12345, 0)) }, []string{"belongs to uid 12345"}, true},
		{"a file a group can write", func(t *testing.T, p *place) {
			must(t, os.Chown(file(p), 0, 12345))
			must(t, os.Chmod(file(p), 0o775))
		}, []string{"group 12345"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.root && os.Getuid() != 0 {
				t.Skip("only root can give files away")
			}
			p := newPlace(t)
			p.install(p.write("x", answer, 0o755), "answer")
			p.resolves(Wanted{Name: "answer"})
			c.damage(t, p)
			p.refuses(Wanted{Name: "answer"}, c.words...)
			if _, err := p.Verify("answer"); err == nil {
				t.Error("verify finds nothing wrong")
			}
		})
	}
}

// A link may lead over other links: whoever may change one of them decides what is executed.
func TestEveryLinkOnTheWayIsChecked(t *testing.T) {
	p := newPlace(t)
	program := p.write("x", answer, 0o755)
	middle, link := filepath.Join(t.TempDir(), "middle"), filepath.Join(t.TempDir(), "link")
	for _, l := range [][2]string{{program, middle}, {middle, link}} {
		if err := os.Symlink(l[0], l[1]); err != nil {
			t.Fatal(err)
		}
	}
	p.resolves(Wanted{Name: "answer", Command: []string{link}})
	if err := os.Chmod(filepath.Dir(middle), 0o777); err != nil {
		t.Fatal(err)
	}
	p.refuses(Wanted{Name: "answer", Command: []string{link}}, filepath.Dir(middle), "everybody")
	if err := os.Chmod(filepath.Dir(middle), 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Lchown(middle, 12345, 0); err != nil {
			t.Fatal(err)
		}
		p.refuses(Wanted{Name: "answer", Command: []string{link}}, middle, "belongs to uid 12345")
	}
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Resolve(Wanted{Name: "answer", Command: []string{loop}}); err == nil || !strings.Contains(err.Error(), "too many levels") {
		t.Errorf("a loop: %v", err)
	}
}

func TestAFileWithoutARecordIsRefused(t *testing.T) {
	p := newPlace(t)
	if err := os.WriteFile(filepath.Join(p.dir, "stranger"), []byte(answer), 0o755); err != nil {
		t.Fatal(err)
	}
	p.refuses(Wanted{Name: "stranger"}, "plugins.lock", "plugin install")
	stray, err := p.VerifyDirs()
	if err != nil || len(stray) != 1 || filepath.Base(stray[0]) != "stranger" {
		t.Errorf("got %v, %v", stray, err)
	}
}

func TestAnUnknownPluginSaysWhereItWasLookedFor(t *testing.T) {
	p := newPlace(t)
	p.refuses(Wanted{Name: "nothing"}, `plugin "nothing" not found`, p.dir, "plugin install")
}

func TestNeitherProgramNorScript(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what is executable is told apart on Linux only")
	}
	p := newPlace(t)
	p.refuses(Wanted{Name: "x", Command: []string{p.write("x", "hello", 0o755)}}, "neither")
	p.refuses(Wanted{Name: "x", Command: []string{p.write("x", "", 0o755)}}, "neither")
}

func TestACommandWithItsHash(t *testing.T) {
	p := newPlace(t)
	file := p.write("x", answer, 0o755)
	e := p.resolves(Wanted{Name: "x", Command: []string{file}})
	if e.Pinned {
		t.Error("nothing pins it")
	}
	if e = p.resolves(Wanted{Name: "x", Command: []string{file}, SHA256: strings.ToUpper(e.SHA256)}); !e.Pinned {
		t.Error("its hash pins it")
	}
	p.refuses(Wanted{Name: "x", Command: []string{file}, SHA256: strings.Repeat("0", 64)}, "has changed")
	p.refuses(Wanted{Name: "x", Command: []string{"x"}}, "absolute path")
}

func TestAnInterpreterAndItsFiles(t *testing.T) {
	p := newPlace(t)
	file := p.write("x.sh", answer, 0o644)
	argv := []string{"/bin/sh", file}
	p.UID = 0
	if os.Getuid() == 0 {
		p.refuses(Wanted{Name: "x", Command: argv}, "not listed in files=", file)
	}
	p.UID = os.Getuid()
	e := p.resolves(Wanted{Name: "x", Command: argv, Files: []string{file}})
	if e.Pinned {
		t.Error("no hash pins it")
	}
	sum, err := p.hashOf(file)
	if err != nil {
		t.Fatal(err)
	}
	e = p.resolves(Wanted{Name: "x", Command: argv, Files: []string{file + "=" + sum}})
	if got := output(t, e, "it"); !e.Pinned || got != "it: 42\n" {
		t.Errorf("pinned %v, printed %q", e.Pinned, got)
	}
	if err := os.WriteFile(file, []byte("echo evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.refuses(Wanted{Name: "x", Command: argv, Files: []string{file + "=" + sum}}, "has changed", file)
}

func TestACommandIsInstalledWithItsFiles(t *testing.T) {
	p := newPlace(t)
	file := p.write("x.sh", answer, 0o644)
	src := Source{Command: []string{"/bin/sh", file}, Files: []string{file}}
	if _, _, err := p.Install(context.Background(), src, describes("answer"), time.Now()); err != nil {
		t.Fatal(err)
	}
	if e := p.resolves(Wanted{Name: "answer"}); !e.Pinned || output(t, e, "it") != "it: 42\n" {
		t.Errorf("got %+v", e)
	}
	if err := os.WriteFile(file, []byte("echo evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.refuses(Wanted{Name: "answer"}, "has changed")
	src.Files = nil
	if _, _, err := p.Install(context.Background(), src, describes("answer"), time.Now()); err == nil {
		t.Error("a command without files was installed")
	}
}

func TestBundledPluginsNeedNoRecord(t *testing.T) {
	p := newPlace(t)
	p.Bundled, p.BundledPlugins = p.write(BundledName, answer, 0o755), []string{"slack"}
	if e := p.resolves(Wanted{Name: "slack"}); !e.Pinned || output(t, e) != "slack: 42\n" {
		t.Errorf("got %+v", e)
	}
	p.refuses(Wanted{Name: "email"}, "not found")
	if err := os.Chmod(p.Bundled, 0o777); err != nil {
		t.Fatal(err)
	}
	p.refuses(Wanted{Name: "slack"}, "everybody")
}

func TestAnInstallThatFailsLeavesNothing(t *testing.T) {
	p := newPlace(t)
	p.install(p.write("x", answer, 0o755), "answer")
	for _, c := range []struct {
		content string
		name    string
		words   string
	}{
		{"#!/bin/sh\nexit 3\n", "answer", "cannot describe itself"},
		{answer, "../answer", "it calls itself"},
		{answer, "", "it calls itself"},
		{answer, "An Answer", "it calls itself"},
	} {
		_, _, err := p.Install(context.Background(), Source{File: p.write("x", c.content, 0o755)}, describes(c.name), time.Now())
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%q: %v", c.name, err)
		}
	}
	if _, _, err := p.Install(context.Background(), Source{File: filepath.Join(p.dir, "gone")}, describes("x"), time.Now()); err == nil {
		t.Error("a file that is not there was installed")
	}
	if e := p.resolves(Wanted{Name: "answer"}); output(t, e, "still") != "still: 42\n" {
		t.Error("what was there before is not there any more")
	}
	names, err := filepath.Glob(filepath.Join(p.dir, "*"))
	if err != nil || len(names) != 3 { // the plugin, its record, and the record's lock
		t.Errorf("left: %v", names)
	}
	if stray, err := p.VerifyDirs(); err != nil || stray != nil {
		t.Errorf("left: %v, %v", stray, err)
	}
}

func TestInstallAgainAndRemove(t *testing.T) {
	p := newPlace(t)
	p.install(p.write("x", answer, 0o755), "answer")
	p.install(p.write("y", answer, 0o755), "another")
	p.install(p.write("x", answer+"# new\n", 0o755), "answer")
	all, err := p.List()
	if err != nil || len(all) != 2 || all[0].Name != "another" || all[1].Name != "answer" || all[1].Version != "1.2.3" || all[1].Dir != p.dir {
		t.Fatalf("got %+v, %v", all, err)
	}
	if !all[1].Installed.Equal(time.Unix(1700000000, 0)) || string(all[1].Description) == "" {
		t.Errorf("got %+v", all[1])
	}
	if _, err := p.Verify("answer"); err != nil {
		t.Error(err)
	}
	if err := p.Remove("answer"); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove("answer"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "answer")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	p.refuses(Wanted{Name: "answer"}, "not found")
	if _, err := p.Verify("answer"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestTheFirstDirectoryThatCanBeWritten(t *testing.T) {
	p := newPlace(t)
	blocked := p.write("file", "", 0o600)
	p.Dirs = []string{filepath.Join(blocked, "plugins"), p.dir}
	p.install(p.write("x", answer, 0o755), "answer")
	p.Dirs = p.Dirs[:1]
	if _, _, err := p.Install(context.Background(), Source{File: p.write("x", answer, 0o755)}, describes("x"), time.Now()); err == nil || !strings.Contains(err.Error(), p.Dirs[0]) {
		t.Errorf("got %v", err)
	}
	p.Dirs = nil
	if _, _, err := p.Install(context.Background(), Source{File: p.write("x", answer, 0o755)}, describes("x"), time.Now()); err == nil || !strings.Contains(err.Error(), "plugin_dirs") {
		t.Errorf("got %v", err)
	}
}

func TestADamagedRecordIsRefused(t *testing.T) {
	for content, words := range map[string]string{
		"{":              "cannot read",
		`{"version": 9}`: "version 9",
		"{\"version\":1,\"doc\":\"" + strings.Repeat("x", maxLock) + `"}`: "MiB",
	} {
		p := newPlace(t)
		if err := os.WriteFile(filepath.Join(p.dir, LockName), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		p.refuses(Wanted{Name: "answer"}, LockName, words)
		if _, _, err := p.Install(context.Background(), Source{File: p.write("x", answer, 0o755)}, describes("x"), time.Now()); err == nil {
			t.Error("an install went over it")
		}
	}
}
