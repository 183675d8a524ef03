package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReadProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "supervisord.conf")
	if err := os.WriteFile(path, []byte("[supervisord]\nenvironment=A=\"daemon\",B=\"daemon\"\n[group:jobs]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Path: path, Environ: []string{"HOME=/root"}, Hostname: "host"}
	loaded, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	all, warnings, err := ReadProgram(o, loaded, "p", "jobs", map[string]string{
		"Command": "%(here)s/run %(program_name)s %(group_name)s %(ENV_A)s", "numprocs": "2", "process_name": "x%(process_num)d", "environment": "B=\"own\"",
		"startsecs": "7", "colour": "violet",
	})
	if err != nil || len(all) != 2 {
		t.Fatalf("%v %v", all, err)
	}
	p := all[1]
	if p.Name != "x1" || p.Command.Line != filepath.Dir(path)+"/run p jobs daemon" || p.StartWait != 7*time.Second || p.StopWait != 10*time.Second || !p.AutoStart || p.Stdout.Logfile.Kind != LogAuto {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(p.Environment, []EnvVar{{"A", "daemon"}, {"B", "own"}}) {
		t.Errorf("environment %v", p.Environment)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "colour") || strings.Contains(warnings[0], "violet") {
		t.Errorf("warnings %q", warnings)
	}
	for name, c := range map[string]struct {
		program  string
		settings map[string]string
		said     string
	}{
		"nothing":         {"p", nil, "does not specify a command"},
		"a bad name":      {"a:b", map[string]string{"command": "x"}, "Invalid name: 'a:b' because of character: ':'"},
		"a line in it":    {"a\n[x]", map[string]string{"command": "x"}, "Invalid name"},
		"a bad number":    {"p", map[string]string{"command": "x", "startsecs": "soon"}, "'soon'"},
		"a bad expansion": {"p", map[string]string{"command": "%(nothing)s"}, "nothing"},
		"too many":        {"p", map[string]string{"command": "x", "numprocs": "1000000", "process_name": "%(process_num)d"}, "cannot start 1000000 processes"},
		"one name":        {"p", map[string]string{"command": "x", "numprocs": "2", "process_name": "y"}, "%(process_num) must be present"},
	} {
		_, _, err := ReadProgram(o, loaded, c.program, "jobs", c.settings)
		if e, ok := errors.AsType[Errors](err); !ok || !strings.Contains(e.First(), c.said) {
			t.Errorf("%s: %v", name, err)
		}
	}
	again, err := Load(o)
	if err != nil || len(again.Groups) != len(loaded.Groups) || len(loaded.Groups[0].Processes) != 0 {
		t.Errorf("the configuration was changed: %v", err)
	}
}
