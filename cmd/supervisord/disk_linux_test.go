package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// smallDisk mounts a file system of size kilobytes and gives what makes it larger.
// Only root can; others get a disk that is full forever.
func (in *instance) smallDisk(name string, kilobytes int) (enlarge func()) {
	in.t.Helper()
	dir := filepath.Join(in.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // a directory for logs
		in.t.Fatal(err)
	}
	mount := func(flags uintptr, kilobytes int) {
		if err := unix.Mount("tmpfs", dir, "tmpfs", flags, fmt.Sprintf("size=%dk", kilobytes)); err != nil {
			in.t.Fatal(err)
		}
	}
	mount(0, kilobytes)
	in.t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return func() { mount(unix.MS_REMOUNT, 64<<10) }
}

func TestAFullDiskDropsWhatDoesNotFitAndSaysHowMuch(t *testing.T) {
	const lines = 30000 // of 100 bytes: more than the disk and the memory for it take
	conf := baseConf + fmt.Sprintf(`
[eventlistener:notes]
command=DIR/listener DIR/events
events=LOG_DROPPED
startsecs=0
[program:drops]
command=/bin/sh -c "seq -f %%%%099.0f 1 %d; while [ ! -e DIR/go ]; do sleep 0.02; done; echo fine"
stdout_logfile=@LOG@
stdout_logfile_maxbytes=0
startsecs=0
autorestart=false
`, lines)
	if !isRoot(t) {
		in := ready(t, strings.ReplaceAll(conf, "@LOG@", "/dev/full"), "-e", "info")
		in.script("listener", listenerScript)
		in.launch()
		in.waitServing()
		in.waitLog("further output is dropped")
		in.script("go", "")
		in.waitState("drops", "EXITED")
		return
	}
	in := ready(t, strings.ReplaceAll(conf, "@LOG@", "DIR/disk/drops.log"), "-e", "info")
	enlarge := in.smallDisk("disk", 256)
	in.script("listener", listenerScript)
	in.launch()
	in.waitServing()
	in.waitLog("ERRO cannot write log file ")
	in.waitLog("further output is dropped\n")
	enlarge()
	recovered := regexp.MustCompile(`WARN log file "[^"]*" is written again; (\d+) bytes were dropped\n`)
	testkit.Until(t, "the log is written again", func() bool { return recovered.MatchString(in.log()) })
	dropped, _ := strconv.Atoi(recovered.FindStringSubmatch(in.log())[1])
	in.script("go", "")
	in.waitState("drops", "EXITED")
	for _, once := range []string{"further output is dropped\n", "is written again; "} {
		if n := strings.Count(in.log(), once); n != 1 {
			t.Errorf("%q stands %d times in the log", once, n)
		}
	}
	in.waitFile("events", "LOG_DROPPED ")
	// It comes when the first bytes are lost; the log tells in the end how many it were.
	if got := in.file("events"); strings.Count(got, "LOG_DROPPED ") != 1 || !strings.Contains(got, " channel:stdout bytes:") {
		t.Errorf("events, with %d bytes dropped: %q", dropped, got)
	}
	log := in.file("disk/drops.log")
	if !strings.HasSuffix(log, "\nfine\n") {
		t.Errorf("the log ends with %q", tailOf(log, 200))
	}
	before, n := 0, 0
	for line := range strings.Lines(strings.TrimSuffix(log, "fine\n")) {
		number, err := strconv.Atoi(strings.TrimLeft(strings.TrimSpace(line), "0"))
		if err != nil || len(line) != 100 || number <= before {
			// Where something was dropped a line may be torn, but nowhere else.
			if dropped == 0 {
				t.Fatalf("after %d: %q", before, line)
			}
			continue
		}
		before = number
		n++
	}
	if len(log)-len("fine\n")+dropped != lines*100 {
		t.Errorf("%d bytes in the log and %d dropped, of %d", len(log)-len("fine\n"), dropped, lines*100)
	}
}

func TestAFullDiskStopsAProgramThatAsksForIt(t *testing.T) {
	const lines = 30000
	conf := baseConf + fmt.Sprintf(`
[program:waits]
command=/usr/bin/seq -f %%%%099.0f 1 %d
stdout_logfile=@LOG@
stdout_logfile_maxbytes=0
stdout_on_full=block
startsecs=0
autorestart=false
`, lines)
	root := isRoot(t)
	if !root {
		conf = strings.ReplaceAll(conf, "@LOG@", "/dev/full")
	}
	in := ready(t, strings.ReplaceAll(conf, "@LOG@", "DIR/disk/waits.log"), "-e", "info")
	var enlarge func()
	if root {
		enlarge = in.smallDisk("disk", 256)
	}
	in.launch()
	in.waitServing()
	in.waitLog("ERRO cannot write log file ")
	pid := in.pid("waits")
	testkit.Until(t, "the program waits for its pipe", func() bool {
		wchan, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
		return err != nil || strings.Contains(string(wchan), "pipe") || string(wchan) == "0"
	})
	for range 20 {
		if in.state("waits") != "RUNNING" {
			t.Fatal("the program has not been stopped by the full disk")
		}
		pause()
	}
	if !root {
		in.must("supervisor.stopProcess", "waits") // it can still be stopped
		return
	}
	enlarge()
	in.waitState("waits", "EXITED")
	n := 0
	for line := range strings.Lines(in.file("disk/waits.log")) {
		n++
		if strings.TrimLeft(strings.TrimSpace(line), "0") != strconv.Itoa(n) {
			t.Fatalf("line %d is %q", n, line)
		}
	}
	if n != lines {
		t.Errorf("%d lines, want %d", n, lines)
	}
	if strings.Contains(in.log(), "further output is dropped") {
		t.Error("something was dropped")
	}
}

func TestAFullDiskUnderTheActivityLogStopsNothing(t *testing.T) {
	if !isRoot(t) {
		in := run(t, "[program:a]\ncommand=/bin/cat\nstartsecs=0\n", "-l", "/dev/full")
		in.waitState("a", "RUNNING")
		return
	}
	in := ready(t, baseConf+"[program:a]\ncommand=/bin/cat\nautostart=false\nstartsecs=0\n", "-l", "DIR/disk/x.log")
	in.cmd.Args[len(in.cmd.Args)-1] = filepath.Join(in.dir, "disk/x.log")
	enlarge := in.smallDisk("disk", 8)
	in.launch()
	in.waitServing()
	for range 100 {
		in.must("supervisor.startProcess", "a")
		in.must("supervisor.stopProcess", "a")
	}
	if info, err := os.Stat(filepath.Join(in.dir, "disk/x.log")); err != nil || info.Size() > 8<<10 {
		t.Fatalf("the disk isn't full: %v %v", info, err)
	}
	enlarge()
	in.waitFile("disk/x.log", "is written again")
	testkit.Until(t, "all lines are there", func() bool { return strings.Count(in.file("disk/x.log"), "stopped: a (") == 100 })
}

// What a daemon lacks is not the program's fault: with no retries at all it is started as soon as there are descriptors.
func TestTooManyOpenFilesIsABackoffAndPasses(t *testing.T) {
	in := run(t, `
[program:late]
command=/bin/cat
autostart=false
startsecs=0
startretries=0
`)
	pid := in.cmd.Process.Pid
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		t.Fatal(err)
	}
	in.must("supervisor.getState")
	// No descriptor that is given up, nor what is kept for spawns, has a number that can be used again.
	limited := unix.Rlimit{Cur: 3, Max: before.Max}
	go func() {
		_, _ = in.call("supervisor.startProcess", "late", false)
	}()
	in.waitState("late", "RUNNING")
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limited, nil); err != nil {
		t.Fatal(err)
	}
	// It dies, and cannot come back.
	if err := syscall.Kill(processNamed(t, pid, "cat"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "it was tried twice", func() bool {
		return strings.Count(in.log(), "INFO spawnerr: too many open files to spawn 'late'\n") >= 2
	})
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil); err != nil {
		t.Fatal(err)
	}
	in.waitState("late", "RUNNING")
	if strings.Contains(in.log(), "gave up: late") {
		t.Error("it was given up")
	}
}

// Clients that say nothing take all descriptors that there are: a program that ends is started again all the same.
func TestSilentConnectionsKeepNoProgramDown(t *testing.T) {
	in := ready(t, strings.Replace(baseConf, "nodaemon=true\n", "nodaemon=true\nminfds=256\n", 1)+`
[program:late]
command=/bin/cat
startretries=0
`)
	limited := exec.Command("prlimit", append([]string{"--nofile=256:256", "--"}, in.cmd.Args...)...)
	in.cmd.Path, in.cmd.Args = limited.Path, limited.Args
	in.launch()
	in.waitServing()
	in.waitState("late", "RUNNING")
	pid := in.cmd.Process.Pid
	for range 400 {
		c, err := net.Dial("unix", in.sock)
		if err != nil {
			break // the backlog is full, too
		}
		defer func() { _ = c.Close() }()
	}
	for i := range 5 {
		if err := syscall.Kill(processNamed(t, pid, "cat"), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		testkit.Until(t, "it was started again", func() bool {
			return strings.Count(in.log(), "success: late entered RUNNING state") == i+2
		})
	}
	if strings.Contains(in.log(), "gave up: late") {
		t.Error("it was given up")
	}
}

// processNamed is the child of a process that has a name.
func processNamed(t testing.TB, parent int, name string) int {
	t.Helper()
	stats, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, file := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if procStatus(pid, "PPid") == strconv.Itoa(parent) && procStatus(pid, "Name") == name {
			return pid
		}
	}
	t.Fatalf("process %d has no child %q", parent, name)
	return 0
}

func TestTooManyProcessesIsABackoffAndPasses(t *testing.T) {
	in := ready(t, baseConf+`
[program:late]
command=/bin/cat
autostart=false
startsecs=0
startretries=100
`)
	if isRoot(t) { // who has no such limit
		const uid = 54322
		if err := os.Chown(in.dir, uid, uid); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(in.conf, 0o644); err != nil { //nolint:gosec // the daemon reads it as another user
			t.Fatal(err)
		}
		in.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		readable(t, in)
	}
	in.launch()
	in.waitServing()
	limit := func(n string) {
		// Done as the daemon's user, which even root in a container may need.
		cmd := exec.Command("prlimit", "--pid", strconv.Itoa(in.cmd.Process.Pid), "--nproc="+n+":")
		cmd.SysProcAttr = in.cmd.SysProcAttr
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("prlimit: %v %s", err, out)
		}
	}
	limit("1")
	if _, err := in.call("supervisor.startProcess", "late", false); err == nil {
		t.Error("it was started")
	}
	in.waitLog("INFO spawnerr: Too many processes in process table to spawn 'late'\n")
	// At the limit no thread can be made either: what the daemon does must not need one.
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for range 50 {
				if _, err := in.call("supervisor.getAllProcessInfo"); err != nil {
					t.Error(err)
				}
				if _, err := in.call("supervisor.readLog", 0, 0); err != nil {
					t.Error(err)
				}
				if _, err := in.call("supervisor.reloadConfig"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	clients.Wait()
	limit("4000")
	in.waitState("late", "RUNNING")
}

// The limit of processes of a program's own user, which its execution comes upon rather than the fork, is a shortage, too.
func TestTooManyProcessesOfAUserIsABackoffAndPasses(t *testing.T) {
	if !isRoot(t) {
		return
	}
	in := ready(t, baseConf+`
[program:first]
command=/bin/sleep 1000
user=nobody
numprocs=2
process_name=%(process_num)d
startsecs=0
[program:late]
command=/bin/sleep 1000
user=nobody
autostart=false
startsecs=0
startretries=0
`)
	in.launch()
	in.waitServing()
	in.waitState("first:1", "RUNNING")
	pid := in.cmd.Process.Pid
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NPROC, nil, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1, Max: before.Max}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := in.call("supervisor.startProcess", "late", false); err == nil {
		t.Fatal("it was started")
	}
	testkit.Until(t, "it was tried twice", func() bool {
		return strings.Count(in.log(), "INFO spawnerr: couldn't exec '/bin/sleep': EAGAIN (too many processes as user 'nobody')\n") >= 2
	})
	if err := unix.Prlimit(pid, unix.RLIMIT_NPROC, &before, nil); err != nil {
		t.Fatal(err)
	}
	in.waitState("late", "RUNNING")
	if strings.Contains(in.log(), "gave up") {
		t.Error("it was given up")
	}
}

// readable makes the test binary one that other users can run.
func readable(t testing.TB, in *instance) {
	t.Helper()
	b, err := os.ReadFile(in.cmd.Path)
	if err != nil {
		t.Fatal(err)
	}
	in.cmd.Path = in.script("supervisord", string(b))
	in.cmd.Args[0] = in.cmd.Path
}
