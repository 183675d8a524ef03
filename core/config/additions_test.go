package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func readGroups(t *testing.T, text string, environ ...string) *Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "supervisord.conf")
	if err := os.WriteFile(path, []byte("[supervisord]\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{Path: path, Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAdditionsAreWhatIsNotByDefault(t *testing.T) {
	for _, c := range []struct {
		text string
		want []Change
	}{
		{"[program:a]\ncommand=/bin/a\n", []Change{{"a", "command", "", "/bin/a"}}},
		{"[program:a]\ncommand=/bin/a\npriority=3\nstopasgroup=true\nredirect_stderr=true\nenvironment=K=\"hunter2\"\n", []Change{
			{"", "priority", "", "3"}, {"a", "command", "", "/bin/a"}, {"a", "priority", "", "3"}, {"a", "stopasgroup", "", "true"},
			{"a", "redirect_stderr", "", "true"}, {"a", "environment K", "", masked}}},
		{"[eventlistener:a]\ncommand=/bin/a\nevents=TICK_5\n", []Change{{"", "events", "", "TICK_5"}, {"a", "command", "", "/bin/a"}}},
		{"[fcgi-program:a]\ncommand=/bin/a\nsocket=tcp://localhost:9000\n", []Change{{"", "socket", "", "tcp://localhost:9000"}, {"a", "command", "", "/bin/a"}}},
	} {
		if got := Additions(readGroups(t, c.text).Groups[0]); !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.text, got, c.want)
		}
	}
}

func TestChangesShowNothingOfTheEnvironment(t *testing.T) {
	const text = "[program:a]\ncommand=/bin/a %(program_name)s %(ENV_TOKEN)s %(ENV_OWN)s%(ENV_WIDE)9s\nenvironment=OWN=\"hunter3\"\nserverurl=%(ENV_URL)s\n"
	read := func(token string) *Group {
		return readGroups(t, text, "TOKEN="+token, "WIDE=w", "URL=http://u:"+token+"@localhost:9001").Groups[0]
	}
	a, b := read("hunter1"), read("hunter2")
	if want := "/bin/a a hunter1 hunter3        w"; a.Processes[0].Command.Line != want {
		t.Errorf("the command is %q, want %q", a.Processes[0].Command.Line, want)
	}
	changes := Changes(a, b)
	if len(changes) != 2 || changes[0] != (Change{"a", "command", "/bin/a a %(ENV_TOKEN)s %(ENV_OWN)s%(ENV_WIDE)s", "/bin/a a %(ENV_TOKEN)s %(ENV_OWN)s%(ENV_WIDE)s"}) {
		t.Errorf("%v", changes)
	}
	for _, c := range append(changes, Additions(b)...) {
		if strings.Contains(c.From+c.To, "hunter") {
			t.Errorf("%v shows a secret", c)
		}
	}
}
