package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// whoami prints what a program is, one line each.
const whoami = `
command=/bin/sh -c "id -u; id -g; id -G; umask; pwd; echo $HOME; echo $USER; echo $HARK_TEST_X; echo $SUPERVISOR_PROCESS_NAME $SUPERVISOR_GROUP_NAME $SUPERVISOR_ENABLED; exec sleep 1000"
redirect_stderr=true
startsecs=0
`

func (in *instance) whoami(name string) []string {
	in.t.Helper()
	in.waitFile(name+".log", name+" ")
	return strings.Split(in.file(name+".log"), "\n")
}

func groupsOf(t testing.TB, user string) string {
	t.Helper()
	out, err := exec.Command("id", "-G", user).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestProgramsHaveTheirUserUmaskDirectoryAndEnvironment(t *testing.T) {
	root := isRoot(t)
	user := "user=nobody\n"
	if !root {
		user = ""
	}
	in := ready(t, baseConf+`
[program:plain]
stdout_logfile=DIR/plain.log`+whoami+`
[program:other]
stdout_logfile=DIR/other.log
umask=077
directory=/usr
environment=HARK_TEST_X="a b,c%%d",HOME="/elsewhere"
`+user+whoami)
	in.cmd.Env = append(in.cmd.Env, "HOME=/home/of-the-daemon", "USER=of-the-daemon", "HARK_TEST_X=daemons")
	in.cmd.Dir = "/tmp"
	in.launch()
	in.waitServing()
	own := syscall.Umask(0)
	syscall.Umask(own)
	plain := in.whoami("plain")
	want := []string{strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getgid()), "", fmt.Sprintf("%04o", own), "/tmp", "/home/of-the-daemon", "of-the-daemon", "daemons", "plain plain 1", ""}
	want[2] = plain[2]
	if fmt.Sprint(plain) != fmt.Sprint(want) {
		t.Errorf("plain: %q, want %q", plain, want)
	}
	other := in.whoami("other")
	want = []string{want[0], want[1], want[2], "0077", "/usr", "/elsewhere", "of-the-daemon", "a b,c%d", "other other 1", ""}
	if root {
		want[0], want[1], want[2] = "65534", "65534", groupsOf(t, "nobody")
	}
	if fmt.Sprint(other) != fmt.Sprint(want) {
		t.Errorf("other: %q, want %q", other, want)
	}
}

func TestTheDaemonBecomesItsUser(t *testing.T) {
	if !isRoot(t) {
		in := ready(t, baseConf, "-u", "root")
		if out, status := in.daemonize(); status != 2 || !strings.Contains(out, "Error: Can't drop privilege as nonroot user\n") {
			t.Errorf("status %d: %q", status, out)
		}
		return
	}
	in := ready(t, inBackground()+`
[program:plain]
stdout_logfile=DIR/plain.log`+whoami+`
[program:own]
user=www-data
stdout_logfile=DIR/own.log`+whoami+`
[program:foreign]
user=nobody
stdout_logfile=DIR/foreign.log`+whoami+`
startretries=0
`, "-u", "www-data")
	in.cmd.Env = append(in.cmd.Env, "HOME=/root", "USER=root")
	if err := os.Chown(in.dir, 33, 33); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(in.conf, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, status := in.daemonize(); status != 0 {
		t.Fatalf("status %d: %s", status, out)
	}
	pid, _ := in.pidfile()
	if uid := procStatus(pid, "Uid"); uid != "33\t33\t33\t33" {
		t.Errorf("uids %q", uid)
	}
	if gid := procStatus(pid, "Gid"); gid != "33\t33\t33\t33" {
		t.Errorf("gids %q", gid)
	}
	if groups := procStatus(pid, "Groups"); groups != groupsOf(t, "www-data") {
		t.Errorf("groups %q", groups)
	}
	for _, name := range []string{"plain", "own"} {
		got := in.whoami(name)
		if got[0] != "33" || got[1] != "33" || got[2] != groupsOf(t, "www-data") || got[5] != "/root" || got[6] != "root" {
			t.Errorf("%s: %q", name, got)
		}
	}
	in.waitState("foreign", "FATAL")
	if got := in.file("foreign.log"); got != "supervisor: couldn't setuid to 65534: Can't drop privilege as nonroot user\nsupervisor: child process was not spawned\n" {
		t.Errorf("foreign: %q", got)
	}
	in.waitLog("INFO Set uid to user 33 succeeded\n")
	in.must("supervisor.shutdown")
	testkit.Until(t, "the daemon has ended", func() bool { return !alive(pid) })
	in.nothingLeft()
}

// withoutUnshare runs a program under a seccomp filter that answers EPERM to
// unshare, as Docker's default filter does.
const withoutUnshare = `
import ctypes, os, struct, sys
nr = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
code = b"".join(struct.pack("HBBI", *i) for i in [(0x20, 0, 0, 0), (0x15, 0, 1, nr), (6, 0, 0, 0x50000 | 1), (6, 0, 0, 0x7fff0000)])
buffer = ctypes.create_string_buffer(code)
class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
program = Program(4, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
for args in [(38, 1, 0, 0, 0), (22, 2, ctypes.byref(program), 0, 0)]:
    if libc.prctl(*args) != 0:
        sys.exit("prctl: " + os.strerror(ctypes.get_errno()))
if libc.unshare(0x200) == 0:
    sys.exit("unshare was not refused")
os.execv(sys.argv[1], sys.argv[1:])
`

func TestUmasksUnderAFilterThatRefusesUnshare(t *testing.T) {
	user := "user=nobody\n"
	if !isRoot(t) {
		user = ""
	}
	in := ready(t, baseConf+`
[program:plain]
stdout_logfile=DIR/plain.log`+whoami+`
[program:masked]
umask=027
stdout_logfile=DIR/masked.log`+whoami+`
[program:other]
umask=007
directory=/usr
stdout_logfile=DIR/other.log
`+user+whoami+`
[program:missing]
command=/no/such/program
umask=007
startretries=0
`)
	in.cmd.Args = append([]string{"/usr/bin/python3", "-c", withoutUnshare}, in.cmd.Args...)
	in.cmd.Path = "/usr/bin/python3"
	in.launch()
	in.waitServing()
	own := syscall.Umask(0)
	syscall.Umask(own)
	for name, mask := range map[string]string{"plain": fmt.Sprintf("%04o", own), "masked": "0027", "other": "0007"} {
		if got := in.whoami(name); got[3] != mask {
			t.Errorf("%s: %q", name, got)
		}
	}
	// The same command as with unshare: the verb has made way for it.
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", in.pid("masked")))
	if string(cmdline) != "sleep\x001000\x00" {
		t.Errorf("masked runs %q", cmdline)
	}
	in.waitState("missing", "FATAL")
	if got := in.member("missing", "spawnerr"); got != "can't find command '/no/such/program'" {
		t.Errorf("missing: %v", got)
	}
}
