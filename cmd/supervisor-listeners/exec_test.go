package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExec(t *testing.T) {
	for name, c := range map[string]struct {
		event   recorded
		options string
		script  string
		results string
		out     string // what the file out holds
	}{
		"the payload on stdin": {recorded{"REMOTE_COMMUNICATION", "type:x\nž\n"}, "", "cat > out", "OK", "type:x\nž\n"},
		"the environment": {recorded{"PROCESS_STATE_EXITED", crash}, "", `echo "$EVENT_NAME $EVENT_SERIAL $EVENT_POOL $EVENT_POOLSERIAL $EVENT_SERVER $EVENT_PROCESSNAME $EVENT_FROM_STATE $EVENT_EXPECTED" > out`,
			"OK", "PROCESS_STATE_EXITED 0 x 0 supervisor cat RUNNING 0\n"},
		"a command that fails":           {recorded{"TICK_5", "when:5"}, "", "exit 3", "FAIL", ""},
		"one try":                        {recorded{"TICK_5", "when:5"}, "-r 1", "exit 3", "OK", ""},
		"a command that does not read":   {recorded{"REMOTE_COMMUNICATION", "type:x\n" + strings.Repeat("x", 1<<20)}, "", "echo x > out", "OK", "x\n"},
		"a command that takes too long":  {recorded{"TICK_5", "when:5"}, "-t 1", "echo x > out; sleep 1000", "FAIL", "x\n"},
		"one that does not hear SIGTERM": {recorded{"TICK_5", "when:5"}, "-t 1 -r 1", "trap '' TERM; sleep 1000; sleep 1000", "OK", ""},
		"one that leaves another behind": {recorded{"TICK_5", "when:5"}, "", "sleep 1000 & echo $! > out", "OK", "*"},
		"a process that is meant":        {recorded{"PROCESS_STATE_EXITED", crash}, "-p dog -p cats:cat", "echo x > out", "OK", "x\n"},
		"a process that is not":          {recorded{"PROCESS_STATE_EXITED", crash}, "-p dog", "echo x > out", "OK", ""},
		"an event of no process":         {recorded{"TICK_5", "when:5"}, "-p dog", "echo x > out", "OK", "x\n"},
		"a payload without tokens":       {recorded{"NEW", "hello"}, "", "cat > out", "OK", "hello"},
		"a NUL in a token":               {recorded{"NEW", "a:b\x00 c:d"}, "", "echo \"$EVENT_A$EVENT_C\" > out", "OK", "d\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			args := append([]string{"exec"}, strings.Fields(c.options)...)
			b := newBench(c.event).run(append(args, "/bin/sh", "-c", "cd "+dir+"; "+c.script)...)
			got := read(t, filepath.Join(dir, "out"))
			if c.out == "*" {
				pid := strings.TrimSpace(got)
				if p, err := os.ReadFile("/proc/" + pid + "/comm"); err == nil && strings.TrimSpace(string(p)) == "sleep" {
					killPid(t, pid)
				} else {
					t.Errorf("what it left behind (%s) is gone: %v", pid, err)
				}
				got = c.out
			}
			if b.status != 0 || b.results() != c.results || got != c.out {
				t.Errorf("status %d, said %q, left %q, logged %s", b.status, b.results(), got, b.stderr.String())
			}
		})
	}
}

func TestExecsOptions(t *testing.T) {
	for _, args := range []string{"", "-t 0 x", "-t x x", "-r -1 x", "-w 0 x"} {
		if b := newBench().run(append([]string{"exec"}, strings.Fields(args)...)...); b.status != exitUnknown {
			t.Errorf("%q: %d", args, b.status)
		}
	}
	if b := newBench(recorded{"TICK_5", "when:5"}).run("exec", "/no/such/command"); b.results() != "FAIL" {
		t.Errorf("said %q", b.results())
	}
}
