package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

// newListener writes one and returns its directory.
func newListener(t *testing.T, name string, options ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a % new one")
	var out, errs strings.Builder
	if status := listenerNew(append([]string{name, "--dir", dir}, options...), &out, &errs); status != exitSuccess || errs.Len() > 0 {
		t.Fatalf("status %d, %s", status, errs.String())
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); !strings.Contains(out.String(), path+": written\n") {
			t.Errorf("nothing says that %s was written:\n%s", path, out.String())
		}
	}
	return dir
}

// kitPath is a PATH with supervisor-listener-test and what the shell listeners source.
func kitPath(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir, "../supervisor-listener-test").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Join([]string{dir, repository(t) + "/sdk/bash", os.Getenv("PATH")}, ":")
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestNewListenersKeepTheProtocol(t *testing.T) {
	path := kitPath(t)
	root := repository(t)
	for _, l := range listenerLanguages() {
		t.Run(l.name, func(t *testing.T) {
			dir := newListener(t, "my-crashes", "--lang="+l.name)
			run := func(argv ...string) string {
				t.Helper()
				cmd := exec.Command(argv[0], argv[1:]...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PATH="+path, "PYTHONPATH="+root+"/sdk/python", "PYTHONDONTWRITEBYTECODE=1", "GOPROXY=off", "GOFLAGS=", "GOWORK=off")
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%q: %v\n%s", argv, err, out)
				}
				return string(out)
			}
			listener, test := filepath.Join(dir, l.file("my-crashes")), filepath.Join(dir, l.test("my-crashes"))
			switch l.name {
			case "go":
				if unformatted := run("gofmt", "-l", "."); unformatted != "" {
					t.Errorf("gofmt would change %s", unformatted)
				}
				run("go", "mod", "edit", "-replace", "github.com/hark-supervisor/hark="+root)
				run("go", "vet", ".")
				run("go", "test", ".")
				return
			case "python":
				run("/usr/bin/python3", "-W", "error", "-c", `import sys; [compile(open(f).read(), f, "exec") for f in sys.argv[1:]]`, listener, test)
			default:
				run("bash", "-n", listener)
				run("bash", "-n", test)
			}
			run(test)
		})
	}
}

// A daemon takes the section as it is.
func TestANewListenersSectionMeansItsProgram(t *testing.T) {
	for _, l := range listenerLanguages() {
		dir := newListener(t, "mine", "--lang="+l.name)
		conf := filepath.Join(dir, "supervisord.conf")
		if err := os.WriteFile(conf, []byte("[supervisord]\n[include]\nfiles = mine.conf\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Options{Path: conf, Dir: dir, Argv0: "supervisord"})
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		if len(c.Groups) != 1 || c.Groups[0].Kind != config.ListenerGroup || c.Groups[0].Name != "mine" {
			t.Fatalf("%s: %+v", l.name, c.Groups)
		}
		want := filepath.Join(dir, l.file("mine"))
		if l.compiled {
			want = filepath.Join(dir, "mine")
		}
		argv, err := process.Split(c.Groups[0].Processes[0].Command)
		if err != nil || !reflect.DeepEqual(argv, []string{want}) {
			t.Errorf("%s: %q, %v", l.name, argv, err)
		}
		var events []string
		for _, e := range c.Groups[0].Listener.Events {
			events = append(events, e.String())
		}
		if strings.Join(events, ",") != newListenerEvents {
			t.Errorf("%s: %v", l.name, events)
		}
	}
}

func TestANewListenerOverwritesNothing(t *testing.T) {
	for _, l := range listenerLanguages() {
		for _, kept := range []string{l.file("mine"), l.test("mine"), "mine.conf"} {
			dir := t.TempDir()
			path := filepath.Join(dir, kept)
			if err := os.WriteFile(path, []byte("of the user"), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, errs strings.Builder
			if status := listenerNew([]string{"--lang", l.name, "--dir", dir, "mine"}, &out, &errs); status != exitGeneric || !strings.Contains(errs.String(), kept+" is there already") || out.Len() > 0 {
				t.Errorf("%s, %s: status %d, %s, %s", l.name, kept, status, out.String(), errs.String())
			}
			entries, _ := os.ReadDir(dir)
			text, _ := os.ReadFile(path)
			if len(entries) != 1 || string(text) != "of the user" {
				t.Errorf("%s, %s: there are %v, and the file has %q", l.name, kept, entries, text)
			}
		}
	}
}

func TestBadNamesAndOptionsOfANewListener(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "requires a name"},
		{[]string{"a", "b"}, `"b" is another`},
		{[]string{""}, "requires a name"},
		{[]string{"a/b"}, `"a/b" cannot be`},
		{[]string{".."}, `".." cannot be`},
		{[]string{"a:b"}, `"a:b" cannot be`},
		{[]string{"a]b"}, "cannot be"},
		{[]string{"a\nb"}, "cannot be"},
		{[]string{"%(x)s"}, "cannot be"},
		{[]string{"grüße"}, "cannot be"},
		{[]string{"--", "-a"}, "cannot be"},
		{[]string{strings.Repeat("a", 101)}, "longer than"},
		{[]string{"a", "--lang", "perl"}, `"perl", not python`},
		{[]string{"a", "--what"}, "-what"},
		{[]string{"a", "--dir", dir + " ;x"}, "no configuration can hold"},
		{[]string{"a", "--dir", dir + "\n"}, "no configuration can hold"},
	} {
		args := tc.args
		if !slices.Contains(args, "--dir") && !slices.Contains(args, "--") {
			args = append([]string{"--dir", dir}, args...)
		}
		var out, errs strings.Builder
		if status := listenerNew(args, &out, &errs); status != exitInvalidArgs || !strings.Contains(errs.String(), tc.want) || out.Len() > 0 {
			t.Errorf("%q: status %d, %s, %s", tc.args, status, out.String(), errs.String())
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was written")
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	if status := listenerNew([]string{"a", "--dir", dir}, &errs, &errs); status != exitGeneric || !strings.Contains(errs.String(), "cannot write the listener") {
		t.Errorf("status %d, %s", status, errs.String())
	}
}

func TestTheVerbListener(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	var out, errs strings.Builder
	std := streams{in: os.Stdin, out: &out, err: &errs}
	if status := command([]string{"supervisorctl", "-s", "unix:///no/such/socket", "listener", "new", "mine", "--dir=" + dir, "--lang", "sh"}, std); status != exitSuccess {
		t.Errorf("status %d, %s%s", status, out.String(), errs.String())
	}
	if info, err := os.Stat(filepath.Join(dir, "mine.sh")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("%v, %v", info, err)
	}
	for _, line := range []string{"listener", "listener old mine", "listener new"} {
		args := append([]string{"supervisorctl", "-s", "unix:///no/such/socket"}, strings.Fields(line)...)
		if status := command(args, std); status != exitInvalidArgs {
			t.Errorf("%s: status %d", line, status)
		}
	}
}

func TestANewListenerRequiresThisHark(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^VERSION +\?= ` + regexp.QuoteMeta(strings.TrimPrefix(harkVersion, "v")) + `$`).Match(makefile) {
		t.Errorf("the Makefile's version is not %s", harkVersion)
	}
	if !strings.Contains(string(module), fmt.Sprintf("\ngo %s\n", goVersion)) {
		t.Errorf("go.mod's Go is not %s", goVersion)
	}
}
