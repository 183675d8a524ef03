package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is written to may not be a file that the configuration is read from, by whatever name.
func TestAConfigurationFileIsNotWrittenTo(t *testing.T) {
	const conf = "[supervisord]\nPIDFILE\nLOGFILE\n[include]\nfiles=more.conf\n[program:a]\ncommand=/bin/cat\nnumprocs=3\nprocess_name=%(process_num)d\nOUT\n"
	for _, tt := range []struct{ section, key, value string }{
		{"supervisord", "pidfile", "DIR/supervisord.conf"},
		{"supervisord", "pidfile", "DIR/../DIRNAME/supervisord.conf"},
		{"supervisord", "pidfile", "DIR/more.conf"},
		{"supervisord", "pidfile", "DIR/link"},
		{"supervisord", "logfile", "DIR/supervisord.conf"},
		{"supervisord", "logfile", "DIR/hard"},
		{"program:a", "stdout_logfile", "DIR/more.conf"},
		{"program:a", "stderr_logfile", "DIR/supervisord.conf"},
		{"", "", ""},
	} {
		t.Run(tt.key+" "+tt.value, func(t *testing.T) {
			dir := t.TempDir()
			main := filepath.Join(dir, "supervisord.conf")
			value := strings.NewReplacer("DIRNAME", filepath.Base(dir), "DIR", dir).Replace(tt.value)
			set := map[string]string{"pidfile": dir + "/pid", "logfile": dir + "/log", "stdout_logfile": dir + "/out", "stderr_logfile": dir + "/err"}
			if tt.key != "" {
				set[tt.key] = value
			}
			text := strings.NewReplacer("PIDFILE", "pidfile="+set["pidfile"], "LOGFILE", "logfile="+set["logfile"],
				"OUT", "stdout_logfile="+set["stdout_logfile"]+"\nstderr_logfile="+set["stderr_logfile"]).Replace(conf)
			for name, content := range map[string]string{main: text, filepath.Join(dir, "more.conf"): "[program:b]\ncommand=/bin/cat\n"} {
				if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(main, filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(main, filepath.Join(dir, "hard")); err != nil {
				t.Fatal(err)
			}
			_, err := Load(Options{Path: main})
			if tt.key == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want := "[" + tt.section + "] " + tt.key + ": " + filepath.Clean(value) + " is a configuration file ("
			if err == nil || strings.Count(err.Error(), want) != 1 || !strings.Contains(err.Error(), "supervisord.conf:") {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
