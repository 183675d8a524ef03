package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestDaemonizingReturnsWhenTheDaemonServes(t *testing.T) {
	in := ready(t, inBackground()+`
[program:asked]
command=/bin/sh -c "pwd; umask; ulimit -c; echo .$HARK_READY_FD.; exec sleep 1000"
stdout_logfile=DIR/asked.log
startsecs=0
`, "-d", "/", "-m", "027")
	if out, status := in.daemonize(); status != 0 || out != "" {
		t.Fatalf("status %d, output %q", status, out)
	}
	// No poll: it serves by now, or it has come back too early.
	in.must("supervisor.getState")
	pid, ok := in.pidfile()
	if !ok || pid != in.must("supervisor.getPID").(int) {
		t.Fatalf("the pidfile has %q", in.file("supervisord.pid"))
	}
	stat := procStat(t, pid)
	if stat[2] != strconv.Itoa(pid) || stat[3] != strconv.Itoa(pid) || stat[4] != "0" {
		t.Errorf("group %s, session %s, terminal %s; want pid %d and none", stat[2], stat[3], stat[4], pid)
	}
	for fd := range 3 {
		if target := procLink(t, pid, fmt.Sprintf("fd/%d", fd)); target != os.DevNull {
			t.Errorf("descriptor %d is %s", fd, target)
		}
	}
	if dir := procLink(t, pid, "cwd"); dir != "/" {
		t.Errorf("the directory is %s", dir)
	}
	if mask := procStatus(pid, "Umask"); mask != "0027" {
		t.Errorf("the umask is %s", mask)
	}
	in.waitFile("asked.log", "..\n")
	if got := in.file("asked.log"); !strings.HasPrefix(got, "/\n0027\n") {
		t.Errorf("a program has %q", got)
	}
	for _, line := range []string{"INFO daemonizing the supervisord process\n", "INFO set current directory: '/'\n", fmt.Sprintf("INFO supervisord started with pid %d\n", pid)} {
		if !strings.Contains(in.log(), line) {
			t.Errorf("the log lacks %q", line)
		}
	}
	in.must("supervisor.shutdown")
	testkit.Until(t, "the daemon has ended", func() bool { return !alive(pid) })
	in.nothingLeft()
}

func TestAStartThatFailsSaysWhyAndLeavesNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // only held
	port := taken.Addr().(*net.TCPAddr).Port
	inUse := "Error: Another program is already listening on a port that one of our HTTP servers is configured to use.  Shut this program down first before starting supervisord.\n"
	for _, tc := range []struct {
		name  string
		conf  string
		args  []string
		start string
	}{
		{"the log's directory is missing", "", []string{"-l", "DIR/none/x.log"}, "Error: invalid value for -l 'DIR/none/x.log': The directory named as part of the path DIR/none/x.log does not exist\n"},
		{"the log is a directory", "", []string{"-l", "DIR"}, "Error: "},
		{"the pidfile's directory is missing", "", []string{"-j", "DIR/none/x.pid"}, "Error: invalid value for -j 'DIR/none/x.pid': The directory named as part of the path DIR/none/x.pid does not exist\n"},
		{"an unknown user", "", []string{"-u", "no-such-user"}, "Error: "},
		{"a program's user is unknown", "[program:a]\ncommand=/bin/cat\nuser=no-such-user\n", nil, "Error: "},
		{"the port is in use", fmt.Sprintf("[inet_http_server]\nport=127.0.0.1:%d\n", port), nil, inUse},
		{"the second server's port is in use", fmt.Sprintf("[inet_http_server:b]\nport=127.0.0.1:%d\n[program:a]\ncommand=/bin/cat\n", port), nil, inUse},
		{"a file is in the socket's way", "[unix_http_server:b]\nfile=DIR/supervisord.conf\n", nil, "Error: Cannot open an HTTP server: "},
		{"minfds cannot be had", "", []string{"-a", "2000000000"}, "Error: The minimum number of file descriptors required"},
		{"an option nobody knows", "", []string{"--no-such"}, "Error: option --no-such not recognized\n"},
	} {
		for _, foreground := range []bool{true, false} {
			where := "in the background"
			conf := inBackground()
			if foreground {
				where, conf = "in the foreground", baseConf
			}
			t.Run(tc.name+" "+where, func(t *testing.T) {
				in := ready(t, conf+tc.conf)
				for _, arg := range tc.args {
					in.cmd.Args = append(in.cmd.Args, strings.ReplaceAll(arg, "DIR", in.dir))
				}
				out, status := in.daemonize()
				if at := strings.Index(out, "Error: "); foreground && at > 0 {
					out = out[at:] // the log goes there, too
				}
				if status != 2 || !strings.HasPrefix(out, strings.ReplaceAll(tc.start, "DIR", in.dir)) || !strings.HasSuffix(out, "For help, use "+in.cmd.Args[0]+" -h\n") {
					t.Errorf("status %d, output %q", status, out)
				}
				const long = 150 // bytes: a shorter sentence may stand in the line that also says where and what to do
				if first, rest, _ := strings.Cut(strings.TrimPrefix(out, "Error: "), "\n"); len(first) > long && strings.Contains(rest, first) {
					t.Errorf("it is said twice: %q", out)
				}
				in.nothingLeft()
				if left := processesOf(in.conf); len(left) > 0 {
					t.Errorf("processes were left: %v", left)
				}
				entries, _ := os.ReadDir(in.dir)
				for _, e := range entries {
					if e.Name() != "supervisord.conf" && e.Name() != "supervisord.log" {
						t.Errorf("%s was left behind", e.Name())
					}
				}
			})
		}
	}
}

// processesOf is the pids of processes that have a text in their command line.
func processesOf(text string) []string {
	var found []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lines {
		b, _ := os.ReadFile(file)
		if pid := filepath.Base(filepath.Dir(file)); strings.Contains(string(b), text) && pid != strconv.Itoa(os.Getpid()) {
			found = append(found, pid)
		}
	}
	return found
}

func TestAPidfileThatCannotBeWrittenIsNoReasonNotToServe(t *testing.T) {
	in := ready(t, baseConf, "-j", "/proc/nobody-can-write")
	in.launch()
	in.waitServing()
	in.waitLog("CRIT could not write pidfile /proc/nobody-can-write: no such file or directory\n")
}

func TestASecondStartIsRefusedAndDisturbsNothing(t *testing.T) {
	in := ready(t, inBackground()+`
[program:auto]
command=/bin/sh -c "echo mine; exec sleep 1000"
startsecs=0
`)
	if out, status := in.daemonize(); status != 0 {
		t.Fatal(out)
	}
	in.waitState("auto", "RUNNING")
	pid, _ := in.pidfile()
	child := in.pid("auto")
	logfile := in.member("auto", "stdout_logfile").(string)
	for _, args := range [][]string{nil, {"-n"}} {
		second := in.again(args...)
		err := second.cmd.Run()
		if status := second.cmd.ProcessState.ExitCode(); status != 2 || !strings.HasPrefix(second.output.String(), "Error: Another program is already listening on a port") {
			// With -n its log goes to stdout, too.
			if len(args) == 0 || !strings.Contains(second.output.String(), "Error: Another program is already listening on a port") {
				t.Errorf("%v: %v, status %d: %q", args, err, status, second.output.String())
			}
		}
		if now, ok := in.pidfile(); !ok || now != pid || in.must("supervisor.getPID").(int) != pid || in.pid("auto") != child {
			t.Errorf("%v: the first daemon was disturbed", args)
		}
		if _, err := os.Stat(logfile); err != nil {
			t.Errorf("%v: the first daemon's log was removed: %v", args, err)
		}
		autos, _ := filepath.Glob(filepath.Join(in.dir, "auto-std*"))
		if len(autos) != 2 {
			t.Errorf("%v: automatic logs: %q", args, autos)
		}
	}
}

func TestAKilledDaemonsFilesAreTakenOver(t *testing.T) {
	in := ready(t, inBackground()+`
[program:auto]
command=/bin/sh -c "echo mine; exec sleep 1000"
startsecs=0
`)
	if out, status := in.daemonize(); status != 0 {
		t.Fatal(out)
	}
	in.waitState("auto", "RUNNING")
	old, _ := in.pidfile()
	orphan := in.pid("auto")
	defer syscall.Kill(-orphan, syscall.SIGKILL) //nolint:errcheck // it is ours
	oldLog := in.member("auto", "stdout_logfile").(string)
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "the daemon is dead", func() bool { return !alive(old) })
	if _, err := os.Lstat(in.sock); err != nil {
		t.Fatal("the killed daemon has left no socket to test with")
	}
	next := in.again()
	if out, status := next.daemonize(); status != 0 || !strings.Contains(out, "Unlinking stale socket "+in.sock) {
		t.Fatalf("status %d: %q", status, out)
	}
	pid, ok := next.pidfile()
	if !ok || pid == old || pid != next.must("supervisor.getPID").(int) {
		t.Errorf("the pidfile has %d after %d", pid, old)
	}
	next.waitState("auto", "RUNNING")
	if _, err := os.Stat(oldLog); err == nil {
		t.Error("the automatic log of the last life is still there")
	}
	next.must("supervisor.shutdown")
	testkit.Until(t, "the daemon has ended", func() bool { return !alive(pid) })
	next.nothingLeft()
}

func TestAutomaticLogsAreCleanedUnlessNocleanup(t *testing.T) {
	for _, tc := range []struct {
		conf string
		kept bool
	}{{"", false}, {"nocleanup=true\n", true}} {
		in := ready(t, strings.Replace(baseConf, "nodaemon=true\n", "nodaemon=true\nidentifier=me\n"+tc.conf, 1)+`
[program:auto]
command=/bin/cat
startsecs=0
stderr_logfile=NONE
`)
		for _, name := range []string{"old-stdout---me-x.log", "old-stdout---me-x.log.1", "old-stdout---other-x.log"} {
			if err := os.WriteFile(filepath.Join(in.dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		in.launch()
		in.waitServing()
		for name, kept := range map[string]bool{"old-stdout---me-x.log": tc.kept, "old-stdout---me-x.log.1": tc.kept, "old-stdout---other-x.log": true} {
			if _, err := os.Stat(filepath.Join(in.dir, name)); (err == nil) != kept {
				t.Errorf("%q: %s: %v", tc.conf, name, err)
			}
		}
		path := in.member("auto", "stdout_logfile").(string)
		if ok, _ := filepath.Match(filepath.Join(in.dir, "auto-stdout---me-*.log"), path); !ok {
			t.Errorf("the automatic log is %q", path)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the automatic log: %v %v", info, err)
		}
		if path := in.member("auto", "stderr_logfile"); path != "" {
			t.Errorf("the log that is NONE is %q", path)
		}
		in.stop()
	}
}

func TestTheSocketHasItsModeAndOwner(t *testing.T) {
	for _, tc := range []struct {
		conf string
		mode os.FileMode
		uid  uint32
		root bool
	}{
		{"", 0o700, uint32(os.Getuid()), false},
		{"chmod=0770\n", 0o770, uint32(os.Getuid()), false},
		{"chmod=0766\nchown=nobody:nogroup\n", 0o766, 65534, true},
	} {
		if tc.root && !isRoot(t) {
			continue
		}
		in := ready(t, strings.Replace(baseConf, "file=DIR/s.sock\n", "file=DIR/s.sock\n"+tc.conf, 1))
		in.launch()
		in.waitServing()
		info, err := os.Lstat(in.sock)
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != tc.mode || st.Uid != tc.uid {
			t.Errorf("%q: mode %v, owner %d", tc.conf, info.Mode(), st.Uid)
		}
		in.stop()
		in.nothingLeft()
	}
}

func TestTheForegroundLogsToStdoutAsToTheFile(t *testing.T) {
	in := run(t, "[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	in.waitState("a", "RUNNING")
	in.stop()
	if out, log := in.output.String(), in.log(); out != log {
		t.Errorf("stdout:\n%s\nthe log:\n%s", out, log)
	}
	if in.ended() != 0 {
		t.Errorf("status %d", in.ended())
	}
	in.nothingLeft()

	silent := run(t, "", "-s")
	silent.stop()
	if out := silent.output.String(); out != "" {
		t.Errorf("silent, and yet: %q", out)
	}
}

func TestTheLoglevelSaysWhatIsLogged(t *testing.T) {
	levels := []string{"CRIT", "ERRO", "WARN", "INFO", "DEBG"}
	for _, tc := range []struct {
		level string
		least string
	}{{"critical", "CRIT"}, {"error", "ERRO"}, {"warn", "WARN"}, {"info", "INFO"}, {"debug", "DEBG"}, {"trace", "DEBG"}} {
		in := run(t, "[program:a]\ncommand=/bin/sh -c \"echo said; exec cat\"\nstartsecs=0\n", "-e", tc.level)
		in.waitState("a", "RUNNING")
		if tc.least == "DEBG" {
			in.waitLog("DEBG 'a' stdout output:\nsaid\n")
		}
		in.must("supervisor.stopProcess", "a")
		in.stop()
		log := in.log()
		below := false
		for _, level := range levels {
			has := strings.Contains(log, " "+level+" ")
			if below && has {
				t.Errorf("loglevel %s: the log has %s lines:\n%s", tc.level, level, log)
			}
			if !below && !has && (level == "INFO" || level == "DEBG" || level == "WARN") {
				t.Errorf("loglevel %s: the log has no %s lines:\n%s", tc.level, level, log)
			}
			below = below || level == tc.least
		}
	}
}

func TestTheActivityLogIsRotated(t *testing.T) {
	in := run(t, `
[program:a]
command=/bin/cat
autostart=false
startsecs=0
`, "-y", "2KB", "-z", "3", "-s")
	for range 60 {
		in.must("supervisor.startProcess", "a")
		in.must("supervisor.stopProcess", "a")
	}
	in.stop()
	backups, _ := filepath.Glob(filepath.Join(in.dir, "supervisord.log.*"))
	if len(backups) != 3 {
		t.Fatalf("backups: %q", backups)
	}
	all := in.file("supervisord.log.3") + in.file("supervisord.log.2") + in.file("supervisord.log.1") + in.log()
	for line := range strings.Lines(all) {
		if !strings.HasSuffix(line, "\n") || len(line) < 25 || line[4] != '-' || line[19] != ',' {
			t.Errorf("a torn line: %q", line)
		}
	}
	for _, file := range backups {
		if info, err := os.Stat(file); err != nil || info.Size() < 2048 || info.Size() > 2048+4096 {
			t.Errorf("%s: %v %v", file, info.Size(), err)
		}
	}
}

func TestLimitsAreRaisedAndSeenByChildren(t *testing.T) {
	// A shell that lowers the soft limit, as a login would, starts the daemon.
	in := ready(t, baseConf+`
[program:limits]
command=/bin/sh -c "ulimit -S -n; ulimit -S -p; exec sleep 1000"
stdout_logfile=DIR/limits.log
startsecs=0
`)
	for _, tc := range []struct{ minfds, want string }{{"512", "700"}, {"900", "900"}} {
		next := in.again("-a", tc.minfds, "--minprocs", "250")
		next.cmd.Args = append([]string{"/bin/sh", "-c", `ulimit -S -n 700; ulimit -S -p 200; exec "$0" "$@"`}, next.cmd.Args...)
		next.cmd.Path = "/bin/sh"
		_ = os.Remove(filepath.Join(in.dir, "limits.log"))
		next.launch()
		next.waitServing()
		next.waitFile("limits.log", tc.want+"\n250\n")
		if raised := strings.Contains(next.log(), "INFO Increased RLIMIT_NOFILE limit to 900\n"); raised != (tc.want == "900") {
			t.Errorf("minfds %s: the log:\n%s", tc.minfds, next.log())
		}
		next.stop()
	}
}

func TestTheServiceManagerIsToldAndChildrenAreNot(t *testing.T) {
	in := ready(t, baseConf+`
[program:asked]
command=/bin/sh -c "echo .$NOTIFY_SOCKET.; exec sleep 1000"
stdout_logfile=DIR/asked.log
startsecs=0
`)
	socket := filepath.Join(in.dir, "notify")
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close() //nolint:errcheck // only read from
	in.cmd.Env = append(in.cmd.Env, "NOTIFY_SOCKET="+socket)
	in.launch()
	said := func() string {
		b := make([]byte, 4096)
		n, err := heard.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	if got := said(); !strings.HasPrefix(got, "READY=1") || !strings.Contains(got, "MAINPID="+strconv.Itoa(in.cmd.Process.Pid)) {
		t.Errorf("at the start: %q", got)
	}
	in.must("supervisor.getState") // it serves when it says so
	in.waitFile("asked.log", "..\n")
	in.signal(syscall.SIGTERM)
	if got := said(); !strings.HasPrefix(got, "STOPPING=1") {
		t.Errorf("at the end: %q", got)
	}
	in.ended()
}

func TestAReaderOfStdoutThatDoesNotReadStopsNothing(t *testing.T) {
	for _, gone := range []bool{false, true} {
		in := ready(t, baseConf+`
[program:yes]
command=/bin/sh -c "while :; do yes | head -c 100000; sleep 0.01; done"
stopasgroup=true
startsecs=0
stdout_logfile=NONE
[program:a]
command=/bin/cat
startsecs=0
autostart=false
`)
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		in.cmd.Stdout = write
		if gone {
			_ = read.Close()
		}
		in.launch()
		_ = write.Close()
		in.waitServing()
		// The file goes on far beyond what a pipe takes.
		testkit.Until(t, "a megabyte is logged", func() bool { return len(in.log()) > 1<<20 })
		in.must("supervisor.startProcess", "a")
		in.signal(syscall.SIGTERM)
		if status := in.ended(); status != 0 {
			t.Errorf("gone: %v: status %d", gone, status)
		}
		in.waitLog("stopped: a (terminated by SIGTERM)")
		in.nothingLeft()
		_ = read.Close()
	}
}
