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
	return strings.Join([]string{dir, os.Getenv("PATH")}, ":")
}

// newListenerTools are what a machine may lack of that which a language's listener
// needs.
func newListenerTools() map[string][]string {
	return map[string][]string{
		"ruby": {"ruby"}, "php": {"php"}, "java": {"javac", "java"}, "lua": {"lua"}, "tcl": {"tclsh"}, "rust": {"rustc"},
	}
}

// needTools skips the test where a language is not there; make integration installs
// them all.
func needTools(t *testing.T, l listenerLanguage) {
	t.Helper()
	for _, tool := range newListenerTools()[l.name] {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		if os.Getenv("HARK_INTEGRATION") != "" {
			t.Fatalf("there is no %s here; make integration installs it", tool)
		}
		t.Skipf("there is no %s here; make integration installs it", tool)
	}
}

func TestNewListenersKeepTheProtocol(t *testing.T) {
	path := kitPath(t)
	source, none := filepath.Join(t.TempDir(), "go"), t.TempDir()
	if out, err := exec.Command("../../packaging/gosource", source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, l := range listenerLanguages() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel() // it mostly waits for what must not come
			needTools(t, l)
			dir := newListener(t, "my-crashes", append([]string{"--lang=" + l.name}, map[string][]string{"go": {"--replace=" + source}}[l.name]...)...)
			run := func(argv ...string) string {
				t.Helper()
				cmd := exec.Command(argv[0], argv[1:]...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PATH="+path, "PYTHONDONTWRITEBYTECODE=1", "GOPROXY=off", "GOMODCACHE="+none, "GOFLAGS=", "GOWORK=off")
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
				// as somebody with an installed Hark, no network and no cache of modules
				run("go", "vet", ".")
				run("go", "test", ".")
				run("sh", "-c", l.build("my-crashes"))
				return
			case "python":
				run("/usr/bin/python3", "-W", "error", "-c", `import sys; [compile(open(f).read(), f, "exec") for f in sys.argv[1:]]`, listener, test)
				run(test)
				return
			case "bash", "sh", "awk":
				run("bash", "-n", listener)
			}
			run("bash", "-n", test)
			said := run(test, "--faults", "--stderr", "--events", "EVENT,HARK")
			if !strings.Contains(said, "web:web is down\n") || strings.Contains(said, "\nwarn ") {
				t.Errorf("it does not say that web is down, or breaks a rule:\n%s", said)
			}
		})
	}
}

// What a handler rejects is answered FAIL, what it prints is no answer, and then comes
// the next event.
func TestANewListenersHandlerMayReject(t *testing.T) {
	path := kitPath(t)
	for name, edit := range map[string][2]string{
		"bash": {"printf '%s:%s is down\\n'", "return 1; printf '%s:%s'"},
		"sh":   {`echo "$groupname:$processname is down"`, "echo said; return 1"},
		"perl": {`print "$of{groupname}`, `print "said\n"; die "rejected\n"; print "$of{groupname}`},
		"ruby": {"  puts \"#{of", "  puts 'said'\n  raise 'rejected'\n  puts \"#{of"},
		"php":  {"        echo \"{$of", "        echo \"said\\n\"; throw new Exception('rejected'); echo \"{$of"},
		"node": {"    console.log(`", "    console.log('said'); throw new Error('rejected'); console.log(`"},
		"java": {"            System.out.println(of.get", "            System.out.println(\"said\");\n            if (true) throw new Exception(\"rejected\");\n            System.out.println(of.get"},
		"lua":  {"    print(of.groupname", "    print('said'); error('rejected'); print(of.groupname"},
		"tcl":  {"        puts stderr \"[dict", "        puts stderr said; error rejected; puts stderr \"[dict"},
		"awk":  {"		print of[", "		return 0; print of["},
		"rust": {"        let name =", "        eprintln!(\"said\");\n        if true { return Err(\"rejected\".into()); }\n        let name ="},
	} {
		t.Run(name, func(t *testing.T) {
			i := slices.IndexFunc(listenerLanguages(), func(l listenerLanguage) bool { return l.name == name })
			l := listenerLanguages()[i]
			needTools(t, l)
			dir := newListener(t, "mine", "--lang="+name)
			file := filepath.Join(dir, l.file("mine"))
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(text), edit[0], edit[1], 1)
			if changed == string(text) {
				t.Fatalf("the listener has no %q", edit[0])
			}
			if err := os.WriteFile(file, []byte(changed), 0o755); err != nil {
				t.Fatal(err)
			}
			env := append(os.Environ(), "PATH="+path)
			if l.build != nil {
				build := exec.Command("sh", "-c", l.build("mine"))
				build.Dir, build.Env = dir, env
				if out, err := build.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			const fatal = "processname:web groupname:web from_state:BACKOFF"
			const exited = "processname:web groupname:web from_state:RUNNING expected:1 pid:12"
			event := func(name, payload string) string {
				return fmt.Sprintf("ver:3.0 server:supervisor serial:0 pool:mine poolserial:0 eventname:%s len:%d\n%s", name, len(payload), payload)
			}
			argv := l.program(dir, "mine")
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Env = env
			var errs strings.Builder
			cmd.Stderr = &errs
			cmd.Stdin = strings.NewReader(event("PROCESS_STATE_FATAL", fatal) + event("PROCESS_STATE_EXITED", exited) + event("PROCESS_STATE_FATAL", fatal))
			out, err := cmd.Output()
			if err != nil || string(out) != "READY\nRESULT 4\nFAILREADY\nRESULT 2\nOKREADY\nRESULT 4\nFAILREADY\n" {
				t.Errorf("%v, %q, %s", err, out, errs.String())
			}
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
		want := []string{filepath.Join(dir, l.file("mine"))}
		switch {
		case l.name == "java":
			want = []string{"java", "-cp", dir, "Listener"}
		case l.build != nil:
			want = []string{filepath.Join(dir, "mine")}
		}
		if command := c.Groups[0].Processes[0].Command; command.Err != nil || !reflect.DeepEqual(command.Argv, want) {
			t.Errorf("%s: %q, %v", l.name, command.Argv, command.Err)
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
		{[]string{"a", "--lang", "cobol"}, `"cobol", not one of python, bash, `},
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
