package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// freezer is a file system of its own that can be frozen: whoever writes to it waits, and cannot even be killed.
type freezer struct {
	t   *testing.T
	dir string
}

// The requests of linux/fs.h that x/sys/unix has not.
const (
	fiFreeze = 0xc0045877
	fiThaw   = 0xc0045878
)

// freezer mounts a file system in the instance's directory. Only root can, and not in every container.
func (in *instance) freezer(name string) *freezer {
	in.t.Helper()
	t, isTest := in.t.(*testing.T)
	if !isTest || os.Getuid() != 0 {
		in.t.Skip("only root can freeze a file system")
	}
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		mkfs = "/sbin/mkfs.ext4"
	}
	image := filepath.Join(in.dir, name+".img")
	dir := filepath.Join(in.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // a directory for logs
		t.Fatal(err)
	}
	for _, argv := range [][]string{{"truncate", "-s", "32M", image}, {mkfs, "-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", image}, {"mount", "-o", "loop", image, dir}} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Skipf("cannot make a file system to freeze: %q: %v %s", argv, err, out)
		}
	}
	f := &freezer{t, dir}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return f
}

func (f *freezer) request(number int) bool {
	fd, err := unix.Open(f.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	_, err = unix.IoctlRetInt(fd, uint(number)) //nolint:gosec // a constant
	return err == nil
}

func (f *freezer) freeze() {
	f.t.Helper()
	if !f.request(fiFreeze) {
		f.t.Skip("this file system cannot be frozen")
	}
	f.t.Cleanup(func() { f.request(fiThaw) }) // before the daemon is stopped
}

func (f *freezer) thaw() {
	f.t.Helper()
	if !f.request(fiThaw) {
		f.t.Error("it cannot be thawed")
	}
}

// counts is a program that says a number after another, quickly enough that a log is being written at any time.
const counts = `#!/bin/sh
i=0
while :; do
	i=$((i+1))
	echo "line $i"
	sleep 0.02
done
`

// lines checks that a log has the lines of counts from 1 on, none missing, and gives how many. What follows a restart of the
// program begins at 1 again.
func countedLines(t *testing.T, log string) (n int) {
	t.Helper()
	last := 0
	for line := range strings.Lines(log) {
		i, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "line ")))
		if err != nil || i != last+1 && i != 1 {
			t.Fatalf("after %d: %q", last, line)
		}
		last = i
		n++
	}
	return n
}

func TestALogOnAFrozenDiskHoldsUpNobodyElse(t *testing.T) {
	in := ready(t, baseConf+`
[program:counts]
command=DIR/counts
stdout_logfile=DIR/disk/counts.log
stdout_logfile_maxbytes=200
stdout_logfile_backups=100
[program:says]
command=/bin/cat
stdout_logfile=DIR/says.log
startsecs=0
[program:ends]
command=/bin/cat
autostart=false
startsecs=0
[program:quiet]
command=/bin/cat
stdout_logfile=DIR/disk/quiet.log
startsecs=0
`, "-e", "info")
	in.script("counts", counts)
	disk := in.freezer("disk")
	in.launch()
	in.waitServing()
	in.waitState("counts", "RUNNING")
	disk.freeze()
	in.waitLog(`counts.log": its file system does not answer; what cannot be written is kept for now`)
	// Others are heard, started, stopped and reaped.
	in.must("supervisor.sendProcessStdin", "says", "hello\n")
	in.waitFile("says.log", "hello\n")
	in.must("supervisor.startProcess", "ends")
	_ = syscall.Kill(in.pid("ends"), syscall.SIGKILL)
	in.waitLog("exited: ends (terminated by SIGKILL; not expected)")
	in.must("supervisor.stopProcess", "says")
	// Its logs can be neither cleared nor rotated, which holds up nobody either.
	if _, err := in.call("supervisor.clearProcessLogs", "counts"); err == nil || !strings.Contains(err.Error(), "FAILED") {
		t.Errorf("clearProcessLogs: %v", err)
	}
	in.signal(syscall.SIGUSR2)
	in.waitLog("reopen")
	// What is on the same disk is not waited for a second each.
	in.must("supervisor.sendProcessStdin", "quiet", "psst\n")
	in.waitLog(`quiet.log": its file system does not answer`)
	// The program itself: its end is noticed, it can be stopped.
	in.must("supervisor.stopProcess", "counts")
	in.must("supervisor.startProcess", "says")
	disk.thaw()
	in.waitFile("disk/quiet.log", "psst\n")
	in.waitLog(`counts.log" is written again; 0 bytes were dropped`)
	in.must("supervisor.startProcess", "counts")
	in.waitState("counts", "RUNNING")
	logged := func() string {
		var log strings.Builder
		for i := 100; i >= 0; i-- {
			name := "disk/counts.log"
			if i > 0 {
				name = fmt.Sprintf("%s.%d", name, i)
			}
			if _, err := os.Stat(filepath.Join(in.dir, name)); err == nil {
				log.WriteString(in.file(name))
			}
		}
		return log.String()
	}
	testkit.Until(t, "it has counted on", func() bool { return strings.Count(logged(), "\n") > 100 })
	in.must("supervisor.stopProcess", "counts")
	if n := countedLines(t, logged()); n < 100 {
		t.Errorf("%d lines", n)
	}
	if n := strings.Count(in.log(), "its file system does not answer"); n != 2 {
		t.Errorf("told %d times", n)
	}
}

// What exceeds what is kept is dropped, counted and announced, or the program waits if it is asked to.
func TestAFloodOnAFrozenDiskIsBounded(t *testing.T) {
	in := ready(t, baseConf+`
[eventlistener:notes]
command=DIR/listener DIR/events
events=LOG_DROPPED
startsecs=0
[program:floods]
command=/bin/sh -c "read x; seq -f %%099.0f 1 30000; exec cat"
stdout_logfile=DIR/disk/floods.log
stdout_logfile_maxbytes=0
startsecs=0
[program:waits]
command=/bin/sh -c "read x; seq -f %%099.0f 1 30000; exec cat"
stdout_logfile=DIR/disk/waits.log
stdout_logfile_maxbytes=0
stdout_on_full=block
startsecs=0
`, "-e", "info")
	in.script("listener", listenerScript)
	disk := in.freezer("disk")
	in.launch()
	in.waitServing()
	in.waitState("floods", "RUNNING")
	in.waitState("waits", "RUNNING")
	disk.freeze()
	in.must("supervisor.sendProcessStdin", "floods", "\n")
	in.waitLog("further output is dropped\n")
	in.waitFile("events", "LOG_DROPPED ")
	in.must("supervisor.sendProcessStdin", "waits", "\n")
	in.waitLog(`waits.log": its file system does not answer`)
	// Its seq is held up by the full pipe.
	seq := func() bool { return len(programsChildren(t, in.pid("waits"))) > 0 }
	testkit.Until(t, "seq runs", seq)
	disk.thaw()
	in.waitLog(`floods.log" is written again`)
	found := regexp.MustCompile(`floods.log" is written again; (\d+) bytes were dropped\n`).FindStringSubmatch(in.log())
	dropped, _ := strconv.Atoi(found[1])
	if got := len(in.file("disk/floods.log")); dropped == 0 || got+dropped != 30000*100 {
		t.Errorf("%d bytes in the log and %d dropped, of %d", got, dropped, 30000*100)
	}
	testkit.Until(t, "the one that waits is done", func() bool { return !seq() })
	testkit.Until(t, "all of it is there", func() bool { return len(in.file("disk/waits.log")) == 30000*100 })
	if n := strings.Count(in.log(), "further output is dropped\n"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

func programsChildren(t *testing.T, pid int) []string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

func TestAListenersLogOnAFrozenDiskHoldsUpNoListener(t *testing.T) {
	in := ready(t, baseConf+`
[eventlistener:frozen]
command=DIR/listener DIR/frozen
events=REMOTE_COMMUNICATION
stdout_logfile=DIR/disk/listener.log
startsecs=0
[eventlistener:other]
command=DIR/listener DIR/other
events=REMOTE_COMMUNICATION
stdout_logfile=DIR/other.log
startsecs=0
`, "-e", "info")
	in.script("listener", listenerScript)
	disk := in.freezer("disk")
	in.launch()
	in.waitServing()
	in.waitState("frozen", "RUNNING")
	in.waitState("other", "RUNNING")
	disk.freeze()
	for i := range 20 {
		in.must("supervisor.sendRemoteCommEvent", "number", fmt.Sprintf("%d;", i))
		for _, name := range []string{"frozen", "other"} {
			in.waitFile(name, fmt.Sprintf("type:number|%d;", i))
		}
	}
	in.waitLog(`listener.log": its file system does not answer`)
	in.must("supervisor.stopProcess", "frozen")
	_ = syscall.Kill(in.pid("other"), syscall.SIGKILL)
	in.waitLog("exited: other (terminated by SIGKILL; not expected)")
	disk.thaw()
	in.waitFile("disk/listener.log", strings.Repeat("RESULT 2\nOKREADY\n", 20))
}

func TestTermWhileADiskIsFrozenStopsEverything(t *testing.T) {
	in := ready(t, baseConf+`
[program:counts]
command=DIR/counts
stdout_logfile=DIR/disk/counts.log
[program:late]
command=/bin/cat
autostart=false
startsecs=0
stdout_logfile=DIR/disk/late.log
`, "-e", "info")
	in.script("counts", counts)
	disk := in.freezer("disk")
	in.launch()
	in.waitServing()
	in.waitState("counts", "RUNNING")
	disk.freeze()
	in.waitLog(`counts.log": its file system does not answer`)
	go func() { _, _ = in.call("supervisor.startProcess", "late", false) }() // its log cannot be opened
	in.waitLog("late")
	pid := in.pid("counts")
	in.signal(syscall.SIGTERM)
	testkit.Until(t, "the program has ended", func() bool { return !alive(pid) })
	in.waitLog("counts.log\" was closed with output that could not be written: its file system does not answer")
	testkit.Until(t, "the daemon has done all it has to do", func() bool { _, ok := in.pidfile(); return !ok })
	disk.thaw() // only now can the kernel end the process
	if status := in.ended(); status != 0 {
		t.Errorf("status %d", status)
	}
	in.nothingLeft()
}

// A start whose log cannot be opened holds up no other, and can be stopped.
func TestAStartWhoseLogIsOnAFrozenDisk(t *testing.T) {
	in := ready(t, baseConf+`
[program:first]
command=/bin/cat
autostart=false
startsecs=0
startretries=0
stdout_logfile=DIR/disk/first.log
[program:second]
command=/bin/cat
autostart=false
startsecs=0
startretries=0
stdout_logfile=DIR/disk/second.log
[program:third]
command=/bin/cat
autostart=false
startsecs=0
startretries=0
stdout_logfile=DIR/disk/third.log
[program:other]
command=/bin/cat
autostart=false
startsecs=0
`, "-e", "info")
	disk := in.freezer("disk")
	in.launch()
	in.waitServing()
	disk.freeze()
	begin := func(name string) {
		go func() { _, _ = in.call("supervisor.startProcess", name, false) }()
	}
	begin("first")
	in.waitState("first", "STARTING")
	in.must("supervisor.startProcess", "other")
	// The others are not even tried.
	for _, name := range []string{"second", "third"} {
		begin(name)
		in.waitState(name, "BACKOFF")
		if got, _ := in.info(name).Get("description"); !strings.Contains(fmt.Sprint(got), "its file system does not answer") {
			t.Errorf("%s: %v", name, got)
		}
	}
	in.must("supervisor.stopProcess", "first")
	in.must("supervisor.stopProcess", "third")
	testkit.Until(t, "it is tried again and again", func() bool {
		return strings.Count(in.log(), "spawnerr: cannot open log file") >= 4 && in.state("second") != "FATAL"
	})
	disk.thaw()
	in.waitState("second", "RUNNING")
	if got := in.state("first"); got != "STOPPED" {
		t.Errorf("what was stopped is %s", got)
	}
	in.must("supervisor.startProcess", "first")
	in.must("supervisor.sendProcessStdin", "first", "hello\n")
	in.waitFile("disk/first.log", "hello\n")
	if n := openFilesBelow(t, in.cmd.Process.Pid, disk.dir); n != 2 {
		t.Errorf("%d logs are open, of two programs", n)
	}
}

// openFilesBelow counts the descriptors of a process that are of files below a directory.
func openFilesBelow(t *testing.T, pid int, dir string) (n int) {
	t.Helper()
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, dir) {
			n++
		}
	}
	return n
}

// A failed spawn writes Supervisor's lines to the program's log.
func TestAFailedSpawnWithALogOnAFrozenDiskHoldsUpNoStart(t *testing.T) {
	in := ready(t, baseConf+`
[program:fails]
command=DIR/held
autostart=false
startretries=0
stderr_logfile=DIR/disk/fails.log
[program:other]
command=/bin/cat
autostart=false
startsecs=0
`, "-e", "info")
	disk := in.freezer("disk")
	release := hangsFor(t, in.script("held", "#!/no/such/interpreter\n"), unix.FAN_OPEN_EXEC_PERM)
	in.launch()
	in.waitServing()
	// The log is open before the disk freezes, the lines are to be written after.
	go func() { _, _ = in.call("supervisor.startProcess", "fails", false) }()
	testkit.Until(t, "its log is open", func() bool { return openFilesBelow(t, in.cmd.Process.Pid, disk.dir) > 0 })
	disk.freeze()
	release()
	in.must("supervisor.startProcess", "other")
	in.waitState("fails", "FATAL")
	disk.thaw()
	in.waitFile("disk/fails.log", "held: ENOENT\nsupervisor: child process was not spawned\n")
}

func TestTheActivityLogOnAFrozenDiskHoldsUpNobody(t *testing.T) {
	in := ready(t, strings.Replace(baseConf, "logfile=DIR/supervisord.log", "logfile=DIR/disk/supervisord.log", 1)+`
[program:says]
command=/bin/cat
stdout_logfile=DIR/says.log
startsecs=0
`)
	disk := in.freezer("disk")
	in.launch()
	in.waitServing()
	in.waitState("says", "RUNNING")
	disk.freeze()
	for range 3 {
		in.must("supervisor.sendProcessStdin", "says", "hello\n")
		in.waitFile("says.log", "hello\n")
		in.must("supervisor.stopProcess", "says")
		in.must("supervisor.clearProcessLogs", "says")
		in.must("supervisor.startProcess", "says")
	}
	in.signal(syscall.SIGUSR2)
	in.must("supervisor.getState")
	pid := in.pid("says")
	in.signal(syscall.SIGTERM)
	testkit.Until(t, "the program has ended", func() bool { return !alive(pid) })
	testkit.Until(t, "the daemon has done all it has to do", func() bool { _, ok := in.pidfile(); return !ok })
	disk.thaw()
	if status := in.ended(); status != 0 {
		t.Errorf("status %d", status)
	}
}
