package config

import (
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
