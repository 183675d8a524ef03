package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhatComesFromTheEnvironmentIsShownWhereItIsAskedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.conf")
	const text = "[supervisord]\ndirectory=/%(ENV_EMPTY)s\n[unix_http_server]\nfile=/tmp/x\nusername=u\npassword=hunter1\n" +
		"[program:a]\ncommand=/bin/a %(ENV_TOKEN)s %(ENV_OWN)s\nenvironment=OWN=\"hunter2\"\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	show := func(secrets bool) (values []string) {
		all, err := Show(Options{Path: path, Environ: []string{"TOKEN=hunter3", "EMPTY="}}, secrets)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			for _, k := range s.Settings {
				if !k.Default {
					values = append(values, k.Value)
				}
			}
			for _, p := range s.Processes {
				values = append(values, p.Command)
			}
		}
		return values
	}
	hidden, open := strings.Join(show(false), "\n"), show(true)
	if strings.Contains(hidden, "hunter") || !strings.Contains(hidden, "/%(ENV_EMPTY)s") || strings.Count(hidden, "/bin/a %(ENV_TOKEN)s %(ENV_OWN)s") != 2 {
		t.Errorf("without secrets:\n%s", hidden)
	}
	for _, want := range []string{"/", "hunter1", `OWN="hunter2"`, "/bin/a hunter3 hunter2"} {
		if !slices.Contains(open, want) {
			t.Errorf("with secrets there is no %q in %q", want, open)
		}
	}
}

// A default that depends on other keys is shown as it takes effect.
func TestDefaultsThatFollowOtherKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.conf")
	const text = "[supervisord]\n[program:a]\ncommand=/bin/a\nstopasgroup=true\nredirect_stderr=yes\n[program:b]\ncommand=/bin/b\n[program:c]\ncommand=/bin/c\nstopasgroup=true\nkillasgroup=true\nstderr_logfile=AUTO\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := Show(Options{Path: path}, false)
	if err != nil {
		t.Fatal(err)
	}
	for section, want := range map[string]string{
		"program:a": "killasgroup=true default=true stderr_logfile=NONE default=true ",
		"program:b": "killasgroup=false default=true stderr_logfile=AUTO default=true ",
		"program:c": "killasgroup=true default=false stderr_logfile=AUTO default=false ",
	} {
		got := ""
		s := all[slices.IndexFunc(all, func(s ShownSection) bool { return s.Name == section })]
		for _, k := range s.Settings {
			if k.Key == "killasgroup" || k.Key == "stderr_logfile" {
				got += fmt.Sprintf("%s=%s default=%v ", k.Key, k.Value, k.Default)
			}
		}
		if got != want {
			t.Errorf("%s: %s", section, got)
		}
	}
}
