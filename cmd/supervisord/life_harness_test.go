package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// run starts Hark in the foreground with baseConf and more, and waits until it
// serves. A data race in it fails the test.
func run(t testing.TB, more string, args ...string) *instance {
	in := ready(t, baseConf+more, args...)
	in.launch()
	in.waitServing()
	return in
}

// ready prepares Hark with a whole configuration, without starting it.
func ready(t testing.TB, conf string, args ...string) *instance {
	in := prepare(t, hark(t), conf, args...)
	in.cmd.Env = append(in.cmd.Env, "GORACE=atexit_sleep_ms=0 log_path="+filepath.Join(in.dir, "race"))
	if err := os.Chmod(in.dir, 0o755); err != nil { // other users' programs log here
		t.Fatal(err)
	}
	t.Cleanup(func() {
		races, _ := filepath.Glob(filepath.Join(in.dir, "race.*"))
		for _, file := range races {
			text, _ := os.ReadFile(file)
			t.Errorf("data race in supervisord:\n%s", text)
		}
	})
	return in
}

// inBackground is baseConf for a daemon that leaves the foreground.
func inBackground() string { return strings.Replace(baseConf, "nodaemon=true\n", "", 1) }

// daemonize runs the command that starts a daemon in the background, and gives
// its output and exit status. The daemon is stopped at the end of the test.
func (in *instance) daemonize() (output string, status int) {
	in.t.Helper()
	in.t.Cleanup(func() {
		if pid, ok := in.pidfile(); ok && alive(pid) {
			_ = syscall.Kill(pid, syscall.SIGTERM)
			testkit.Until(in.t, "the daemon has ended", func() bool { return !alive(pid) })
		}
	})
	if err := in.cmd.Run(); err != nil {
		if _, isExit := errors.AsType[*exec.ExitError](err); !isExit {
			in.t.Fatal(err)
		}
	}
	return in.output.String(), in.cmd.ProcessState.ExitCode()
}

// again is the same supervisord another time, in the same directory.
func (in *instance) again(args ...string) *instance {
	next := &instance{t: in.t, dir: in.dir, conf: in.conf, sock: in.sock}
	next.cmd = exec.Command(in.cmd.Args[0], append(append([]string{}, in.cmd.Args[1:]...), args...)...)
	next.cmd.Env, next.cmd.Dir = in.cmd.Env, in.dir
	next.cmd.Stdout, next.cmd.Stderr = &next.output, &next.output
	return next
}

func (in *instance) pidfile() (pid int, ok bool) {
	pid, err := strconv.Atoi(strings.TrimSpace(in.file("supervisord.pid")))
	return pid, err == nil
}

func (in *instance) signal(sig syscall.Signal) {
	in.t.Helper()
	if err := in.cmd.Process.Signal(sig); err != nil {
		in.t.Fatal(err)
	}
}

// ended waits for the end of a daemon in the foreground and gives its status.
func (in *instance) ended() int {
	in.t.Helper()
	testkit.Until(in.t, "supervisord has ended", func() bool {
		select {
		case <-in.exited:
			return true
		default:
			return false
		}
	})
	return in.cmd.ProcessState.ExitCode()
}

// nothingLeft checks that a daemon's files are gone.
func (in *instance) nothingLeft() {
	in.t.Helper()
	for _, name := range []string{"supervisord.pid", "s.sock"} {
		if _, err := os.Lstat(filepath.Join(in.dir, name)); err == nil {
			in.t.Errorf("%s was left behind", name)
		}
	}
}

// script writes an executable file and gives its path.
func (in *instance) script(name, text string) string {
	in.t.Helper()
	path := filepath.Join(in.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil { //nolint:gosec // other users run it
		in.t.Fatal(err)
	}
	return path
}

func (in *instance) waitFile(name, text string) {
	in.t.Helper()
	testkit.Until(in.t, name+" has "+strconv.Quote(text), func() bool { return strings.Contains(in.file(name), text) })
}

// alive reports whether a process is there and no zombie.
func alive(pid int) bool {
	state := procStatus(pid, "State")
	return state != "" && !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

// procStatus is a field of /proc/PID/status, "" when the process is gone.
func procStatus(pid int, field string) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// procStat is the fields of /proc/PID/stat from the state (the third) on.
func procStat(t testing.TB, pid int) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

func procLink(t testing.TB, pid int, name string) string {
	t.Helper()
	target, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// openFiles counts a process's descriptors.
func openFiles(t testing.TB, pid int) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// member is a member of a process's info.
func (in *instance) member(name, member string) any {
	in.t.Helper()
	v, _ := in.info(name).Get(member)
	return v
}

// fault calls what must fail and gives the fault.
func (in *instance) fault(method string, args ...any) *xmlrpc.Fault {
	in.t.Helper()
	v, err := in.call(method, args...)
	fault, ok := errors.AsType[*xmlrpc.Fault](err)
	if !ok {
		in.t.Fatalf("%s%v gave %v, %v; want a fault", method, args, v, err)
	}
	return fault
}

// soak scales a count: all of it with HARK_SOAK=1, a twentieth by default.
func soak(n int) int {
	if os.Getenv("HARK_SOAK") == "1" {
		return n
	}
	return max(1, n/20)
}

// isRoot reports whether a test can do what only root may. Where it can't, the test
// does what is left, and the rest is a subtest that is skipped.
func isRoot(t *testing.T) bool {
	t.Helper()
	if os.Getuid() == 0 {
		return true
	}
	t.Run("what only root can do", needsRoot)
	return false
}

// asWhoMay is a configuration whose programs run as the users it says, or, where only root could start them so, as our own.
func asWhoMay(t *testing.T, conf string) string {
	t.Helper()
	if isRoot(t) {
		return conf
	}
	own := "user=" + strconv.Itoa(os.Getuid()) + "\n"
	return strings.NewReplacer("user=nobody\n", own, "user=root\n", own).Replace(conf)
}

// needsRoot skips a test that is only for root.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can do it")
	}
}
