package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestTheExitSignalsStopEverythingInOrder(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		in := run(t, `
[program:first]
command=/bin/cat
startsecs=0
priority=1
[program:last]
command=/bin/cat
startsecs=0
priority=2
`)
		in.waitState("first", "RUNNING")
		in.waitState("last", "RUNNING")
		in.signal(sig)
		if status := in.ended(); status != 0 {
			t.Errorf("%v: status %d", sig, status)
		}
		name := map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT", syscall.SIGQUIT: "SIGQUIT"}[sig]
		inOrder(t, in.log(), "WARN received "+name+" indicating exit request\n",
			"INFO waiting for first, last to die\n", "WARN stopped: last (terminated by SIGTERM)\n", "WARN stopped: first (terminated by SIGTERM)\n")
		in.nothingLeft()
	}
}

// inOrder checks that a text has others, one after another.
func inOrder(t testing.TB, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Errorf("%q is not in its place in:\n%s", part, text)
			return
		}
		rest = after
	}
}

func TestAShutdownTellsWhomItWaitsForAndKillsInTheEnd(t *testing.T) {
	in := run(t, `
[program:deaf]
command=/bin/sh -c "trap '' TERM; echo deaf; while :; do sleep 1000 & wait; done"
stdout_logfile=DIR/deaf.log
stopwaitsecs=7
stopasgroup=false
killasgroup=true
[program:deaf2]
command=/bin/sh -c "trap '' TERM; echo deaf; while :; do sleep 1000 & wait; done"
stdout_logfile=DIR/deaf2.log
stopwaitsecs=7
killasgroup=true
`)
	in.waitFile("deaf.log", "deaf\n")
	in.waitFile("deaf2.log", "deaf\n")
	in.signal(syscall.SIGTERM)
	in.waitLog("received SIGTERM indicating exit request")
	in.signal(syscall.SIGTERM) // impatience changes nothing
	in.signal(syscall.SIGHUP)
	testkit.Until(t, "it refuses to restart", func() bool {
		return strings.Contains(in.log(), "WARN ignored SIGHUP indicating restart request (shutdown in progress)\n")
	})
	if fault := in.fault("supervisor.getState"); fault.Code != 6 {
		t.Errorf("a call in shutdown: %v", fault)
	}
	if status := in.ended(); status != 0 {
		t.Errorf("status %d", status)
	}
	log := in.log()
	inOrder(t, log, "received SIGTERM indicating exit request", "INFO waiting for deaf, deaf2 to die\n", "INFO waiting for deaf, deaf2 to die\n",
		"WARN killing 'deaf2' (", "WARN stopped: deaf2 (terminated by SIGKILL)\n", "INFO waiting for deaf to die\n",
		"WARN killing 'deaf' (", "WARN stopped: deaf (terminated by SIGKILL)\n")
	if n := strings.Count(log, "received SIGTERM indicating exit request"); n != 2 {
		t.Errorf("%d TERMs were received", n)
	}
	// Every 3 s: two groups of 7 s one after another leave room for few.
	if n := strings.Count(log, "to die\n"); n < 4 || n > 8 {
		t.Errorf("it told %d times whom it waits for:\n%s", n, log)
	}
}

func TestStopasgroupReachesThoseWhoStayBehind(t *testing.T) {
	const tree = `
command=/bin/sh -c "(trap 'echo child TERM; exit' TERM; echo ready $(sh -c 'echo $PPID'); while :; do sleep 0.02; done) & trap 'echo parent TERM; exit' TERM; while :; do sleep 0.02; done"
startsecs=0
redirect_stderr=true
`
	in := run(t, `
[program:alone]
stdout_logfile=DIR/alone.log`+tree+`
[program:group]
stdout_logfile=DIR/group.log
stopasgroup=true`+tree+`
[program:killed]
stdout_logfile=DIR/killed.log
stopsignal=KILL
killasgroup=true
stopasgroup=true`+tree)
	children := map[string]int{}
	for _, name := range []string{"alone", "group", "killed"} {
		in.waitFile(name+".log", "ready ")
		testkit.Until(t, "the line is whole", func() bool {
			_, rest, _ := strings.Cut(in.file(name+".log"), "ready ")
			line, _, whole := strings.Cut(rest, "\n")
			pid, err := strconv.Atoi(line)
			children[name] = pid
			return whole && err == nil
		})
	}
	defer syscall.Kill(children["alone"], syscall.SIGKILL) //nolint:errcheck // ours
	for name := range children {
		in.must("supervisor.stopProcess", name)
	}
	testkit.Until(t, "the children of the groups are gone", func() bool { return !alive(children["group"]) && !alive(children["killed"]) })
	if !alive(children["alone"]) {
		t.Error("without stopasgroup the child was stopped, too")
	}
	for name, want := range map[string]string{"alone": "parent TERM\n", "group": "child TERM\n"} {
		in.waitFile(name+".log", want)
	}
	if strings.Contains(in.file("alone.log"), "child TERM") {
		t.Error("without stopasgroup the child got the signal, too")
	}
	inOrder(t, in.log(), "killing group (pid ", "process group with signal SIGTERM")
}

func TestUSR2ReopensTheLogs(t *testing.T) {
	in := run(t, `
[program:say]
command=/bin/cat
stdout_logfile=DIR/say.log
startsecs=0
`)
	in.waitState("say", "RUNNING")
	in.must("supervisor.sendProcessStdin", "say", "before\n")
	in.waitFile("say.log", "before\n")
	for _, name := range []string{"say.log", "supervisord.log"} {
		if err := os.Rename(filepath.Join(in.dir, name), filepath.Join(in.dir, name+".old")); err != nil {
			t.Fatal(err)
		}
	}
	in.signal(syscall.SIGUSR2)
	testkit.Until(t, "the logs are new", func() bool {
		_, one := os.Stat(filepath.Join(in.dir, "say.log"))
		_, two := os.Stat(filepath.Join(in.dir, "supervisord.log"))
		return one == nil && two == nil
	})
	in.must("supervisor.sendProcessStdin", "say", "after\n")
	in.waitFile("say.log", "after\n")
	if strings.Contains(in.file("say.log"), "before") || in.file("say.log.old") != "before\n" {
		t.Errorf("old %q, new %q", in.file("say.log.old"), in.file("say.log"))
	}
	in.waitFile("supervisord.log.old", "INFO received SIGUSR2 indicating log reopen request\n")
	in.must("supervisor.stopProcess", "say")
	in.waitLog("stopped: say (terminated by SIGTERM)")
	if strings.Contains(in.log(), "spawned: 'say'") {
		t.Error("the new log has what is in the old one")
	}
}

func TestHUPStartsAnewWithTheNewConfigurationInTheSamePid(t *testing.T) {
	in := run(t, `
[program:same]
command=/bin/cat
startsecs=0
[program:old]
command=/bin/cat
startsecs=0
`)
	in.waitState("old", "RUNNING")
	pid := in.must("supervisor.getPID").(int)
	child := in.pid("same")
	in.writeConf(baseConf + `
[program:same]
command=/bin/cat
startsecs=0
[program:new]
command=/bin/cat
startsecs=0
`)
	for turn, restart := range []func(){func() { in.signal(syscall.SIGHUP) }, func() { in.must("supervisor.restart") }} {
		before := strings.Count(in.log(), "supervisord started with pid")
		restart()
		testkit.Until(t, "the daemon has restarted", func() bool {
			if strings.Count(in.log(), "supervisord started with pid") <= before {
				return false
			}
			_, err := in.call("supervisor.getState")
			return err == nil
		})
		in.waitState("new", "RUNNING")
		if now := in.must("supervisor.getPID").(int); now != pid {
			t.Errorf("turn %d: pid %d, was %d", turn, now, pid)
		}
		if alive(child) || in.pid("same") == child {
			t.Errorf("turn %d: the program was not restarted", turn)
		}
		child = in.pid("same")
		if fault := in.fault("supervisor.getProcessInfo", "old"); fault.Code != 10 {
			t.Errorf("turn %d: the old program: %v", turn, fault)
		}
		if file, ok := in.pidfile(); !ok || file != pid {
			t.Errorf("turn %d: the pidfile has %q", turn, in.file("supervisord.pid"))
		}
	}
	inOrder(t, in.log(), "WARN received SIGHUP indicating restart request\n", "INFO waiting for ", "INFO supervisord started with pid")
}

func TestABrokenConfigurationIsNoReasonToStop(t *testing.T) {
	in := run(t, "[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	in.waitState("a", "RUNNING")
	child := in.pid("a")
	for _, broken := range []string{baseConf + "[program:a]\nstartsecs=soon\n", "[nonsense\n"} {
		in.writeConf(broken)
		before := strings.Count(in.log(), " ERRO cannot restart with the current configuration, so everything continues: ")
		in.signal(syscall.SIGHUP)
		testkit.Until(t, "the log says why not", func() bool {
			return strings.Count(in.log(), " ERRO cannot restart with the current configuration, so everything continues: ") > before
		})
		if fault := in.fault("supervisor.restart"); fault.Code != 92 {
			t.Errorf("restart: %v", fault)
		}
		if fault := in.fault("supervisor.reloadConfig"); fault.Code != 92 {
			t.Errorf("reloadConfig: %v", fault)
		}
		if in.pid("a") != child || in.state("a") != "RUNNING" {
			t.Error("the program was disturbed")
		}
	}
	in.writeConf(baseConf + "[program:b]\ncommand=/bin/cat\nstartsecs=0\n")
	in.signal(syscall.SIGHUP)
	testkit.Until(t, "the mended configuration is used", func() bool {
		_, err := in.call("supervisor.getProcessInfo", "b")
		return err == nil
	})
}

func TestAConfigurationThatBreaksDuringARestartIsNotUsed(t *testing.T) {
	in := run(t, `
[program:slow]
command=/bin/sh -c "trap 'while [ ! -e DIR/go ]; do sleep 0.02; done; exit' TERM; echo up; while :; do sleep 0.02; done"
stdout_logfile=DIR/slow.log
stopwaitsecs=1000
startsecs=0
`)
	in.waitFile("slow.log", "up\n")
	in.must("supervisor.restart")
	in.waitLog("waiting for slow to die")
	in.writeConf("[nonsense\n")
	in.script("go", "")
	in.waitLog("CRIT cannot read the configuration again, so the one of before the restart is used: ")
	in.waitServing()
	in.waitState("slow", "RUNNING")
}

func TestChangedGroupsAreTakenUp(t *testing.T) {
	in := run(t, `
[program:same]
command=/bin/cat
startsecs=0
[program:changed]
command=/bin/cat
startsecs=0
[program:removed]
command=/bin/cat
startsecs=0
`)
	in.waitState("removed", "RUNNING")
	same := in.pid("same")
	in.writeConf(baseConf + `
[program:same]
command=/bin/cat
startsecs=0
[program:changed]
command=/bin/cat -u
startsecs=0
[program:added]
command=/bin/cat
startsecs=0
`)
	if got := fmt.Sprint(in.must("supervisor.reloadConfig")); got != "[[[added] [changed] [removed]]]" {
		t.Errorf("reloadConfig: %s", got)
	}
	if fault := in.fault("supervisor.removeProcessGroup", "removed"); fault.Code != 91 {
		t.Errorf("a running group: %v", fault)
	}
	for _, group := range []string{"removed", "changed"} {
		in.must("supervisor.stopProcessGroup", group)
		in.must("supervisor.removeProcessGroup", group)
	}
	for _, group := range []string{"added", "changed"} {
		in.must("supervisor.addProcessGroup", group)
		in.waitState(group, "RUNNING")
	}
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", in.pid("changed")))
	if string(cmdline) != "/bin/cat\x00-u\x00" {
		t.Errorf("the changed program runs %q", cmdline)
	}
	if in.pid("same") != same {
		t.Error("the other was disturbed")
	}
	if got := fmt.Sprint(in.must("supervisor.reloadConfig")); got != "[[[] [] []]]" {
		t.Errorf("reloadConfig afterwards: %s", got)
	}
}

func TestADaemonThatWasStoppedForAWhileGoesOn(t *testing.T) {
	in := run(t, `
[program:talks]
command=/bin/sh -c "i=0; while :; do i=$((i+1)); echo $i; sleep 0.001; done"
stdout_logfile=DIR/talks.log
stdout_logfile_maxbytes=0
startsecs=0
stopasgroup=true
[program:dies]
command=/bin/sh -c "sleep 0.05; exit 3"
startsecs=0
autorestart=false
exitcodes=3
`)
	in.waitFile("talks.log", "1\n")
	for range 5 {
		in.signal(syscall.SIGSTOP)
		testkit.Until(t, "it is stopped", func() bool { return strings.HasPrefix(procStatus(in.cmd.Process.Pid, "State"), "T") })
		pause() // activity goes on meanwhile; nothing depends on how much
		in.signal(syscall.SIGCONT)
		in.must("supervisor.getState")
		if in.state("dies") == "EXITED" {
			in.must("supervisor.startProcess", "dies")
		}
	}
	in.waitState("dies", "EXITED")
	if status := in.member("dies", "exitstatus"); status != 3 {
		t.Errorf("exit status %v", status)
	}
	in.must("supervisor.stopProcess", "talks")
	for i, line := range strings.Split(strings.TrimSpace(in.file("talks.log")), "\n") {
		if line != strconv.Itoa(i+1) {
			t.Fatalf("line %d is %q", i+1, line)
		}
	}
}
