package child

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// distant is a System that takes every file system for one that may hang.
func distant(t *testing.T) *System {
	t.Helper()
	s := newSystem(t, Options{})
	s.spawner.mayHang = func(string) bool { return true }
	return s
}

func TestAProgramOnADistantFileSystemIsStartedLikeAnyOther(t *testing.T) {
	s := distant(t)
	script := file(t, "program", "#!/bin/sh\necho \"$0|$1|$(pwd)|$(umask)|$X\"; exit 3\n", 0o755)
	dir := filepath.Dir(script)
	own := unix.Umask(0)
	unix.Umask(own)
	for mask, want := range map[int]string{-1: fmt.Sprintf("%04o", own), 0o027: "0027"} {
		st := begin(t, s, []string{script, "a b"}, func(r *Request) {
			r.Dir, r.Umask, r.Env = dir, mask, []string{"X=y=z"}
		})
		if st.failed != nil || st.code() != 3 {
			t.Fatalf("failed: %v", st.failed)
		}
		if want := fmt.Sprintf("%s|a b|%s|%s|y=z\n", script, dir, want); st.atExit != want {
			t.Errorf("it says %q, want %q", st.atExit, want)
		}
	}
	garbage := file(t, "garbage", "\x00\x01", 0o755)
	for name, tc := range map[string]struct {
		argv []string
		dir  string
		said string
	}{
		"a missing directory": {[]string{"/bin/true"}, "/no/such/directory", "supervisor: couldn't chdir to /no/such/directory: ENOENT\nsupervisor: child process was not spawned\n"},
		"no program":          {[]string{garbage}, "", "supervisor: couldn't exec " + garbage + ": ENOEXEC\nsupervisor: child process was not spawned\n"},
	} {
		st := begin(t, s, tc.argv, func(r *Request) { r.Dir = tc.dir })
		if st.failed != nil || st.code() != 127 {
			t.Fatalf("%s: failed: %v", name, st.failed)
		}
		st.err.awaitClosed(t)
		if got := st.err.String(); got != tc.said {
			t.Errorf("%s: it says %q, want %q", name, got, tc.said)
		}
	}
}

func TestAnExecutionThatHangsHoldsUpNothing(t *testing.T) {
	script := file(t, "hung", "#!/bin/sh\nexit 3\n", 0o755)
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC, unix.O_RDONLY)
	if err == nil {
		defer unix.Close(fd) //nolint:errcheck // the kernel then gives leave to all
		err = unix.FanotifyMark(fd, unix.FAN_MARK_ADD, unix.FAN_OPEN_EXEC_PERM, unix.AT_FDCWD, script)
	}
	if err != nil {
		t.Skipf("no fanotify here: %v", err)
	}
	// Where it fails, this process stands still permanently.
	watchdog := exec.Command("/bin/sh", "-c", "sleep 60; kill -9 $PPID")
	watchdog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := watchdog.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-watchdog.Process.Pid, syscall.SIGKILL)
		_ = watchdog.Wait() // it was killed, or reaped by the System
	}()
	s := distant(t)
	hung := begin(t, s, []string{script})
	if hung.failed != nil {
		t.Fatal(hung.failed)
	}
	testkit.Until(t, "it hangs", func() bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", hung.child.Pid()))
		return strings.HasPrefix(string(b), fmt.Sprintf("%d ", unix.SYS_EXECVE)) || strings.Contains(stackOf(hung.child.Pid()), "fanotify")
	})
	runtime.GC()
	if other := sh(t, s, "exit 4"); other.code() != 4 {
		t.Error("another went wrong")
	}
	if err := hung.child.Signal(syscall.SIGKILL, false); err != nil {
		t.Error(err)
	}
	if ws := <-hung.exited; !ws.Signaled() {
		t.Errorf("it ended with %v", ws)
	}
}

func stackOf(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stack", pid))
	return string(b)
}

func TestOnlyFileSystemsThatOthersAnswerForMayHang(t *testing.T) {
	for path, want := range map[string]bool{"/proc": false, "/no/such/file": false, t.TempDir(): false} {
		if got := mayHang(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestASocketIsMadeWhileAForkHangs(t *testing.T) {
	made := make(chan error, 1)
	func() {
		syscall.ForkLock.Lock() // as a fork does
		defer syscall.ForkLock.Unlock()
		go func() {
			fd, err := Socket(unix.AF_UNIX)
			if err == nil {
				flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
				if flags&unix.FD_CLOEXEC == 0 {
					err = fmt.Errorf("a child would inherit it")
				}
				closeFD(fd)
			}
			made <- err
		}()
		select {
		case err := <-made:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(testkit.Patience):
			t.Error("it waits for the fork")
		}
	}()
}
