package prepared

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/fastcgi"
	"github.com/hark-supervisor/hark/core/output"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// parsed is a configuration with childlogdir in a directory of its own, which the text may name DIR.
func parsed(t *testing.T, text string) (conf *config.Config, dir string) {
	t.Helper()
	dir = testkit.Dir(t)
	path := filepath.Join(dir, "supervisord.conf")
	logs := filepath.Join(dir, "logs")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	text = "[supervisord]\nchildlogdir=DIR/logs\nidentifier=me\n" + text
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := config.Load(config.Options{Path: path, Dir: dir, Argv0: "supervisord"})
	if err != nil {
		t.Fatal(err)
	}
	return conf, dir
}

// entries are the names below a directory, with the random part of AUTO logs left out.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found {
		name := e.Name()
		if before, after, ok := strings.Cut(name, "---me-"); ok && strings.HasSuffix(after, ".log") {
			name = before
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

const twoPrograms = "[program:a]\ncommand=/bin/true\n[program:b]\ncommand=/bin/true\nstdout_logfile=DIR/b.log\nstderr_logfile=NONE\n"

// TestALifesLogs are there before it begins, and gone when it does not come.
func TestALifesLogs(t *testing.T) {
	conf, dir := parsed(t, twoPrograms)
	life, problems := For(conf, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := entries(t, filepath.Join(dir, "logs")); !slices.Equal(got, []string{"a-stderr", "a-stdout"}) {
		t.Errorf("childlogdir has %q", got)
	}
	for _, g := range conf.Groups {
		paths := life.Logs[g]
		if len(paths) != 1 {
			t.Fatalf("%s has %v", g.Name, paths)
		}
		if g.Name == "b" && paths[0] != (output.Paths{Stdout: filepath.Join(dir, "b.log")}) {
			t.Errorf("b has %v", paths)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "b.log")); err == nil {
		t.Error("a log that the configuration names was made, too")
	}
	life.Discard()
	if got := entries(t, filepath.Join(dir, "logs")); len(got) > 0 {
		t.Errorf("childlogdir still has %q", got)
	}
	life.Discard() // nothing more to do
}

// TestOfTwoGroupsWithOneNameTheFirstCounts, as in Supervisor.
func TestOfTwoGroupsWithOneNameTheFirstCounts(t *testing.T) {
	conf, dir := parsed(t, "[program:a]\ncommand=/bin/true\n")
	again := *conf.Groups[0]
	conf.Groups = append(conf.Groups, &again)
	life, problems := For(conf, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	defer life.Discard()
	if got := entries(t, filepath.Join(dir, "logs")); !slices.Equal(got, []string{"a-stderr", "a-stdout"}) || life.Logs[&again] != nil || life.Logs[conf.Groups[0]] == nil {
		t.Errorf("childlogdir has %q for %v", got, life.Logs)
	}
}

// TestProblems: each names the key to change, and leaves nothing behind.
func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		change  func(t *testing.T, conf *config.Config, dir string)
		sockets bool
		want    []string
	}{
		"a directory that has gone": {twoPrograms, func(t *testing.T, conf *config.Config, dir string) {
			if err := os.Remove(filepath.Join(dir, "logs")); err != nil {
				t.Fatal(err)
			}
		}, false, []string{"supervisord childlogdir"}},
		"an identifier that is no part of a name": {twoPrograms, func(_ *testing.T, conf *config.Config, _ string) {
			conf.Supervisord.Identifier = "a/b"
		}, false, []string{"supervisord identifier"}},
		"sockets that cannot be opened": {
			"[program:a]\ncommand=/bin/true\n" +
				"[fcgi-program:one]\ncommand=/bin/true\nsocket=unix://DIR/none/one.sock\n" +
				"[fcgi-program:two]\ncommand=/bin/true\nsocket=unix://DIR/two.sock\n",
			nil, true, []string{"fcgi-program:one socket"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			conf, dir := parsed(t, c.text)
			if c.change != nil {
				c.change(t, conf, dir)
			}
			var sockets *fastcgi.Sockets
			if c.sockets {
				sockets = fastcgi.New(func(_ config.Level, line string) { t.Log(line) })
			}
			life, problems := For(conf, sockets)
			var got []string
			for _, p := range problems {
				got = append(got, p.Section+" "+p.Key)
				if p.Err == nil {
					t.Errorf("%s %s without a reason", p.Section, p.Key)
				}
			}
			if life != nil || !slices.Equal(got, c.want) {
				t.Fatalf("the life is %v, the problems are %q", life, got)
			}
			if left := entries(t, dir); slices.ContainsFunc(left, func(n string) bool { return n != "logs" && n != "supervisord.conf" }) {
				t.Errorf("left behind: %q", left)
			}
			if left, err := os.ReadDir(filepath.Join(dir, "logs")); err == nil && len(left) > 0 {
				t.Errorf("left in childlogdir: %q", left)
			}
		})
	}
}

// TestSocketsOfARestart: they are open before the life begins, for the programs that start by themselves, and closed where it does not come.
func TestSocketsOfARestart(t *testing.T) {
	conf, dir := parsed(t, "[fcgi-program:one]\ncommand=/bin/true\nsocket=unix://DIR/one.sock\n"+
		"[fcgi-program:later]\ncommand=/bin/true\nautostart=false\nsocket=unix://DIR/later.sock\n[program:a]\ncommand=/bin/true\n")
	life, problems := For(conf, fastcgi.New(func(config.Level, string) {}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var open []string
	for g := range life.Sockets {
		open = append(open, g.Name)
	}
	if !slices.Equal(open, []string{"one"}) {
		t.Errorf("open are those of %q", open)
	}
	life.Discard()
	if left := entries(t, dir); !slices.Equal(left, []string{"logs", "supervisord.conf"}) || life.Sockets != nil {
		t.Errorf("left behind: %q", left)
	}
}

// TestLogsOfEarlierLives go, but neither this life's nor another daemon's.
func TestLogsOfEarlierLives(t *testing.T) {
	conf, dir := parsed(t, "[program:a]\ncommand=/bin/true\n")
	logs := filepath.Join(dir, "logs")
	for i, name := range []string{"a-stdout---me-abcdefgh.log", "gone-stderr---me-12345678.log.1", "a-stdout---other-abcdefgh.log", "notes"} {
		if err := os.WriteFile(filepath.Join(logs, name), fmt.Append(nil, i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	life, problems := For(conf, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	defer life.Discard()
	if warnings := life.ClearAutoLogs(); len(warnings) > 0 {
		t.Errorf("it warns %q", warnings)
	}
	if got, want := entries(t, logs), []string{"a-stderr", "a-stdout", "a-stdout---other-abcdefgh.log", "notes"}; !slices.Equal(got, want) {
		t.Errorf("childlogdir has %q instead of %q", got, want)
	}
}
