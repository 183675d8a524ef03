package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// shown is all that supervisorctl shows on a terminal until it ends, and its exit status.
func shown(t *testing.T, args ...string) (screen string, status int) {
	t.Helper()
	term := onTerminal(t, args...)
	status = term.ends()
	term.raw()
	return term.screen(), status
}

// raw is all that the terminal was sent, once the process has ended.
func (term *terminal) raw() string {
	term.t.Helper()
	select {
	case <-term.read:
	case <-time.After(testkit.Patience):
		term.t.Fatal("the terminal is kept open")
	}
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.shown.String()
}

// TestPeopleGetWhatTheyExpect: on a terminal there is nothing of Python, a slip is understood, --help is help, and hints follow errors.
func TestPeopleGetWhatTheyExpect(t *testing.T) {
	t.Parallel()
	dir := testkit.Dir(t)
	daemonAt(t, dir, terminalPrograms)
	waitFor(t, dir, "echo +RUNNING", "status", "echo")
	socket := "unix://" + dir + "/s"
	for _, c := range []struct {
		args   []string
		want   []string // in this order
		status int
	}{
		{[]string{"sttus"}, []string{`error: there is no action "sttus": did you mean status?`, "hint: help lists the actions"}, exitGeneric},
		{[]string{"xyzzy"}, []string{`error: there is no action "xyzzy"` + "\n", "hint: help lists the actions"}, exitGeneric},
		{[]string{"status", "--help"}, []string{"Get all process status info", "Flags that Hark adds:", "--all", "--json"}, exitSuccess},
		{[]string{"stop", "nosuch", "-h"}, []string{"nosuch: ERROR (no such process)", "-h: ERROR (no such process)"}, exitGeneric}, // -h is help alone only
		{[]string{"restart", "-h"}, []string{"Flags that Hark adds:", "--parallel"}, exitSuccess},
		{[]string{"help", "start"}, []string{"start all", "Flags that Hark adds:", "--parallel"}, exitSuccess},
		{[]string{"help", "config", "show"}, []string{"config check [FILE]", "Flags:", "--secrets"}, exitSuccess},
		{[]string{"help", "stat"}, []string{`There is no action "stat": did you mean status?`}, exitSuccess},
		{[]string{"help"}, []string{"default commands", "hark commands", "flags that hark adds", "--parallel  restart signal start stop", "--help      every action"}, exitSuccess},
		{[]string{"-s", "unix:///nonexistent", "avail"}, []string{"error: cannot reach unix:///nonexistent: no such file or directory", "hint: there is no such socket"}, exitGeneric},
		{[]string{"-s", "gopher://x", "avail"}, []string{"error: Unknown protocol", "hint: serverurl is"}, exitGeneric},
	} {
		args := c.args
		if c.args[0] != "-s" {
			args = append([]string{"-s", socket}, args...)
		}
		screen, status := shown(t, args...)
		rest := screen
		for _, want := range c.want {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("%v: there is no %q in\n%s", c.args, want, screen)
				break
			}
			rest = after
		}
		if strings.Contains(screen, "<class") || strings.Contains(screen, "Unknown syntax") {
			t.Errorf("%v shows what is Python's:\n%s", c.args, screen)
		}
		if status != c.status {
			t.Errorf("%v: status %d instead of %d:\n%s", c.args, status, c.status, screen)
		}
	}
}

// TestAllMistakesAreToldAtOnce, on a terminal by reread and by update, as an error.
func TestAllMistakesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	dir := testkit.Dir(t)
	daemonAt(t, dir, terminalPrograms)
	waitFor(t, dir, "echo +RUNNING", "status", "echo")
	conf := filepath.Join(dir, "supervisord.conf")
	if err := os.WriteFile(conf, []byte(baseConf+"[program:a]\nstartsecs=x\n[program:b]\ncommand=/bin/cat\nautostart=perhaps\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"reread", "update"} {
		screen, status := shown(t, "-s", "unix://"+dir+"/s", verb)
		first, rest, _ := strings.Cut(screen, "\n")
		if first != "error: supervisord cannot use the new configuration; nothing has changed:" || status != exitGeneric {
			t.Errorf("%s: status %d\n%s", verb, status, screen)
		}
		rest = strings.Join(strings.Fields(rest), " ")
		for _, want := range []string{`[program:a] command: `, `[program:a] startsecs: cannot use "x"`, `[program:b] autostart: cannot use "perhaps"`} {
			if strings.Count(rest, want) != 1 {
				t.Errorf("%s does not tell %q once:\n%s", verb, want, screen)
			}
		}
		if strings.Contains(screen, "class") || strings.Contains(screen, "CANT_REREAD") {
			t.Errorf("%s shows what is Python's:\n%s", verb, screen)
		}
	}
}

// TestTailForPeople: on a terminal -n is lines, several programs have their names before the lines, and colours are kept.
func TestTailForPeople(t *testing.T) {
	t.Parallel()
	dir := testkit.Dir(t)
	daemonAt(t, dir, `
[program:red]
command=/bin/sh -c "for i in 1 2 3; do printf '\\033[31mred\\033[0m %%d\\n' $i; done; exec cat"
startsecs=0
[program:echo]
command=/bin/sh -c "echo hello; exec cat"
startsecs=0
`)
	waitFor(t, dir, "red.* 3", "tail", "red")
	waitFor(t, dir, "hello", "tail", "echo")
	socket := "unix://" + dir + "/s"
	for _, c := range []struct {
		line   string
		want   string
		status int
	}{
		{"tail red", "red 1\nred 2\nred 3\n", exitSuccess},
		{"tail -n 2 red", "red 2\nred 3\n", exitSuccess},
		{"tail -n1 red", "red 3\n", exitSuccess},
		{"tail -15 red", "red 3\n", exitSuccess},
		{"tail -n 1 red echo", "red: red 3\necho: hello\n", exitSuccess},
		{"tail red nosuch", "nosuch: ERROR (no such process name)\nred: red 1\nred: red 2\nred: red 3\n", exitGeneric},
		{"--no-color tail -f nosuch", followNotice + "\nThere is no such process, or it has no log.\n", exitSuccess},
		{"tail -f nosuch", followNotice + "\nThere is no such process, or it has no log.\n", exitSuccess},
	} {
		term := onTerminal(t, append([]string{"-s", socket}, strings.Fields(c.line)...)...)
		status := term.ends()
		raw := term.raw()
		if got := term.screen(); got != c.want || status != c.status {
			t.Errorf("%s: status %d, %q instead of %q", c.line, status, got, c.want)
		}
		if strings.Contains(c.line, "red") && !strings.Contains(raw, "\x1b[31mred\x1b[") || strings.Contains(raw, "?[") {
			t.Errorf("%s has lost the colours: %q", c.line, raw)
		}
	}

	for _, c := range [][]string{{"--no-color", "tail", "red"}, {"--no-color", "tail", "-n", "3", "red", "echo"}} {
		term := onTerminal(t, append([]string{"-s", socket}, c...)...)
		term.ends()
		if raw := term.raw(); strings.Contains(raw, "\x1b") || !strings.Contains(raw, "red 3\r\n") {
			t.Errorf("%v: %q", c, raw)
		}
	}

	plain := onTerminal(t, "-s", socket, "--no-color", "tail", "-f", "red")
	plain.see("red 3\n")
	plain.typed(ctrlC)
	plain.ends()
	if raw := plain.raw(); strings.Contains(raw, "\x1b") {
		t.Errorf("a log that goes on has colours: %q", raw)
	}

	term := onTerminal(t, "-s", socket, "tail", "-n", "1", "-f", "red", "echo")
	term.see(followNotice)
	for _, want := range []string{"red: red 3\n", "echo: hello\n"} { // in any order
		term.passed = 0
		term.see(want)
	}
	fg := onTerminal(t, "-s", socket, "fg", "echo")
	fg.see("hello")
	fg.typed("again\r")
	term.see("echo: again\n")
	term.typed(ctrlC)
	if status := term.ends(); status != exitSuccess {
		t.Errorf("exit status %d", status)
	}
}

// TestHowItEndedIsSeen: by status, by wait and by events, in words and in colour, and in the documents by the signal's name.
func TestHowItEndedIsSeen(t *testing.T) {
	t.Parallel()
	dir := testkit.Dir(t)
	daemonAt(t, dir, `
[program:segv]
command=/bin/sh -c "ulimit -c 0; kill -SEGV $$"
startsecs=0
autorestart=false
autostart=false
[program:five]
command=/bin/sh -c "exit 5"
startsecs=0
autorestart=false
[program:never]
command=/nonexistent/never
startretries=100
[program:fine]
command=/bin/true
startsecs=0
autorestart=false
`)
	socket := "unix://" + dir + "/s"
	waitFor(t, dir, "five: EXITED", "wait", "five", "fine", "--for", "exited")
	// The stream keeps events once it has been asked for; what it shows comes after that.
	events := onTerminal(t, "-s", socket, "events", "--program", "segv", "PROCESS_STATE_EXITED", "--count", "1")
	testkit.Until(t, "an event is shown", func() bool {
		_, _, _ = ctl(t, "", "-s", socket, "start", "segv")
		waitFor(t, dir, "segv: EXITED", "wait", "segv", "--for", "exited")
		return events.screen() != ""
	})
	if status := events.ends(); status != exitSuccess {
		t.Errorf("events: status %d", status)
	}
	raw := events.raw()
	if got := events.screen(); !strings.Contains(got, "  segv was ended by SIGSEGV after 0.") || !strings.Contains(raw, "\x1b[31msegv was") {
		t.Errorf("events show %q", raw)
	}
	term := onTerminal(t, "-s", socket, "status")
	if status := term.ends(); status != exitStatusNotRunning {
		t.Errorf("status: %d", status)
	}
	for _, want := range []string{"\x1b[2mEXITED\x1b[0m    \x1b[2mstatus 0\x1b[0m, ", "\x1b[33mEXITED\x1b[0m    \x1b[33mstatus 5\x1b[0m, ", "\x1b[31mEXITED\x1b[0m    \x1b[31mSIGSEGV\x1b[0m, "} {
		if !strings.Contains(term.raw(), want) {
			t.Errorf("status lacks %q: %q", want, term.raw())
		}
	}
	screen, _ := shown(t, "-s", socket, "wait", "segv", "five", "fine", "--for", "exited")
	for _, want := range []string{"fine: EXITED (status 0)\n", "five: EXITED (status 5)\n", "segv: EXITED (SIGSEGV)\n"} {
		if !strings.Contains(screen, want) {
			t.Errorf("wait lacks %q:\n%s", want, screen)
		}
	}
	_, _, _ = ctl(t, "", "-s", socket, "stop", "never")
	if screen, _ := shown(t, "-s", socket, "status", "never"); !strings.Contains(screen, "STOPPED") || strings.Contains(screen, "status 0") {
		t.Errorf("what has never run has not ended either:\n%s", screen)
	}
	for _, line := range []string{"status segv --json", "wait segv --for exited --json"} {
		out, _, _ := ctl(t, "", append([]string{"-s", socket}, strings.Fields(line)...)...)
		if !strings.Contains(out, `"exitstatus": -1`) || !strings.Contains(out, `"signal": "SIGSEGV"`) {
			t.Errorf("%s:\n%s", line, out)
		}
	}
	if out, _, _ := ctl(t, "", "-s", socket, "status", "segv"); strings.Contains(out, "SIGSEGV") || strings.Contains(out, "\x1b") {
		t.Errorf("what is not on a terminal is not Supervisor's: %q", out)
	}
}

// TestALogThatXMLCannotCarry: Supervisor's daemon sends a coloured log as it is, which is no XML. It can be followed.
func TestALogThatXMLCannotCarry(t *testing.T) {
	t.Parallel()
	table := methods{
		"supervisor.getVersion": apiVersion,
		"supervisor.readProcessStdoutLog": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<?xml version='1.0'?><methodResponse><params><param><value><string>\x1b[31mred</string></value></param></params></methodResponse>")
		},
	}
	url := fakeServer(t, func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/logtail/") {
			_, _ = io.WriteString(w, "one\n\x1b[31mtwo\x1b[0m\n") // and ends, as Supervisor's does only when it shuts down
			return
		}
		table.ServeHTTP(w, req)
	})
	out, errs, status := ctl(t, "", "-s", url, "tail", "--lines", "1", "cat")
	if out != "cat: ERROR (the log has characters that XML cannot carry)\n" || errs != "hint: tail -f shows it all the same\n" || status != exitGeneric {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	out, errs, status = ctl(t, "", "-s", url, "tail", "-f", "--names", "--lines", "1", "cat")
	if out != followNotice+"\ncat: one\ncat: \x1b[31mtwo\x1b[0m\n" || errs != "hint: the server ended the log of cat\n" || status != exitSuccess {
		t.Errorf("followed: status %d, %q, %q", status, out, errs)
	}
}
