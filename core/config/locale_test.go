//go:build linux

package config

import (
	"os"
	"path/filepath"
	"testing"
)

// Whoever reads the file where there is no locale sees LC_CTYPE as supervisord does.
func TestTheProcessesEnvironmentIsAsPythonHasIt(t *testing.T) {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "PYTHONCOERCECLOCALE", "LOCPATH"} {
		t.Setenv(name, "")
	}
	t.Setenv("LANG", "C")
	file := filepath.Join(t.TempDir(), "supervisord.conf")
	if err := os.WriteFile(file, []byte("[supervisord]\nidentifier = %(ENV_LC_CTYPE)s\n[supervisorctl]\nprompt = %(ENV_LC_CTYPE)s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{Path: file, Argv0: "supervisord"})
	if err != nil || c.Supervisord.Identifier != "C.UTF-8" {
		t.Errorf("%v, %+v", err, c)
	}
	ctl, err := LoadCtl(Options{Path: file, Argv0: "supervisorctl"})
	if err != nil || ctl.Prompt != "C.UTF-8" {
		t.Errorf("%v, %+v", err, ctl)
	}
}
