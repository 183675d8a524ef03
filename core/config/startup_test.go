package config

import (
	"fmt"
	"path/filepath"
	"testing"
)

func TestStartupChangesAreWhatReloadTakes(t *testing.T) {
	load := func(text string) *Config {
		dir := writeFiles(t, map[string]string{"s.conf": text})
		c, err := Load(Options{Path: filepath.Join(dir, "s.conf"), Dir: dir, Environ: []string{"PATH=/bin"}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const before = "[unix_http_server]\nfile=/tmp/s\n[supervisord]\nloglevel=info\nenvironment=A=1\n[program:x]\ncommand=/bin/cat\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
	for _, c := range []struct{ name, after, want string }{
		{"nothing", before, "[]"},
		{"what update takes", "[unix_http_server]\nfile=/tmp/s\n[supervisord]\nloglevel=info\nenvironment=A=2\n[program:y]\ncommand=/bin/cat\n[notifier:n]\nplugin=slack\nevents=TICK\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n", "[]"},
		{"settings", "[unix_http_server]\nfile=/tmp/t\nchmod=0770\n[supervisord]\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n", "[{unix_http_server [chmod file]} {supervisord [loglevel]}]"},
		{"sections", "[inet_http_server]\nport=9001\n[supervisord]\nloglevel=info\n", "[{inet_http_server [port]} {unix_http_server [file]} {rpcinterface:supervisor [supervisor.rpcinterface_factory]}]"},
	} {
		if got := fmt.Sprint(StartupChanges(load(before), load(c.after))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
