package daemonlog

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/core/config"
)

// What was noted before there was a log stands in Supervisor's order, and nothing below the level is written.
func TestBegin(t *testing.T) {
	set := &config.Supervisord{NoDaemon: true, Silent: true, Logfile: filepath.Join(t.TempDir(), "log"), LogLevel: config.WARN}
	files, err := OpenFiles(set)
	if err != nil {
		t.Fatal(err)
	}
	l := New(set, files)
	l.Begin("hark", []string{"worst"}, []string{"bad"}, []string{"fine"})
	l.Write(config.DEBG, "nothing")
	l.Close()
	b, err := os.ReadFile(set.Logfile)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(b)) {
		lines = append(lines, strings.Join(strings.Fields(line)[2:], " "))
	}
	if !slices.Equal(lines, []string{"CRIT worst", "WARN bad"}) {
		t.Errorf("%q", lines)
	}
}

// The lines of hclog keep their levels.
func TestLogger(t *testing.T) {
	var got []string
	l := NewLogger(func(level config.Level, text string) { got = append(got, fmt.Sprint(level, " ", text)) })
	l.SetLevel(HCLevel(config.TRAC))
	l = l.Named("plugin.x")
	l.Trace("a")
	l.Debug("b")
	l.Info("c [d]", "key", "value")
	l.Warn("e")
	l.Error("f")
	want := []string{
		fmt.Sprint(config.TRAC, " plugin.x: a"), fmt.Sprint(config.DEBG, " plugin.x: b"), fmt.Sprint(config.INFO, " plugin.x: c [d]: key=value"),
		fmt.Sprint(config.WARN, " plugin.x: e"), fmt.Sprint(config.ERRO, " plugin.x: f"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for level, want := range map[config.Level]hclog.Level{
		config.TRAC: hclog.Trace, config.DEBG: hclog.Debug, config.INFO: hclog.Info, config.WARN: hclog.Warn, config.ERRO: hclog.Error, config.CRIT: hclog.Error,
	} {
		if got := HCLevel(level); got != want {
			t.Errorf("%v: %v, want %v", level, got, want)
		}
	}
}
