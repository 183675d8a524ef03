package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestAGigabytePassesThroughRotationWholeAndInOrder(t *testing.T) {
	lines := soak(1 << 30 / 100)
	const maxBytes = 8 << 20
	backups := lines*100/maxBytes + 2
	in := run(t, fmt.Sprintf(`
[program:seq]
command=/usr/bin/seq -f %%%%099.0f 1 %d
stdout_logfile=DIR/seq.log
stdout_logfile_maxbytes=%d
stdout_logfile_backups=%d
startsecs=0
autorestart=false
`, lines, maxBytes, backups), "-e", "info")
	in.waitState("seq", "EXITED")
	var files []io.Reader
	for i := backups; i >= 0; i-- {
		name := filepath.Join(in.dir, "seq.log")
		if i > 0 {
			name += "." + strconv.Itoa(i)
		}
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		defer f.Close() //nolint:errcheck // read to its end
		files = append(files, f)
	}
	if len(files) < lines*100/maxBytes {
		t.Errorf("only %d files: it was not rotated", len(files))
	}
	scan := bufio.NewScanner(io.MultiReader(files...))
	n := 0
	for scan.Scan() {
		n++
		if line := scan.Text(); len(line) != 99 || strings.TrimLeft(line, "0") != strconv.Itoa(n) {
			t.Fatalf("line %d is %q", n, line)
		}
	}
	if n != lines {
		t.Errorf("%d lines, want %d", n, lines)
	}
}

func TestTheLastLineBeforeTheExitIsThereWhenTheExitIsSeen(t *testing.T) {
	count := soak(2000)
	in := run(t, fmt.Sprintf(`
[program:p]
command=/bin/sh -c "echo out; echo err >&2; echo last %%(process_num)d; exit 4"
process_name=%%(process_num)d
numprocs=%d
stdout_logfile=DIR/%%(process_num)d.out
stderr_logfile=DIR/%%(process_num)d.err
startsecs=0
autorestart=false
`, count), "-e", "info")
	for i := range count {
		name := strconv.Itoa(i)
		in.waitState("p:"+name, "EXITED")
		if out, err := in.file(name+".out"), in.file(name+".err"); out != "out\nlast "+name+"\n" || err != "err\n" {
			t.Errorf("process %d: %q, %q", i, out, err)
		}
	}
}

func TestAFloodThatIsLeftBehindDoesNotDelayTheExit(t *testing.T) {
	in := run(t, `
[program:leaves]
command=/bin/sh -c "yes & echo $! >DIR/yes.pid; exit 7"
stdout_logfile=DIR/leaves.log
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=0
startsecs=0
autostart=false
autorestart=false
`, "-e", "info")
	// Where yes waits for the processor just then, nothing is left in the pipe, and nothing is said of it.
	said := func() bool { return strings.Contains(in.log(), "a descendant keeps writing") }
	for tries := 0; tries < 5 && !said(); tries++ {
		in.must("supervisor.startProcess", "leaves")
		in.waitState("leaves", "EXITED")
		yes, err := strconv.Atoi(strings.TrimSpace(in.file("yes.pid")))
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Kill(yes, syscall.SIGKILL) //nolint:errcheck // ours
		if status := in.member("leaves", "exitstatus"); status != 7 {
			t.Errorf("exit status %v", status)
		}
		// The pipe is given up some seconds later, which ends the flood.
		testkit.Until(t, "the flood has ended", func() bool { return !alive(yes) })
		if in.state("leaves") != "EXITED" {
			t.Error(in.state("leaves"))
		}
	}
	if !said() {
		t.Error("what was left in the pipe is not told")
	}
}

func TestWhatAGrandchildStillWritesIsLogged(t *testing.T) {
	in := run(t, `
[program:leaves]
command=/bin/sh -c "(while [ ! -e DIR/go ]; do sleep 0.01; done; echo late; echo $0 >DIR/done) & echo early; exit 0"
stdout_logfile=DIR/leaves.log
startsecs=0
autostart=false
autorestart=false
`)
	// On a machine that stands still for 5 s the pipe is given up before.
	for range 5 {
		_ = os.Remove(filepath.Join(in.dir, "go"))
		_ = os.Remove(filepath.Join(in.dir, "done"))
		in.must("supervisor.startProcess", "leaves")
		in.waitState("leaves", "EXITED")
		in.script("go", "")
		testkit.Until(t, "the grandchild has written", func() bool { return in.file("done") != "" })
		for range 100 {
			if in.file("leaves.log") == "early\nlate\n" {
				return
			}
			pause()
		}
		in.must("supervisor.clearProcessLogs", "leaves")
	}
	t.Errorf("the log has %q", in.file("leaves.log"))
}

func TestTwoProgramsMayShareALog(t *testing.T) {
	count := soak(100000)
	in := run(t, fmt.Sprintf(`
[program:p]
command=/bin/sh -c "i=0; while [ $i -lt %d ]; do i=$((i+1)); echo %%(process_num)d $i; done"
process_name=%%(process_num)d
numprocs=2
stdout_logfile=DIR/both.log
stdout_logfile_maxbytes=0
startsecs=0
autorestart=false
`, count), "-e", "info")
	in.waitState("p:0", "EXITED")
	in.waitState("p:1", "EXITED")
	next := [2]int{}
	for line := range strings.Lines(in.file("both.log")) {
		var who, n int
		if _, err := fmt.Sscanf(line, "%d %d\n", &who, &n); err != nil || who > 1 || n != next[who]+1 {
			t.Fatalf("after %v: %q", next, line)
		}
		next[who] = n
	}
	if next != [2]int{count, count} {
		t.Errorf("%v lines, want %d each", next, count)
	}
}

func TestEscapeSequencesAreStrippedWhereAskedFor(t *testing.T) {
	const programs = `
[program:colour]
command=/usr/bin/printf '\033[1;31mred\033[0m plain\n\033'
stdout_logfile=DIR/colour.log
redirect_stderr=true
startsecs=0
autorestart=false
[program:both]
command=/bin/sh -c "echo one; echo two >&2; echo three"
stdout_logfile=DIR/both.log
redirect_stderr=true
startsecs=0
autorestart=false
`
	for _, tc := range []struct {
		args []string
		want string
	}{{nil, "\x1b[1;31mred\x1b[0m plain\n\x1b"}, {[]string{"-t"}, "red plain\n\x1b"}} {
		in := run(t, programs, tc.args...)
		in.waitState("colour", "EXITED")
		in.waitState("both", "EXITED")
		testkit.Until(t, "the log is whole", func() bool { return len(in.file("colour.log")) >= len(tc.want) })
		if got := in.file("colour.log"); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.args, got, tc.want)
		}
		if got := in.file("both.log"); got != "one\ntwo\nthree\n" {
			t.Errorf("both: %q", got)
		}
		in.stop()
	}
}

// listenerScript is an event listener that notes what it gets.
const listenerScript = `#!/usr/bin/python3
import sys
while True:
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    header = sys.stdin.readline()
    if not header:
        break
    tokens = dict(t.split(":", 1) for t in header.split())
    payload = sys.stdin.read(int(tokens["len"]))
    with open(sys.argv[1], "a") as f:
        f.write("%s %s\n" % (tokens["eventname"], payload.replace("\n", "|")))
    sys.stdout.write("RESULT 2\nOK")
    sys.stdout.flush()
`

func TestListenersGetOutputAndCapturedBlocks(t *testing.T) {
	in := ready(t, baseConf+`
[eventlistener:notes]
command=DIR/listener DIR/events
events=PROCESS_LOG,PROCESS_COMMUNICATION
startsecs=0
[program:says]
command=/bin/cat
stdout_events_enabled=true
stdout_logfile=DIR/says.log
startsecs=0
[program:captured]
command=/bin/sh -c "echo before; printf '<!--XSUPERVISOR:BEGIN-->0123456789abcdef<!--XSUPERVISOR:END-->'; echo after; printf '<!--XSUPERVISOR:BEGIN-->err<!--XSUPERVISOR:END-->' >&2"
stdout_capture_maxbytes=10
stderr_capture_maxbytes=1KB
stdout_logfile=DIR/captured.log
startsecs=0
autorestart=false
`)
	in.script("listener", listenerScript)
	in.launch()
	in.waitServing()
	in.waitState("says", "RUNNING")
	in.must("supervisor.sendProcessStdin", "says", "hello\n")
	pid := in.pid("says")
	in.waitFile("events", fmt.Sprintf("PROCESS_LOG_STDOUT processname:says groupname:says pid:%d channel:stdout|hello|\n", pid))
	// Supervisor's ring forgets what was in it before, never a part of one write.
	in.waitFile("events", "PROCESS_COMMUNICATION_STDOUT processname:captured groupname:captured pid:")
	in.waitFile("events", "|0123456789abcdef\n")
	in.waitFile("events", "PROCESS_COMMUNICATION_STDERR processname:captured groupname:captured pid:")
	in.waitFile("captured.log", "before\nafter\n")
	if got := in.file("captured.log"); got != "before\nafter\n" {
		t.Errorf("the log has %q", got)
	}
}

func TestSyslogGetsTheActivityLogAndChildrensLines(t *testing.T) {
	in := ready(t, baseConf+`
[program:says]
command=/bin/sh -c "echo one; echo two; echo bad >&2; exec sleep 1000"
stdout_syslog=true
stderr_syslog=true
stdout_logfile=DIR/says.log
startsecs=0
`, "-l", "syslog", "-s")
	// A /dev of its own, in which we are the syslog daemon.
	dev := filepath.Join(in.dir, "dev")
	if err := os.Mkdir(dev, 0o755); err != nil {
		t.Fatal(err)
	}
	in.script("dev/null", "")
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dev, "log"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close() //nolint:errcheck // only read from
	if err := heard.SetDeadline(time.Now().Add(testkit.Patience)); err != nil {
		t.Fatal(err)
	}
	in.inNamespace(0, `mount --bind /dev/null '`+dev+`/null' && mount --rbind '`+dev+`' /dev`)
	in.launch()
	var all bytes.Buffer
	for _, want := range []string{"INFO spawned: 'says' with pid ", "supervisord: says one\n", "supervisord: says two\n", "supervisord: says bad\n", "stopped: says (terminated by SIGTERM)"} {
		for !strings.Contains(all.String(), want) {
			b := make([]byte, 4096)
			n, err := heard.Read(b)
			if err != nil {
				t.Fatalf("%q has not come: %v\n%s\n%s", want, err, all.String(), in.output.String())
			}
			fmt.Fprintf(&all, "%s\n", bytes.TrimRight(b[:n], "\x00\n"))
		}
		if strings.Contains(want, "bad") {
			in.must("supervisor.stopProcess", "says")
		}
	}
	for line := range strings.Lines(all.String()) {
		if !strings.HasPrefix(line, "<14>") { // user.info
			t.Errorf("facility and level: %q", line)
		}
	}
	if got := in.file("says.log"); !strings.Contains(got, "one\ntwo\n") {
		t.Errorf("its file has %q", got)
	}
}

// inNamespace has the daemon run in a mount namespace of its own, and in others of
// flags, after a preparation by the shell. Without root a user namespace makes it
// possible; where that is refused the test fails.
func (in *instance) inNamespace(flags uintptr, prepare string) {
	in.cmd.Args = append([]string{"/bin/sh", "-c", `mount --make-rprivate / && ` + prepare + ` && exec "$0" "$@"`}, in.cmd.Args...)
	in.cmd.Path = "/bin/sh"
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | flags}
	if os.Getuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	in.cmd.SysProcAttr = attr
}
