package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// zombiesOf counts the zombies among a process's children.
func zombiesOf(parent int) int {
	n := 0
	stats, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, file := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if procStatus(pid, "PPid") == strconv.Itoa(parent) && strings.HasPrefix(procStatus(pid, "State"), "Z") {
			n++
		}
	}
	return n
}

func TestEveryStatusOfAStormOfChildrenIsRight(t *testing.T) {
	count := soak(5000)
	conf := fmt.Sprintf(`
[program:p]
command=/bin/sh -c "(true; true) & exit $((%%(process_num)d %%%% 200))"
process_name=%%(process_num)d
numprocs=%d
startsecs=0
autorestart=false
stdout_logfile=NONE
stderr_logfile=NONE
`, count)
	for _, tc := range []struct {
		name    string
		daemon  string
		prepare func(*instance)
		orphans bool
	}{
		{"alone", "", func(*instance) {}, false},
		{"as a subreaper", "subreaper=true\n", func(*instance) {}, true},
		{"as PID 1", "", func(in *instance) { in.inNamespace(syscall.CLONE_NEWPID, "mount -t proc proc /proc") }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := ready(t, strings.Replace(baseConf, "nodaemon=true\n", "nodaemon=true\n"+tc.daemon, 1)+conf, "-e", "info", "-s")
			tc.prepare(in)
			in.launch()
			in.waitServing()
			for turn := range 2 {
				if turn > 0 { // all at once, not one after another
					in.must("supervisor.startProcessGroup", "p", false)
				}
				testkit.Until(t, "all have ended", func() bool {
					for _, p := range in.must("supervisor.getAllProcessInfo").([]any) {
						if state, _ := p.(xmlrpc.Struct).Get("statename"); state != "EXITED" {
							return false
						}
					}
					return true
				})
				for _, p := range in.must("supervisor.getAllProcessInfo").([]any) {
					name, _ := p.(xmlrpc.Struct).Get("name")
					status, _ := p.(xmlrpc.Struct).Get("exitstatus")
					if n, _ := strconv.Atoi(name.(string)); status != n%200 {
						t.Errorf("process %v: exit status %v", name, status)
					}
				}
			}
			testkit.Until(t, "there is no zombie", func() bool { return zombiesOf(in.cmd.Process.Pid) == 0 })
			if tc.orphans {
				testkit.Until(t, "every orphan was reaped", func() bool {
					return strings.Count(in.log(), "INFO reaped unknown pid ") == 2*count
				})
			}
			if n := strings.Count(in.log(), "INFO spawned: "); n != 2*count {
				t.Errorf("%d spawns", n)
			}
			if n := strings.Count(in.log(), " exited: "); n != 2*count {
				t.Errorf("%d exits", n)
			}
		})
	}
}

func TestADaemonThatIsPID1StopsEverythingAndEnds(t *testing.T) {
	in := ready(t, baseConf+"[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	in.inNamespace(syscall.CLONE_NEWPID, "mount -t proc proc /proc")
	in.launch()
	in.waitServing()
	in.waitState("a", "RUNNING")
	if pid, _ := in.pidfile(); pid != 1 {
		t.Errorf("it is pid %d", pid)
	}
	in.signal(syscall.SIGHUP)
	testkit.Until(t, "it has restarted", func() bool { return strings.Count(in.log(), "supervisord started with pid 1\n") == 2 })
	in.waitServing()
	in.waitState("a", "RUNNING")
	in.signal(syscall.SIGTERM)
	if status := in.ended(); status != 0 {
		t.Errorf("status %d", status)
	}
	in.waitLog("stopped: a (terminated by SIGTERM)")
	in.nothingLeft()
}

func TestAChildMayBeKilledAtAnyMoment(t *testing.T) {
	in := run(t, `
[program:a]
command=/bin/sh -c "trap 'sleep 0.01; exit 0' TERM; while :; do sleep 0.01; done"
startsecs=1
startretries=1000000
autostart=false
autorestart=true
stopwaitsecs=1
[program:quick]
command=/bin/cat
startsecs=0
autostart=false
autorestart=false
`, "-s")
	pidOf := func(name string) int {
		info, err := in.call("supervisor.getProcessInfo", name)
		if err != nil {
			t.Fatal(err)
		}
		pid, _ := info.(xmlrpc.Struct).Get("pid")
		return pid.(int)
	}
	kill := func(pid int) {
		if pid > 0 { // by now it may be gone
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for i := range soak(1000) {
		// Right after the spawn.
		in.must("supervisor.startProcess", "quick", false)
		for range i % 7 {
			in.must("supervisor.getState")
		}
		kill(pidOf("quick"))
		in.waitState("quick", "EXITED")
		if status := in.member("quick", "exitstatus"); status != -1 {
			t.Fatalf("round %d: exit status %v", i, status)
		}
		// During startsecs, then at the stop, whatever state that finds it in.
		in.must("supervisor.startProcess", "a", false)
		kill(pidOf("a"))
		for range i % 5 {
			in.must("supervisor.getState")
		}
		pid := pidOf("a")
		_, err := in.call("supervisor.stopProcess", "a", false)
		kill(pid)
		if fault, ok := errors.AsType[*xmlrpc.Fault](err); err != nil && (!ok || fault.Code != 70) {
			t.Fatalf("round %d: stop: %v", i, err)
		}
		in.waitState("a", "STOPPED")
	}
	// And once it is RUNNING.
	in.must("supervisor.startProcess", "a")
	pid := pidOf("a")
	kill(pid)
	testkit.Until(t, "another has taken its place", func() bool { now := pidOf("a"); return now != 0 && now != pid })
	in.waitLog("WARN exited: a (terminated by SIGKILL; not expected)\n")
	if n := zombiesOf(in.cmd.Process.Pid); n > 0 {
		t.Errorf("%d zombies", n)
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	in := ready(t, baseConf+`
[program:directory]
command=/bin/cat
directory=/no/such/directory
startretries=0
[program:file]
command=/bin/cat
directory=DIR/supervisord.conf
startretries=0
[program:program]
command=no-such-program
startretries=0
[program:permission]
command=DIR/supervisord.conf
startretries=0
[program:quote]
command=/bin/cat 'open
startretries=0
[program:log]
command=/bin/cat
stdout_logfile=DIR
startretries=0
`)
	in.launch()
	in.waitServing()
	for name, want := range map[string]string{
		"directory":  "couldn't chdir to '/no/such/directory': ENOENT (there is no such directory)",
		"file":       "couldn't chdir to '" + in.conf + "': ENOTDIR (it is not a directory)",
		"program":    "can't find command 'no-such-program'",
		"permission": "command at '" + in.conf + "' is not executable",
		"quote":      "can't parse command \"/bin/cat 'open\": No closing quotation",
		"log":        "unknown error making dispatchers for 'log': EISDIR",
	} {
		in.waitState(name, "FATAL")
		if got := in.member(name, "spawnerr"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		inOrder(t, in.log(), "INFO spawnerr: "+want+"\n", "INFO gave up: "+name+" entered FATAL state, too many start retries too quickly\n")
	}
	if got := in.file(filepath.Base(in.member("directory", "stderr_logfile").(string))); got != "supervisor: couldn't chdir to /no/such/directory: ENOENT\nsupervisor: child process was not spawned\n" {
		t.Errorf("its log: %q", got)
	}
}

func TestNothingGrowsOverFiveHundredStartsAndStops(t *testing.T) {
	in := run(t, `
[program:a]
command=/bin/cat
startsecs=0
autostart=false
[fcgi-program:f]
command=/bin/cat
socket=unix://DIR/f.sock
startsecs=0
autostart=false
[eventlistener:e]
command=/bin/cat
events=TICK_3600
startsecs=0
autostart=false
`, "-e", "warn", "-s")
	pid := in.cmd.Process.Pid
	names := []string{"a", "f:f", "e"}
	cycle := func(n int) {
		for i := range n {
			in.must("supervisor.startProcess", names[i%3])
			in.must("supervisor.stopProcess", names[i%3])
		}
	}
	memory := func() int {
		kilobytes, err := strconv.Atoi(strings.TrimSuffix(procStatus(pid, "VmRSS"), " kB"))
		if err != nil {
			t.Fatal(err)
		}
		return kilobytes
	}
	cycle(100) // what is made once is made
	var before int
	testkit.Until(t, "connections are closed", func() bool {
		n := openFiles(t, pid)
		same := n == before
		before = n
		return same
	})
	rss, threads := memory(), procStatus(pid, "Threads")
	cycle(500)
	testkit.Until(t, fmt.Sprintf("there are no more than %d descriptors", before), func() bool { return openFiles(t, pid) <= before })
	if now := memory(); now > rss+16<<10 {
		t.Errorf("%d kB of memory, were %d", now, rss)
	}
	was, _ := strconv.Atoi(threads)
	if now, _ := strconv.Atoi(procStatus(pid, "Threads")); now > was+4 {
		t.Errorf("%d threads, were %d", now, was)
	}
	for _, name := range []string{"a", "e"} {
		if _, err := os.Stat(in.member(name, "stdout_logfile").(string)); err != nil {
			t.Error(err)
		}
	}
}
